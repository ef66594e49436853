"""The specification of a crossbar accelerator."""

from typing import Any

from memjax import _check
from memjax._field import Spec, check_scalars, choice, integer, part, parts, shape
from memjax.circuit import Wires
from memjax.converters import AbstractAdc, Adc, Dac
from memjax.crossbar._backward import Backward
from memjax.crossbar._describe import describe
from memjax.effects import AbstractEffect, Conduction, Noise, Remembering, acting
from memjax.mapping import AbstractMapping, Cell, Conversion, DoubleColumn
from memjax.programming import WriteVerify

SCHEDULES = (None, "scan", "batched", "fused")


def check_hardware(hardware: Any) -> None:
    """Raise unless `hardware` is one `Hardware`: inside `jax.vmap` its numbers are, outside they must be scalars."""
    _check.part("hardware", hardware, Hardware)
    check_scalars("hardware", hardware)


class Hardware(Spec):
    """Everything about the hardware, as one small frozen pytree: all numbers are traced leaves.

    Args:
        cell: range and levels of a memory cell.
        mapping: how signed weights become conductances.
        tile: (word lines, bit lines) of one tile. Each array of a mapping has tiles of its own, but for those that
            share lines by its `placement`: the rows of a `DualRow`, the reference column of a `CurrentMirror`.
        dac: the converters on the word lines.
        adc: the converters on the bit lines.
        effects: non-idealities; they act in physical order (see `memjax.effects`), those of one hook in this one.
        programming: how targets are written: None: exactly (as far as the effects let them); a
            `memjax.programming.WriteVerify`: by pulses on its device, all cells of one kind or, with `spread`, each
            with parameters of its own, drawn with the chip. Every tile is one array, and pulses pass through its wires.
        wires: resistances of the word and bit lines of a tile, of its drivers and of its sense terminals
            (`memjax.Wires`); None: ideal wires. Reads are those of the full network of each tile: of ohmic cells by its
            transfer matrix, computed when a chip is prepared; of cells with a curved relation by a solution for each
            vector. Read noise is taken to reach the terminals along the lines of its own cell.
        backward: how gradients by inputs are made: None: the derivative of the forward read (with straight-through
            rounding); a `Backward`: read from the transposed array.
        halvings: bound management: how often at most (static) the inputs of a vector are halved, and it is read again,
            while a converter clips; the result is scaled back exactly. 0: what clips stays clipped. Every output
            position of a convolution is a vector. `memjax.crossbar.reads` counts the reads.
        rows_at_once: partial row activation: how many word lines of a tile are driven together (static), the others
            being at 0 V. The currents of each group of so many neighbouring word lines are converted on their own, in a
            range of their own where it is dynamic or estimated from the targets, and the codes add up digitally: fewer
            cells err together, for more conversions. The chip is the same. None: all word lines of a tile. The
            transposed read of `backward` drives all bit lines.
        schedule: how the row tiles of a matrix are computed: "scan" one after another (little memory, fastest on a
            CPU), "batched" all at once (few large kernels), "fused" in one kernel that keeps no current (by far the
            fastest on an NVIDIA GPU; interpreted elsewhere; "batched" for derivatives, noisy reads, dynamic ranges of
            tiles whose columns are no power of two from 16 to 128, and what else it cannot do), None for the fastest on
            the default backend. The numbers are the same, to float rounding where a range is dynamic.

    Raises: TypeError for a part of the wrong kind; ValueError for a value out of its range.

    Example:
        ```python
        import jax
        import memjax as mj

        hardware = mj.Hardware(
            cell=mj.Cell(r_on=10e3, r_off=100e3, levels=16),
            tile=(64, 64),
            dac=mj.Dac(bits=8, v_max=0.2),
            adc=mj.Adc(bits=6),
            effects=(mj.effects.StuckAt(hrs=0.01), mj.effects.ReadNoise(0.02)),
            wires=mj.Wires(row=1.0, column=1.0),
        )
        print(hardware)  # effects in the order in which they act
        print(len(jax.tree.leaves(hardware)))  # its numbers, all of which may be traced
        ```
    """

    cell: Cell = part(Cell, example="Cell(r_on=10e3, r_off=100e3)", default=Cell())
    mapping: AbstractMapping = part(AbstractMapping, example="mapping.DoubleColumn()", default=DoubleColumn())
    tile: tuple[int, int] = shape(("word lines", "bit lines"), default=(64, 64))
    dac: Dac = part(Dac, example="Dac(bits=8)", default=Dac(bits=8))
    adc: AbstractAdc = part(AbstractAdc, example="Adc(bits=8)", default=Adc(bits=8))
    effects: tuple[AbstractEffect, ...] = parts(AbstractEffect, example="(effects.ReadNoise(0.1),)", default=())
    programming: WriteVerify | None = part(WriteVerify, optional=True, default=None)
    wires: Wires | None = part(Wires, optional=True, example="Wires(row=1.0)", default=None)
    backward: Backward | None = part(Backward, optional=True, default=None)
    halvings: int = integer(0, 24, default=0)
    rows_at_once: int | None = integer(1, 2**20, optional=True, default=None)
    schedule: str | None = choice(*SCHEDULES, default=None)

    def check_relations(self) -> None:
        if sum(isinstance(effect, Conduction) for effect in self.effects) > 1:
            raise ValueError(
                f"Hardware.effects must hold at most one current-voltage relation, got {_check.shown(self.effects)}"
            )
        if self.programming is not None:
            self._check_programming(self.programming)
        if self.wires is not None and self.conduction is not None and self.dac.encoding.integrates:
            raise ValueError(
                f"Dac.encoding must not be {type(self.dac.encoding).__name__} for cells with a current-voltage "
                "relation behind wires (Hardware.wires): their currents change when the pulses of other lines end"
            )
        if self.dac.asymmetry is not None and self.conduction is not None and self.dac.encoding.full_swing:
            raise ValueError(
                f"Dac.asymmetry must be None for cells with a current-voltage relation and inputs of one amplitude "
                f"({type(self.dac.encoding).__name__}), got {_check.shown(self.dac.asymmetry)}"
            )
        if self.backward is not None:
            self._check_backward(self.backward)
        self.mapping.check_cell(self.cell)
        tile = self.tile
        if tile[0] < self.mapping.word_lines or tile[1] < 1:
            lowest = (self.mapping.word_lines, 1)
            raise ValueError(f"Hardware.tile must be at least {lowest} for {type(self.mapping).__name__}, got {tile}")
        if self.rows_at_once is not None:
            self._check_groups(self.rows_at_once)
        if self.adc.subtract == "digital" and self.mapping.word_lines > 1:
            kind = type(self.mapping).__name__
            raise ValueError(f"Adc.subtract must be 'analog' for {kind}, whose currents subtract on the bit line")
        for effect in self.effects:
            effect.check(self)

    def _check_backward(self, backward: Backward) -> None:
        if not isinstance(self.mapping, DoubleColumn):
            raise ValueError(
                f"Hardware.mapping must be DoubleColumn for reads through the transposed array (Hardware.backward), "
                f"got {type(self.mapping).__name__}"
            )
        remembered = {name for name, _ in acting(self.effects, Remembering)}
        missing = {name for name, _ in acting(backward.effects, Remembering)} - remembered
        if missing:
            raise ValueError(
                f"Hardware.effects must hold {', '.join(sorted(missing))}, since Backward.effects does and it remembers"
            )
        for effect in backward.effects:
            effect.check(self)

    def _check_programming(self, programming: WriteVerify) -> None:
        if programming.shape:
            raise ValueError(
                "Hardware.programming must have scalar parameters, since its device stands for every cell: "
                "give cells devices of their own by WriteVerify(spread=), ranges by effects.DeviceVariation"
            )
        self.cell.check_within("Hardware.programming", programming.device)

    def _check_groups(self, lines: int) -> None:
        if lines > self.tile[0]:
            raise ValueError(
                f"Hardware.rows_at_once must be at most the {self.tile[0]} word lines of a tile, got {lines}"
            )
        if lines % self.mapping.word_lines:
            raise ValueError(
                f"Hardware.rows_at_once must be a multiple of {self.mapping.word_lines}, the word lines of an input "
                f"with {type(self.mapping).__name__}, got {lines}"
            )

    def __str__(self) -> str:
        """The hardware in words, with the effects in the order in which they act."""
        return describe(self)

    @property
    def rows(self) -> int:
        """Inputs that one tile takes."""
        return self.tile[0] // self.mapping.word_lines

    @property
    def at_once(self) -> int:
        """Inputs of a tile that are driven together."""
        return self.rows if self.rows_at_once is None else self.rows_at_once // self.mapping.word_lines

    @property
    def conversions(self) -> tuple[list[Conversion], list[Any]]:
        """What each converter of an output sees, and the reference conductances [S] that are subtracted digitally."""
        analog = self.mapping.conversions(self.cell)
        if self.adc.subtract == "analog":
            return analog, []
        references = [c.factor * c.reference for c in analog if c.reference is not None]
        return [one for c in analog for one in c.apart()], references

    @property
    def noisy(self) -> bool:
        """Whether reads are random, so that they need a key."""
        return self.adc.noisy or any(isinstance(effect, Noise) for effect in self.effects)

    @property
    def conduction(self) -> Conduction | None:
        """The current-voltage relation of the cells, None: Ohm's law."""
        return next((effect for effect in self.effects if isinstance(effect, Conduction)), None)
