"""How many tiles a weight with zeros needs."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.compress._projections import blocks, layout_of, weight
from memjax.crossbar import Hardware, Layout


class Crossbars(NamedTuple):
    """Numbers of physical tiles of one weight.

    Attributes:
        whole: of the matrix as it is.
        occupied: those of them that hold any weight which is not zero.
        packed: of the matrix without the rows and columns that are zero throughout.
    """

    whole: int
    occupied: int
    packed: int


def crossbars(w: Any, hardware: Hardware) -> Crossbars:
    """How many tiles a weight [..., N] takes: whole, without empty tiles, or without empty lines.

    All arrays of the mapping are counted. What no tile holds is zero in the product: leaving it out changes nothing but
    the reference of a mapping whose cells do not hold zero exactly.

    Raises: TypeError and ValueError for what is no weight or no hardware.
    """
    w = weight(w)
    layout = layout_of(w, hardware)
    matrix = w.reshape(layout.inputs, layout.outputs) != 0
    occupied = int(jnp.any(blocks(w, layout) != 0, axis=(1, 2)).sum())
    lines = int(matrix.any(1).sum()), int(matrix.any(0).sum())
    return Crossbars(layout.tiles, occupied * len(layout.placement), Layout.of(hardware, lines).tiles)
