"""An effect of no strength is bit for bit no effect, and effects do not disturb each other's random numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

E = mj.effects
W = np.random.default_rng(0).normal(size=(11, 6)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(4, 11)).astype(np.float32)
PARTS = {"cell": mj.Cell(120.0, 2400.0), "tile": (4, 4), "adc": mj.Adc(6, range=1e-2)}
AGE = {"seconds": 100.0, "cycles": 1000, "reads": 50}
OTHERS = (E.StuckAt(0.1, 0.1), E.ProgrammingNoise(0.05), E.Drift(0.05))

NOTHING = (
    E.DeviceVariation(),
    E.DeviceVariation(0.0, 0.0, "lognormal", length=0.0),
    E.StuckAt(),
    E.StuckAt(unit="row"),
    E.FormingFailure(0.0),
    E.CycleVariation(),
    E.ProgrammingNoise(),
    E.ProgrammingError((0.0, 0.0), 1e-2),
    E.LevelSpread((1e-5, 1e-4), np.zeros((2, 3))),
    E.ReadNoise(),
    E.ThermalNoise(0.0),
    E.ShotNoise(0.0),
    E.TelegraphNoise(0.0),
    E.TelegraphNoise(0.5, probability=0.0),
    E.Drift(0.0),
    E.Relaxation(),
    E.Endurance((1e9, 0.0, 0.0, 1.0), (1e9, 0.0, 0.0, 1.0), r_lrs=1e4, r_hrs=1e5),
    E.RangeCollapse(100.0, 0.0),
    E.Temperature(300.0),
    E.ReadDisturb(mj.devices.VTEAM.pt_hf_ti(), 0.1, 1e-6),  # below its threshold
)


@jax.jit
def life(hardware):
    """A chip programmed, aged and read, all with the same keys."""
    chip = mj.program(hardware, W, jax.random.key(0))
    chip = mj.age(hardware, chip, jax.random.key(1), **AGE)
    return chip["conductance"], mj.matmul(hardware, chip, X, jax.random.key(2))


@pytest.fixture(scope="module")
def plain():
    return life(mj.Hardware(effects=OTHERS, **PARTS))


@pytest.mark.parametrize("law", [E.SinhConduction(0.0), E.CubicConduction(strength=0.0)])
def test_no_strength_is_no_effect(law, plain):
    """All kinds together, behind effects that do something."""
    found = life(mj.Hardware(effects=(*OTHERS, *NOTHING, law), **PARTS))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(plain), strict=True):
        np.testing.assert_array_equal(a, b)


def test_levels_on_the_levels_change_nothing():
    low, high = jnp.full((3, 4), 1e-5), jnp.full((3, 4), 1e-4)
    for spacing in ("conductance", "resistance"):
        for end in (low, high):
            np.testing.assert_array_equal(E.FiniteStates(7, spacing).target(end, low, high), end)
