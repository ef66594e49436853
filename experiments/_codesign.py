"""Design of hardware by gradient: what a design is, what it costs and loses, and the descent.

Bits are real numbers here, inside `jit` (known ones must be whole). A converter of B bits has 2^(B-1) - 1 steps,
which need not be whole; its output is lsb round(x / lsb), of which the straight-through derivative by the resolution is

    d/dB [lsb round(x / lsb)] = (round(x / lsb) - x / lsb) d lsb/dB

(S. K. Esser et al., "Learned step size quantization", ICLR 2020): the error that was made, in LSB, is kept, and grows
with the LSB. This is what differentiating memjax's converters gives, without anything added to them. How far it can be
trusted is measured by `slopes`. Ranges are estimates from the weights and follow v_max and R_on; no derivative passes
through them, since within the range a scale that is undone has none.
"""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

import memjax as mj
from memjax.spec import number


class Design(NamedTuple):
    """Hardware of a network of L layers; also what is said of each number, and a point of the unit cube.

    Attributes:
        adc, dac: bits of the converters of every layer [L].
        v_max: read voltage [V].
        r_on: resistance of the LRS [ohm].
        columns: bit lines that share one ADC.
    """

    adc: Any
    dac: Any
    v_max: Any
    r_on: Any
    columns: Any


LOW = Design(2.0, 2.0, 0.02, 3e3, 1.0)
HIGH = Design(8.0, 8.0, 1.0, 300e3, 128.0)
EVEN = Design("linear", "linear", "log", "log", "log")

WINDOW = 20.0  # R_off / R_on
SPREAD = 0.05  # of both resistances, relative
ERROR = 2e-6  # of a cell [S]: about what W. Wan et al., Nature 608 (2022), find at mid-range a second after the write
DRIVER = 10e-3  # noise of a word line, root mean square, assumed [V]
BANDWIDTH = 1e9  # of a read, about the rate of the ADCs [Hz]
LATE = 20.0  # penalty of ln(latency / budget): more than ln(energy) gains by it, so that the budget is kept
WEIGHTS = (-3.0, 8.0)  # bounds of ln w


class DriverNoise(mj.effects.Noise):
    """Noise of the voltage of word lines: variance of a cell's current (G volts)^2, drawn for each bit line alone."""

    volts: Any = number(low=0.0, unit="V")

    def power(self, conductance, memory):
        return mj.effects.Power(constant=jnp.square(conductance * self.volts))


def numbers(unit: Design) -> Design:
    """The design at a point of the unit cube."""
    scale = lambda z, low, high, even: low + (high - low) * z if even == "linear" else low * (high / low) ** z
    return Design(*map(scale, unit, LOW, HIGH, EVEN))


def rounded(design: Design) -> Design:
    """The design with whole bits, and whole columns that make it no slower."""
    return design._replace(adc=jnp.round(design.adc), dac=jnp.round(design.dac), columns=jnp.floor(design.columns))


def with_whole_bits(unit: Design) -> Design:
    """The nearest point of the unit cube with whole bits."""
    snap = lambda z, low, high: (jnp.round(low + (high - low) * z) - low) / (high - low)
    return unit._replace(adc=snap(unit.adc, LOW.adc, HIGH.adc), dac=snap(unit.dac, LOW.dac, HIGH.dac))


