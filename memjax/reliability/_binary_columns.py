"""The hardware whose sums of products are those of `sop_confusion`: binary cells, a converter for each column."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from memjax import _check, _random
from memjax._field import choice, integer, number
from memjax.converters import AbstractAdc, Adc, BitSerial, Dac
from memjax.crossbar import Hardware
from memjax.effects import Programming
from memjax.mapping import AbstractMapping, BitSliced, Cell, Conversion
from memjax.reliability._confusion import check_adc, check_devices, full_scale


class LognormalResistance(Programming):
    """A write ends at a lognormal resistance: G -> G exp(-sigma z - sigma^2 / 2), z normal.

    The mean of the conductance is that of the write; it may leave the range of the cell.

    Args:
        sigma: standard deviation of ln R.

    Raises: ValueError for a value out of its range.

    Source: resistance distributions of DL-RSIM, M.-Y. Lin et al., ICCAD 2018; mean by algebra.
    """

    sigma: Any = number(low=0.0, high=3.0, default=0.0)

    def write(self, conductance: Array, low: Array, high: Array, key: Array) -> Array:
        del low, high
        sigma = jnp.asarray(self.sigma, conductance.dtype)
        return conductance * jnp.exp(-sigma * _random.normal(key, conductance.shape, conductance.dtype) - sigma**2 / 2)


class BinaryColumns(AbstractMapping):
    """The bits of a weight in binary cells as in `BitSliced(slices, 1)`, every column being converted by itself.

    From its current that of a cell at G_off on each driven word line is taken off (a dummy column, exact), so that a
    converter counts the cells that are on; signs and powers of two are digital.

    Args:
        slices: number of bits of the magnitude of a weight (static).
        scaling: "matrix" (one scale for all weights) or "column" (one per output).
        percentile: percentile of |w| that maps to the full range (None: the maximum); larger weights are clipped.

    Raises: ValueError for values out of their range.

    Source: binary cells of DL-RSIM, M.-Y. Lin et al., ICCAD 2018.
    """

    slices: int = integer(1, 24, default=4)
    scaling: str = choice("matrix", "column", default="matrix")
    percentile: Any = number(above=0.0, high=100.0, optional=True, default=None)

    @property
    def _sliced(self) -> BitSliced:
        return BitSliced(slices=self.slices, bits=1, scaling=self.scaling, percentile=self.percentile)

    @property
    def arrays(self) -> dict[str, bool]:
        return self._sliced.arrays

    @property
    def gain(self) -> float:
        return 1.0

    def fractions(self, weight: Array, cell: Cell) -> dict[str, Array]:
        return self._sliced.fractions(weight, cell)

    def conversions(self, cell: Cell) -> list[Conversion]:
        columns = [one for pair in self._sliced.conversions(cell) for one in pair.apart()]
        return [Conversion(one.own, factor=one.factor, reference=cell.g_off) for one in columns]

    def check_cell(self, cell: Cell) -> None:
        self._sliced.check_cell(cell)


def sop_hardware(
    *,
    rows: int,
    r_on: Any,
    r_off: Any,
    sigma: Any,
    adc: AbstractAdc | None = None,
    slices: int = 4,
    planes: int = 4,
    tile: tuple[int, int] = (128, 128),
    v_max: Any = 0.2,
) -> Hardware:
    """Explicit cells whose reads are those of `sop_confusion`: lognormal, binary, `rows` word lines at once.

    Weights are `BinaryColumns`, inputs come bit by bit. A column of k ones on N driven word lines is read as P[. | k]
    says; where only n of N are driven, the n - k zeros that leak are fewer, and a sum above N is not clipped to N where
    the converter has such a code. A chip keeps its cells: what it misreads once it misreads again, so that the errors
    of its reads are correlated; P is what is expected of many chips.

    Args:
        rows, r_on, r_off, sigma, adc, v_max: as in `sop_confusion`; without an `adc` one that has a code for each sum.
        slices, planes: bits of the magnitudes of weights and of inputs (static).
        tile: (word lines, bit lines) of a tile.

    Returns: a `Hardware`, in whose cell the conductances are the mean ones.

    Raises: as `sop_confusion` and `Hardware`.
    """
    r_on, r_off, sigma = check_devices(rows, r_on, r_off, sigma)
    _check.integer("planes", planes, 1, 23)
    v_max = _check.scalar("v_max", v_max, above=0.0, unit="V")
    adc = lossless(rows) if adc is None else adc
    check_adc(adc)
    mean = jnp.exp(jnp.square(jnp.asarray(sigma, float)) / 2)  # of a conductance over its median
    cell = Cell(r_on / mean, r_off / mean, levels=2)
    return Hardware(
        cell=cell,
        mapping=BinaryColumns(slices=slices),
        tile=tile,
        dac=Dac(planes + 1, v_max, encoding=BitSerial(planes)),
        adc=in_amperes(adc, rows, v_max * (cell.g_on - cell.g_off)),
        effects=(LognormalResistance(sigma),),
        rows_at_once=rows,
    )


def check_binary(hardware: Any) -> None:
    """Raise unless the converters of `hardware` count binary cells that are on."""
    _check.part("hardware", hardware, Hardware, example="reliability.sop_hardware(...)")
    if not isinstance(hardware.mapping, BinaryColumns) or not isinstance(hardware.dac.encoding, BitSerial):
        raise ValueError(
            "hardware must have BinaryColumns as Hardware.mapping and BitSerial as Dac.encoding, so that sums are "
            f"whole numbers from 0 on, got {type(hardware.mapping).__name__} and {type(hardware.dac.encoding).__name__}"
        )


def lossless(rows: int) -> Adc:
    """A converter whose LSB is one cell, with codes up to `rows`."""
    return Adc(rows.bit_length() + 1)


def in_amperes(adc: AbstractAdc, rows: int, unit: Any) -> Any:
    """The converter with the range that `sop_confusion` takes it to have, in units of `unit` [A]."""
    relative = full_scale(adc, rows)
    if relative is None:
        return adc
    return eqx.tree_at(lambda one: one.range, adc, relative * unit, is_leaf=lambda leaf: leaf is adc.range)
