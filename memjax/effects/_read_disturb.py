"""Reads that move the state of the cells."""

from typing import Any

from jax import Array

from memjax._field import number, part
from memjax.converters import clip
from memjax.devices import AbstractDevice, apply_pulse
from memjax.effects._base import Ageing, Memory, Stress


class ReadDisturb(Ageing):
    """Each read is a pulse on every cell, by the physics of a device model.

    `age(..., reads=n)` applies n of them as one pulse of n times the width, which is the same for the autonomous state
    equations of `memjax.devices`. Devices with a threshold above the read voltage do not move at all.

    Args:
        device: the device; its conductance range covers that of the cells.
        amplitude: read voltage, with the sign in which it disturbs [V].
        width: duration of a read [s].

    Raises: TypeError for something that is no device; ValueError for a value out of its range, and in `Hardware` for
        cells beyond the range of the device.

    Source: the device model's own.
    """

    device: AbstractDevice = part(AbstractDevice, example="memjax.devices.VTEAM.pt_hf_ti()")
    amplitude: Any = number(unit="V")
    width: Any = number(above=0.0, unit="s")

    def check(self, hardware: Any) -> None:
        hardware.cell.check_within("ReadDisturb.device", self.device)

    def age(self, conductance: Array, memory: Memory, key: Array, stress: Stress) -> tuple[Array, Memory]:
        del key
        reachable = clip(conductance, *self.device.conductance_bounds)
        state = self.device.state_at(reachable)
        disturbed = self.device.conductance(apply_pulse(self.device, state, self.amplitude, self.width * stress.reads))
        # As a change, so that cells outside the range of the device are moved, not brought back into it.
        change = disturbed - self.device.conductance(state)
        return conductance + change.astype(conductance.dtype), memory
