"""Organisations of a memory macro beside each other."""

from typing import Any

import numpy as np

from memjax import _check
from memjax.memory import Macro, best, pareto
from memjax.plot import look
from memjax.plot._axis import decades

LABELS = {
    "area": ("Area (mm²)", 1e6),
    "read_latency": ("Read latency (ns)", 1e9),
    "write_latency": ("Write latency (ns)", 1e9),
    "read_energy": ("Read energy (pJ)", 1e12),
    "write_energy": ("Write energy (pJ)", 1e12),
    "leakage": ("Leakage (mW)", 1e3),
}
MOST_DOTS = 20_000


def macros(
    macros: Macro, x: str = "read_latency", others: tuple[str, ...] = ("area", "read_energy"), *, axes: Any = None
) -> np.ndarray:
    """Every organisation of a macro, and the Pareto front: a panel for each quantity against `x`.

    Args:
        macros: from `memjax.memory.explore`.
        x: quantity along the horizontal axis: "area", "read_latency", "write_latency", "read_energy", "write_energy"
            or "leakage".
        others: those of the vertical axes, one panel each.
        axes: those to draw into, as many as `others`; a new figure if None.

    Returns: the axes `[others]`.

    Raises: TypeError for no macros, ValueError for other quantities.
    """
    _check.part("macros", macros, Macro, example="memory.explore(2**19, 64, cell, process)")
    _check.choice("x", x, tuple(LABELS))
    for other in others:
        _check.choice("others", other, tuple(LABELS))
    dots = macros[np.linspace(0, len(macros) - 1, min(len(macros), MOST_DOTS)).astype(int)]
    with look.panels_or_new(axes, len(others), len(others), 3.4 * len(others), 3.2) as drawn:
        for ax, y in zip(drawn, others, strict=True):
            front = pareto(macros, (x, y))
            chosen = best(macros, x)
            scales = LABELS[x][1], LABELS[y][1]
            for one, shown in (
                (dots, {"color": "#cccccc", "marker": ".", "markersize": 2, "label": "organisations"}),
                (front, {"color": look.COLOURS[0], "linestyle": "-", "marker": ".", "label": "Pareto front"}),
                (chosen, {"color": look.COLOURS[1], "marker": "o", "label": f"least {x.replace('_', ' ')}"}),
            ):
                points = (scale * np.atleast_1d(getattr(one, name)) for scale, name in zip(scales, (x, y), strict=True))
                ax.plot(*points, **({"linestyle": ""} | shown))
            ax.set(xscale="log", yscale="log", xlabel=LABELS[x][0], ylabel=LABELS[y][0])
            for axis in (ax.xaxis, ax.yaxis):
                decades(axis)
        look.legend(drawn, axes is None, "below", columns=3)
    return drawn