def forward(params, x):
    """A multilayer perceptron with weights "w0", "w1", ... and biases "b0", "b1", ..."""
    x = x.reshape(len(x), -1)
    for layer in range(layers := len(params) // 2):
        x = x @ params[f"w{layer}"] + params[f"b{layer}"]
        x = x if layer == layers - 1 else jax.nn.relu(x)
    return x


def crossbars(design: Design, tile: tuple[int, int], layers: int) -> mj.transform.Analog:
    """The network on this hardware."""
    cell = mj.Cell(r_on=design.r_on, r_off=WINDOW * design.r_on)
    effects = (
        mj.effects.DeviceVariation(SPREAD * design.r_on, SPREAD * WINDOW * design.r_on, "lognormal"),
        mj.effects.ReadNoise(absolute=ERROR),
        mj.effects.ThermalNoise(BANDWIDTH),
        DriverNoise(DRIVER),
    )
    one = lambda layer: mj.Hardware(
        cell, tile=tile, effects=effects, dac=mj.Dac(bits=design.dac[layer], v_max=design.v_max),
        adc=mj.Adc(bits=design.adc[layer]),
    )  # fmt: skip
    return mj.crossbarify(forward, {f"w{layer}": one(layer) for layer in range(layers)})


def technology(columns: Any) -> mj.cost.Technology:
    """ISAAC's components, of whose ADC power a fifth leaks: the share of T. Andrulis et al., arXiv 2404.06553."""
    isaac = mj.cost.Technology.isaac()
    busy = isaac.adc.reference
    leaking = eqx.tree_at(lambda c: c.leakage, busy.scaled(energy=0.8), 0.2 * busy.energy / busy.latency)
    return eqx.tree_at(lambda t: (t.adc.reference, t.columns_per_adc), isaac, (leaking, columns))


def cost(design: Design, analog: Any, params: Any, x: Any, chip: Any) -> dict[str, Array]:
    """Of one inference: energy [J], with what leaks meanwhile, and latency [s]; area [m2].

    `x` are images, or their shape: then the energy of the cells is that of evenly spread inputs.
    """
    total = mj.cost.report(analog, params, x, technology(design.columns), chip=chip).total
    energy = total.energy + total.leakage * total.latency
    return {"energy": energy / x.shape[0], "latency": total.latency / x.shape[0], "area": total.area}


def measured(params, tile, images: Array, labels: Array, shown: Any, key: Array, design: Design) -> dict[str, Array]:
    """Cross entropy and accuracy of one chip, and `cost` on `shown`, of each of `columns` where they are many."""
    write, read = jax.random.split(key)
    analog = crossbars(design, tile, len(params) // 2)
    chip = analog.program(params, write, images)
    logits = analog.apply(chip, params, images, key=read)
    one = lambda columns: cost(design._replace(columns=columns), analog, params, shown, chip)
    return {
        "loss": optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(),
        "accuracy": jnp.mean(logits.argmax(-1) == labels),
        **(jax.vmap(one) if jnp.ndim(design.columns) else one)(design.columns),
    }


def population(params, tile, images: Array, labels: Array, key: Array, chips: int, design: Design) -> dict[str, Array]:
    """The means of `measured` over chips, with the energy of evenly spread inputs."""
    shown = jax.ShapeDtypeStruct((1, *images.shape[1:]), images.dtype)
    one = lambda key: measured(params, tile, images, labels, shown, key, design)
    return jax.tree.map(partial(jnp.mean, axis=0), jax.vmap(one)(jax.random.split(key, chips)))


class Goal(NamedTuple):
    """What a descent minimises: ln(energy) + w loss, w fixed or driven by a constraint.

    Attributes:
        weight: ln w at the start.
        loss: the cross entropy that is allowed, with the least energy; NaN: no constraint.
        energy: the energy [J] that is allowed, with the least cross entropy; NaN: no constraint.
    """

    weight: Any
    loss: Any = np.nan
    energy: Any = np.nan


class Search(NamedTuple):
    """Settings of a descent. It goes through its last quarter with whole bits.

    Attributes:
        steps: each with new chips and new images.
        chips, images: of one step.
        rate: of Adam, in the unit cube; it falls to 0 as a cosine.
        dual_rate: by which ln w follows ln(loss / allowed loss), or ln(allowed energy / energy).
        budget: latency of an inference that is allowed [s].
    """

    steps: int = 100
    chips: int = 4
    images: int = 64
    rate: float = 0.06
    dual_rate: float = 0.15
    budget: float = 0.45e-6


def start(layers: int) -> Design:
    """Where every descent starts, in the unit cube."""
    return Design(jnp.full(layers, 0.7), jnp.full(layers, 0.7), jnp.array(0.6), jnp.array(0.5), jnp.array(0.5))


def descend(params, tile, images, labels, key: Array, search: Search, goal: Goal) -> tuple[Design, dict[str, Array]]:
    """The design that a descent ends with, in whole numbers, and its path."""
    tx = optax.adam(optax.cosine_decay_schedule(search.rate, search.steps), b1=0.8, b2=0.95)
    ratio = lambda value, allowed: jnp.where(jnp.isnan(allowed), 0.0, jnp.log(value / allowed))

    def objective(unit, weight, x, y, key):
        seen = population(params, tile, x, y, key, search.chips, numbers(unit))
        late = jax.nn.relu(jnp.log(seen["latency"] / search.budget))
        return jnp.log(seen["energy"]) + jnp.exp(weight) * seen["loss"] + LATE * late, seen

    def step(state, at):
        unit, moments, weight = state
        count, (pick_key, chip_key) = at[0], jax.random.split(at[1])
        pick = jax.random.choice(pick_key, len(labels), (search.images,), replace=False)
        slope, seen = jax.grad(objective, has_aux=True)(unit, weight, images[pick], labels[pick], chip_key)
        updates, moments = tx.update(slope, moments)
        moved = jax.tree.map(lambda z, u: jnp.clip(z + u, 0.0, 1.0), unit, updates)
        unit = jax.tree.map(partial(jnp.where, count < search.steps * 3 // 4), moved, with_whole_bits(moved))
        pull = ratio(seen["loss"], goal.loss) - ratio(seen["energy"], goal.energy)
        weight = jnp.clip(weight + search.dual_rate * pull, *WEIGHTS)
        return (unit, moments, weight), seen | {"weight": weight}

    first = start(len(params) // 2)
    steps = (jnp.arange(search.steps), jax.random.split(key, search.steps))
    (unit, *_), path = jax.lax.scan(step, (first, tx.init(first), jnp.asarray(goal.weight, float)), steps)
    return rounded(numbers(unit)), path


def front(energy: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Indices of the designs that no other beats in both, by rising energy; of equals the first."""
    order = np.lexsort((np.arange(len(energy)), -accuracy, energy))
    best = np.maximum.accumulate(np.concatenate([[-np.inf], accuracy[order][:-1]]))
    return order[accuracy[order] > best]
