"""Approximate models of line resistance from the literature: output currents of an array in closed form or few sweeps.

Word lines i = 0..m-1 are driven at j = 0, bit lines j = 0..n-1 sensed at i = m-1, r is the resistance of every segment
(so that the link from a driver to its first cell and from the last cell to its virtual ground are r too). A model is
`model(array, voltage [m]) -> current [n]`. Most are an effective conductance matrix times the voltages.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Memory(NamedTuple):
    """An array, and what the models of its designers want to know of it."""

    conductance: Array  # [m, n], S
    r: Array  # ohm per segment
    r_low: Array  # resistance of a cell in the LRS [ohm]
    r_high: Array  # and in the HRS
    share: Array  # of cells in the HRS


Model = Callable[[Memory, Array], Array]


def ideal(array: Memory, voltage: Array) -> Array:
    return voltage @ array.conductance


def manhattan(array: Memory, voltage: Array) -> Array:
    """Every cell in series with its own way along the lines (the column current of DNN+NeuroSim)."""
    m, n = array.conductance.shape
    way = (jnp.arange(n) + 1)[None, :] + (m - jnp.arange(m))[:, None]
    return voltage @ _in_series(array, array.r * way)


def uniform_cell(array: Memory, voltage: Array) -> Array:
    """The drops as if all cells carried one current."""
    m, n = array.conductance.shape
    i = jnp.arange(m)
    along_column = (m * (m + 1) - i * (i + 1)) / 2
    return voltage @ _in_series(array, array.r * (_along_row(n)[None, :] + along_column[:, None]))


def jeong_cell(array: Memory, voltage: Array) -> Array:
    """The same with the column's drop of the public yardstick ("mod_Jeong")."""
    m, n = array.conductance.shape
    q = m - jnp.arange(m)
    return voltage @ _in_series(array, array.r * (_along_row(n)[None, :] + (q * (q + 1) / 2)[:, None]))


def jeong(array: Memory, voltage: Array, exponent: float | None = None) -> Array:
    """Jeong, Zidan and Lu, TNANO 2018, as read by the yardstick: one factor for each column."""
    m, n = array.conductance.shape
    k = 1.3 - array.share + 0.1 if exponent is None else exponent
    low, high = array.r_low, array.r_high
    mean = (low ** (1 - k) + high ** (1 - k)) / (low**-k + high**-k)
    return ideal(array, voltage) * mean / (mean + array.r * (_along_row(n) + m * (m + 1) / 2))


def dmr(array: Memory, voltage: Array) -> Array:
    """Liao et al., TCAD 2021: a diagonal matrix on either side of the conductances."""
    down, across = _dmr(array)
    return (voltage * down) @ array.conductance * across


def alpha_beta(array: Memory, voltage: Array) -> Array:
    """IEEE 9691996: the factors of DMR from each cell's own column and row."""
    down, across = _alpha_beta(array)
    return voltage @ (down * array.conductance * across)


def gamma(array: Memory, voltage: Array) -> Array:
    """The form that the yardstick had between: alpha and beta with a correction for the mean conductance."""
    m, n = array.conductance.shape
    mean, wire = jnp.mean(array.conductance), 1 / array.r
    down, across = _dmr(array)
    s = jnp.sqrt(down[0] * across[-1])
    x, a, b = m * (m - 1) / 2 * mean, (m - 2) / m, 2 / m
    g = jnp.maximum(0.0, a * x * (wire + x) * s / (wire * (wire * (1 - s) + a * x * (1 - s) - b * x * s)))

    def factor(moments: Array, total: Array, q: int) -> Array:
        c, load = (q - 1) / (q + 1), q * (q + 1) / 2 * mean
        scale = (c * (wire + load) + 2 * wire * g / (q + 1)) / (wire + c * load)
        return (g + array.r * moments) / (g + scale * array.r * total)

    down = factor(*_moments(array.conductance), m)
    across = factor(*_moments(array.conductance.T[::-1]), n)[::-1].T
    return voltage @ (down * array.conductance * across)


def fused(array: Memory, voltage: Array) -> Array:
    """The yardstick's mean of jeong and DMR, weighted by the size."""
    weight = 1 - jnp.exp(-sum(array.conductance.shape) / 160)
    return weight * jeong(array, voltage, 0.2) + (1 - weight) * dmr(array, voltage)


def first_order(array: Memory, voltage: Array) -> Array:
    """Currents with the drops of the ideal currents."""
    drop = _drop(array.conductance * voltage[:, None], array.r)
    return jnp.sum(array.conductance * (voltage[:, None] - drop), 0)


