import numpy as np
import pytest
from small_networks import mlp, plan_of

from memjax import plot
from memjax.chip import KINDS, Architecture, schedule

PLAN = plan_of(mlp, {"a": (20, 6), "b": (6, 4)}, (5, 20))
SCHEDULE = schedule(PLAN, Architecture(cores=2, tiles_per_core=4))


def bars(ax):
    """(row, kind, start, stop) of every bar."""
    found = []
    for collection in ax.collections:
        for path in collection.get_paths():
            (start, low), (stop, high) = path.vertices.min(0), path.vertices.max(0)
            height = (low + high) / 2
            row = round(height)
            found.append((row, KINDS[int((height - row + 0.4) / 0.16)], start, stop))
    return found


def test_bars_are_the_operations():
    ax = plot.schedule(SCHEDULE)
    rows = [(0, "a"), (1, "a"), (1, "b")]
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"core {core}: {layer}" for core, layer in rows]
    drawn = np.zeros((3, 5, SCHEDULE.cycles), bool)
    for row, kind, start, stop in bars(ax):
        drawn[row, KINDS.index(kind), round(start) : round(stop)] = True
    expected = np.zeros_like(drawn)
    for one in SCHEDULE.operations:
        line = expected[rows.index((one.core, one.layer)), KINDS.index(one.kind)]
        for start, stop in zip(one.starts, one.stops, strict=True):
            line[start:stop] = True
    np.testing.assert_array_equal(drawn, expected)


def test_long_schedules_have_few_bars():
    long = schedule(plan_of(mlp, {"a": (20, 6), "b": (6, 4)}, (20_000, 20)), Architecture(cores=2, tiles_per_core=4))
    ax = plot.schedule(long)
    assert len(bars(ax)) < 100
    ax.figure.draw_without_rendering()


def test_first_rows():
    ax = plot.schedule(SCHEDULE, rows=2)
    assert (len(ax.get_yticks()), ax.get_title(loc="left")) == (2, "2 of 3 rows")
    with pytest.raises(TypeError, match=r"schedule must be a Schedule such as chip.schedule\(placement\), got 'x'"):
        plot.schedule("x")  # pyright: ignore[reportArgumentType]
