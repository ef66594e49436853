"""When every part of a chip works."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from memjax import _check
from memjax._text import columns
from memjax.chip._architecture import Architecture, check_architecture
from memjax.chip._operations import Operation, operations
from memjax.chip._place import place
from memjax.chip._placement import Placement
from memjax.chip._tasks import KINDS
from memjax.transform import Plan


@dataclass(frozen=True)
class Schedule:
    """When every part of a chip works in one call. `print` it.

    Attributes:
        placement: where the tiles lie.
        architecture: whose widths and times they are.
        operations: what is done, in the order of the program.
    """

    placement: Placement
    architecture: Architecture
    operations: tuple[Operation, ...]

    @property
    def cycles(self) -> int:
        """Cycles until everything is done."""
        return max((one.stop for one in self.operations), default=0)

    @property
    def seconds(self) -> float:
        """Duration of these cycles [s]."""
        return self.cycles * float(self.architecture.cycle_time)

    @cached_property
    def counts(self) -> dict[int, dict[str, int]]:
        """Number of operations by core and kind."""
        found = {core: dict.fromkeys(KINDS, 0) for core in sorted({one.core for one in self.operations})}
        for one in self.operations:
            found[one.core][one.kind] += one.count
        return found

    @property
    def words(self) -> dict[str, int]:
        """Words that are loaded, computed, stored and sent on all cores; vectors of tiles that are read."""
        found = dict.fromkeys(KINDS, 0)
        for one in self.operations:
            found[one.kind] += one.count * one.words
        return found

    @property
    def layers(self) -> dict[str, tuple[int, int]]:
        """(first cycle, last cycle) of every layer."""
        return {name: (min(o.start for o in own), max(o.stop for o in own)) for name, own in self._by_layer.items()}

    @property
    def busiest(self) -> tuple[int, str, int]:
        """(core, kind, cycles) of the unit with most to do, below which no schedule can be; tiles aside."""
        busy = Counter()
        for one in self.operations:
            if one.kind != "mvm":
                busy[one.core, one.kind] += one.count * one.cycles
        (core, kind), cycles = busy.most_common(1)[0]
        return core, kind, cycles

    @cached_property
    def _by_layer(self) -> dict[str, list[Operation]]:
        found: dict[str, list[Operation]] = {}
        for one in self.operations:
            found.setdefault(one.layer, []).append(one)
        return found

    def __str__(self) -> str:
        rows: list[tuple] = [("layer", "cores", "first cycle", "last cycle", *KINDS)]
        for name, own in self._by_layer.items():
            counts = Counter()
            for one in own:
                counts[one.kind] += one.count
            start, stop = self.layers[name]
            cores = len({one.core for one in own})
            rows.append((name or "(the matrix)", cores, f"{start:,}", f"{stop:,}", *(f"{counts[k]:,}" for k in KINDS)))
        core, kind, cycles = self.busiest
        return "\n".join(
            [
                *columns(rows),
                "",
                f"{self.cycles:,} cycles, {self.seconds:.4g} s; core {core} has most to {kind}, {cycles:,} cycles.",
            ]
        )


def schedule(what: Placement | Plan, architecture: Architecture | None = None, *, pipelined: bool = True) -> Schedule:
    """The cycles of one call of a network on a chip, by list scheduling.

    A core that holds tiles of a layer does, for every vector,

        load    its row tiles' inputs from its buffer,
        mvm     on all its tiles of the layer,
        alu     sums of its row tiles for column tiles whose home (core of the first row tile) is another core,
        send    those sums there,
        alu     at home the sum of all, and the activation,
        store   the outputs,
        send    the outputs, once for all other cores that need them.

    Each takes ceil(words / width) cycles, an mvm `Architecture.mvm_cycles`; nothing to do takes none. Ports, ALU and
    link of a core do one thing at a time, as do the tiles of a layer. A vector is loaded once the tiles begin with the
    one before it. Layers are taken in the order of the program: each operation is done in the first cycles after what
    it needs in which its unit is idle, so that earlier layers go first. The vectors of a layer are counted together:
    long layers cost little time.

    Vector k of n needs the first ceil((k + 1) m / n) of the m vectors of every layer before it: exact where both have
    the vectors of one batch, and for convolutions without the rows that their windows look ahead. Digital products and
    what the network does between layers, apart from one operation for every output, contention of the network on chip
    and the capacity of buffers are left out.

    Args:
        what: a placement, or a plan to be placed (`place`).
        architecture: needed with a plan; with a placement other widths and times for the same cores.
        pipelined: whether a vector moves on as soon as it is there, or layers wait until those before them are done.

    Raises: TypeError for anything else; ValueError as `place`, and for an architecture of other cores.

    Source: the instructions of A. Ankit et al., PUMA, ASPLOS 2019 (counts and cycles, not its instruction set).
    """
    if not isinstance(what, Placement | Plan):
        raise TypeError(f"what must be a Placement or a Plan, got {_check.shown(what)}")
    _check.flag("pipelined", pipelined)
    if isinstance(what, Plan) or architecture is not None:
        check_architecture("architecture", architecture)
    if isinstance(what, Plan):
        assert architecture is not None
        what = place(what, architecture)
    own = what.architecture if architecture is None else architecture
    if (own.cores, own.tiles_per_core) != (what.architecture.cores, what.architecture.tiles_per_core):
        raise ValueError(
            f"architecture must have the {what.architecture.cores} cores of {what.architecture.tiles_per_core} tiles "
            f"of the placement, got {own.cores} of {own.tiles_per_core}"
        )
    return Schedule(what, own, operations(what, own, pipelined))
