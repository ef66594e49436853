"""The training rule of DNN+NeuroSim: device curves that set the odds of integer steps."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from memjax import _check
from memjax._random import fold_name, normal, uniform
from memjax.training.algorithms._in_situ import Leaf, Turn, in_situ
from memjax.training.laws import curvature


def wage_step(
    weight: Array,
    change: Array,
    uniforms: Array,
    normals: Array,
    bend_up: Any,
    bend_down: Any,
    *,
    levels: Any = 32,
    bits: int = 5,
    gradient_bits: int = 5,
    c2c: Any = 0.003,
) -> Array:
    """One update of weights in [-1, 1] by the rule of DNN+NeuroSim V2.1, for given random numbers.

        S(b) = 2^(b-1),  C(w) = clip(w, -1 + 1/S(bits), 1 - 1/S(bits)),  d = round(change levels / 2)
        curve w(n) = B (1 - exp(-n / A)) - 1,  B = 2 / (1 - exp(-levels / A)),  A = bend_up if d < 0 else bend_down
        G = floor(w - C(w(n(w) - d)) + uniforms) / S(gradient_bits)
        w <- C(w - G + 2 c2c normals [G != 0])

    The change that the device would make is rounded at random to an integer, and only then divided by S: the curve sets
    the probability of steps of 1/16, not their size. Pulses that act as they are, about 16 times as much, are those of
    `NeuroSimStep`.

    Args:
        weight: weights.
        change: what is asked for, in the direction of the gradient: positive changes lower the weight.
        uniforms: uniform numbers in [0, 1), of the shape of `weight`.
        normals: standard normal numbers, of the shape of `weight`.
        bend_up, bend_down: A of each direction, levels times `curvature` of the label.
        levels: number of conductance levels.
        bits, gradient_bits: bits of weights and of updates.
        c2c: cycle-to-cycle standard deviation, relative to the range; added once to each cell that is updated.

    Returns: the new weights.

    Source: Peng et al., "DNN+NeuroSim V2.0: An End-to-End Benchmarking Framework for Compute-in-Memory Accelerators for
        On-Chip Training" (TCAD 40:2306, 2021), release V2.1; the integer arithmetic is that of WAGE (Wu et al., ICLR
        2018).
    """
    limit = 1.0 - 2.0 ** (1 - bits)
    clip = lambda w: jnp.clip(w, -limit, limit)
    count = jnp.round(change / 2.0 * levels)
    bend = jnp.where(count < 0, bend_up, bend_down)
    scale = -2.0 / jnp.expm1(-levels / bend)
    place = -bend * jnp.log1p(-(jnp.clip(weight, -1.0, 1.0) + 1.0) / scale)
    moved = -scale * jnp.expm1(-(place - count) / bend) - 1.0
    step = jnp.floor(weight - clip(moved) + uniforms) / 2.0 ** (gradient_bits - 1)
    noise = jnp.where(step != 0.0, 2.0 * c2c * normals, 0.0)
    return clip(weight - step + noise)


class Wage(NamedTuple):
    """What `neurosim_wage` remembers of an array, float32 at least.

    Attributes:
        velocity: running mean of the gradient.
        bend_up, bend_down: A of the cells in both directions.
    """

    velocity: Array
    bend_up: Array
    bend_down: Array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.velocity.shape


class Step(eqx.Module):
    """v <- momentum v + (1 - momentum) g;  w <- wage_step(w, rate v / 2^round(log2 max|v|))."""

    rate: Any
    momentum: Any
    levels: Any
    c2c: Any
    bits: int = eqx.field(static=True)
    gradient_bits: int = eqx.field(static=True)

    def __call__(self, value: Array, want: Any, own: Wage, turn: Turn) -> tuple[Array, Wage]:
        u_key, n_key = jax.random.split(turn.key)
        velocity = self.momentum * own.velocity + (1.0 - self.momentum) * want
        after = wage_step(
            value,
            self.rate * velocity / _shift(jnp.max(jnp.abs(velocity), initial=0.0)),
            uniform(u_key, value.shape, value.dtype),
            normal(n_key, value.shape, value.dtype),
            own.bend_up,
            own.bend_down,
            levels=self.levels,
            bits=self.bits,
            gradient_bits=self.gradient_bits,
            c2c=self.c2c,
        )
        return after.astype(value.dtype) - value, own._replace(velocity=velocity)


def neurosim_wage(
    key: Array,
    *,
    rate: Any = 1.0,
    momentum: Any = 0.9,
    levels: Any = 32,
    ltp: Any = 1.75,
    ltd: Any = 1.46,
    bits: int = 5,
    gradient_bits: int = 5,
    c2c: Any = 0.003,
    d2d: Any = 0.0,
) -> optax.GradientTransformationExtraArgs:
    """Train as DNN+NeuroSim V2.1 does: gradients in, changes of weights in [-1, 1] by `wage_step` out.

        v <- momentum v + (1 - momentum) g,   change = rate v / 2^round(log2 max|v|)     (maximum over each array)

    It is an optimiser of its own: give it gradients, nothing before or after. The network of the source reads its
    weights rounded to multiples of 2^(1-bits), which is a matter of the forward pass.

    Args:
        key: PRNG key of cells, roundings and noise. Those of a parameter depend on it and on the parameter's name.
        rate: learning rate.
        momentum: decay of the running mean.
        levels, bits, gradient_bits, c2c: as in `wage_step`.
        ltp, ltd: nonlinearity labels, magnitudes in [0.01, 9]; negative `ltd`: steps shrink in both directions.
        d2d: device-to-device standard deviation of the labels; one draw for both directions of a cell.

    Returns: an optax transformation with the state `InSituState`. Its `update` needs the parameters.

    Raises: ValueError for numbers out of their range and for missing parameters.

    Source: as `wage_step`; labels are not truncated to the hundredths of its table.
    """
    _check.key("key", key)
    _check.positive("neurosim_wage", rate=rate)
    _check.fraction("neurosim_wage", momentum=momentum)
    _check.number("neurosim_wage.levels", levels, 2.0)
    for name, label in (("ltp", ltp), ("ltd", ltd)):
        _check.number(f"neurosim_wage.{name}", label, -9.0, 9.0)
    for name, number in (("bits", bits), ("gradient_bits", gradient_bits)):
        _check.integer(f"neurosim_wage.{name}", number, 2, 16)
    _check.not_negative("neurosim_wage", c2c=c2c, d2d=d2d)

    def start(leaf: Leaf) -> Wage:
        def bend(label):
            offs = normal(fold_name(key, leaf.name), leaf.value.shape, leaf.value.dtype)
            return (levels * curvature(label + d2d * offs)).astype(leaf.value.dtype)

        return Wage(jnp.zeros_like(leaf.value), bend(ltp), bend(ltd))

    return in_situ(key, start, Step(rate, momentum, levels, c2c, bits, gradient_bits))


def _shift(size: Array) -> Array:
    """The power of two next to a magnitude, on a logarithmic scale; 1 for 0."""
    return jnp.exp2(jnp.round(jnp.log2(jnp.where(size > 0.0, size, 1.0))))
