"""Physics as an update law: voltage pulses on any device model."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from memjax._field import number, part
from memjax._names import check_names, parameters, replace
from memjax.devices import AbstractDevice, Distribution, apply_pulse, population
from memjax.training.laws._law import AbstractLaw
from memjax.training.laws._population import Made, Population


def _pairs(spread: Any) -> Any:
    """A mapping as a tuple, which has a hash: update laws are arguments of compiled functions."""
    return tuple(spread.items()) if isinstance(spread, Mapping) else spread


class DevicePulse(AbstractLaw):
    """A pulse is a rectangular voltage on a device model; the weight is linear in the conductance.

        w = low + (high - low) (G - G_min) / (G_max - G_min),   x' = apply_pulse(device, x(G), voltage, width)

    with the range of the model's conductance. n equal pulses are one of n times the width: the state equation does not
    depend on time, and `apply_pulse` chooses its sub-steps by what moves, so that a long pulse costs little more than a
    short one. SET pulses raise the weight.

    Args:
        device: the model, with scalar parameters.
        set_voltage, reset_voltage: magnitudes [V]; None: those that the model starts programming with.
        width: width of a pulse [s].
        spread: distribution of named parameters over the cells, a dict as in `memjax.devices.population`; kept as
            a tuple of its items.
        population: noise and decay of the cells; steps, bounds and their spreads are those of the device.

    Raises: ValueError for numbers out of their range, for devices with array parameters, for names that the device
        does not have and for devices without voltage dynamics.

    Source: see the device model; superposition of equal pulses by algebra.
    """

    device: AbstractDevice = part(AbstractDevice, example="memjax.devices.VTEAM.pt_hf_ti()")
    set_voltage: Any = number(above=0.0, unit="V", optional=True, default=None)
    reset_voltage: Any = number(above=0.0, unit="V", optional=True, default=None)
    width: Any = number(above=0.0, unit="s", default=1e-6)
    spread: tuple[tuple[str, Distribution], ...] = eqx.field(static=True, converter=_pairs, default=())
    population: Population = part(Population, example="Population(step=1e-3)", default=Population())

    def check_relations(self) -> None:
        if any(jnp.ndim(leaf) for leaf in parameters(self.device).values()):
            raise ValueError("DevicePulse.device must have scalar parameters: give cells their own by spread=")
        check_names(
            "DevicePulse.spread", self.device, dict(self.spread) if isinstance(self.spread, tuple) else self.spread
        )

    def make(self, key: Array | None, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Made:
        made = self.population.make(key, shape, dtype)
        if key is None or not self.spread:
            return made
        drawn = parameters(population(self.device, key, shape, **dict(self.spread)))
        own = {f"device/{name}": drawn[name].astype(dtype) for name, _ in self.spread}
        low, high = (self._weight(bound) for bound in self._cell(own).conductance_bounds)
        stuck = made["low"] == made["high"]
        ends = {"low": jnp.where(stuck, made["low"], low), "high": jnp.where(stuck, made["high"], high)}
        return made | own | {name: end.astype(dtype) for name, end in ends.items()}

    def one(self, weight: Array, up: Array, made: Made) -> Array:
        return self._after(weight, self.width, up, made)

    def many(self, weight: Array, count: Array, up: Array, made: Made) -> Array:
        return self._after(weight, count * self.width, up, made)

    def _after(self, weight: Array, width: Any, up: Array, made: Made) -> Array:
        cell = self._cell(made)
        low, high = cell.conductance_bounds
        state = cell.state_at(jnp.clip(self._conductance(weight), low, high))
        after = apply_pulse(cell, jnp.clip(state, 0.0, 1.0), self._amplitude(up), width)
        return self._weight(cell.conductance(after)).astype(weight.dtype)

    def _cell(self, made: Made) -> AbstractDevice:
        own = {name.removeprefix("device/"): value for name, value in made.items() if name.startswith("device/")}
        return replace(self.device, own)

    def _amplitude(self, up: Array) -> Array:
        set_voltage, reset_voltage = self.device.write_voltages
        set_voltage = set_voltage if self.set_voltage is None else self.set_voltage
        reset_voltage = reset_voltage if self.reset_voltage is None else self.reset_voltage
        return self.device.set_polarity * jnp.where(up, set_voltage, -reset_voltage)

    def _conductance(self, weight: Array) -> Array:
        (low, high), (g_low, g_high) = self.range, self.device.conductance_bounds
        return g_low + (weight - low) / (high - low) * (g_high - g_low)

    def _weight(self, conductance: Array) -> Array:
        (low, high), (g_low, g_high) = self.range, self.device.conductance_bounds
        return low + (conductance - g_low) / (g_high - g_low) * (high - low)
