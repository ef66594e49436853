"""What the cores of a chip do when."""

from typing import TYPE_CHECKING

import numpy as np

from memjax import _check
from memjax._words import layer, quantity
from memjax.chip import KINDS, Operation, Schedule
from memjax.plot import look
from memjax.plot._axis import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FINEST = 1500  # bars beside one another that can be told apart
LABELS = {"mvm": "matrix-vector product", "alu": "ALU"}


def schedule(schedule: Schedule, *, rows: int = 24, ax: "Axes | None" = None) -> "Axes":
    """Gantt chart of a schedule: a row for each layer on each core, with a line for each kind of operation.

    Gaps too narrow to be seen are filled.

    Args:
        schedule: of `memjax.chip.schedule`.
        rows: the most that are drawn, the first ones; the title says how many there are.
        ax: axes to draw into; a new figure if None.

    Returns: the axes.

    Raises: TypeError for what is no schedule.
    """
    _check.part("schedule", schedule, Schedule, example="chip.schedule(placement)")
    _check.integer("rows", rows, 1, 1000)
    found: dict[tuple[int, str], list[Operation]] = {}
    for one in schedule.operations:
        found.setdefault((one.core, one.layer), []).append(one)
    shown = sorted(found, key=lambda row: row[0])[:rows]
    with look.axes_or_new(ax, 7.6, 1.2 + 0.32 * len(shown)) as axes:
        for height, row in enumerate(shown):
            _row(axes, height, found[row], schedule.cycles)
        labels = [f"core {core}" + (f": {layer(name)}" if name else "") for core, name in shown]
        axes.set_yticks(range(len(shown)), labels)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlim(0, schedule.cycles)
        axes.set_xlabel(f"Time (cycles of {quantity(float(schedule.architecture.cycle_time), 's')})")
        axes.grid(axis="y", visible=False)
        counted(axes.xaxis)
        if len(shown) < len(found):
            axes.set_title(f"{len(shown)} of {len(found)} rows", loc="left")
        for index, kind in enumerate(KINDS):
            axes.broken_barh([], (0, 0), color=look.COLOURS[index], label=LABELS.get(kind, kind))
        look.legend(np.array([axes]), ax is None, "above", columns=len(KINDS))
    return axes


def _row(ax: "Axes", height: int, own: list[Operation], cycles: int) -> None:
    """The operations of a layer on a core, each kind on a line of its own."""
    line = 0.8 / len(KINDS)
    for index, kind in enumerate(KINDS):
        starts = np.concatenate([np.zeros(0), *(one.starts for one in own if one.kind == kind)])
        stops = np.concatenate([np.zeros(0), *(one.stops for one in own if one.kind == kind)])
        bars = _visible(starts, stops, cycles / FINEST)
        ax.broken_barh(bars, (height - 0.4 + index * line, line), color=look.COLOURS[index], linewidth=0)


def _visible(starts: np.ndarray, stops: np.ndarray, finest: float) -> list[tuple[float, float]]:
    """(start, width) of bars, those joined whose gap is narrower than `finest`."""
    order = np.argsort(starts)
    starts, stops = starts[order], np.maximum.accumulate(stops[order])
    first = np.append(True, starts[1:] > stops[:-1] + finest)[: len(starts)]
    begins, ends = starts[first], stops[np.append(first[1:], True)[: len(starts)]]
    return list(zip(begins.tolist(), (ends - begins).tolist(), strict=True))