def picard(array: Memory, voltage: Array, tolerance: float = 2e-4) -> Array:
    """CrossSim's loop on the cells' voltages in the yardstick's form: damping 50/((m + n) r), times 0.8 on failure.

    To `tolerance` [V]; not differentiable in reverse.
    """
    g, full = array.conductance, jnp.broadcast_to(voltage[:, None], array.conductance.shape)

    def iterate(carry):
        cell, _, damping, count = carry
        miss = full - _drop(g * cell, array.r) - cell
        return cell + damping * miss, jnp.max(jnp.abs(miss)), damping, count + 1

    def running(carry):
        _, miss, _, count = carry
        return (miss > tolerance) & (miss < 1e3) & (count < 1000)

    def attempt(carry):
        damping = carry[2] * 0.8
        cell, miss, _, _ = jax.lax.while_loop(running, iterate, (full, jnp.asarray(10.0, g.dtype), damping, 0))
        return cell, miss, damping, carry[3] + 1

    failing = lambda carry: ~(carry[1] <= tolerance) & (carry[3] < 50)
    start = (full, jnp.asarray(jnp.inf, g.dtype), jnp.minimum(0.9, 50 / (sum(g.shape) * array.r)) / 0.8, 0)
    return jnp.sum(g * jax.lax.while_loop(failing, attempt, start)[0], 0)


def ladder(sweeps: int, seeded: bool = False) -> Model:
    """Exact solutions of all word lines, then of all bit lines, by turns: 1 + `sweeps` times, from bit lines at 0 V.

    `seeded`: from the bit-line voltages of the currents of alpha_beta.
    """

    def model(array: Memory, voltage: Array) -> Array:
        g, r = array.conductance, array.r
        bit = jnp.zeros_like(g)
        if seeded:
            down, across = _alpha_beta(array)
            through = jnp.cumsum(voltage[:, None] * down * g * across, 0)
            bit = r * jnp.cumsum(through[::-1], 0)[::-1]
        for _ in range(1 + sweeps):
            word = _lines(g.T, (g * bit).T, voltage, r).T
            bit = _lines(g[::-1], (g * word)[::-1], jnp.zeros_like(g[0]), r)[::-1]
        return bit[-1] / r

    return model


MODELS: dict[str, Model] = {
    "ideal": ideal,
    "manhattan": manhattan,
    "uniform_cell": uniform_cell,
    "jeong": jeong,
    "jeong_cell": jeong_cell,
    "dmr": dmr,
    "alpha_beta": alpha_beta,
    "gamma": gamma,
    "fused": fused,
    "pert1": first_order,
    "picard": picard,
    "ladder0": ladder(0),
    "ladder1": ladder(1),
    "alpha_beta+ladder0": ladder(0, seeded=True),
    "ladder3": ladder(3),
}


def _in_series(array: Memory, resistance: Array) -> Array:
    return array.conductance / (1 + array.conductance * resistance)


def _along_row(n: int) -> Array:
    """Segments that the currents of cells 0..n-1 of a row pass before cell j, counted for each current."""
    j = jnp.arange(n)
    return (j + 1) * n - j * (j + 1) / 2


def _moments(g: Array) -> tuple[Array, Array]:
    """sum over k < i of (i - k) g_k, for all i, and sum over k of (m - k) g_k, down the first axis."""
    below = jnp.cumsum(g, 0)
    twice = jnp.cumsum(below, 0)
    return twice - below, twice[-1]


def _factors(g: Array, r: Array) -> Array:
    moments, total = _moments(g)
    return (1 + r * moments) / (1 + r * total)


def _dmr(array: Memory) -> tuple[Array, Array]:
    down = _factors(jnp.mean(array.conductance, 1), array.r)
    return down, _factors(jnp.mean(array.conductance, 0)[::-1], array.r)[::-1]


def _alpha_beta(array: Memory) -> tuple[Array, Array]:
    down = _factors(array.conductance, array.r)
    return down, _factors(array.conductance.T[::-1], array.r)[::-1].T


def _drop(current: Array, r: Array) -> Array:
    """Voltage lost between the terminals by way of each cell, where the cells carry `current` [m, n]."""
    along = jnp.cumsum(current[:, ::-1], 1)[:, ::-1]
    down = jnp.cumsum(current, 0)
    return r * (jnp.cumsum(along, 1) + jnp.cumsum(down[::-1], 0)[::-1])


def _lines(g: Array, injected: Array, terminal: Array, r: Array) -> Array:
    """Node voltages of lines down the first axis, node 0 next to the terminal, by recursions that only divide."""

    def inward(carry, inputs):
        g, injected = inputs
        admittance, current = carry
        a = 1 / (1 + r * (g + admittance))
        current = injected + current
        return (a * (g + admittance), a * current), (a, current)

    def outward(voltage, inputs):
        a, current = inputs
        voltage = a * (voltage + r * current)
        return voltage, voltage

    zero = jnp.zeros_like(g[0])
    _, steps = jax.lax.scan(inward, (zero, zero), (g, injected), reverse=True)
    return jax.lax.scan(outward, terminal, steps)[1]
