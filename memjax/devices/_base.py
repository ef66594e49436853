"""The interface of every device model: state equation, I-V relation and how the two are scaled."""

from abc import abstractmethod
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from memjax._check import concrete, shown
from memjax._field import Spec

Numeric: TypeAlias = Any
"""A real number or an array of them (Python, NumPy or JAX, traced or not); a name for the type checker, which refuses
arithmetic on `jax.typing.ArrayLike`."""

Preset: TypeAlias = dict[str, Any]
"""Parameters by name."""


class AbstractDevice(Spec):
    """One memristive cell: a scalar state x in [0, 1], dx/dt = derivative(x, v), i = current(x, v).

    The state is the model's own variable (doped width, gap, resistance, ...) in its literature direction,
    scaled to [0, 1] over its bounds; each model says which end is the high-resistance state (HRS).
    Every method works elementwise and broadcasts: states `[...]`, voltages `[...]` [V] and parameters of any
    broadcastable shape, so one object serves a cell, a population or a whole array. The bounds of the state
    are kept by the integrators (`simulate`, `apply_pulse`), not by `derivative`.
    """

    initial: eqx.AbstractVar[Array]
    """State in [0, 1] from which `simulate` starts when it is given none."""

    @property
    @abstractmethod
    def set_polarity(self) -> Numeric:
        """+1 if a positive voltage lowers the resistance (SET), -1 if it raises it."""

    @abstractmethod
    def current(self, state: Numeric, voltage: Numeric) -> Array:
        """Current [A] through the cell."""

    @abstractmethod
    def derivative(self, state: Numeric, voltage: Numeric) -> Array:
        """Rate of change of the scaled state [1/s]."""

    @abstractmethod
    def conductance(self, state: Numeric) -> Array:
        """Conductance [S] at the model's read voltage (at any voltage, where the I-V relation is linear)."""

    @abstractmethod
    def state_at(self, conductance: Numeric) -> Array:
        """The state whose `conductance` is the given one [S]; ValueError outside `conductance_bounds`."""

    def pulse(self, state: Numeric, voltage: Numeric, width: Numeric) -> Array | None:
        """The exact state after a rectangular pulse [V], [s]; None where the model has no closed form."""
        return None

    def diffusion(self, state: Numeric, voltage: Numeric) -> Array | None:
        """Noise amplitude of the state [1/sqrt(s)], dx = derivative dt + diffusion dW; None if it has none."""
        return None

    def temperature(self, state: Numeric, voltage: Numeric) -> Array | None:
        """Local temperature [K]; None where the model has none."""
        return None

    @property
    def thresholds(self) -> tuple[Numeric, ...]:
        """Voltages [V] at which `derivative` has a kink: adaptive integration steps onto them."""
        return ()

    @property
    def write_voltages(self) -> tuple[Numeric, Numeric]:
        """Magnitudes [V] of SET and RESET pulses to begin programming with.

        1.1 times the thresholds of the model, 1 V where it has none.
        """
        if not self.thresholds:
            return 1.0, 1.0
        one, other = (jnp.asarray(threshold) for threshold in self.thresholds)
        sets = jnp.sign(one) == self.set_polarity
        return 1.1 * jnp.abs(jnp.where(sets, one, other)), 1.1 * jnp.abs(jnp.where(sets, other, one))

    @property
    def binary(self) -> bool:
        """Whether a cell has two states alone, of which `state` is a probability."""
        return False

    @property
    def conductance_bounds(self) -> tuple[Array, Array]:
        """Smallest and largest conductance [S], over the states 0 and 1."""
        ends = self.conductance(0.0), self.conductance(1.0)
        return jnp.minimum(*ends), jnp.maximum(*ends)

    def __repr__(self) -> str:
        return describe(self)


def describe(module: eqx.Module) -> str:
    """A printout with the numbers themselves, where equinox would show their types."""
    return eqx.tree_pformat(jax.tree.map(_printable, module))


def check_device(owner: str, device: Any) -> None:
    """Raise TypeError unless it is a device."""
    if not isinstance(device, AbstractDevice):
        raise TypeError(f"{owner}: device must be a model of memjax.devices, VTEAM.pt_hf_ti() say, got {shown(device)}")


def check_conductance(device: AbstractDevice, conductance: Numeric, name: str = "conductance") -> None:
    """Raise ValueError if a concrete conductance [S] lies outside the device's range by more than rounding."""
    low, high = (concrete(bound) for bound in device.conductance_bounds)
    known = concrete(conductance)
    if known is None or low is None or high is None:
        return
    slack = 1e-5 * (high - low)
    bad = ~((known >= low - slack) & (known <= high + slack))
    if bad.any():
        offender = np.broadcast_to(known, bad.shape)[bad].flat[0]
        raise ValueError(
            f"{type(device).__name__}: {name} must be in [{low.min():.6g}, {high.max():.6g}] S, got {offender:.6g} S"
        )


def _printable(leaf):
    """Scalars print as the shortest decimal of their own precision: 40.3 nm/s, not 4.02999e-08."""
    if isinstance(leaf, jax.Array) and not isinstance(leaf, Tracer) and leaf.ndim == 0:
        return float(str(np.asarray(leaf)))
    return leaf
