"""Numbers that laws, rules and algorithms have by default, retyped; largest numbers of pulses."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from laws import P, T

KEY = jax.random.key(0)
DEFAULTS = [
    (
        P(),
        P(1e-3, -1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, False, 0.0, None, None, 0.1, None, 0.0, 0.0, 0.0, None),
    ),
    (T.ConstantStep(), T.ConstantStep(P())),
    (T.ExponentialStep(), T.ExponentialStep(P(), 0.00081, 0.36833, 12.44625, 12.78785, 0.244, 0.2425, None, None)),
    (T.LinearStep(), T.LinearStep(P(), 0.0, 0.0, 0.0, mean_bounds=True, additive=False)),
    (T.SoftBounds(), T.SoftBounds(P(), additive=False)),
    (T.SoftBounds.pmax(), T.SoftBounds.pmax(pulses=1000, alpha=0.0005, low=-1.0, high=1.0)),
    (T.PowerStep(), T.PowerStep(P(), 1.0, 1.0, 0.0)),
    (T.PiecewiseStep(), T.PiecewiseStep(P(), (1.0, 1.0), (1.0, 1.0))),
    (T.NeuroSimStep(), T.NeuroSimStep(P(), 97, 100, 2.4, -4.88, 0.0)),
    (T.Referenced(T.SoftBounds()), T.Referenced(T.SoftBounds(), mean=0.0, std=0.0, zero_shift=True)),
    (T.Deterministic(), T.Deterministic(most=31, truncate=False)),
    (T.Stochastic(), T.Stochastic(most=31)),
    (T.Sign(), T.Sign(threshold=0.0)),
    (T.PulseTrains(), T.PulseTrains(31, True, True, "stochastic", None)),
    (T.Direct(), T.Direct(rate=0.1, rule=T.Stochastic(most=31))),
    (T.Buffered(), T.Buffered(rate=0.1, threshold=1.0, momentum=0.1, most=1)),
    (T.Chopped(), T.Chopped(rate=0.02, momentum=0.1, most=31, chop=0.005)),
    (T.Dynamic(), T.Dynamic(rate=0.02, momentum=0.1, most=31, period=50, tail=0.5)),
]


@pytest.mark.parametrize(("short", "whole"), DEFAULTS, ids=lambda value: type(value).__name__)
def test_of_specifications(short, whole):
    assert eqx.tree_equal(short, whole)


OPTIONS = {
    T.pulsed: {"rule": None, "every": 1, "range": None, "counted": False},
    T.mixed_precision: {"every": 1, "most": 31, "range": None, "counted": False},
    T.one_sided: {"rule": None, "refresh_every": 100, "upper": 0.75, "lower": 0.25, "counted": False},
    T.coincidence: {
        "length": 31, "management": True, "shorten": None, "form": "stochastic", "resolution": None,
        "fidelity": "moments", "counted": False,
    },
    T.tiki_taka: {
        "slow": None, "transfer": None, "fast_rate": 1.0, "auto_scale": None, "every": 1, "rows": None, "gamma": 0.0,
        "read_noise": None, "range": None, "rule": None, "trains": None, "fidelity": "moments", "counted": False,
    },
    T.wage_step: {"levels": 32, "bits": 5, "gradient_bits": 5, "c2c": 0.003},
    T.neurosim_wage: {
        "rate": 1.0, "momentum": 0.9, "levels": 32, "ltp": 1.75, "ltd": 1.46, "bits": 5, "gradient_bits": 5,
        "c2c": 0.003, "d2d": 0.0,
    },
    T.clipped: {"limit": 2.5, "unit": "deviation", "over": "array"},
    T.zero_shift: {"pulses": 2000, "weight": None},
}  # fmt: skip


@pytest.mark.parametrize("f", OPTIONS, ids=lambda f: f.__name__)
def test_of_options(f):
    parameters = inspect.signature(f).parameters
    assert {name: parameters[name].default for name in OPTIONS[f]} == OPTIONS[f]


STEP = 2.0**-6
WIDE = T.ConstantStep(P(step=STEP, low=-8.0, high=8.0))


def sent(tx, asked, updates=1):
    """Steps by which the weights change when so many steps are asked for, summed over some updates."""
    weight = jnp.zeros(len(asked))
    state = tx.init(weight)
    for _ in range(updates):
        change, state = tx.update(jnp.asarray(asked) * STEP, state, weight)
        weight = weight + change
    return np.asarray(weight / STEP), state


@pytest.mark.parametrize("rule", [T.Deterministic(), T.Stochastic(), T.Deterministic(most=3), T.Stochastic(most=3)])
def test_no_update_sends_more_pulses_than_the_rule_allows(rule):
    found, _ = sent(T.pulsed(WIDE, KEY, rule=rule), [500.0, -500.0, 2.0, -2.0])
    np.testing.assert_array_equal(found, [rule.most, -rule.most, 2, -2])


def test_what_mixed_precision_cannot_send_at_once_it_sends_later():
    found, state = sent(T.mixed_precision(WIDE, KEY, most=5), [12.0, -12.0, 2.5])
    np.testing.assert_array_equal(found, [5, -5, 2])
    np.testing.assert_array_equal(state.arrays[0].residue / STEP, [7, -7, 0.5])


@pytest.mark.parametrize(
    ("transfer", "given"),
    [
        (T.Direct(rate=1.0, rule=T.Stochastic(most=4)), {}),
        (T.Buffered(rate=1.0, most=4), {"sum": jnp.zeros(3)}),
        (T.Chopped(rate=1.0, most=4), {"sum": jnp.zeros(3), "chopper": jnp.ones(())}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_transfer_sends_more_pulses_than_its_rule_allows(transfer, given):
    read = T.Reading(jnp.array([9.0, -9.0, 3.0]) * STEP, jnp.asarray(STEP), KEY)
    pulses, after = transfer.row(given, read)
    np.testing.assert_array_equal(pulses, [4, -4, 3])
    if given:  # a tenth of a buffer stays where it fired
        unit = STEP if isinstance(transfer, T.Buffered) else 1.0
        np.testing.assert_allclose(after["sum"], np.array([0.9, -0.9, 0.3]) * unit, rtol=1e-5)


def test_a_threshold_of_the_buffered_transfer_counts_in_steps():
    read = T.Reading(jnp.array([9.0, -9.0, 3.0]) * STEP, jnp.asarray(STEP), KEY)
    pulses, after = T.Buffered(rate=1.0, threshold=4.0, most=9).row({"sum": jnp.zeros(3)}, read)
    np.testing.assert_array_equal(pulses, [2, -2, 0])
    np.testing.assert_allclose(after["sum"] / STEP, [0.9, -0.9, 3.0], rtol=1e-5)


def test_a_chopper_switches_with_its_probability():
    rule, count = T.Chopped(chop=0.3), 4000
    buffers = {"sum": jnp.zeros(1), "chopper": jnp.ones(())}
    flip = lambda key: rule.row(buffers, T.Reading(jnp.zeros(1), jnp.asarray(STEP), key))[1]["chopper"]
    flipped = np.asarray(jax.vmap(flip)(jax.random.split(KEY, count))) < 0
    assert abs(flipped.mean() - 0.3) < 5 * np.sqrt(0.21 / count)


def test_the_power_of_two_next_to_a_gradient():
    """Rounded on a logarithmic scale: up from sqrt(2) times a power, down below; one for nothing."""
    from memjax.training.algorithms._wage import _shift

    sizes = np.array([1.0, 1.4, 1.43, 0.75, 0.7, 0.03, 0.04, 3e-5, 0.0])
    np.testing.assert_allclose(_shift(jnp.asarray(sizes)), [1, 1, 2, 1, 0.5, 2**-5, 2**-5, 2**-15, 1], rtol=1e-6)


def test_the_change_of_a_device_is_relative_to_that_power():
    """A device without curvature: round(16 v / power) of 32 levels, as odds of a step of 1/16."""
    n = 4000
    tx = T.neurosim_wage(KEY, c2c=0.0, rate=0.1, ltp=0.01, ltd=0.01)
    weight, update = jnp.full(n, 0.25), jax.jit(tx.update)
    for mean, power in ((0.03, 2.0**-5), (0.04, 2.0**-5), (0.046, 2.0**-4)):
        change, _ = update(jnp.full(n, -mean / 0.1), tx.init(weight), weight)
        p = np.round(0.1 * mean / power / 2 * 32) / 16
        assert 0.05 < p < 0.2
        assert abs((np.asarray(change) > 0).mean() - p) < 5 * np.sqrt(p * (1 - p) / n) + 3e-3


@pytest.mark.parametrize("make", [T.agad, T.chopped_tiki_taka])
@pytest.mark.parametrize("rate", [1.0, 0.25])
def test_the_largest_update_asks_for_ten_pulses_by_its_running_mean(make, rate):
    """Of the fast array, whatever its rate; the mean keeps nine tenths: s / (0.9 + 0.1 s) = 1/2 for s = 9/19."""
    tx = make(WIDE, KEY, fast_rate=rate)
    weight, asked = jnp.zeros(3), np.array([1.0, -0.6, 0.2])
    state = tx.init(weight)
    for size, steps in ((0.03, [10, 6, 2]), (0.03 * 9 / 19, [5, 3, 1])):
        before = state.arrays[0].fast.weight
        _, state = tx.update(jnp.asarray(size * asked), state, weight)
        np.testing.assert_allclose(np.abs(state.arrays[0].fast.weight - before) / STEP, steps, atol=1e-4)
