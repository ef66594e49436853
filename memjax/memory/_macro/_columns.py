"""What stands at the end of the bit lines: multiplexers, prechargers and sense amplifiers."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._drivers import driver
from memjax.memory._macro._gates import (
    NARROWEST,
    ROW_OF_AREA,
    gate_cap,
    inverter,
    resistance,
    transconductance,
    transistor,
)
from memjax.memory._macro._process import Process

RC_TO_90 = 2.3  # time constants until nine tenths
DROP = 0.2  # resistance of a multiplexer beside that of a cell
LEAST_PASS = 9.0  # NMOS of a multiplexer [F]
PRECHARGE = 6.0  # PMOS of a precharger [F]
CONVERTER = 50_000.0  # area of a converter from current to voltage [F2]
# Transistors of a latch: inverters, isolation, enable and multiplexer [F].
LATCH_P, LATCH_N, ISOLATION, ENABLE, LATCH_MUX = 7.5, 3.75, 12.5, 5.0, 9.0
LATCH_GAPS = 8.0
LEAST_PITCH, LEAST_FOLDED = 2.0, 3.0


class Mux(NamedTuple):
    """One level of multiplexers; all zero for a single input."""

    latency: Any
    energy: Any  # of one multiplexer
    resistance: Any
    cap: Any  # of one pass transistor
    cap_seen: Any  # by the stage before, while it drives
    height: Any
    width: Any  # of one input


def mux(process: Process, inputs: Any, cap_load: Any, cap_next: Any, current: Any, widest: Any, r_on: Any) -> Mux:
    """NMOS that let one of `inputs` through.

    Args:
        cap_load, cap_next: what follows, for the delay and for the energy [F].
        current: that each must carry [A].
        r_on: of the cell behind [ohm], five times the resistance at most; None if nothing depends on it.
    """
    width = jnp.maximum(LEAST_PASS, current / (process.on_n * process.node))
    if r_on is not None:
        width = jnp.maximum(width, jnp.minimum(resistance(process, 1.0) / (DROP * r_on), widest))
    one, many = transistor(process, width, ROW_OF_AREA), inputs > 1
    own, gap = resistance(process, width), inputs * one.cap_out
    return Mux(
        latency=jnp.where(many, RC_TO_90 * own * (gap + cap_load), 0.0),
        energy=jnp.where(many, (gap + cap_next) * process.vdd * (process.vdd - process.vth), 0.0),
        resistance=jnp.where(many, own, 0.0),
        cap=jnp.where(many, one.cap_out, 0.0),
        cap_seen=jnp.where(many, gap + one.cap_out + cap_load, 0.0),
        height=jnp.where(many, one.height, 0.0),
        width=one.width,
    )


class Precharger(NamedTuple):
    """The prechargers of all bit lines of a subarray."""

    energy: Any
    leakage: Any
    height: Any
    width: Any


def precharger(process: Process, widest: Any, columns: Any, cap_wire: Any) -> Precharger:
    """Two PMOS, an equaliser and an inverter for each bit line, all behind one driver; `cap_wire` is that of one."""
    inv, vdd = inverter(process, NARROWEST), process.vdd
    charge, equal = (transistor(process, width, ROW_OF_AREA, process.off_p) for width in (PRECHARGE, NARROWEST))
    chain = driver(process, "latency", widest, 1.0, inv.cap_in, columns * (inv.cap_in + cap_wire))
    drain_n = transistor(process, NARROWEST, ROW_OF_AREA).cap_out
    drain_p = transistor(process, NARROWEST * process.pn_ratio, ROW_OF_AREA).cap_out
    gates = equal.cap_in + 2.0 * charge.cap_in + drain_n + drain_p
    return Precharger(
        energy=chain.energy + columns * gates * vdd**2,
        leakage=chain.leakage + columns * vdd * (inv.leakage + charge.leakage),
        height=jnp.maximum(jnp.maximum(charge.height, equal.height) + inv.height, chain.height),
        width=jnp.maximum(columns * jnp.maximum(2.0 * charge.width + equal.width, inv.width), chain.width),
    )


class SenseAmplifier(NamedTuple):
    """One sense amplifier."""

    latency: Any
    energy: Any
    leakage: Any
    cap: Any
    height: Any
    valid: Any


def sense_amplifier(process: Process, pitch: Any, voltage: Any, currents: bool) -> SenseAmplifier:
    """A latch (CACTI) that splits from a difference of `voltage`, drawn to a pitch [F].

        t = C/gm ln(vdd/voltage)

    Args:
        currents: whether a converter from current to voltage stands before it.
    """
    pitch = jnp.maximum(pitch, 0.5)  # of no valid layout, but finite
    laid = {width: transistor(process, width, pitch) for width in (LATCH_P, LATCH_N, ISOLATION, ENABLE, LATCH_MUX)}
    cap = gate_cap(process, LATCH_P + LATCH_N) + sum(
        laid[width].cap_out for width in (LATCH_N, LATCH_P, ISOLATION, LATCH_MUX)
    )
    mobilities = {LATCH_N: process.mobility_n, LATCH_P: process.mobility_p}
    gm = sum(transconductance(process, width, mobility) for width, mobility in mobilities.items())
    stacked = sum(
        count * laid[width].width for width, count in ((LATCH_P, 2), (ISOLATION, 1), (LATCH_N, 2), (ENABLE, 1))
    )
    across = jnp.maximum(jnp.maximum(laid[LATCH_P].height, laid[ISOLATION].height), laid[ENABLE].height)
    height = (stacked + LATCH_GAPS) * jnp.maximum(across, laid[LATCH_N].height) / pitch
    power = process.vdd ** (2 if process.like_nvsim else 1) * laid[ENABLE].leakage  # NVSim takes I vdd^2 for watts
    latency = cap / gm * jnp.log(process.vdd / voltage)
    extra = (process.converter_delay, process.converter_energy, process.converter_leakage, CONVERTER / pitch)
    delay, energy, leakage, taller = extra if currents else (0.0, 0.0, 0.0, 0.0)
    return SenseAmplifier(
        latency=latency + delay,
        energy=cap * process.vdd**2 + energy,
        leakage=power + leakage,
        cap=cap,
        height=height + taller,
        valid=(pitch > LEAST_PITCH) & ((pitch > LEAST_FOLDED) | (pitch > ISOLATION)),
    )
