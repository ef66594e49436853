"""Electrical power that the cells take from their word lines in reads."""

from functools import partial, reduce
from operator import add
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax.contraction import Convolution, Dot, Observation, matmul
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._packing import Packing
from memjax.crossbar._program import Chip
from memjax.crossbar._response import conducted, presented

# Elements of drives that are live at once.
ELEMENTS = 1 << 22


class WordLines(NamedTuple):
    """What a driver of each word line meets.

    Attributes:
        branches: for each branch of the current-voltage relation the conductance [S] of all cells on the line, of all
            arrays, padding included: [K] each.
        gain: relative gain of the driver, [K].
    """

    branches: tuple[Array, ...]
    gain: Array


def word_lines(hardware: Hardware, entry: Chip) -> WordLines:
    """The word lines of a programmed crossbar, over its leading axes."""
    f = partial(_word_lines, hardware)
    for _ in entry["scale"].shape[:-1]:
        f = jax.vmap(f)
    return f(entry)


def _word_lines(hardware: Hardware, entry: Chip) -> WordLines:
    inputs = entry["drive"].shape[-1]
    cells = presented(hardware, entry)
    every = zip(*(conducted(hardware, g) for g in cells.values()), strict=True)
    total = lambda arrays: reduce(add, (g.sum(-1).reshape(-1)[:inputs] for g in arrays))
    return WordLines(tuple(map(total, every)), entry["drive"])


def power(
    hardware: Hardware,
    contraction: Dot | Convolution,
    lines: WordLines,
    x: Array,
    dac_range: Array | None = None,
) -> Observation:
    """Power of the cells [W], summed over all input planes of a contraction, and the largest of one plane.

        P = sum_i V_i^2 sum_j G_ij;   with a current-voltage relation V_i sum_j I_ij(V_i)

    Bit lines are at 0 V and wires take nothing. Groups of word lines (`Hardware.rows_at_once`) are one plane. A pulse
    whose length is its code counts for its share of the plane.

    Args:
        hardware, contraction: the specification and the digital op.
        lines: the word lines, with the stack of a `Dot` as leading axis; the groups of a convolution are packed.
        x: the data operand, in the op's own layout.
        dac_range: calibrated range of the DAC, or None.
    """
    packing = Packing.of(hardware, contraction)
    if packing is not None:
        of_groups = lambda values: packing.unpack(values[:, None])[..., 0]
        lines = jax.tree.map(of_groups, lines)
    data = contraction.data(x).astype(lines.gain.dtype)
    stored = None if dac_range is None else jnp.max(dac_range)
    codes, _ = hardware.dac.convert(data, contraction.vector_axes, stored)
    steps = jnp.asarray(hardware.dac.steps(), codes.dtype)

    def kernel(rows, lines, key, first):
        del key, first
        planes = _powers(hardware, lines, hardware.dac.driven(hardware.dac.encoding.drives(rows, steps)))
        return jnp.zeros((len(rows), 1), rows.dtype), Observation(jnp.sum(planes), jnp.max(planes, initial=0.0))

    most = max(1, ELEMENTS // (contraction.shape[0] * hardware.dac.encoding.planes))
    seen = contraction.over_rows(kernel, codes, lines, None, most, True)[1]
    return Observation(jnp.sum(seen.total), jnp.max(seen.peak))


def _powers(hardware: Hardware, lines: WordLines, drives: Array) -> Array:
    """[B, K] drives -> power of each plane [B]."""
    dac = hardware.dac
    if dac.encoding.integrates:
        share, volts = jnp.abs(drives) / dac.encoding.top(dac.steps()), jnp.sign(drives) * dac.v_max * lines.gain
    else:
        share, volts = 1.0, drives * dac.volts() * lines.gain
    squared = share * volts**2
    if hardware.conduction is None:
        return matmul(squared, lines.branches[0])
    factors = hardware.conduction.factors()
    return sum(
        (matmul(squared * f(volts), g) for f, g in zip(factors, lines.branches, strict=True)), jnp.zeros(len(drives))
    ).astype(drives.dtype)


def mean_power(hardware: Hardware, lines: WordLines, vectors: Any) -> Array:
    """The same expected of inputs spread evenly over the range of the DAC, for a number of vectors of each matrix.

    E[V^2] / V_max^2 is 1/3 for amplitudes, 1/2 for the bits of serial inputs and for pulses of any length.
    """
    dac = hardware.dac
    activity = 0.5 if dac.encoding.full_swing else 1.0 / 3.0
    volts = dac.v_max * lines.gain
    factors = (jnp.ones_like,) if hardware.conduction is None else hardware.conduction.factors()
    one = sum(jnp.sum(volts**2 * f(volts) * g) for f, g in zip(factors, lines.branches, strict=True))
    return activity * one * vectors * dac.encoding.planes
