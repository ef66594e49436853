"""Published constants, retyped from their sources; values that effects have by default; rules at equality."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

E = mj.effects
P = E.ProgrammingError
NO_STRESS = {"seconds": 0.0, "cycles": 0.0, "reads": 0.0, "temperature": 300.0}
KEY = jax.random.key(0)


def stress(**passed):
    return E.Stress(**NO_STRESS | passed)


# fit, coefficients of G / g_max [uS] from the lowest power, g_max, g_min [uS]
FITS = {
    "Milo et al., IRPS 2021: 4.782 - 0.009107 G": (P.rram_milo(), (4.782, -2.049075), 225.0, 50.0),
    "Wan et al., Nature 608, 504, after 1 s": (P.rram_wan(), (0.348, 16.030, -43.853, 45.393, -16.815), 40.0, 0.0),
    "after a day": (P.rram_wan(86_400.0), (0.701, 22.086, -50.773, 47.095, -16.458), 40.0, 0.0),
    "after two days": (P.rram_wan(172_800.0), (0.782, 20.274, -43.507, 37.062, -11.934), 40.0, 0.0),
    "CMO/HfOx, 2 %: 0.0112185 + 0.0112903 G": (P.cmo_hfox(), (0.0112185, 0.99580446), 88.2, 9.0),
    "CMO/HfOx, 0.2 %: 0.00081107 + 0.00106879 G": (P.cmo_hfox(0.002), (0.00081107, 0.094267278), 88.2, 9.0),
    "Joshi et al., Nat. Commun. 11, 2473": (P.pcm_joshi(), (0.26348, 1.9650, -1.1731), 25.0, 0.0),
    "Hermes, one device": (P.pcm_hermes(), (0.15781817, 2.32443916, -2.16310839, 0.68841818), 10.35, 0.0),
    "Hermes, two devices": (P.pcm_hermes(2), (0.16603222, 4.71806468, -8.48101252, 4.68961419), 20.7, 0.0),
}


@pytest.mark.parametrize("name", FITS)
def test_programming_errors(name):
    """Every digit of every coefficient, and the range that the fit holds for."""
    fit, coefficients, g_max, g_min = FITS[name]
    np.testing.assert_allclose(np.array(fit.coefficients) * 1e6, coefficients, rtol=1e-12)
    assert (fit.g_max, fit.g_min) == pytest.approx((g_max * 1e-6, g_min * 1e-6), rel=1e-12)
    for share in (0.3, 0.55, 0.9):
        sigma = sum(c * share**k for k, c in enumerate(coefficients)) * 1e-6
        assert float(fit.sigma(jnp.asarray(share * g_max * 1e-6))) == pytest.approx(max(sigma, 0.0), rel=1e-4)


def test_a_fit_for_another_range_has_all_its_bounds_scaled():
    fit = P.rram_milo().scaled(112.5e-6)
    assert (fit.g_max, fit.g_min) == pytest.approx((112.5e-6, 25e-6))
    np.testing.assert_allclose(fit.coefficients, np.array(P.rram_milo().coefficients) / 2)


def test_a_cell_may_reach_a_tenth_of_a_percent_beyond_the_range_of_a_fit():
    """g_on to 1.001 g_max, g_off from 0.999 g_min."""
    fit = P((1e-6,), g_max=1e-4, g_min=2e-5)
    cell = lambda on, off: mj.Hardware(mj.Cell(1 / on, 1 / off), effects=(fit,))
    cell(1.0009e-4, 1.9981e-5)
    with pytest.raises(ValueError, match="g_on"):
        cell(1.0011e-4, 2e-5)
    with pytest.raises(ValueError, match="g_off"):
        cell(1e-4, 1.9979e-5)
    mj.Hardware(mj.Cell(1 / 1.0009e-4, 1e6), effects=(E.PhaseChange(mj.devices.PCM(g_max=1e-4)),))
    with pytest.raises(ValueError, match="g_on"):
        mj.Hardware(mj.Cell(1 / 1.0011e-4, 1e6), effects=(E.PhaseChange(mj.devices.PCM(g_max=1e-4)),))


def test_relaxation_of_cmo():
    """-0.08900206 ln t +- (0.41183342 + 0.04201137 ln t) uS."""
    relaxation = E.Relaxation.cmo_hfox()
    found = [relaxation.slope, relaxation.base, relaxation.growth, relaxation.t0]
    np.testing.assert_allclose(found, [0.08900206e-6, 0.41183342e-6, 0.04201137e-6, 1.0], rtol=1e-12)


LRS, HRS = (1e3, 0.1, 0.5, 0.2), (2e3, 0.05, 0.3, -0.1)
QUADRATIC, CUBIC = (1.388e-4, 1.541e-3, 5.711e-3, 7.063e-3), (8.871e-5, 6.7919e-4, 1.2968e-3)
DEFAULTS = [
    (E.ThermalNoise(1e6), E.ThermalNoise(1e6, temperature=300.0)),
    (E.SinhConduction(2.0), E.SinhConduction(2.0, v_read=0.2)),
    (E.RatioConduction(), E.RatioConduction(ratio=10.0, v_read=0.2, v_write=2.0)),
    (E.CubicConduction(), E.CubicConduction(QUADRATIC, CUBIC, strength=1.0)),
    (E.CycleVariation(), E.CycleVariation(0.0, 0.0, "normal")),
    (E.DeviceVariation(), E.DeviceVariation(0.0, 0.0, "normal", length=None, coupling=0.0)),
    (E.Drift(0.1), E.Drift(0.1, t0=1.0, nu_std=None, activation_energy=0.0, t_ref=300.0)),
    (E.Endurance(LRS, HRS), E.Endurance(LRS, HRS, "sudden", None, None, None, cell_size=10e-9)),
    (E.RangeCollapse(1e3), E.RangeCollapse(1e3, exponent=0.5)),
    (E.FiniteStates(4), E.FiniteStates(4, "conductance", None)),
    (E.FormingFailure(0.1), E.FormingFailure(0.1, r_pristine=None)),
    (E.PhaseChange(), E.PhaseChange(mj.devices.PCM())),
    (E.Predistortion(mj.Wires()), E.Predistortion(mj.Wires(), headroom=0.85, steps=2)),
    (E.ProgrammingNoise(), E.ProgrammingNoise(0.0, 0.0, 0.0)),
    (E.ReadNoise(), E.ReadNoise(0.0, 0.0)),
    (E.Relaxation(), E.Relaxation(0.0, 0.0, 0.0, t0=1.0)),
    (E.StuckAt(), E.StuckAt(0.0, 0.0, "cell")),
    (E.TelegraphNoise(0.1), E.TelegraphNoise(0.1, 0.0, 1.0, dwell_0=(1e-6, 10.0), dwell_1=(1e-6, 10.0))),
    (E.Temperature(350.0), E.Temperature(350.0, alpha=1e-3, activation_energy=0.1, t_ref=300.0)),
]


@pytest.mark.parametrize(("short", "whole"), DEFAULTS, ids=lambda effect: type(effect).__name__)
def test_defaults(short, whole):
    assert eqx.tree_equal(short, whole)


G = jnp.asarray([[2e-5, 5e-5, 9e-5]])
LOW, HIGH = jnp.full_like(G, 1e-5), jnp.full_like(G, 1e-4)


def test_a_state_fails_beyond_its_threshold_not_at_it():
    """With p_1 = p_2 = 0 the threshold is p_0 cycles: 1000 of the LRS, 500 of the HRS."""
    effect = E.Endurance((1000.0, 0.0, 0.0, 1.0), (500.0, 0.0, 0.0, 1.0), r_lrs=3e4, r_hrs=6e4)
    cells = jnp.asarray([[1.5e-5, 5e-5, 9e-5]])  # one in the HRS, two in the LRS
    memory = effect.start(cells, LOW, HIGH, KEY, None)
    for cycles, failed in ((500.0, [0, 0, 0]), (501.0, [1, 0, 0]), (1000.0, [1, 0, 0]), (1001.0, [1, 1, 1])):
        aged, _ = effect.age(cells, memory, KEY, stress(cycles=cycles))
        np.testing.assert_array_equal(aged != cells, [failed])
        low, high = effect.wear(LOW, HIGH, memory, stress(cycles=cycles))
        assert [bool((low != LOW).all()), bool((high != HIGH).all())] == [failed[0], failed[2]]


def test_a_cell_at_the_split_counts_as_hrs():
    """The split is that of the argument, or the middle of the cell's range in resistance, 55 kohm here."""
    for split, middle in ((2e4, 2e4), (None, 55e3)):
        effect = E.Endurance(LRS, HRS, split=split)
        cells = 1 / jnp.asarray([[0.99 * middle, 1.01 * middle]])
        np.testing.assert_array_equal(
            effect.start(cells, 0 * cells + 1e-5, 0 * cells + 1e-4, KEY, None)["lrs"], [[1, 0]]
        )
    exact = jnp.asarray([[1.0 / 32.0]])
    assert E.Endurance(LRS, HRS, split=32.0).start(exact, exact, exact, KEY, None)["lrs"] == 0


