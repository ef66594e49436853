"""How real converters depart from ideal ones, referred to their input.

Everything is in LSB. The interface counts from the foot of the converter, y = z + foot, so that with B bits the ideal
code transitions lie at y = 1, 2, ..., 2^B - 1 (see `Adc.foot`).
"""

from abc import abstractmethod
from typing import Any

import jax
from jax import Array

from memjax._field import Spec, number


class AbstractAdcError(Spec):
    """One imperfection of a converter, as a shift of its input [LSB]. A new one is one final subclass."""

    @property
    def name(self) -> str:
        """Of its numbers in the chip."""
        return type(self).__name__

    @abstractmethod
    def shift(self, z: Array, y: Array, bits: Array, drawn: Array) -> Array:
        """Shift [LSB] of the input `z` (`y` counted from the foot), [..., *columns], of converters of `bits` bits."""

    def check(self, bits: Any) -> None:
        """Raise for a resolution that it cannot have."""
        del bits


class Mismatch(AbstractAdcError):
    """An error that differs between converters and stays as it was made."""

    @abstractmethod
    def draw(self, key: Array, columns: int, dtype: Any) -> Array:
        """The m numbers of each converter of one tile [m, columns], drawn when the chip is made."""


class Noise(AbstractAdcError):
    """White noise at the input of the converter: z + std n, n normal and new in each conversion.

    Args:
        std: root mean square [LSB].

    Raises: ValueError for a value out of its range.

    Source: input-referred noise, W. Kester, Analog Dialogue 40 (2006).
    """

    std: Any = number(low=0.0, unit="LSB", default=0.0)

    def shift(self, z, y, bits, drawn):
        return self.std * drawn


class Offset(Mismatch):
    """z + o: each converter has its own offset o, normal with standard deviation `std` [LSB].

    Raises: ValueError for a value out of its range.

    Source: IEEE Std 1241 (offset and gain of a converter).
    """

    std: Any = number(low=0.0, default=0.0)

    def draw(self, key, columns, dtype):
        return self.std * jax.random.normal(key, (1, columns), dtype)

    def shift(self, z, y, bits, drawn):
        return drawn[0]


class Gain(Mismatch):
    """z (1 + g): each converter has its own relative gain error g, normal with standard deviation `std`.

    Raises: ValueError for a value out of its range.

    Source: IEEE Std 1241 (offset and gain of a converter).
    """

    std: Any = number(low=0.0, default=0.0)

    def draw(self, key, columns, dtype):
        return self.std * jax.random.normal(key, (1, columns), dtype)

    def shift(self, z, y, bits, drawn):
        return drawn[0] * z
