"""The hooks at which a non-ideality enters, each a small abstract class.

An effect is one final `equinox.Module` that implements the hooks it needs; all numbers are traced leaves, so a sweep
over any of them compiles once. A chip lives through the hooks in physical order:

1. `Fabrication.fabricate`: the range of conductance that each cell can reach; variation first, then faults.
2. `Targeting.target`, at each write: the conductance that the write aims at, within the cell's own range.
3. (The pulses of `Hardware.programming`, if it has any.)
4. `Programming.write`: where the write really ends.
5. `Remembering.start` after the write, for what a cell keeps; `Ageing.age` by `age`: what time, cycles, reads and
   temperature do.
6. `Reading.read`: the conductance that a read meets.
7. `Conduction`: the current of a cell against its voltage.
8. `Noise.power`, at each read: independent Gaussian noise on every cell.

Within a hook effects of a lower `rank` act first, those of one rank in the order of `Hardware.effects`. Cells whose
range is a point are stuck: no write and no age moves them. A hook sees one tile of one array at a time, [word lines,
bit lines], with a key folded with the effect's name and place: its random numbers depend neither on the rest of the
chip nor on the other effects.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, TypeVar

from jax import Array

from memjax._field import Spec

Memory = dict[str, Array]
"""What an effect keeps of each tile: arrays of the tile's shape (one number per cell) or scalars."""


class Stress(NamedTuple):
    """What a chip goes through between two looks at it.

    Attributes:
        seconds: time [s].
        cycles: write (SET-RESET) cycles of every cell, or of each [rows, columns].
        reads: reads of every cell.
        temperature: temperature meanwhile [K].
    """

    seconds: Any
    cycles: Any
    reads: Any
    temperature: Any


class Power(NamedTuple):
    """Variance of a cell's current noise at the voltage V: squared V^2 + linear |V| + constant.

    Attributes (arrays of the tile's shape, or None for zero):
        squared: [S^2].
        linear: [A^2/V].
        constant: [A^2].
    """

    squared: Array | None = None
    linear: Array | None = None
    constant: Array | None = None


class AbstractEffect(Spec):
    """Anything that may stand in `Hardware.effects`: implements at least one of the hooks."""

    rank: ClassVar[int] = 0

    def check(self, hardware: Any) -> None:
        """Raise ValueError unless the effect fits the rest of the hardware; called when that is made."""
        del hardware


class Fabrication(AbstractEffect):
    """Hook: the range of each cell, fixed when the chip is made."""

    @abstractmethod
    def fabricate(self, low: Array, high: Array, key: Array) -> tuple[Array, Array]:
        """Conductances [S] between which each cell of a tile can be programmed; equal ones make it stuck."""


class Targeting(AbstractEffect):
    """Hook: what a write aims at.

    Attributes:
        headroom: share of the range of conductances that weights are mapped to, about that of the weight zero; None:
            all of it.
    """

    @property
    def headroom(self) -> Any:
        return None

    @abstractmethod
    def target(self, conductance: Array, low: Array, high: Array) -> Array:
        """Conductance [S] that the write of a wanted `conductance` aims at, in a cell's own range [low, high] [S]."""


class Programming(AbstractEffect):
    """Hook: the conductance that a write really leaves behind."""

    @abstractmethod
    def write(self, conductance: Array, low: Array, high: Array, key: Array) -> Array:
        """Written conductance [S] of a tile for what its write aimed at; negative ones become zero."""


class Remembering(AbstractEffect):
    """Hook: numbers that a cell keeps, such as a size of its own; `Reading.read` and `Noise.power` are given them."""

    @abstractmethod
    def start(self, conductance: Array, low: Array, high: Array, key: Array, before: Memory | None) -> Memory:
        """What the effect remembers of a tile that was just written.

        Args:
            conductance: what was written [S].
            low, high: the range of each cell [S].
            key: PRNG key of the write.
            before: what it remembered before the write; None: the chip is new.
        """


class Ageing(Remembering):
    """Hook: the conductance after time, use and temperature."""

    def start(self, conductance: Array, low: Array, high: Array, key: Array, before: Memory | None) -> Memory:
        del conductance, low, high, key, before
        return {}

    @abstractmethod
    def age(self, conductance: Array, memory: Memory, key: Array, stress: Stress) -> tuple[Array, Memory]:
        """Conductance [S] and memory of a tile after `stress`."""


class Wear(Ageing):
    """Hook: as `Ageing`, for what also changes the range in which cells can be written."""

    @abstractmethod
    def wear(self, low: Array, high: Array, memory: Memory, stress: Stress) -> tuple[Array, Array]:
        """The range [S] of the cells after `stress`; `memory` is that before it."""


class Reading(AbstractEffect):
    """Hook: the conductance that a read meets."""

    @abstractmethod
    def read(self, conductance: Array, memory: Memory, cell: Any) -> Array:
        """Conductance [S] of a tile as read; `cell` is the nominal `Cell`, `memory` what the effect remembers."""


class Conduction(AbstractEffect):
    """Hook: a current I = V * sum over branches of f(V) c(G) instead of Ohm's V * G. One effect may have it."""

    @abstractmethod
    def factors(self) -> tuple[Callable[[Array], Array], ...]:
        """For each branch, f: an elementwise function of the voltage [V]."""

    @abstractmethod
    def conductances(self, conductance: Array) -> tuple[Array, ...]:
        """For each branch, c of the conductance [S], elementwise; the units of f c are siemens."""


class Noise(AbstractEffect):
    """Hook: noise at each read."""

    @abstractmethod
    def power(self, conductance: Array, memory: Memory) -> Power:
        """Variance of the noise that each read adds to each cell's current, independently."""


Hook = TypeVar("Hook", bound=AbstractEffect)


def acting(effects: tuple[AbstractEffect, ...], hook: type[Hook]) -> list[tuple[str, Hook]]:
    """The effects that have a hook, in the order in which they act, each with its name.

    The name is that of the class, and "Name_2" for the second of its kind.
    """
    named, seen = [], {}
    for effect in effects:
        kind = type(effect).__name__
        count = seen[kind] = seen.get(kind, 0) + 1
        named.append((kind if count == 1 else f"{kind}_{count}", effect))
    return sorted(((n, e) for n, e in named if isinstance(e, hook)), key=lambda pair: pair[1].rank)
