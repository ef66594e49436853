from typing import TYPE_CHECKING, Any

import numpy as np

from memjax import _check
from memjax._words import layer, words
from memjax.plot import look
from memjax.plot._axis import si

if TYPE_CHECKING:
    from memjax.cost import Report

# What is drawn, and in which unit.
PANELS = {"area": ("Area", "m²"), "energy": ("Energy of one call", "J"), "latency": ("Time of one call", "s")}
HATCHES = ("", "///")


def cost(report: "Report", title: str | None = None, *, axes: Any = None) -> np.ndarray:
    """Area, energy and time of every layer, one above the other by component.

    Args:
        report: from `memjax.cost.report`.
        title: text above the axes.
        axes: three to draw into; a new figure if None.

    Returns: the axes `[3]`.

    Raises: TypeError for what is no report.
    """
    from memjax.cost import Report

    _check.part("report", report, Report, example="memjax.cost.report(analog, params, x, 'isaac')")
    layers, components = list(report.parts), list(report.sources)
    place = np.arange(len(layers))
    with look.panels_or_new(axes, len(PANELS), len(PANELS), 3.2 * len(PANELS), 3.6) as drawn:
        for ax, (quantity, (label, unit)) in zip(drawn, PANELS.items(), strict=True):
            base = np.zeros(len(layers))
            for i, component in enumerate(components):
                height = np.array([float(report.parts[one][component][quantity]) for one in layers])
                fill = {"color": look.COLOURS[i % 6], "hatch": HATCHES[i // 6 % 2], "edgecolor": "white"}
                ax.bar(place, height, 0.7, base, linewidth=0.4, label=words(component), **fill)
                base += height
            si(ax.yaxis, label, unit)
            ax.set_xticks(place, [layer(one) for one in layers], rotation=90 if len(layers) > 4 else 0)
            ax.grid(False, axis="x")
        look.legend(drawn, axes is None, "beside")
        look.title(drawn, axes is None, title)
    return drawn