def test_the_size_of_a_cell_and_a_cold_one():
    """S in nanometres; below 298 K the temperature does not count."""
    effect = E.Endurance((1e3, 0.1, 0.5, 0.2), (1e3, 0.1, 0.5, 0.2), "gradual", cell_size=4e-9)
    memory = effect.start(G, LOW, HIGH, KEY, None)
    for temperature, tau in ((280.0, 1.0), (298.0, 1.0), (596.0, 0.5)):
        inner = 0.1 * 4 + 0.5 * tau
        threshold = 1e3 * np.exp(inner)
        aged, _ = effect.age(G, memory, KEY, stress(cycles=20 * threshold, temperature=temperature))
        np.testing.assert_allclose(aged, G * 20 ** (-0.2 * inner), rtol=1e-5)


def test_relaxation_begins_with_the_first_moment():
    """Nothing at zero seconds, the base spread right after."""
    effect = E.Relaxation(slope=1e-6, base=2e-6, growth=3e-6, t0=5.0)
    memory = effect.start(G, LOW, HIGH, KEY, None)
    same, kept = effect.age(G, memory, KEY, stress())
    np.testing.assert_array_equal(same, G)
    np.testing.assert_array_equal(kept["moved"], 0.0)
    at_once, _ = effect.age(G, memory, KEY, stress(seconds=1e-9))
    np.testing.assert_allclose(at_once - G, 2e-6 * memory["z"], atol=1e-11)
    later, _ = effect.age(G, memory, KEY, stress(seconds=15.0))
    length = np.log(4.0)
    np.testing.assert_allclose(later - G, -1e-6 * length + (2e-6 + 3e-6 * length) * memory["z"], atol=1e-11)


