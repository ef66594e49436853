from typing import TYPE_CHECKING

import numpy as np

from memjax import _check
from memjax.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from memjax.cost import Report

# What is drawn, and in which unit.
PANELS = {
    "area": ("Area (mm²)", 1e6),
    "energy": ("Energy of one call (µJ)", 1e6),
    "latency": ("Time of one call (µs)", 1e6),
}
HATCHES = ("", "///")


def cost(report: "Report", title: str | None = None) -> "Figure":
    """Area, energy and time of every layer, one above the other by component.

    Args:
        report: from `memjax.cost.report`.
        title: text above the axes.
    """
    from memjax.cost import Report

    _check.part("report", report, Report, example="memjax.cost.report(analog, params, x, 'isaac')")
    layers, components = list(report.parts), list(report.sources)
    place = np.arange(len(layers))
    with style.panels(1, len(PANELS), 3.2 * len(PANELS), 3.6) as (figure, grid):
        for ax, (quantity, (label, scale)) in zip(grid[0], PANELS.items(), strict=True):
            base = np.zeros(len(layers))
            for i, component in enumerate(components):
                height = scale * np.array([float(report.parts[layer][component][quantity]) for layer in layers])
                look = {"color": style.COLOURS[i % 6], "hatch": HATCHES[i // 6 % 2], "edgecolor": "white"}
                ax.bar(place, height, 0.7, base, linewidth=0.4, label=component, **look)
                base += height
            ax.set_ylabel(label)
            ax.set_xticks(place, [_short(layer) for layer in layers], rotation=90 if len(layers) > 4 else 0)
            ax.grid(False, axis="x")
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside right center")
        if title is not None:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _short(layer: str) -> str:
    """The name of a layer without what all have: params/Conv_0/kernel -> Conv_0."""
    parts = [part for part in layer.split("/") if part not in ("params", "kernel")]
    return "/".join(parts) or layer
