"""What cannot be is refused before anything is compiled: the argument, the value and what is valid."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from laws import P, T

from memjax import devices as md

KEY = jax.random.key(0)
NAN = float("nan")
CASES = [
    (lambda: P(step=0.0), "Population.step must be finite and in (0, inf], got 0.0"),
    (lambda: P(step=NAN), "Population.step must be finite and in (0, inf], got nan"),
    (lambda: P(low=1.0, high=-1.0), "Population.low must be smaller than Population.high, got low=1.0 and high=-1.0"),
    (lambda: P(noise=-0.1), "Population.noise must be finite and in [0, inf], got -0.1"),
    (lambda: P(step_spread=-1.0), "Population.step_spread"),
    (lambda: P(asymmetry=1.5), "Population.asymmetry must be finite and in [-1, 1], got 1.5"),
    (lambda: P(write_noise=-1.0), "Population.write_noise"),
    (lambda: P(stuck=1.1), "Population.stuck must be finite and in [0, 1], got 1.1"),
    (lambda: P(stuck_range=-1.0), "Population.stuck_range"),
    (lambda: P(lifetime=0.5), "Population.lifetime must be finite and in [1, inf], got 0.5"),
    (lambda: P(diffusion=-0.5), "Population.diffusion"),
    (lambda: T.LinearStep(gamma_up=-1.0), "LinearStep.gamma_up"),
    (lambda: T.LinearStep(P(low=0.0)), "LinearStep.population.low must be finite and in [-inf, -1e-30], got 0.0"),
    (lambda: T.SoftBounds(P(low=-2.0, high=-1.0)), "SoftBounds.population.high"),
    (lambda: T.SoftBounds.pmax(pulses=0), "SoftBounds.pmax.pulses must be finite and in (0, inf], got 0"),
    (lambda: T.SoftBounds.pmax(alpha=-1.0), "SoftBounds.pmax.alpha"),
    (lambda: T.SoftBounds.pmax(low=1.0), "SoftBounds.pmax.low must be smaller than SoftBounds.pmax.high"),
    (lambda: T.ExponentialStep(gamma_up=NAN), "ExponentialStep.gamma_up must be finite"),
    (lambda: T.ExponentialStep(noise_add=-1.0), "ExponentialStep.noise_add"),
    (lambda: T.PowerStep(gamma_down=-1.0), "PowerStep.gamma_down must be finite and in [0, inf], got -1.0"),
    (lambda: T.PiecewiseStep(P(), (1.0,)), "PiecewiseStep.up_nodes must be at least 2 numbers [n], got (1.0,)"),
    (lambda: T.PiecewiseStep(P(), (1.0, -1.0)), "PiecewiseStep.up_nodes[1] must be finite and in [0, inf], got -1.0"),
    (lambda: T.NeuroSimStep(levels_up=0), "NeuroSimStep.levels_up must be finite and in [1, inf], got 0"),
    (lambda: T.NeuroSimStep(ltp=9.5), "NeuroSimStep.ltp must be finite and in [-9, 9], got 9.5"),
    (lambda: T.NeuroSimStep(label_spread=-1.0), "NeuroSimStep.label_spread"),
    (lambda: T.Referenced(T.ConstantStep(), std=-1.0), "Referenced.std"),
    (
        lambda: T.DevicePulse(md.VTEAM.pt_hf_ti(), width=0.0),
        "DevicePulse.width must be finite and in (0, inf] s",
    ),
    (lambda: T.DevicePulse(md.VTEAM.pt_hf_ti(), set_voltage=-1.0), "DevicePulse.set_voltage"),
    (
        lambda: T.DevicePulse(md.VTEAM.pt_hf_ti(), spread={"r_min": md.lognormal(0.1)}),
        "DevicePulse.spread: VTEAM has no parameter 'r_min'; it has k_off",
    ),
    (lambda: T.DevicePulse(md.VTEAM.pt_hf_ti(r_on=np.ones(3))), "DevicePulse.device must have scalar parameters"),
    (lambda: T.Deterministic(most=0), "Deterministic.most must be finite and in [1, inf], got 0"),
    (lambda: T.Sign(threshold=-1.0), "Sign.threshold must be finite and in [0, inf], got -1.0"),
]
KINDS = [
    (lambda: T.pulsed(P(), KEY), "law must be a Law such as SoftBounds(), got Population"),
    (
        lambda: T.pulsed(T.ConstantStep(), KEY, rule="sign"),
        "rule must be a Rule such as",
    ),
    (lambda: T.pulsed(T.ConstantStep(), KEY, range=1e-4), "range must be (low, high) or None, got 0.0001"),
    (lambda: T.Referenced(P()), "Referenced.law must be a Law such as training.presets.reram_es(), got Population"),
    (
        lambda: T.DevicePulse("VTEAM"),
        "DevicePulse.device must be a Device such as",
    ),
    (lambda: P(step=None), "Population.step must be a number in (0, inf], got None"),
]


@pytest.mark.parametrize(("make", "message"), CASES)
def test_values(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(("make", "message"), KINDS)
def test_kinds(make, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        make()


def test_traced_numbers_pass_through():
    """They cannot be looked at: a sweep is not stopped by one bad point."""
    make = lambda x: T.SoftBounds(P(step=x, low=-x, asymmetry=x, noise=x, stuck=x)).make(None, ())["up"]
    assert jax.jit(make)(-0.5) == 0.5 * 0.5
    assert np.isfinite(
        jax.vmap(lambda n: T.NeuroSimStep(ltp=n).make(None, ())["bend_up"])(jnp.array([20.0, 0.0]))
    ).all()


@pytest.mark.parametrize(
    ("updates", "params", "message"),
    [
        (jnp.ones(3), None, "params must be given to the update of a pulsed transformation, got None"),
        (jnp.ones(4), jnp.ones(4), "the shapes that the state was initialised with, (3,) for '', got (4,)"),
        ({"a": jnp.ones(3), "b": jnp.ones(3)}, {"a": jnp.ones(3), "b": jnp.ones(3)}, "the 1 arrays that the state"),
        (jnp.ones(3), [jnp.ones(3), jnp.ones(3)], "got 2 arrays and 1 updates"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_fit(updates, params, message):
    tx = T.pulsed(T.ConstantStep(), KEY)
    state = tx.init(jnp.ones(3))
    with pytest.raises(ValueError, match=re.escape(message)):
        tx.update(updates, state, params)


def test_updates_of_another_shape_are_refused():
    """A gradient that would broadcast is a mistake elsewhere."""
    tx = T.pulsed(T.ConstantStep(), KEY)
    state = tx.init({"w": jnp.zeros((3, 3))})
    with pytest.raises(ValueError, match=re.escape("updates must have the shapes of their parameters, (3, 3) for 'w'")):
        tx.update({"w": jnp.zeros(3)}, state, {"w": jnp.zeros((3, 3))})


def test_parameters_must_be_real():
    tx = T.pulsed(T.ConstantStep(), KEY)
    with pytest.raises(ValueError, match="params must be real arrays, got int32 in 'steps'"):
        tx.init({"steps": jnp.arange(3)})
    with pytest.raises(ValueError, match="range.low must be smaller than range.high"):
        T.pulsed(T.ConstantStep(), KEY, range=(1e-4, 1e-6))
