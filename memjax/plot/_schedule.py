"""What the cores of a chip do when."""

from typing import TYPE_CHECKING

import numpy as np

from memjax import _check
from memjax.chip import KINDS, Operation, Schedule
from memjax.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FINEST = 1500  # bars beside one another that can be told apart


def schedule(schedule: Schedule, *, rows: int = 24) -> "Figure":
    """Gantt chart of a schedule: a row for each layer on each core, with a line for each kind of operation.

    Gaps too narrow to be seen are filled.

    Args:
        schedule: of `memjax.chip.schedule`.
        rows: the most that are drawn, the first ones; the title says how many there are.

    Returns: the figure.

    Raises: TypeError for what is no schedule.
    """
    _check.part("schedule", schedule, Schedule, example="chip.schedule(placement)")
    _check.integer("rows", rows, 1, 1000)
    found: dict[tuple[int, str], list[Operation]] = {}
    for one in schedule.operations:
        found.setdefault((one.core, one.layer), []).append(one)
    shown = sorted(found, key=lambda row: row[0])[:rows]
    with style.axes(7.6, 1.2 + 0.32 * len(shown)) as (figure, ax):
        for height, row in enumerate(shown):
            _row(ax, height, found[row], schedule.cycles)
        labels = [f"core {core}" + (f": {layer}" if layer else "") for core, layer in shown]
        ax.set_yticks(range(len(shown)), labels)
        ax.set_ylim(len(shown) - 0.5, -0.5)
        ax.set_xlim(0, schedule.cycles)
        ax.set_xlabel("Cycle")
        ax.grid(axis="y", visible=False)
        style.prefixes(ax.xaxis)
        if len(shown) < len(found):
            ax.set_title(f"{len(shown)} of {len(found)} rows", loc="left")
        _legend(figure, ax)
    return figure


def _row(ax: "Axes", height: int, own: list[Operation], cycles: int) -> None:
    """The operations of a layer on a core, each kind on a line of its own."""
    line = 0.8 / len(KINDS)
    for index, kind in enumerate(KINDS):
        starts = np.concatenate([np.zeros(0), *(one.starts for one in own if one.kind == kind)])
        stops = np.concatenate([np.zeros(0), *(one.stops for one in own if one.kind == kind)])
        bars = _visible(starts, stops, cycles / FINEST)
        ax.broken_barh(bars, (height - 0.4 + index * line, line), color=style.COLOURS[index], linewidth=0)


def _visible(starts: np.ndarray, stops: np.ndarray, finest: float) -> list[tuple[float, float]]:
    """(start, width) of bars, those joined whose gap is narrower than `finest`."""
    order = np.argsort(starts)
    starts, stops = starts[order], np.maximum.accumulate(stops[order])
    first = np.append(True, starts[1:] > stops[:-1] + finest)[: len(starts)]
    begins, ends = starts[first], stops[np.append(first[1:], True)[: len(starts)]]
    return list(zip(begins.tolist(), (ends - begins).tolist(), strict=True))


def _legend(figure: "Figure", ax: "Axes") -> None:
    for index, kind in enumerate(KINDS):
        ax.broken_barh([], (0, 0), color=style.COLOURS[index], label=kind)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper right", ncols=len(KINDS))
