"""What the commands of a memory cost: energies given, or from the supply currents of a data sheet."""

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from memjax._field import Spec, number

if TYPE_CHECKING:
    from memjax.memory._main._config import MemoryConfig

_joules = partial(number, low=0.0, unit="J")
_amperes = partial(number, low=0.0, unit="A")


class Costs(NamedTuple):
    """Energies [J] of an activation, a read, a write, a refresh, of writing a 0 and a 1, saved by an unchanged bit, and
    of a cycle of a rank with an open row and without."""

    activate: Any
    read: Any
    write: Any
    refresh: Any
    reset: Any
    set: Any
    unchanged: Any
    active: Any
    idle: Any


class AbstractEnergy(Spec):
    """Where the energies of commands come from."""

    @abstractmethod
    def costs(self, config: "MemoryConfig") -> Costs:
        """Energies [J] of one command and of one cycle of a rank."""


class CommandEnergy(AbstractEnergy):
    """Energies of the commands themselves [J].

    A write costs write + reset (bits that are 0) + set (bits that are 1) - unchanged (bits that stay).

    Args:
        activate: opening a row.
        read: a read of an open row.
        write: a write to an open row.
        refresh: a refresh of one bank.
        reset, set: the pulse that writes one 0 or 1; a trace without data has 256 of each in a line.
        unchanged: saved by each bit that a write does not change (0: all bits are written).
        active: a cycle of a rank with an open row.
        idle: a cycle of a rank without.

    Raises: ValueError for an energy below zero.

    Source: defaults of NVMain 2.0 (DRAM by DRAMPower2, pulses of PCM by NVSim).
    """

    activate: Any = _joules(default=3.405401e-9)
    read: Any = _joules(default=1.08108e-9)
    write: Any = _joules(default=1.02375e-9)
    refresh: Any = _joules(default=38.558533e-9)
    reset: Any = _joules(default=0.054331e-9)
    set: Any = _joules(default=0.101581e-9)
    unchanged: Any = _joules(default=0.0)
    active: Any = _joules(default=0.09009e-9)
    idle: Any = _joules(default=0.083333e-9)

    def costs(self, config: "MemoryConfig") -> Costs:
        del config
        return Costs(**{name: getattr(self, name) for name in Costs._fields})


class CurrentEnergy(AbstractEnergy):
    """Energies from the supply currents of the devices of a rank, which work in step.

    With n devices of the supply V and the cycle T, and the current above that of standby shared by the banks:

        ACT: n V T (i_dd0 (t_ras + t_rp) - i_dd3n t_ras - i_dd2n t_rp) / banks
        RD:  n V T (i_dd4r - i_dd3n) t_burst / banks;  WR: with i_dd4w;  REF: n V T (i_dd5b - i_dd3n) t_rfc / banks
        a cycle with an open row: n V T i_dd3n;  without: n V T i_dd2n

    Args:
        voltage: V.
        i_dd0: of opening and closing a row; i_dd2n: all rows closed; i_dd3n: a row open; i_dd4r: reading; i_dd4w:
            writing; i_dd5b: refreshing [A].

    Raises: ValueError for a value below zero.

    Source: Micron TN-41-01 for the currents; sharing by the banks as in NVMain 2.0, defaults of it.
    """

    voltage: Any = number(low=0.0, unit="V", default=1.5)
    i_dd0: Any = _amperes(default=85e-3)
    i_dd2n: Any = _amperes(default=37e-3)
    i_dd3n: Any = _amperes(default=40e-3)
    i_dd4r: Any = _amperes(default=160e-3)
    i_dd4w: Any = _amperes(default=165e-3)
    i_dd5b: Any = _amperes(default=200e-3)

    def costs(self, config: "MemoryConfig") -> Costs:
        t = config.timing
        cycle = -(-config.bus_width // config.device_width) * self.voltage / config.clock
        share = cycle / config.banks
        opening = self.i_dd0 * (t.t_ras + t.t_rp) - self.i_dd3n * t.t_ras - self.i_dd2n * t.t_rp
        return Costs(
            activate=share * opening,
            read=share * (self.i_dd4r - self.i_dd3n) * t.t_burst,
            write=share * (self.i_dd4w - self.i_dd3n) * t.t_burst,
            refresh=share * (self.i_dd5b - self.i_dd3n) * t.t_rfc,
            reset=0.0,
            set=0.0,
            unchanged=0.0,
            active=cycle * self.i_dd3n,
            idle=cycle * self.i_dd2n,
        )
