"""The converters of a chip: what makes each of them different."""

from jax import Array

from memjax._random import fold_name
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._tiles import over_arrays


def make_converters(hardware: Hardware, conductance: dict[str, Array], keys: Array) -> dict[str, dict[str, Array]]:
    """Numbers of the converters of tiles by conversion ("pos-neg") and error ("Offset"), each [count, m, columns].

    Each tile column has its own, drawn with a key of its tile, so that they do not depend on the rest of the chip.

    Args:
        hardware: the specification.
        conductance: of every array, [count, rows, columns].
        keys: [count, conversions].
    """

    def of_tile(row: Array, key: Array) -> dict[str, Array]:
        return {e.name: e.draw(fold_name(key, e.name), row.shape[-1], row.dtype) for e in hardware.adc.mismatches}

    rows = {c.name: conductance[next(iter(c.own))][:, :1] for c in hardware.conversions[0]}
    return over_arrays(of_tile, rows, keys)