@pytest.mark.parametrize(
    "effect",
    [
        E.Drift(0.1, 20.0, nu_std=0.01),
        E.Relaxation.cmo_hfox(),
        E.RangeCollapse(10.0),
        E.Endurance((1.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 1.0), "gradual"),
        E.PhaseChange(mj.devices.PCM(g_max=1e-4)),
        E.ReadDisturb(mj.devices.VTEAM.pt_hf_ti(), 1.0, 1e-6),
    ],
    ids=lambda effect: type(effect).__name__,
)
def test_nothing_passes_nothing_changes(effect):
    cells = 100.0 * G if isinstance(effect, E.ReadDisturb) else G
    memory = effect.start(cells, LOW, HIGH, KEY, None)
    aged, after = effect.age(cells, memory, KEY, stress())
    np.testing.assert_array_equal(aged, cells)
    jax.tree.map(np.testing.assert_array_equal, after, memory)


def test_what_a_new_write_forgets():
    """Clocks of the written state begin again; cycles of the cell go on, traps stay."""
    for effect, part, passed in (
        (E.Drift(0.1), "seconds", {"seconds": 7.0}),
        (E.PhaseChange(mj.devices.PCM(g_max=1e-4)), "seconds", {"seconds": 7.0}),
        (E.Relaxation.cmo_hfox(), "seconds", {"seconds": 7.0}),
        (E.RangeCollapse(10.0), "cycles", {"cycles": 7.0}),
        (E.Endurance(LRS, HRS), "cycles", {"cycles": 7.0}),
    ):
        memory = effect.start(G, LOW, HIGH, KEY, None)
        assert float(memory[part]) == 0.0
        _, old = effect.age(G, memory, KEY, stress(**passed))
        assert float(old[part]) == 7.0
        again = effect.start(G, LOW, HIGH, KEY, old)
        assert float(again[part]) == (7.0 if part == "cycles" else 0.0)


