"""Bound management: vectors whose currents clip are read again, smaller.

The inputs of a vector of which any conversion clips are halved, it is read once more, and the result is doubled; until
none clips or they were halved `Hardware.halvings` times. Halved codes are rounded anew, so a vector pays for its range
with resolution.
"""

from functools import partial, reduce
from operator import add

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax._random import fold_name
from memjax.contraction import Convolution, Dot
from memjax.converters import never_clips
from memjax.crossbar._codes import codes_and_clips, some
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._once import once
from memjax.crossbar._prepare import Ready


def halves(hardware: Hardware) -> bool:
    """Whether vectors may be read more than once."""
    return hardware.halvings > 0 and hardware.adc.bits is not None and not never_clips(hardware.adc)


def until_none_clips(
    hardware: Hardware, contraction: Dot | Convolution, ready: Ready, data: Array, key: Array | None
) -> tuple[Array, Array]:
    """(the result in standard form, in its shape how often the vector of each output was read).

    Each read has noise of its own; the first has that of a read without bound management.
    """
    convert = partial(codes_and_clips, hardware, contraction)
    keys = None if key is None else fold_name(key, "halving")

    def attempt(key, divided):
        result, clips = once(hardware, contraction, ready, data, key, convert, divided)
        return result, reduce(add, clips) > 0

    @jax.checkpoint
    def again(state, halving):
        result, clipping, reads = state

        def smaller(result):
            own = None if keys is None else jax.random.fold_in(keys, halving)
            other, still = attempt(own, jnp.exp2(halving.astype(data.dtype)))
            return jnp.where(clipping, other, result), clipping & still

        result, still = lax.cond(some(jnp.any(clipping)), smaller, lambda result: (result, clipping), result)
        return (result, still, reads + clipping), None

    first, clipping = attempt(key, None)
    start = first, clipping, jnp.ones(first.shape, int)
    (result, _, reads), _ = lax.scan(again, start, jnp.arange(1, hardware.halvings + 1))
    return result, reads
