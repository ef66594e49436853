"""One matrix, read with vectors."""

import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax.contraction import Dot
from memjax.crossbar._chip import check_chip, check_key, check_single, inputs, outputs
from memjax.crossbar._halving import halves, until_none_clips
from memjax.crossbar._hardware import Hardware, check_hardware
from memjax.crossbar._prepare import prepare
from memjax.crossbar._program import Chip
from memjax.crossbar._read import read


def matmul(hardware: Hardware, chip: Chip, x: Array, key: Array | None = None) -> Array:
    """Multiply vectors with a programmed matrix.

    Args:
        hardware: the specification that the chip was made with.
        chip: as returned by `program`.
        x: [..., K], finite.
        key: PRNG key of this read, needed where `Hardware.effects` has read noise or `Hardware.adc` noise.

    Returns: [..., N], approximately x @ weights, in the units of both.

    Raises: ValueError for a chip of other hardware, for inputs of another length or NaN, and for a missing key.

    Example:
        ```python
        import jax
        import memjax as mj

        hardware = mj.Hardware(dac=mj.Dac(bits=8), adc=mj.Adc(bits=8), effects=(mj.effects.ReadNoise(0.01),))
        w, x = jax.random.normal(jax.random.key(0), (40, 10)), jax.random.normal(jax.random.key(1), (5, 40))
        chip = mj.program(hardware, w, jax.random.key(2))
        y = mj.matmul(hardware, chip, x, jax.random.key(3))  # about x @ w; the key is that of the noise
        ```
    """
    return _matmul(hardware, chip, _checked(hardware, chip, x, key), key)


def reads(hardware: Hardware, chip: Chip, x: Array, key: Array | None = None) -> Array:
    """How often each vector is read where `Hardware.halvings` lets vectors that clip be read again.

    Args and errors: those of `matmul`, whose result these reads give.

    Returns: [...], whole numbers from 1 to 1 + halvings.
    """
    return _reads(hardware, chip, _checked(hardware, chip, x, key), key)


def _checked(hardware: Hardware, chip: Chip, x: Array, key: Array | None) -> Array:
    check_hardware(hardware)
    check_single("chip", chip)
    x = _check.array("x", x)
    if x.ndim == 0 or x.shape[-1] != inputs(chip):
        raise ValueError(f"x must have shape [..., {inputs(chip)}], the inputs of the programmed matrix, got {x.shape}")
    check_chip(hardware, chip)
    check_key(hardware, key)
    return x


@jax.jit
def _matmul(hardware: Hardware, chip: Chip, x: Array, key: Array | None) -> Array:
    y, _ = read(hardware, _contraction(chip, x), prepare(hardware, chip), x, key)
    return y.astype(jnp.result_type(x, chip["scale"]))


@jax.jit
def _reads(hardware: Hardware, chip: Chip, x: Array, key: Array | None) -> Array:
    if not halves(hardware):
        return jnp.ones(x.shape[:-1], int)
    contraction, ready = _contraction(chip, x), prepare(hardware, chip)
    data = contraction.data(x).astype(ready.gains[0].dtype)
    return contraction.result(until_none_clips(hardware, contraction, ready, data, key)[1])[..., 0]


def _contraction(chip: Chip, x: Array) -> Dot:
    return Dot(x.shape, (x.shape[-1], outputs(chip)), (x.ndim - 1,), (0,))
