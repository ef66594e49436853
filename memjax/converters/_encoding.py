"""How a DAC sends a code: as an amplitude, bit by bit, or as a duration."""

from abc import abstractmethod
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from equinox import AbstractVar
from jax import Array, lax

from memjax import _check
from memjax._field import Spec, integer
from memjax.converters._round import replace_value


class AbstractEncoding(Spec):
    """An encoding turns each vector of codes into the vectors that drive the word lines, one for each conversion.

    A new encoding is one final subclass.

    Attributes:
        planes: conversions for each input vector.
        integrates: whether the bit line integrates pulses of one amplitude whose length is the code, rather than
            settling to a current; white read noise then has a variance proportional to |code| (see `PulseWidth`).
        full_swing: whether a driven word line is always at +-v_max, so that a curved I-V relation does not matter.
    """

    planes: AbstractVar[int]
    integrates: AbstractVar[bool]
    full_swing: AbstractVar[bool]

    @abstractmethod
    def top(self, steps: Any) -> Any:
        """The largest drive, which v_max stands for, where `steps` is the largest code."""

    @abstractmethod
    def drives(self, codes: Array, steps: Array) -> Array:
        """[B, K] codes -> [B * planes, K] drives, the planes of one vector next to one another."""

    @abstractmethod
    def collect(self, results: Array) -> Array:
        """[B * planes, N] results of the drives -> [B, N] results of the codes."""

    def check(self, bits: Any) -> None:
        """Raise where the encoding cannot send the codes of a DAC of `bits` bits."""
        del bits


class Amplitude(AbstractEncoding):
    """The voltage is proportional to the code, V = v_max * code / n, and one conversion reads all of it."""

    planes: ClassVar[int] = 1
    integrates: ClassVar[bool] = False
    full_swing: ClassVar[bool] = False

    def top(self, steps):
        return steps

    def drives(self, codes, steps):
        return codes

    def collect(self, results):
        return results


class PulseWidth(AbstractEncoding):
    """The voltage is v_max with the sign of the code, for a time proportional to its magnitude.

    The bit line integrates its current over the longest pulse T. The charge is that of `Amplitude`,

        Q = sum over cells of sign(code) v_max G T |code| / n,

    and all cells are read at v_max, so that a curved I-V characteristic does not matter. White noise adds up in
    variance: a cell whose conductance, averaged over T, has the variance s^2 adds the charge v_max T sqrt(|code| / n)
    times a normal number of variance s^2, where a constant voltage over the same time adds v_max T |code| / n times it.
    The relative noise of small codes is larger, that of the largest code the same.

    Source: algebra (charge of white noise, as that of shot noise, has a variance proportional to time).
    """

    planes: ClassVar[int] = 1
    integrates: ClassVar[bool] = True
    full_swing: ClassVar[bool] = True

    def top(self, steps):
        return steps

    def drives(self, codes, steps):
        return codes

    def collect(self, results):
        return results


class BitSerial(AbstractEncoding):
    """The bits of the magnitude go in one after another, each at 0 or v_max with the sign of the code.

    code = sum over p of 2^p b_p, b_p in {-1, 0, 1}: each plane b_p is read and converted on its own, and the codes of
    the ADC are shifted and added. The full scale of the ADC is that of one plane. The error of n conversions of
    variance D^2 / 12 each adds up to D^2 / 12 (4^n - 1) / 3.

    Backwards every plane stands for code / n, its mean over large random codes, so that the gradient is that of the
    code.

    Args:
        planes: number of planes (static), at least the bits of the DAC less one for the sign. The resolution may be
            traced: planes above it are zero. Where a traced resolution needs more planes, the results are NaN.

    Raises: TypeError unless `planes` is an integer; ValueError for planes that are out of range or too few.

    Source: shift-and-add of bit-serial inputs, A. Shafiee et al., ISCA 2016 (ISAAC); sign-magnitude and error by
    algebra.
    """

    planes: int = integer(1, 24, default=7)
    integrates: ClassVar[bool] = False
    full_swing: ClassVar[bool] = True

    def check(self, bits):
        if bits is None:
            raise ValueError("Dac.bits must be a number from 1 to 32 with BitSerial, got None")
        largest = _check.concrete(bits)
        if largest is not None and np.any(np.maximum(largest - 1, 1) > self.planes):
            raise ValueError(
                f"BitSerial.planes must be at least {np.max(largest) - 1:g} for Dac.bits={np.max(largest):g} "
                f"(one bit is the sign), got {self.planes}"
            )

    @property
    def _weights(self) -> np.ndarray:
        return 2.0 ** np.arange(self.planes)[:, None]

    def top(self, steps):
        return 1.0

    def drives(self, codes, steps):
        weights, steps = self._weights.astype(codes.dtype), lax.stop_gradient(steps)
        codes = codes[:, None, :]
        digit = jnp.sign(codes) * jnp.mod(jnp.floor(jnp.abs(codes) / weights), 2.0)
        mean = codes * jnp.where(weights <= steps, 1.0 / steps, 0.0)
        planes = replace_value(mean, jnp.where(steps < 2.0**self.planes, digit, jnp.nan))
        return planes.reshape(-1, codes.shape[-1])

    def collect(self, results):
        planes = results.reshape(-1, self.planes, results.shape[-1])
        # Not a dot product: that may round its operands on an accelerator.
        return jnp.sum(planes * self._weights.astype(results.dtype), axis=1)
