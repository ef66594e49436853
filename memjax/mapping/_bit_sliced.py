"""A weight as digits in several cells."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check
from memjax._field import choice, integer, number
from memjax.converters import replace_value
from memjax.mapping._base import SCALINGS, AbstractMapping
from memjax.mapping._cell import Cell
from memjax.mapping._conversion import Conversion
from memjax.mapping._differential import pair


class BitSliced(AbstractMapping):
    """The magnitude of a weight as an integer of K digits of base b = 2^bits, each digit in an array of its own.

    |w| (b^K - 1) = sum over k of b^k d_k, rounded to the integer; the digit d_k in 0..b-1 stands on programmable states
    of a cell: of `Cell.levels` states every floor((levels - 1) / (b - 1))-th is used, so that digits are exact whatever
    their number. Each digit has two columns, one for each sign, that are subtracted before a conversion; the codes of
    the digits are added with b^k digitally. Integer weights whose largest magnitude is b^K - 1 are held exactly.

    The most significant digit dominates the error: where s is the standard deviation of a digit's pair relative to the
    conductance of the largest digit, that of a weight is

        s (b - 1) sqrt((b^(2 K) - 1) / (b^2 - 1)) / (b^K - 1).

    Backwards each digit stands for its mean |w| (b - 1), so that the gradient is that of the weight.

    Args:
        slices: number of digits K (static).
        bits: bits of a digit, which may be traced; slices * bits <= 24, the integers of float32.
        scaling: "matrix" (one scale for all weights) or "column" (one per output).
        percentile: percentile of |w| that maps to the full range (None: the maximum); larger weights are clipped.

    Raises: ValueError for values out of their range, and where `Cell.levels` is below 2^bits (traced: NaN weights).

    Source: weights sliced over cells, A. Shafiee et al., ISCA 2016 (ISAAC); error by algebra.

    Example:
        ```python
        import jax
        import memjax as mj

        cell, mapping = mj.Cell(levels=4), mj.mapping.BitSliced(slices=3, bits=2)  # magnitudes of 6 bits
        hardware = mj.Hardware(cell=cell, mapping=mapping, dac=mj.Dac(), adc=mj.Adc())
        w = jax.random.randint(jax.random.key(0), (20, 10), -63, 64).at[0, 0].set(63)
        chip = mj.program(hardware, w.astype(float), jax.random.key(1))
        print(abs(mj.weights(hardware, chip) - w).max())  # integers are held exactly, to rounding
        ```
    """

    slices: int = integer(1, 24, default=4)
    bits: Any = number(low=1.0, high=24.0, whole=True, default=2)
    scaling: str = choice(*SCALINGS, default="matrix")
    percentile: Any = number(above=0.0, high=100.0, optional=True, default=None)

    def check_relations(self) -> None:
        _check.real("BitSliced.bits", self.bits, low=1.0, high=24 // self.slices)

    @property
    def arrays(self) -> dict[str, bool]:
        return {f"{sign}_{k}": True for k in range(self.slices) for sign in ("pos", "neg")}

    @property
    def gain(self) -> float:
        return 1.0

    @property
    def _base(self) -> Array:
        return jnp.round(2.0 ** jnp.asarray(self.bits))

    def check_cell(self, cell: Cell) -> None:
        bits, levels = _check.concrete(self.bits), _check.concrete(cell.levels)
        if bits is not None and levels is not None and np.any(levels < 2.0**bits):
            raise ValueError(
                f"Cell.levels must be at least 2^BitSliced.bits = {2 ** np.max(bits):g} to hold a digit, "
                f"got {cell.levels}"
            )

    def fractions(self, weight: Array, cell: Cell) -> dict[str, Array]:
        base = self._base.astype(weight.dtype)
        span = cell.span(base)
        fractions = {}
        for sign, magnitude in pair(weight).items():
            integer = jnp.round(magnitude * (base**self.slices - 1.0))
            for k in range(self.slices):
                digit = jnp.mod(jnp.floor(integer / base**k), base)
                fractions[f"{sign}_{k}"] = replace_value(magnitude * span, digit / (base - 1.0) * span)
        return {name: fractions[name] for name in self.arrays}

    def conversions(self, cell: Cell) -> list[Conversion]:
        base = self._base
        unit = (base - 1.0) / (base**self.slices - 1.0) / cell.span(base)
        return [
            Conversion({f"pos_{k}": 1.0, f"neg_{k}": -1.0}, factor=base**k * unit, paired=True)
            for k in range(self.slices)
        ]
