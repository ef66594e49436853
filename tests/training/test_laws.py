"""Mean pulse response of every law: closed forms, bounds and symmetry points, against NumPy in double precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from laws import CASES, P, T, after, each
from scipy import stats
from scipy.optimize import brentq

response = jax.jit(T.response)
symmetry_point = jax.jit(T.symmetry_point)
apply_net = jax.jit(T.apply_net, static_argnames="one_by_one")
apply_pulses = jax.jit(T.apply_pulses, static_argnames="one_by_one")
COUNTS = np.array([-60.0, -7.0, -1.0, 0.0, 1.0, 2.0, 60.0])


def grid(case, n=7):
    """Weights over the range [n], bounds included."""
    return np.linspace(case.low, case.high, n)


def cells(law, shape, dtype=float):
    return law.make(None, shape, jnp.result_type(dtype))


@each()
def test_response_curves(case, precision):
    """Up to the bound and down again, pulse by pulse."""
    pulses = np.array([1] * 45 + [0] + [-1] * 60 + [1] * 5)
    start, law = grid(case), case.make()
    measured = response(law, pulses, start, cells(law, start.shape))
    assert measured.dtype == precision
    atol = 1e-5 if precision == "float32" else 2e-6 * (case is CASES["NeuroSim"]) + 1e-12
    np.testing.assert_allclose(measured, after(case, start, pulses), rtol=0, atol=atol)


@each()
def test_n_pulses_are_n_single_ones(case, x64):
    """Both ways of counting, net and in both directions, together and one by one; and the closed form of the law."""
    law, weight = case.make(), np.tile(grid(case)[:, None], len(COUNTS))
    made = cells(law, weight.shape)
    up, down = np.maximum(COUNTS, 0) + 0 * weight, np.maximum(-COUNTS, 0) + 0 * weight
    expected = np.stack([after(case, weight[:, i], [np.sign(n)] * max(int(abs(n)), 1))[-1]
                         for i, n in enumerate(COUNTS)], 1)  # fmt: skip
    atol = 3e-5 * (case is CASES["NeuroSim"]) + 1e-10
    if case.many is not None:
        closed = np.where(COUNTS > 0, *(case.many(weight, abs(COUNTS), rises) for rises in (True, False)))
        closed = np.where(COUNTS == 0, weight, np.clip(closed, case.low, case.high))
        np.testing.assert_allclose(closed, expected, rtol=0, atol=atol)
    for one_by_one in (False, True)[: 1 if case.many is None else 2]:
        for result in (
            apply_net(law, weight, COUNTS + 0 * weight, made, one_by_one=one_by_one),
            apply_pulses(law, weight, up, down, made, one_by_one=one_by_one),
        ):
            np.testing.assert_allclose(result, expected, rtol=0, atol=atol)


def test_mixed_pulses_together_are_mixed_pulses_in_turn_to_second_order(x64):
    """4 up and 4 down at once: their difference from pulses in turn falls fourfold with half the step."""
    weight, count = np.linspace(-0.5, 0.5, 5), np.full(5, 4.0)

    def difference(step):
        law = T.SoftBounds(P(step=step, asymmetry=0.2))
        made = cells(law, (5,))
        together, in_turn = (apply_pulses(law, weight, count, count, made, one_by_one=b) for b in (False, True))
        return np.asarray(together - in_turn)

    coarse, fine = difference(0.02), difference(0.01)
    assert np.abs(coarse).max() < 0.02**2 * 4
    np.testing.assert_allclose(coarse / fine, 4.0, rtol=0.15)


@each()
def test_no_cell_leaves_its_bounds(case):
    """However large the noise, and however many pulses."""
    law = eqx.tree_at(lambda law: law.population.noise, case.make(), 2.0)
    made, low, high = cells(law, (500,), jnp.float32), np.float32(case.low), np.float32(case.high)
    for count in (400.0, -400.0, 3.0, -3.0):
        weight = apply_net(law, jnp.linspace(case.low, case.high, 500), jnp.full(500, count), made, jax.random.key(0))
        assert weight.min() >= low - 1e-6
        assert weight.max() <= high + 1e-6
        assert jnp.isfinite(weight).all()


@each()
def test_symmetry_point(case, x64):
    """Where the written pulses undo each other; the bound where they never do."""
    law = case.make()
    point = float(symmetry_point(law, cells(law, ())))
    excess = lambda w: case.up(np.array(w)) + case.down(np.array(w)) - 2 * w
    inside = excess(case.low) > 0 > excess(case.high)
    expected = brentq(excess, case.low, case.high, xtol=1e-13) if inside else case.high
    assert point == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("constant", "device")])
def test_alternating_pulses_lead_to_the_symmetry_point(name, x64):
    """A pair of pulses there moves the weight by second order of a step; from anywhere they lead to within a step.

    (Steps that do not depend on the state have no such point inside.)
    """
    case = CASES[name]
    law = case.make()
    point = np.asarray(symmetry_point(law, cells(law, ())))
    step = case.up(point) - point
    pair = response(law, np.array([1, -1]), point, cells(law, ()))
    assert abs(pair[-1] - point) <= 0.2 * step + 1e-12
    ends = response(law, np.tile([1, -1], 3000), grid(case), cells(law, (7,)))[-2:].mean(0)
    np.testing.assert_allclose(ends, point, rtol=0, atol=step)


def test_soft_bounds_have_their_symmetry_point_in_closed_form(x64):
    """w* = (up - down) / (up / high - down / low), cell by cell; so has the zero-shifted cell its zero there."""
    cells_ = P(
        step=0.02, low=-0.8, high=1.1, step_spread=0.2, asymmetry_spread=0.3, low_spread=0.2, high_spread=0.2, noise=0.0
    )
    law, key, shape = T.SoftBounds(cells_), jax.random.key(0), (50,)
    made = law.make(key, shape, jnp.float64)
    up, down, low, high = (np.asarray(made[name]) for name in ("up", "down", "low", "high"))
    expected = (up - down) / (up / high - down / low)
    assert expected.std() > 0.1
    np.testing.assert_allclose(symmetry_point(law, made), expected, atol=1e-9)
    shifted = T.Referenced(law)
    own = shifted.make(key, shape, jnp.float64)
    np.testing.assert_allclose(own["low"], low - expected, atol=1e-9)
    np.testing.assert_allclose(own["high"], high - expected, atol=1e-9)
    np.testing.assert_allclose(symmetry_point(shifted, own), 0.0, atol=1e-9)
    ends = response(shifted, np.tile([1, -1], 1000), 0.5, own)[-2:].mean(0)
    assert (np.abs(ends) < 0.02).all()


def test_references_have_their_distribution():
    law = T.Referenced(T.SoftBounds(P()), mean=0.2, std=0.05, zero_shift=False)
    made = law.make(jax.random.key(3), (100, 40))
    reference = np.asarray(made["reference"], np.float64).ravel()
    assert stats.kstest(reference, stats.norm(0.2, 0.05).cdf).pvalue > 1e-4
    np.testing.assert_allclose(made["high"], 1.0 - made["reference"], rtol=1e-6)


def test_granularity_is_the_step_at_zero(x64):
    """Or mid-range, where zero is out of it: what a controller takes a pulse for."""
    for case in CASES.values():
        zero = np.zeros(())
        expected = 0.5 * (abs(case.up(zero)) + abs(case.down(zero)))
        assert float(case.make().granularity) == pytest.approx(expected, rel=2e-5)
    one_sided = T.PowerStep(P(step=0.1, low=0.0, high=2.0), gamma_up=2.0, gamma_down=1.0)
    assert float(one_sided.granularity) == pytest.approx(0.5 * (0.1 * 0.25 + 0.1 * 0.5), rel=1e-6)


@pytest.mark.parametrize("name", ["soft bounds", "piecewise", "device"])
def test_curves_are_differentiable(name, x64):
    """Derivative of a response curve by the step (of the device: the pulse width) against differences."""
    law = CASES[name].make()
    where = (lambda law: law.width) if name == "device" else (lambda law: law.population.step)
    size = where(law)
    start = jnp.array(0.1)

    def last(scale):
        new = eqx.tree_at(where, law, size * scale)
        return T.response(new, np.array([1] * 6 + [-1] * 4), start, new.make(None, (), jnp.float64))[-1]

    f = jax.jit(last)
    np.testing.assert_allclose(jax.jit(jax.grad(last))(1.0), (f(1 + 1e-5) - f(1 - 1e-5)) / 2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["soft bounds", "power", "NeuroSim"])
def test_symmetry_points_are_differentiable(name, x64):
    """Derivative by the asymmetry (NeuroSim: a label, through its curvature) against differences."""
    law = CASES[name].make()
    where = (lambda law: law.ltp) if name == "NeuroSim" else (lambda law: law.population.asymmetry)

    def point(value):
        new = eqx.tree_at(where, law, value)
        return T.symmetry_point(new, new.make(None, (), jnp.float64))

    f, x, h = jax.jit(point), where(law), 1e-4
    slope = jax.jit(jax.grad(point))(x)
    assert abs(slope) > 0.01
    np.testing.assert_allclose(slope, (f(x + h) - f(x - h)) / (2 * h), rtol=1e-4)


def test_symmetry_points_at_bounds_and_everywhere():
    """A constant step has its symmetry point at a bound, which moves with it; where up is down, everywhere: zero."""
    law = T.ConstantStep(P(asymmetry=0.2))
    point = lambda high: symmetry_point(law, law.make(None, ()) | {"high": high})
    np.testing.assert_allclose(jax.value_and_grad(point)(0.7), (0.7, 1.0), rtol=1e-6)
    for step in (2e-4, 1.6e-3, 0.1):
        law = T.ConstantStep(P(step=step))
        assert symmetry_point(law, law.make(None, ())) == 0
        one_sided = T.ConstantStep(P(step=step, low=0.2))
        assert symmetry_point(one_sided, one_sided.make(None, ())) == np.float32(0.2)
