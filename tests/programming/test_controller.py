"""The controller, pulse by pulse: a cell whose conductance moves by amplitude times width, and the rules in numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from memjax import devices as md
from memjax import programming as mp

KEY = jax.random.key(0)


class Straight(md.AbstractDevice):
    """G = 1 S + x 1 S, dx/dt = v/(1 V s); upwards `boost` times as fast if the pulse begins above the middle."""

    boost: md.Numeric = 1.0
    initial: md.Numeric = 0.0

    @property
    def set_polarity(self):
        return 1

    def conductance(self, state):
        return 1.0 + state

    def current(self, state, voltage):
        return voltage * self.conductance(state)

    def derivative(self, state, voltage):
        return voltage * jnp.where((state > 0.5) & (voltage > 0), self.boost, 1.0)

    def pulse(self, state, voltage, width):
        return jnp.clip(state + width * self.derivative(state, voltage), 0, 1)

    def state_at(self, conductance):
        return conductance - 1.0


def moves(width, places):
    """By pulses of these numbers on a ramp of constant voltage: number n lasts 1.5^n times as long as number 0."""
    return width * np.sum(1.5 ** np.array(places, float))


# Start, target and tolerance [S], where the ten first pulses (or fewer) lead, and what is not as usual: pulses of 10 ms
# and 1 V both ways, a constant speed, and strides that may be as large as the range.
WAYS = {
    "two places up at most, then half the way left": (
        (0.0, 0.9, 1e-3), moves(0.01, [0, 2, 4, 6, 8, 7, 6, 5, 3, 2]), 10, {}),
    "and the last pulses as far as the accepted band is wide": (
        (0.0, 0.2, 1e-2), moves(0.01, [0, 2, 4, 4, 2, 1, 1, 1]), 8, {}),
    "downwards": (
        (0.3, 0.1, 1e-2), 0.3 - moves(0.01, [0, 2, 4, 4, 2, 1, 1, 1]), 8, {}),
    "wide bands": (
        (0.0, 0.07, 2e-2), moves(0.01, [0, 2, 3]), 3, {}),
    "strides of the ramp": (
        (0.0, 0.9, 1e-3), moves(0.01, [0, *9 * [1]]), 10, {"stride": 0.02}),
    "a cell that has sped up may do so again": (
        (0.4, 0.9, 1e-2), 0.4 + moves(0.01, [0, 2, 4, 6]) + 2 * moves(0.01, [6, 0, 0, 0, 0]), 9, {"boost": 2.0}),
    "after a crossing by half the width of the band": (
        (0.495, 0.52, 1e-2), 0.625 - moves(0.01, [0, 2, 3, 1, 0, 0]), 8, {"boost": 8.0}),
    "what has crossed its target starts anew, whatever is expected": (
        (0.3, 0.62, 1e-3), 0.3 + moves(0.002, [0, 2, 4, 6, 8, 9, 8]) + 8 * moves(0.002, [7]) - moves(0.03, [0, 2]), 10,
        {"boost": 8.0, "up": 0.002, "down": 0.03, "expected": 1e-4}),
}  # fmt: skip


def test_pulses_follow_from_the_way_left_and_the_last_answer(x64):
    usual = {"boost": 1.0, "stride": 1.0, "up": 0.01, "down": 0.01, "expected": 0.01}
    has = lambda name: jnp.array([(usual | changes)[name] for *_, changes in WAYS.values()])
    start, target, tolerance = jnp.array([way[0] for way in WAYS.values()]).T
    ramp = lambda width, move: mp.Ramp(1.0, 0.0, 1.0, width, growth=1.5, stride=has("stride"), move=move)
    up, down = ramp(has("up"), 0.01), ramp(has("down"), has("expected"))
    spec = mp.WriteVerify(Straight(has("boost")), up, down, tolerance, max_pulses=10)
    done = spec.program(1 + target, KEY, start)
    for name, state, pulses, way in zip(WAYS, done.state, done.pulses, WAYS.values(), strict=True):
        assert (float(state), int(pulses)) == (pytest.approx(way[1], rel=1e-6), way[2]), name


# Moves at no voltage below 1 V; 1 to 2 S.
STILL = md.VTEAM(k_off=1.0, k_on=-1.0, v_off=1.0, v_on=-1.0, alpha_off=1, alpha_on=1, r_on=0.5, r_off=1.0)


def test_seven_pulses_at_the_end_of_a_ramp_without_an_answer_are_enough():
    """On ramps of one pulse; of six amplitudes, of which numbers 0, 2 and 4 come before the end; of six durations."""
    ends = dict(start=0.25, step=jnp.array([0.0, 0.0625, 0.0]), stop=jnp.array([0.25, 0.5625, 0.25]))
    ramp = mp.Ramp(**ends, width=2.0**-10, growth=jnp.array([1.0, 1.0, 2.0]), longest=2.0**-5)
    done = mp.WriteVerify(STILL, ramp, ramp, tolerance=0.01).program(jnp.full(3, 1.5), KEY, 1.0)
    np.testing.assert_array_equal(done.pulses, [7, 10, 10])
    assert done.failed.all()


def test_only_pulses_in_a_row_without_an_answer_count(x64):
    """Where noise answers every other one, the first seven in a row are expected after (2^7 - 1) 2 = 254 pulses."""
    ramp = mp.Ramp(start=0.25, step=0.0, stop=0.25, width=1e-3)
    noise = 1e-5 * 1.5 / norm.ppf(0.75)
    spec = mp.WriteVerify(STILL, ramp, ramp, tolerance=0.01, write_noise=noise, max_pulses=10_000)
    pulses = np.asarray(spec.program(jnp.full(600, 1.9), KEY, STILL.state_at(1.5)).pulses)
    assert pulses.min() >= 7
    assert pulses.mean() == pytest.approx(254, abs=5 * 250 / np.sqrt(600))


def test_an_answer_is_a_move_by_a_hundred_thousandth(x64):
    """Of the conductance, 1.5 S: below it a cell is given up, above it not, upwards and downwards."""
    width = jnp.array([1e-5, 1.4e-5, 1.6e-5, 3e-5])
    ramp = mp.Ramp(start=1.0, step=0.0, stop=1.0, width=width)
    spec = mp.WriteVerify(Straight(), ramp, ramp, tolerance=0.01, max_pulses=20)
    for target in (1.9, 1.1):
        np.testing.assert_array_equal(spec.program(jnp.full(4, target), KEY, 0.5).pulses, [7, 7, 20, 20])
