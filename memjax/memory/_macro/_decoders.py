"""Decoders of addresses: a NAND and a driver for every output, after blocks that decode a few bits each."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from memjax.memory._macro._delay import horowitz
from memjax.memory._macro._drivers import Driver, driver
from memjax.memory._macro._gates import NARROWEST, Gate, gate, resistance, slope_factor
from memjax.memory._macro._process import Process

MOST_BITS = 9  # of one block: three decoders of three bits


class Decoder(NamedTuple):
    """One decoder with all its outputs, of which one switches."""

    inputs: Any  # of the NAND of each output; 0 where a driver is all
    tau: Any
    beta: Any
    driver: Driver
    energy: Any
    leakage: Any
    height: Any
    width: Any
    valid: Any

    def taken(self, index: Any) -> "Decoder":
        """Some of an array of decoders."""
        return jax.tree.map(lambda leaf: leaf[index] if jnp.ndim(leaf) else leaf, self)

    def delay(self, before: Any) -> tuple[Any, Any]:
        """Delay, and that of the last stage, after a stage of the delay `before`."""
        own = jnp.where(self.inputs > 0, horowitz(self.tau, self.beta, before), 0.0)
        rest, last = self.driver.delay(jnp.where(self.inputs > 0, own, before))
        return own + rest, last


def nand(process: Process, inputs: Any) -> Gate:
    """The NAND of a decoder, as strong as the narrowest inverter; that inverter for 0 inputs."""
    k = jnp.maximum(inputs, 1)
    return gate(process, k, NARROWEST * k, NARROWEST * process.pn_ratio)


def decoder(
    process: Process,
    buffers: str,
    widest: Any,
    outputs: Any,
    inputs: Any,
    cap_load: Any,
    res_load: Any = 0.0,
    current: Any = 0.0,
) -> Decoder:
    """`outputs` gates of so many inputs (0: none) and their drivers; loads and current as of `driver`."""
    first, k = nand(process, inputs), jnp.maximum(inputs, 1)
    effort = (k + process.pn_ratio) / (1.0 + process.pn_ratio)
    chain = driver(process, buffers, widest, effort, first.cap_in, cap_load, res_load, current)
    charged, gated = first.cap_out + chain.cap_in, inputs > 0
    return Decoder(
        inputs=inputs,
        tau=resistance(process, NARROWEST) * charged,
        beta=slope_factor(process) / k,
        driver=chain,
        energy=chain.energy + jnp.where(gated, charged * process.vdd**2, 0.0),
        leakage=outputs * (chain.leakage + jnp.where(gated, first.leakage * process.vdd, 0.0)),
        height=outputs * jnp.where(gated, jnp.maximum(first.height, chain.height), chain.height),
        width=chain.width + jnp.where(gated, first.width, 0.0),
        valid=chain.valid,
    )


def array_decoder(
    process: Process, buffers: str, widest: Any, outputs: Any, cap_load: Any, res_load: Any, current: Any = 0.0
) -> Decoder:
    """The decoder of word lines or of a level of multiplexers, after one or two blocks of predecoders."""
    return decoder(process, buffers, widest, outputs, jnp.where(outputs > 8, 2, 0), cap_load, res_load, current)


class Predecoder(NamedTuple):
    """Blocks of predecoders that work at once."""

    latency: Any
    before: Any  # delay of the last stage
    energy: Any
    leakage: Any
    area: Any


def predecoder(process: Process, widest: Any, bits: Any, cap_load: Any) -> Predecoder:
    """Blocks [n] of 0 to 9 address bits each.

    Two bits or three are decoded by 4 or 8 gates; more by up to three such decoders, of as many three-bit ones as
    can be, and a gate for each of the 2^bits outputs.
    """
    pairs = jnp.where(bits > 1, (2 * bits) % 3, 0)  # decoders of two bits
    triples = (bits - 2 * pairs) // 3
    parts = pairs + triples
    deep = parts > 1
    mixed = deep & (pairs > 0) & (triples > 0)
    joining = jnp.where(deep, parts, 2)
    fan_in = nand(process, joining).cap_in
    # All at once: the one kind of decoder that every block has, three-bit ones beside two-bit ones, and the outputs.
    size = jnp.where(pairs > 0, 2, jnp.minimum(bits, 3))
    three = jnp.full_like(size, 3)
    one_load = jnp.where(deep, 2.0 ** (bits - size) * fan_in, cap_load)
    stages = decoder(
        process,
        "latency",
        widest,
        2.0 ** jnp.stack([size, three, bits]),
        jnp.stack([jnp.where(size > 1, size, 0), three, joining]),
        jnp.stack([one_load, 2.0 ** jnp.maximum(bits - 3, 0) * fan_in, cap_load]),
    )
    entry, last = stages.taken(slice(0, 2)).delay(jnp.zeros_like(cap_load))
    tails, final = stages.taken(slice(2, 3)).delay(last)
    if process.like_nvsim:  # which adds the first decoder's delay to both branches
        entry = jnp.broadcast_to(entry[:1], entry.shape)
    paths = entry + tails
    latency = jnp.where(deep, jnp.where(mixed, jnp.maximum(*paths), paths[0]), entry[0])
    before = jnp.where(deep, jnp.where(mixed, jnp.minimum(*final), final[0]), last[0])

    first = stages.taken(0).driver
    single = jnp.where(bits == 1, (first.cap_in + first.cap_out) * process.vdd**2, 0.0)
    there = jnp.stack([jnp.ones_like(deep), mixed, deep])
    counts = jnp.stack([jnp.where(pairs > 0, pairs, jnp.maximum(triples, 1)), triples, jnp.ones_like(bits)])
    heights = jnp.where(there, counts * stages.height, 0.0)
    widths = jnp.where(there, stages.width, 0.0)
    area = (jnp.maximum(widths[0], widths[1]) + widths[2]) * jnp.maximum(heights[0] + heights[1], heights[2])
    used = bits > 0
    return Predecoder(
        latency=jnp.where(used, latency, 0.0),
        before=jnp.where(used, before, 0.0),
        energy=jnp.where(used, jnp.sum(jnp.where(there, stages.energy, 0.0), 0) + single, 0.0),
        leakage=jnp.where(used, jnp.sum(jnp.where(there, stages.leakage, 0.0), 0), 0.0),
        area=jnp.where(used, area, 0.0) * process.node**2,
    )
