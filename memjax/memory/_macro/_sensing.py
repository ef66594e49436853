"""Voltages and resistances of the cells that are read, and the energies of writes."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._cell import RESISTIVE, MemoryCell
from memjax.memory._macro._gates import resistance, transistor
from memjax.memory._macro._process import Process

# Efficiency of the drivers that shape the pulses of phase-change cells.
SHAPER = 0.2


class Access(NamedTuple):
    """What a cell is to its lines: resistance [ohm] and capacitances [F] of its access device."""

    resistance: Any
    cap: Any
    gate_cap: Any  # to the word line
    drain_cap: Any  # to the bit line


def access(process: Process, cell: MemoryCell) -> Access:
    """Of one cell; two cells share a contact to the bit line."""
    if cell.crosspoint:
        return Access(0.0, cell.capacitance, cell.capacitance, cell.capacitance)
    nmos = transistor(process, cell.access_width, cell.width)
    gates = 2.0 if cell.kind == "sram" else 1.0
    return Access(resistance(process, cell.access_width), nmos.cap_out, gates * nmos.cap_in, nmos.cap_out / 2.0)


class Bias(NamedTuple):
    """A resistive cell as its sense amplifier sees it: resistances with the access device, levels of the bit line."""

    r_on: Any
    r_off: Any
    tau_on: Any  # resistances that discharge the bit line
    tau_off: Any
    v_on: Any
    v_off: Any
    precharge: Any
    valid: Any


def bias(process: Process, cell: MemoryCell) -> Bias | None:
    """Fed with a current I: v = I R. With a read voltage V, in series with R_s = sqrt(R_on R_off): v = V R/(R + R_s).

    None for a cell without resistance.
    """
    if cell.kind not in RESISTIVE:
        return None
    own = access(process, cell).resistance
    on, off = own + cell.r_on, own + cell.r_off
    if cell.sensing == "current":
        zero = jnp.zeros_like(on)
        return Bias(on, off, on, off, zero, zero, zero, jnp.bool_(True))
    if cell.read_voltage is None:
        tau_on, tau_off, v_on, v_off = on, off, cell.read_current * on, cell.read_current * off
    else:
        series = jnp.sqrt(on * off)
        tau_on, tau_off = on * series / (on + series), off * series / (off + series)
        v_on, v_off = cell.read_voltage * on / (on + series), cell.read_voltage * off / (off + series)
    precharge = jnp.minimum(process.vdd, (v_on + v_off) / 2.0)
    return Bias(on, off, tau_on, tau_off, v_on, v_off, precharge, precharge - v_on > cell.sense_voltage)


def settling(swing: Any, voltage: Any) -> Any:
    """Time constants until a bit line that goes to a level `swing` away has moved by `voltage`."""
    left = swing - voltage
    return jnp.log(jnp.where(left > 0.0, swing, 2.0) / jnp.where(left > 0.0, left, 1.0))


def read_power(process: Process, cell: MemoryCell) -> Any:
    """Of one cell [W]."""
    if cell.read_power is not None:
        return cell.read_power
    if cell.sensing == "voltage" and cell.read_voltage is None:
        return process.vdd * cell.read_current
    series = cell.r_on + (jnp.sqrt(cell.r_on * cell.r_off) if cell.sensing == "voltage" else 0.0)
    return process.vdd * (cell.read_voltage - cell.voltage_drop) / series


def write_voltage(process: Process, cell: MemoryCell, which: str) -> Any:
    """To which the bit line is charged."""
    mode, voltage = getattr(cell, f"{which}_mode"), getattr(cell, f"{which}_voltage")
    return voltage if mode == "voltage" else process.vdd


def write_energy(process: Process, cell: MemoryCell, which: str) -> Any:
    """Of one "set" or "reset" in the cell itself [J]."""
    energy, pulse, voltage, current = (
        getattr(cell, f"{which}_{name}") for name in ("energy", "pulse", "voltage", "current")
    )
    if energy is not None:
        return energy
    if getattr(cell, f"{which}_mode") == "voltage":
        at_write = getattr(cell, f"r_on_{which}") if cell.kind == "rram" and cell.access == "none" else None
        size = jnp.abs(voltage)
        return size * (size - cell.voltage_drop) / (cell.r_on if at_write is None else at_write) * pulse
    # NVSim looks at the RESET voltage to choose for both.
    given = cell.reset_voltage if process.like_nvsim else voltage
    if given is None:
        return process.vdd * jnp.abs(current) * pulse
    return jnp.abs(0.0 if voltage is None else voltage) * jnp.abs(current) * pulse


def line_currents(cell: MemoryCell, rows: Any, columns: Any, selected: Any) -> tuple[Any, Any]:
    """What the drivers of a word line and of a bit line must carry in a write [A]."""
    if cell.kind not in RESISTIVE:
        return jnp.zeros_like(rows), jnp.zeros_like(rows)
    if not cell.crosspoint:
        given = [abs(current) for current in (cell.set_current, cell.reset_current) if current is not None]
        most = given[0] if len(given) == 1 else jnp.maximum(*given) if given else 0.0
        return jnp.zeros_like(rows), most + cell.leakage * (rows - 1.0)
    r_reset = cell.r_on if cell.r_on_reset is None else cell.r_on_reset
    if cell.reset_current is None:
        one = (jnp.abs(cell.reset_voltage) - cell.voltage_drop) / r_reset
    else:
        one = jnp.abs(cell.reset_current)
    if cell.access == "none":
        half = one * r_reset / 2.0 / (r_reset if cell.r_on_half is None else cell.r_on_half)
    else:
        half = cell.leakage
    return one * selected + half * (columns - selected), one + half * (rows - 1.0)
