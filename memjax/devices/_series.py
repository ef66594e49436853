"""A device behind a series resistance and a current limit."""

import jax.numpy as jnp
from jax import Array

from memjax._field import parameter, part
from memjax.devices._base import AbstractDevice, Numeric, check_conductance
from memjax.devices._math import increasing_root


class Series(AbstractDevice):
    """Any device in series with a resistor, driven by a source that limits its current.

        v = v_d + R i(x, v_d),   |i| <= i_max,   dx/dt = derivative(x, v_d)

    State, polarity and noise are the inner device's. The inner voltage v_d is found by bisection, which needs i to
    increase with v_d, as it does in every model here.
    """

    device: AbstractDevice = part(AbstractDevice, example="StanfordPKU()")
    """The inner device."""
    resistance: Numeric = parameter(low=0.0, unit="ohm")
    """Series resistance R [ohm]."""
    compliance: Numeric = parameter(above=0.0, infinite=True, unit="A")
    """Largest current i_max of the source [A]."""

    def __init__(self, device: AbstractDevice, resistance: Numeric, compliance: Numeric = jnp.inf):
        self.device, self.resistance, self.compliance = device, resistance, compliance

    @property
    def initial(self) -> Array:
        return self.device.initial

    @property
    def set_polarity(self):
        return self.device.set_polarity

    @property
    def binary(self) -> bool:
        return self.device.binary

    @property
    def write_voltages(self):
        """What the source must give for the device itself to see its own write voltages in its LRS.

        A source that limits the current gives as much as it can.
        """
        sets, resets = (jnp.asarray(volts) for volts in self.device.write_voltages)
        ends = self.device.conductance(0.0), self.device.conductance(1.0)
        lrs = jnp.where(ends[1] > ends[0], 1.0, 0.0)
        return self._terminals(lrs, sets, 1), self._terminals(lrs, resets, -1)

    def _terminals(self, state, inner, direction) -> Array:
        """Magnitude [V] at the terminals for an `inner` one across the device, in a direction (+1: SET)."""
        current = jnp.abs(self.device.current(state, direction * self.set_polarity * inner))
        return inner + self.resistance * jnp.minimum(current, self.compliance)

    def inner_voltage(self, state, voltage) -> Array:
        """Voltage v_d [V] across the device itself."""
        shape = jnp.broadcast_shapes(jnp.shape(state), jnp.shape(voltage), jnp.shape(self.resistance))
        voltage = jnp.broadcast_to(voltage, shape)
        sign = jnp.where(voltage < 0, -1.0, 1.0)

        def excess(magnitude):
            current = sign * self.device.current(state, sign * magnitude)
            over_voltage = magnitude + self.resistance * current - jnp.abs(voltage)
            # The binding constraint decides; a limited current is compared in volts, on the scale of the drive.
            over_current = (current / self.compliance - 1) * jnp.abs(voltage)
            return jnp.where(current > self.compliance, jnp.maximum(over_voltage, over_current), over_voltage)

        return sign * increasing_root(excess, jnp.zeros_like(voltage), jnp.abs(voltage))

    def current(self, state, voltage):
        return self.device.current(state, self.inner_voltage(state, voltage))

    def derivative(self, state, voltage):
        return self.device.derivative(state, self.inner_voltage(state, voltage))

    def diffusion(self, state, voltage):
        return self.device.diffusion(state, self.inner_voltage(state, voltage))

    def temperature(self, state, voltage):
        return self.device.temperature(state, self.inner_voltage(state, voltage))

    def conductance(self, state):
        """Conductance of the device and the resistor together, at the device's read voltage."""
        inner = self.device.conductance(state)
        return inner / (1 + self.resistance * inner)

    def state_at(self, conductance):
        check_conductance(self, conductance)
        return self.device.state_at(conductance / (1 - self.resistance * conductance))
