"""An array of devices at one moment."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check
from memjax.circuit._control import Control, checked_control
from memjax.circuit._network import Sources
from memjax.circuit._newton import device_current, newton
from memjax.circuit._solve import Solution, solution_of
from memjax.circuit._wires import Wires
from memjax.devices import AbstractDevice


def operating_point(
    device: AbstractDevice,
    state: Any,
    voltage: Any,
    wires: Wires,
    *,
    sense_voltage: Any = 0.0,
    tolerance: float | None = None,
    max_iterations: int = 50,
) -> Solution:
    """Voltages and currents of an array of devices whose states are given: as `solve`, with i = current(state, v).

    Args:
        device: model of the cells; its numbers may be arrays [m, n]. Its current must increase with the voltage.
        state: [m, n] in [0, 1].
        voltage: drivers [m] [V].
        wires: resistances [ohm].
        sense_voltage: sense terminals, a number or [n] [V].
        tolerance, max_iterations: of Newton's method (see `solve`).

    Returns: `Solution`; look at `converged`.

    Raises: ValueError for shapes that do not match and states outside [0, 1]; TypeError for no device or no wires.
    """
    _check.part("device", device, AbstractDevice, example="memjax.devices.VTEAM.pt_hf_ti()")
    _check.part("wires", wires, Wires, example="memjax.Wires(row=1.0)")
    state = _check.array("state", state, low=0.0, high=1.0)
    voltage, sense_voltage = _check.array("voltage", voltage), _check.array("sense_voltage", sense_voltage)
    if np.ndim(state) != 2:
        raise ValueError(f"state must have shape [m, n], got {np.shape(state)}")
    m, n = np.shape(state)
    if np.shape(voltage) != (m,) or np.shape(sense_voltage) not in ((), (n,)):
        raise ValueError(
            f"voltage must have shape {(m,)} and sense_voltage () or {(n,)} for states {(m, n)}, got "
            f"{np.shape(voltage)} and {np.shape(sense_voltage)}"
        )
    wires.check(m, n)
    dtype = jnp.result_type(state, voltage, sense_voltage, *jax.tree.leaves(device), jnp.float32)
    state, voltage, sense = (jnp.asarray(a, dtype) for a in (state, voltage, sense_voltage))
    control = checked_control(tolerance, max_iterations, None, dtype)
    return _operating_point(device, state, voltage, jnp.broadcast_to(sense, (n,)), wires, control)


@partial(jax.jit, static_argnames="control")
def _operating_point(
    device: AbstractDevice, state: Array, voltage: Array, sense: Array, wires: Wires, control: Control
) -> Solution:
    m, n = state.shape
    links = wires.links(m, n, state.dtype)
    nodes = newton(device_current, (device, state), links, Sources(voltage, sense), control)
    return solution_of(nodes, device.current(state, nodes.word - nodes.bit), control)
