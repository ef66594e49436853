"""Levels, spread and faults of generated cells, found again."""

import re

import jax
import numpy as np
import pytest
from scipy import stats

import memjax as mj

RNG = np.random.default_rng(0)
LEVELS = np.array([1e-5, 4e-5, 1e-4])
OWN, WRITE = 1e-6, 2e-6  # standard deviations between cells, between writes [S]
CELLS, REPEATS, IN_LRS, IN_HRS = 400, 4, 12, 20


def generated() -> mj.measured.Writes:
    cell, level, _ = (a.ravel() for a in np.meshgrid(range(CELLS), range(3), range(REPEATS), indexing="ij"))
    g = LEVELS[level] + OWN * RNG.normal(size=CELLS)[cell] + WRITE * RNG.normal(size=cell.shape)
    g = np.where(cell < IN_LRS, LEVELS[2] + WRITE * RNG.normal(size=cell.shape), g)
    hrs = (cell >= IN_LRS) & (cell < IN_LRS + IN_HRS)
    return mj.measured.Writes(cell, level, np.where(hrs, LEVELS[0] + 0.1 * WRITE * RNG.normal(size=cell.shape), g))


WRITES = generated()
FIT = mj.measured.fit_writes(WRITES)


def test_what_was_put_in_comes_out():
    assert FIT.cells == CELLS
    assert FIT.stuck == (IN_LRS, IN_HRS)
    works = CELLS - IN_LRS - IN_HRS
    error = np.sqrt(OWN**2 / works + WRITE**2 / (works * REPEATS))
    np.testing.assert_allclose(FIT.levels, LEVELS, atol=4 * error)
    np.testing.assert_allclose(FIT.spread, np.hypot(OWN, WRITE), rtol=0.08)
    np.testing.assert_allclose(FIT.between, OWN**2 / (OWN**2 + WRITE**2), atol=0.1)
    assert FIT.cell.r_on == pytest.approx(1 / FIT.levels[-1])
    assert FIT.cell.r_off == pytest.approx(1 / FIT.levels[0])


def test_chips_have_the_measured_distribution():
    """All weights but one at the middle level."""
    hardware = mj.Hardware(cell=FIT.cell, tile=(64, 64), effects=FIT.effects)
    middle = (FIT.levels[1] - FIT.levels[0]) / (FIT.levels[2] - FIT.levels[0])
    weights = np.full((64, 64), middle, np.float32)
    weights[0, 0] = 1.0  # the largest weight: the others are at the middle level
    chip = mj.program(hardware, weights, jax.random.key(0))
    stuck = np.asarray(chip["low"]["pos"] >= chip["high"]["pos"])[0]
    rate = (IN_LRS + IN_HRS) / CELLS
    assert abs(stuck.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / stuck.size)
    written = np.asarray(chip["conductance"]["pos"], float)[0][~stuck][1:]
    working = WRITES.cell >= IN_LRS + IN_HRS
    measured = WRITES.conductance[working & (WRITES.level == 1)]
    assert stats.ks_2samp(written, measured).pvalue > 1e-4


def test_files_hold_writes_in_any_order(tmp_path):
    order = RNG.permutation(len(WRITES.cell))
    lines = [f"{WRITES.level[i]},{float(WRITES.conductance[i])!r},{WRITES.cell[i]},x" for i in order]
    path = tmp_path / "writes.csv"
    path.write_text("level,conductance,cell,remark\n" + "\n".join(lines))
    found = mj.measured.fit_writes(mj.measured.read_writes(path))
    np.testing.assert_allclose(found.levels, FIT.levels, rtol=1e-12)
    assert found.stuck == FIT.stuck


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cell,level\n0,0\n", "missing column conductance"),
        ("cell,level,conductance\n0,0,1e-5\n0,2,1e-4\n", "level 1 was never written, but level 2 was"),
        ("cell,level,conductance\n0,0,1e-5\n1,0,1e-5\n", "at least two levels are needed, got 1"),
        (
            "cell,level,conductance\n0,0,1e-5\n0,0.5,1e-4\n",
            "level of measurement 2 must be a whole number from 0, got 0.5",
        ),
        (
            "cell,level,conductance\n0,0,-1e-5\n0,1,1e-4\n",
            "conductance of measurement 1 must be at least 0 S, got -1e-05",
        ),
        ("cell,level,conductance\n0,0,1e-5\n0,1,open\n", "conductance in line 3 must be a finite number, got 'open'"),
    ],
)
def test_files_that_are_wrong(tmp_path, text, message):
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        mj.measured.read_writes(tmp_path / "w.csv")


def test_writes_that_do_not_describe_cells():
    once = mj.measured.Writes(np.array([0, 0, 0]), np.array([0, 1, 1]), np.array([1e-5, 1e-4, 1.1e-4]))
    with pytest.raises(ValueError, match="level 0 needs at least two writes of working cells, got 1"):
        mj.measured.fit_writes(once)
    falling = mj.measured.Writes(*(np.tile(a, 2) for a in ([0, 0], [0, 1], [1e-4, 1e-5])))
    with pytest.raises(ValueError, match="mean conductances of the levels must rise"):
        mj.measured.fit_writes(falling)
    with pytest.raises(ValueError, match=r"stuck_below must be .* got 1"):
        mj.measured.fit_writes(WRITES, stuck_below=1.0)
    with pytest.raises(TypeError, match="writes must be a Writes"):
        mj.measured.fit_writes(np.zeros(3))
