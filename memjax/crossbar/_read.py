"""Reading a chip: DAC, currents, ADC, and the scales undone."""

from functools import partial, reduce

from jax import Array

from memjax._random import fold_name
from memjax.contraction import Convolution, Dot, Observation, merge
from memjax.crossbar._codes import Watch, sum_of_codes
from memjax.crossbar._halving import halves, until_none_clips
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._once import once
from memjax.crossbar._packing import Packing
from memjax.crossbar._prepare import Ready, other_side
from memjax.crossbar._reverse_only import reverse_only
from memjax.crossbar._transposed import FORWARD_MODE, errors_back

Contraction = Dot | Convolution


def read(
    hardware: Hardware, contraction: Contraction, ready: Ready, x: Array, key: Array | None = None, watch: Watch = None
) -> tuple[Array, Observation | None]:
    """Contract data with a programmed weight.

    Args:
        hardware: the specification.
        contraction: the digital op that is being replaced.
        ready: the prepared chip, with the stack of a `Dot` as leading axes; the groups of a convolution are packed.
        x: the data operand, in the op's own layout.
        key: key of this read.
        watch: what to record of the currents of every tile [LSB].

    Returns: the result in the op's own layout, and what was watched.
    """
    packing = Packing.of(hardware, contraction)
    if packing is not None:
        ready = packing.apart(ready)
    data = contraction.data(x).astype(ready.gains[0].dtype)
    if ready.backward is None or watch is not None:
        result, seen = _forward(hardware, contraction, ready, data, key, watch)
    else:
        result, seen = _through_the_array(hardware, contraction, ready, data, key), None
    return contraction.result(result), seen


def _forward(
    hardware: Hardware, contraction: Contraction, ready: Ready, data: Array, key: Array | None, watch: Watch
) -> tuple[Array, Observation | None]:
    """The read between standard forms; what is watched is the first of its reads."""
    if halves(hardware) and watch is None:
        return until_none_clips(hardware, contraction, ready, data, key)[0], None
    convert = partial(sum_of_codes, hardware, contraction, watch=watch)
    result, seen = once(hardware, contraction, ready, data, key, convert)
    return result, None if watch is None else reduce(merge, seen)


def _through_the_array(
    hardware: Hardware, contraction: Contraction, ready: Ready, data: Array, key: Array | None
) -> Array:
    """The read whose gradient by the data is read from the transposed array."""

    def forward(data, operands):
        hardware, ready, key = operands
        return _forward(hardware, contraction, ready, data, key, None)[0]

    def gradient(d, operands):
        hardware, ready, key = operands
        turned_chip, scale = ready.backward
        other = other_side(hardware)
        if key is None and other.noisy:
            raise ValueError("key must be a PRNG key for gradients, since Hardware.backward has noise, got None")
        own = key if key is None else fold_name(key, "backward")
        back = lambda contraction, errors: read(other, contraction, turned_chip, errors, own)[0]
        return errors_back(contraction, back, scale, data.shape, d)

    return reverse_only(forward, gradient, FORWARD_MODE, data, (hardware, ready, key))
