"""The electrical numbers of a cell, measured on a device model by pulses."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax import _check
from memjax.devices import AbstractDevice, apply_pulse, simulate
from memjax.programming import Ramp

SHORTEST, LONGEST, HALVINGS = 1e-10, 1.0, 4  # pulses that are tried [s]; how finely the last doubling is divided
BESIDE = 1e-3  # share of the range
SAMPLES = 65  # of a pulse whose energy is integrated


def measured(
    device: AbstractDevice,
    set_voltage: Any,
    set_pulse: Any,
    reset_voltage: Any,
    reset_pulse: Any,
    read_voltage: Any,
    tolerance: Any,
) -> dict[str, Any]:
    """Fields of a `MemoryCell`: the device is SET from its HRS, then RESET, and read after each; all by pulses."""
    _check.part("device", device, AbstractDevice, example="memjax.devices.VTEAM.pt_hf_ti()")
    if device.binary:
        raise ValueError(f"device must have a state that a pulse moves, got the binary {type(device).__name__}")
    if any(np.ndim(leaf) for leaf in jax.tree.leaves(device)):
        raise ValueError("device must be one cell, got arrays of parameters")
    volts = {
        which: _check.scalar(
            f"{which}_voltage", _strongest(device, direction) if given is None else given, above=0.0, high=1e3, unit="V"
        )
        for which, given, direction in (("set", set_voltage, 1), ("reset", reset_voltage, -1))
    }
    read_voltage = _check.scalar("read_voltage", read_voltage, above=0.0, unit="V")
    tolerance = _check.scalar("tolerance", tolerance, above=0.0, below=0.5)
    low, high = device.conductance_bounds
    state = device.state_at(low)
    found: dict[str, Any] = {}
    for which, pulse, goal, sign in (("set", set_pulse, high, 1.0), ("reset", reset_pulse, low, -1.0)):
        voltage, state = sign * device.set_polarity * volts[which], _free(state)
        if pulse is None:
            pulse = _shortest(which, device, state, voltage, goal, tolerance * (high - low))
        pulse = _check.scalar(f"{which}_pulse", pulse, above=0.0, unit="s")
        trace = simulate(
            device, jnp.full(SAMPLES, voltage), jnp.linspace(0.0, pulse, SAMPLES), state, method="pulses", hold="zero"
        )
        state = apply_pulse(device, state, voltage, pulse)
        on = state if which == "set" else trace.state[0]  # the LRS, before or after
        found |= {
            f"{which}_voltage": volts[which],
            f"{which}_pulse": pulse,
            f"{which}_energy": trace.energy[-1],
            f"{which}_current": jnp.max(jnp.abs(trace.current)),
            f"r_on_{which}": _resistance(device, on, voltage),
            "r_on" if which == "set" else "r_off": _resistance(device, state, read_voltage),
        }
        if which == "reset":
            found["r_on_half"] = _resistance(device, on, voltage / 2.0)
    if not found["r_off"] > found["r_on"]:
        raise ValueError(
            f"device: {type(device).__name__} must be switched by the pulses, got {float(found['r_on']):.4g} ohm after "
            f"SET and {float(found['r_off']):.4g} ohm after RESET"
        )
    return found | {"read_voltage": read_voltage}


def _free(state: Any) -> Any:
    """Off the bounds, which some models do not leave."""
    return jnp.clip(state, BESIDE, 1.0 - BESIDE)


def _strongest(device: AbstractDevice, direction: int) -> float:
    """The last amplitude of write-verify [V]."""
    return float(np.max(Ramp.matched(device, direction).stop))


def _resistance(device: AbstractDevice, state: Any, voltage: Any) -> Any:
    return jnp.abs(voltage / device.current(state, voltage))


def _shortest(which: str, device: AbstractDevice, state: Any, voltage: Any, goal: Any, slack: Any) -> float:
    """The shortest of the pulses that take the conductance to within `slack` of the goal."""
    there = lambda state: bool(abs(device.conductance(state) - goal) <= slack)
    spent, step = 0.0, SHORTEST
    while not there(after := apply_pulse(device, state, voltage, step)):
        if spent + step > LONGEST:
            raise ValueError(
                f"{which}_voltage must move the device to within the tolerance in {LONGEST} s, got "
                f"{float(abs(voltage)):.4g} V: give a larger one, a longer {which}_pulse or more tolerance"
            )
        state, spent, step = after, spent + step, max(step, spent + step)
    for _ in range(HALVINGS):
        step /= 2.0
        after = apply_pulse(device, state, voltage, step)
        if not there(after):
            state, spent = after, spent + step
    return spent + step
