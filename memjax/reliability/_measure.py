"""P[decoded | ideal] of any hardware, by reading columns of known sums."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from memjax import _check, crossbar
from memjax.converters import BitSerial, Dac
from memjax.crossbar import Hardware
from memjax.reliability._binary_columns import BinaryColumns, check_binary

# Cells that are written at once.
CELLS = 1 << 20


def hardware_confusion(hardware: Hardware, key: Array, samples: int = 10_000) -> Array:
    """P[decoded | ideal] of the sums of a group of word lines, with all effects, wires and converter errors.

    Chips with a column for every sum from 0 to N, its ones on the first of the N word lines of the first group of a
    tile, are programmed and read with all N driven; what comes out is rounded to the nearest sum and limited to 0..N.

    Args:
        hardware: with a mapping `BinaryColumns` and bit-serial inputs, as from `sop_hardware`, with any effects.
        key: PRNG key.
        samples: number of chips (static).

    Returns: [N + 1, N + 1], row = ideal sum; rows sum to one. It goes into `inject`.

    Raises: TypeError, ValueError for hardware whose converters do not count binary cells.
    """
    check_binary(hardware)
    _check.key("key", key)
    _check.integer("samples", samples, 1, 2**30)
    return _measured(samples, hardware, key)


@partial(jax.jit, static_argnums=0)
def _measured(samples: int, hardware: Hardware, key: Array) -> Array:
    rows = hardware.at_once
    one_bit = dataclasses.replace(
        hardware, mapping=BinaryColumns(slices=1), dac=Dac(2, hardware.dac.v_max, encoding=BitSerial(1))
    )
    ideal = jnp.arange(rows + 1)
    weights = (jnp.arange(rows)[:, None] < ideal).astype(float)

    def decoded(number):
        write, read = jax.random.split(jax.random.fold_in(key, number))
        chip = crossbar.program(one_bit, weights, write)
        sums = crossbar.matmul(one_bit, chip, jnp.ones(rows), read)
        return jnp.clip(jnp.round(sums), 0, rows).astype(int)

    cells = hardware.tile[0] * -(-(rows + 1) // hardware.tile[1]) * hardware.tile[1]
    found = lax.map(decoded, jnp.arange(samples), batch_size=max(CELLS // cells, 1))
    counts = jnp.zeros((rows + 1, rows + 1), int).at[ideal, found].add(1)
    return counts.astype(float) / samples
