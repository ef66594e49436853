"""The weights that a chip stands for."""

from typing import Any

import jax
from jax import Array

from memjax.crossbar._chip import check_chip, check_entry, inputs
from memjax.crossbar._hardware import Hardware, check_hardware
from memjax.crossbar._layout import join
from memjax.crossbar._prepare import Ready, prepare
from memjax.crossbar._program import Chip
from memjax.mapping import copy_columns


def weights(hardware: Hardware, chip: Chip) -> Array:
    """The weights that the conductances of one crossbar stand for, as a read meets them.

    The inverse of `program`: what its levels, effects and writes have made of the weights, with scales, drivers and the
    mapping undone. With ideal converters and without noise a read is x @ weights. Effects at read (such as
    `effects.Temperature`) are in it; noise, the errors of the converters and `Dac.rescale` are not. Where the current
    is no linear function of the voltage, it is the value at the largest voltage, `Dac.v_max`. Differentiable.

    Args:
        hardware: the specification that the chip was made with.
        chip: as returned by `program`; loops, groups and vmapped chips are leading axes.

    Returns: [*leading, K, N].

    Raises: TypeError for something else than a chip; ValueError for a chip of other hardware.

    Example:
        ```python
        import jax
        import memjax as mj

        hardware = mj.Hardware(cell=mj.Cell(levels=8))
        w = jax.random.normal(jax.random.key(0), (20, 10))
        chip = mj.program(hardware, w, jax.random.key(1))
        print(abs(mj.weights(hardware, chip) - w).max())  # what eight levels leave of the weights
        ```
    """
    check_hardware(hardware)
    check_entry("chip", chip)
    check_chip(hardware, chip)
    return _weights(hardware, chip)


@jax.jit
def _weights(hardware: Hardware, chip: Chip) -> Array:
    return weights_of(hardware, prepare(hardware, chip), inputs(chip))


def weights_of(hardware: Hardware, ready: Ready, inputs: int) -> Array:
    """The weights [*leading, K, N] of a prepared chip with K `inputs` (see `weights`)."""
    outputs, columns = ready.gains[0].shape[-1], hardware.tile[1]
    total: Any = 0.0 if ready.reference is None else -ready.reference
    for tile, gain in zip(ready.tiles, ready.gains, strict=True):
        signed = tile.array.at_top()
        if signed.shape[-1] < outputs:  # one column in each tile, copied digitally
            signed = copy_columns(signed, columns, outputs)
        total = total + join(signed, inputs, outputs) * gain[..., None, :]
    return total
