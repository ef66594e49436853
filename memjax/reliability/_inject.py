"""The fast path: cells that are exact, and every sum misread as a matrix says."""

import dataclasses
from typing import Any

import numpy as np

from memjax.converters import Confusion
from memjax.crossbar import Hardware
from memjax.mapping import Cell
from memjax.reliability._binary_columns import check_binary, in_amperes, lossless


def inject(hardware: Hardware, confusion: Any) -> Hardware:
    """The hardware with exact cells, in which each sum of a group of word lines is drawn from P[decoded | ideal].

    The error model of DL-RSIM: it acts in every read of a network through `crossbarify`, whose key it takes, in place
    of device variation, wires, converter and its errors. Every draw is by itself, while the reads of one chip with
    explicit cells are correlated, as they meet the same cells: single sums have the same distribution, but the errors
    of planes and vectors average out more than those of a chip do. Mapping, tiles, inputs and groups stay as they are.
    Backwards the read is the digital product.

    Args:
        hardware: with a mapping `BinaryColumns` and bit-serial inputs, as from `sop_hardware`.
        confusion: matrix [N + 1, N + 1] for the N inputs of a tile that are driven together; may be traced.

    Returns: a `Hardware`, whose reads need a key.

    Raises: TypeError, ValueError for hardware whose converters do not count binary cells, and for a matrix of another
        size or whose rows do not sum to one.
    """
    check_binary(hardware)
    rows = hardware.at_once
    error = _confusion(confusion)
    if np.shape(confusion)[0] != rows + 1:
        raise ValueError(
            f"confusion must have shape {(rows + 1, rows + 1)}, since {rows} word lines are driven together, got "
            f"{np.shape(confusion)}"
        )
    unit = hardware.dac.v_max / hardware.cell.r_on
    adc = dataclasses.replace(in_amperes(lossless(rows), rows, unit), clip_gradient=False, errors=(error,))
    return dataclasses.replace(
        hardware,
        cell=Cell(hardware.cell.r_on, float("inf"), levels=2),
        adc=adc,
        effects=(),
        programming=None,
        wires=None,
        halvings=0,
    )


def _confusion(matrix: Any) -> Confusion:
    """The error of a converter; what is wrong with the matrix is said of the argument."""
    try:
        return Confusion(matrix)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("Confusion.matrix", "confusion")) from None
