"""What one memory cell can hold."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax._field import Spec, number
from memjax.converters import replace_value


class Cell(Spec):
    """A cell with conductance between G_off = 1 / r_off (HRS) and G_on = 1 / r_on (LRS).

    Args:
        r_on: resistance of the low-resistance state [ohm].
        r_off: resistance of the high-resistance state [ohm], larger than `r_on`; infinite: it does not conduct.
        levels: number of programmable states, evenly spaced in conductance from G_off to G_on (None: continuous).

    Raises: ValueError for a resistance that is not positive, for an r_on that is not finite, for r_on >= r_off, and for
        levels < 2.

    Example:
        ```python
        import memjax as mj

        cell = mj.Cell(r_on=10e3, r_off=1e6, levels=16)
        print(cell.g_off, cell.g_on)  # 1e-6 and 1e-4 S
        ```
    """

    r_on: Any = number(above=0.0, unit="ohm", default=10e3)
    r_off: Any = number(above=0.0, infinite=True, unit="ohm", default=100e3)
    levels: Any = number(low=2.0, whole=True, optional=True, default=None)

    def check_relations(self) -> None:
        _check.ordered("Cell", r_on=self.r_on, r_off=self.r_off)

    def check_within(self, name: str, device: Any) -> None:
        """Raise unless the range of a device model, the argument `name`, covers that of the cell."""
        bounds = [_check.concrete(g) for g in (*device.conductance_bounds, self.g_off, self.g_on)]
        if any(bound is None or bound.ndim for bound in bounds):
            return
        low, high, g_off, g_on = (float(bound) for bound in bounds if bound is not None)
        if g_off < low * (1 - 1e-4) or g_on > high * (1 + 1e-4):
            raise ValueError(
                f"Hardware.cell must lie within the range of {type(device).__name__} in {name}, "
                f"{1 / high:g} to {1 / low:g} ohm, got r_on={self.r_on:g} and r_off={self.r_off:g}"
            )

    @property
    def g_on(self) -> Any:
        """Conductance of the low-resistance state [S]."""
        return 1.0 / self.r_on

    @property
    def g_off(self) -> Any:
        """Conductance of the high-resistance state [S]."""
        return 1.0 / self.r_off

    def span(self, states: Any) -> Any:
        """Fraction of the range from the lowest to the highest of `states` evenly spaced programmable states."""
        if self.levels is None:
            return 1.0
        last = jnp.asarray(self.levels) - 1.0
        # Half a level more, so that a rounded division cannot lose a whole step.
        return jnp.floor((last + 0.5) / (states - 1.0)) * (states - 1.0) / last

    def conductance(self, fraction: Array) -> Array:
        """Conductance [S] of the programmable state nearest to a fraction (0..1) of the range.

        The gradient passes straight through the rounding to levels.
        """
        if self.levels is not None:
            last = jnp.asarray(self.levels, fraction.dtype) - 1.0
            fraction = replace_value(fraction, jnp.round(fraction * last) / last)
        # In this form the ends of the range are met exactly.
        return (self.g_off * (1.0 - fraction) + self.g_on * fraction).astype(fraction.dtype)
