"""The specification of a crossbar accelerator."""

import equinox as eqx

from memjax import _check
from memjax.converters import AbstractAdc, Adc, Dac
from memjax.effects import AbstractEffect, Reading
from memjax.mapping import AbstractMapping, Cell, DoubleColumn

SCHEDULES = (None, "scan", "batched")


class Hardware(eqx.Module):
    """Everything about the hardware, as one small frozen pytree: all numbers are traced leaves.

    Args:
        cell: range and levels of a memory cell.
        mapping: how signed weights become conductances.
        tile: (word lines, bit lines) of one tile. Each array of a mapping has tiles of its own.
        dac: the converters on the word lines.
        adc: the converters on the bit lines.
        effects: non-idealities, in the order in which they act.
        wires: None: ideal wires.
        schedule: how the row tiles of a matrix are computed: "scan" one after another (little memory, fastest on a
            CPU), "batched" all at once (few large kernels), None for the faster one on the default backend. The
            numbers are the same.

    Raises: TypeError for a part of the wrong kind; ValueError for a value out of its range.
    """

    cell: Cell = Cell()
    mapping: AbstractMapping = DoubleColumn()
    tile: tuple[int, int] = eqx.field(static=True, default=(64, 64))
    dac: Dac = Dac(bits=8)
    adc: AbstractAdc = Adc(bits=8)
    effects: tuple[AbstractEffect, ...] = ()
    wires: None = None
    schedule: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        for name, kind in (("cell", Cell), ("mapping", AbstractMapping), ("dac", Dac), ("adc", AbstractAdc)):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"Hardware.{name} must be a {kind.__name__}, got {getattr(self, name)!r}")
        if not isinstance(self.effects, tuple) or not all(isinstance(e, AbstractEffect) for e in self.effects):
            raise TypeError(f"Hardware.effects must be a tuple of effects, got {self.effects!r}")
        if self.wires is not None:
            raise TypeError(f"Hardware.wires must be None (ideal wires), got {self.wires!r}")
        _check.choice("Hardware.schedule", self.schedule, SCHEDULES)
        tile = self.tile
        if not (isinstance(tile, tuple) and len(tile) == 2 and all(isinstance(n, int) for n in tile)):
            raise TypeError(f"Hardware.tile must be a tuple (word lines, bit lines) of two integers, got {tile!r}")
        if tile[0] < self.mapping.word_lines or tile[1] < 1:
            lowest = (self.mapping.word_lines, 1)
            raise ValueError(f"Hardware.tile must be at least {lowest} for {type(self.mapping).__name__}, got {tile}")
        if self.adc.subtract == "digital" and not self.mapping.converted():
            kind = type(self.mapping).__name__
            raise ValueError(f"Adc.subtract must be 'analog' for {kind}, whose currents subtract on the bit line")

    @property
    def rows(self) -> int:
        """Inputs that one tile takes."""
        return self.tile[0] // self.mapping.word_lines

    @property
    def noisy(self) -> bool:
        """Whether reads are random, so that they need a key."""
        return any(isinstance(effect, Reading) for effect in self.effects)
