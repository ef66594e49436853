"""How real converters depart from ideal ones, referred to their input.

Everything is in LSB. The interface counts from the foot of the converter, y = z + foot, so that with B bits the ideal
code transitions lie at y = 1, 2, ..., 2^B - 1 (see `Adc.foot`).
"""

from abc import abstractmethod
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from memjax import _random
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

    @property
    def made(self) -> bool:
        """Whether it has numbers that are drawn when the chip is made."""
        return True

    @abstractmethod
    def draw(self, key: Array, columns: int, dtype: Any) -> Array:
        """The m numbers of each converter of one tile [m, columns], drawn when the chip is made."""


class Fresh(AbstractAdcError):
    """An error that is random in each conversion."""

    @property
    def salt(self) -> int:
        """What the key of a conversion is folded with for this error."""
        return _random.salt(self.name)

    @abstractmethod
    def sample(self, key: Array, made: Array | None, columns: int, dtype: Any) -> Array:
        """Numbers [columns] of one conversion of each converter; `made` are those drawn with the chip, if there are."""


class Noise(Mismatch, Fresh):
    """White noise at the input of the converter: z + std n, n normal and new in each conversion.

    Args:
        std: root mean square [LSB].
        spread: how unequal converters are: each has its own root mean square std |1 + spread g|, g normal and drawn
            when the chip is made; None: they are equal.

    Raises: ValueError for a value out of its range.

    Source: input-referred noise, W. Kester, Analog Dialogue 40 (2006).
    """

    std: Any = number(low=0.0, unit="LSB", default=0.0)
    spread: Any = number(low=0.0, optional=True, default=None)

    @property
    def made(self):
        return self.spread is not None

    def draw(self, key, columns, dtype):
        return jnp.abs(1.0 + self.spread * jax.random.normal(key, (1, columns), dtype))

    @property
    def salt(self):
        return 2**20  # beyond the sources of read noise

    def sample(self, key, made, columns, dtype):
        normal = jax.random.normal(key, (columns,), dtype)
        return normal if made is None else made[0] * normal

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


class Asymmetry(Mismatch):
    """Negative currents count less: z (1 - a) where z < 0, a = mean + std g of each converter, g normal.

    Raises: ValueError for a value out of its range.

    Source: sign-dependent slope of the outputs, as in aihwkit (Rasch et al., AICAS 2021).
    """

    mean: Any = number(low=-1.0, high=1.0, default=0.0)
    std: Any = number(low=0.0, default=0.0)

    def draw(self, key, columns, dtype):
        return self.mean + self.std * jax.random.normal(key, (1, columns), dtype)

    def shift(self, z, y, bits, drawn):
        return -drawn[0] * jnp.minimum(z, 0.0)


class Compression(Mismatch):
    """An S-shaped response: z / (1 + |n z| / 2^(B-1)), n = mean + std g of each converter, g normal.

    A current of 2^(B-1) LSB, the full scale, is seen 1 + |n| times smaller.

    Raises: ValueError for a value out of its range.

    Source: non-linearity of the outputs, as in aihwkit (Rasch et al., AICAS 2021).
    """

    mean: Any = number(low=0.0, default=0.0)
    std: Any = number(low=0.0, default=0.0)

    def draw(self, key, columns, dtype):
        return self.mean + self.std * jax.random.normal(key, (1, columns), dtype)

    def shift(self, z, y, bits, drawn):
        loss = jnp.abs(drawn[0] * z) / 2.0 ** (bits - 1.0)
        return -z * loss / (1.0 + loss)
