"""What a chip is made of."""

import math
from typing import Any

from memjax import _check
from memjax._field import Spec, check_scalars, integer, number


def check_architecture(name: str, architecture: Any) -> None:
    """Raise unless `architecture` is one architecture whose durations are known."""
    _check.part(name, architecture, Architecture, example="Architecture(cores=8)")
    check_scalars(name, architecture)
    times = (architecture.cycle_time, architecture.read_time, architecture.conversion_time)
    if any(_check.concrete(time) is None for time in times):
        raise ValueError(f"{name} must have concrete times, got traced ones: place and schedule outside jit and vmap")


class Architecture(Spec):
    """Cores on a network; each has tiles, a buffer with a port to read and one to write, an ALU and a link.

    The tiles of a layer on one core are read together; everything else does one thing at a time. A word is a number.

    Args:
        cores: number of cores.
        tiles_per_core: tiles of each.
        columns_per_adc: bit lines of a tile that take turns at a converter.
        buffer_width: words that a core reads from its buffer in a cycle, and that it writes.
        alu_width: words that a core adds or activates in a cycle.
        link_width: words that a core sends in a cycle.
        cycle_time: duration of a cycle [s].
        read_time: from the drive of an input plane to currents that can be sampled [s].
        conversion_time: of one conversion [s].

    The times are of the order of those of ISAAC's and PUMA's tables, 32 nm: put your own.

    Raises: TypeError, ValueError for what is no positive number.
    """

    cores: int = integer(1, 10**6, default=64)
    tiles_per_core: int = integer(1, 10**6, default=16)
    columns_per_adc: int = integer(1, 10**6, default=8)
    buffer_width: int = integer(1, 10**6, default=8)
    alu_width: int = integer(1, 10**6, default=8)
    link_width: int = integer(1, 10**6, default=4)
    cycle_time: Any = number(above=0.0, unit="s", default=1e-9)
    read_time: Any = number(low=0.0, unit="s", default=10e-9)
    conversion_time: Any = number(above=0.0, unit="s", default=1e-9)

    @property
    def tiles(self) -> int:
        """Tiles of all cores."""
        return self.cores * self.tiles_per_core

    def mvm_cycles(self, drives: int, columns: int) -> int:
        """Cycles to read a vector on tiles of so many bit lines: of each drive, settling and the turns of a converter.

        drives (read_time + min(columns_per_adc, columns) conversion_time) / cycle_time, rounded up.
        """
        drive = float(self.read_time) + min(self.columns_per_adc, columns) * float(self.conversion_time)
        cycles = drives * drive / float(self.cycle_time)
        return max(math.ceil(cycles * (1.0 - 1e-6)), 1)  # 0.1 is not a tenth in binary

    @property
    def widths(self) -> dict[str, int]:
        """Words of a cycle by what is done with them."""
        buffer = self.buffer_width
        return {"load": buffer, "alu": self.alu_width, "store": buffer, "send": self.link_width}