@pytest.mark.parametrize("seconds", [0.0, 1e-3, 50.0])
def test_read_noise_of_phase_change_counts_from_the_write(seconds):
    """A chip that was not aged is t_0 = 20 s old: sigma = G Q sqrt(ln((t_0 + t + t_r) / (2 t_r)))."""
    effect = E.PhaseChange(mj.devices.PCM(g_max=1e-4, t_0=20.0, t_read=1.0))
    _, memory = effect.age(G, effect.start(G, LOW, HIGH, KEY, None), KEY, stress(seconds=seconds))
    quality = np.minimum(0.0088 / (np.asarray(G) / 1e-4) ** 0.65, 0.2)
    aged = 0.7 * G
    expected = (np.asarray(aged) * quality) ** 2 * np.log((20.0 + seconds + 1.0) / 2.0)
    np.testing.assert_allclose(effect.power(aged, memory).squared, expected, rtol=1e-5)


def test_everything_that_a_trap_is_drawn_from_is_independent():
    effect = E.TelegraphNoise(0.1, spread=0.5, probability=0.7)
    cells = jnp.full((150, 150), 1e-4)
    memory = {k: np.ravel(v) for k, v in effect.start(cells, cells, cells, KEY, None).items()}
    trapped = memory["amplitude"] > 0
    assert abs(trapped.mean() - 0.7) < 5 * np.sqrt(0.21 / trapped.size)
    share = memory["tau_1"] / (memory["tau_0"] + memory["tau_1"])
    parts = {
        "size": np.log(memory["amplitude"][trapped]),
        "tau_0": np.log(memory["tau_0"][trapped]),
        "tau_1": np.log(memory["tau_1"][trapped]),
        "state": (memory["state"] - share)[trapped],
    }
    bound = 5 / np.sqrt(trapped.sum())
    assert np.abs(np.corrcoef(list(parts.values())) - np.eye(4)).max() < bound
    for name in ("tau_0", "tau_1", "state"):
        assert abs(np.corrcoef(trapped, memory[name] - (share if name == "state" else 0))[0, 1]) < bound


def test_amplitudes_of_traps_are_at_most_one():
    cells = jnp.full((50, 50), 1e-4)
    amplitude = E.TelegraphNoise(0.9, spread=1.0).start(cells, cells, cells, KEY, None)["amplitude"]
    assert float(amplitude.max()) == 1.0
    assert 0.3 < float((amplitude == 1.0).mean()) < 0.6  # P(z > -ln 0.9) = 0.46


def test_a_share_of_the_range_is_about_the_conductance_of_zero():
    """`headroom` shrinks the range of the targets, and the scale makes up for it: the weights stay."""

    class Shrunk(E.Targeting):
        @property
        def headroom(self):
            return 0.5

        def target(self, conductance, low, high):
            return conductance

    weights = np.array([[1.0, -1.0], [0.5, 0.0]], np.float32)
    for mapping in (mj.mapping.DoubleColumn(), mj.mapping.Offset()):
        hardware = mj.Hardware(tile=(2, 2), mapping=mapping, dac=mj.Dac(), adc=mj.Adc(), effects=(Shrunk(), Shrunk()))
        chip = mj.program(hardware, weights, KEY)
        np.testing.assert_allclose(chip["scale"], 4.0, rtol=1e-6)
        np.testing.assert_allclose(mj.weights(hardware, chip), weights, atol=1e-5)
    np.testing.assert_allclose(chip["conductance"]["cell"][0, 0, 0], 5.5e-5 + 4.5e-5 / 4, rtol=1e-5)
