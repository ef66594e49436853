"""How a macro is built, whatever its organisation."""

from typing import Any

from memjax import _check
from memjax._field import Spec, choice, flag, number
from memjax.memory._macro._drivers import BUFFERS
from memjax.memory._macro._tables import WIRES

REPEATERS = ("none", "optimal", "5%", "10%", "20%", "30%", "40%", "50%")


class Design(Spec):
    """How a macro is wired and driven.

    Args:
        routing: "h_tree" from mat to mat, or "bus" along the columns of mats.
        internal_sensing: whether every subarray has sense amplifiers; if not, one row of them serves the whole bank,
            which needs a bus, and cells with resistances.
        local_wire, global_wire: of word and bit lines, and between mats: one of "local_aggressive",
            "local_conservative", "semi_aggressive", "semi_conservative", "global_aggressive", "global_conservative".
        repeaters: along the global wires: "none", "optimal" for the least delay, or as small ones as make a wire
            slower by a share: "5%", "10%", "20%", "30%", "40%" or "50%".
        buffers: "latency", "balanced" or "area" for the drivers of word lines and multiplexers.
        erase_first: whether a crosspoint word is erased before it is written, so that a write takes the energies of
            both SET and RESET.
        widest: NMOS that a driver may have [F].

    Raises: ValueError for a choice that is none of these, or for two that do not go together.
    """

    routing: str = choice("h_tree", "bus", default="h_tree")
    internal_sensing: bool = flag(default=True)
    local_wire: str = choice(*WIRES, default="local_aggressive")
    global_wire: str = choice(*WIRES, default="global_aggressive")
    repeaters: str = choice(*REPEATERS, default="none")
    buffers: str = choice(*BUFFERS, default="latency")
    erase_first: bool = flag(default=False)
    widest: Any = number(low=1.5, unit="F", default=100.0)

    def check_relations(self) -> None:
        if not self.internal_sensing and (self.routing != "bus" or self.repeaters != "none"):
            raise ValueError(
                "Design.internal_sensing must be True unless Design.routing is 'bus' and Design.repeaters 'none', got "
                f"internal_sensing=False, routing={self.routing!r}, repeaters={self.repeaters!r}"
            )

    def check_cell(self, cell: Any) -> None:
        """Raise unless the cell can be built so."""
        if not self.internal_sensing and cell.kind in ("sram", "dram"):
            raise ValueError(
                f"design.internal_sensing must be True for a cell of kind {cell.kind!r}, got False: its bit line "
                "does not reach the end of the bank"
            )
        if self.erase_first and not (cell.crosspoint and cell.kind in ("rram", "stt")):
            raise ValueError("design.erase_first must be False unless cells are crosspoints of RRAM or STT, got True")


def as_design(design: Any, cell: Any) -> Design:
    _check.part("design", design, Design, example="Design()")
    design.check_cell(cell)
    return design
