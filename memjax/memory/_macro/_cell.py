"""Memory cells: what a macro must know of one."""

from typing import Any

from memjax import _check
from memjax._field import Spec, choice, number
from memjax.devices import AbstractDevice
from memjax.memory._macro._measured import measured

KINDS = ("rram", "pcm", "stt", "sram", "dram")
RESISTIVE = KINDS[:3]


class MemoryCell(Spec):
    """One cell of a memory: size, access device, resistances, read and write conditions.

    Lengths are in units of the node F, as is usual for cells; all else is in SI units. Fields that a kind of cell does
    not have are left out (None).

    Args:
        kind: "rram" (also CBRAM), "pcm", "stt" (spin-torque MRAM), "sram" or "dram".
        area, aspect: of the cell [F2] and its height over its width [1].
        access: "cmos" (1T1R, and the transistors of SRAM and DRAM), "diode" or "none" (crosspoint).
        access_width: of the access transistor [F].
        voltage_drop, leakage: of the access device [V], and of one that is off [A].
        r_on, r_off: LRS and HRS at the read voltage [ohm].
        r_on_reset, r_on_set: LRS at the write voltages [ohm]; `r_on` if left out.
        r_on_half: LRS at half the RESET voltage [ohm]; `r_on_reset` if left out (a linear cell).
        capacitance: of a cell without transistor [F].
        sensing: "voltage" or "current".
        read_voltage, read_current: [V, A]. Sensed as a voltage, a cell with a read current is fed with it; one with a
            read voltage is half of a divider. Sensed as a current, it needs the read voltage.
        read_power: of a cell that is read [W]; from the above if left out.
        sense_voltage: the least difference that a sense amplifier tells [V].
        set_voltage, set_current, set_pulse, set_energy: of a SET [V, A, s, J]; the energy is V (V - drop)/R t of a
            cell written by a voltage, or V I t (with vdd where no voltage is given), if left out.
        reset_voltage, reset_current, reset_pulse, reset_energy: of a RESET, likewise.
        set_mode, reset_mode: "voltage" or "current".
        sram_n, sram_p: transistors of the inverters in an SRAM cell [F].
        dram_capacitance: of the capacitor in a DRAM cell [F].

    Raises: ValueError, TypeError for numbers that are missing, or out of range.
    """

    kind: str = choice(*KINDS)
    area: Any = number(above=0.0, unit="F2")
    aspect: Any = number(above=0.0, default=1.0)
    access: str = choice("cmos", "diode", "none", default="cmos")
    access_width: Any = number(above=0.0, unit="F", optional=True, default=None)
    voltage_drop: Any = number(low=0.0, unit="V", default=0.0)
    leakage: Any = number(low=0.0, unit="A", default=0.0)
    r_on: Any = number(above=0.0, unit="ohm", optional=True, default=None)
    r_off: Any = number(above=0.0, unit="ohm", optional=True, default=None)
    r_on_reset: Any = number(above=0.0, unit="ohm", optional=True, default=None)
    r_on_set: Any = number(above=0.0, unit="ohm", optional=True, default=None)
    r_on_half: Any = number(above=0.0, unit="ohm", optional=True, default=None)
    capacitance: Any = number(low=0.0, unit="F", default=0.0)
    sensing: str = choice("voltage", "current", default="voltage")
    read_voltage: Any = number(above=0.0, unit="V", optional=True, default=None)
    read_current: Any = number(above=0.0, unit="A", optional=True, default=None)
    read_power: Any = number(above=0.0, unit="W", optional=True, default=None)
    sense_voltage: Any = number(above=0.0, unit="V", default=0.08)
    set_mode: str = choice("voltage", "current", default="voltage")
    set_voltage: Any = number(unit="V", optional=True, default=None)
    set_current: Any = number(unit="A", optional=True, default=None)
    set_pulse: Any = number(low=0.0, unit="s", optional=True, default=None)
    set_energy: Any = number(above=0.0, unit="J", optional=True, default=None)
    reset_mode: str = choice("voltage", "current", default="voltage")
    reset_voltage: Any = number(unit="V", optional=True, default=None)
    reset_current: Any = number(unit="A", optional=True, default=None)
    reset_pulse: Any = number(low=0.0, unit="s", optional=True, default=None)
    reset_energy: Any = number(above=0.0, unit="J", optional=True, default=None)
    sram_n: Any = number(above=0.0, unit="F", default=2.08)
    sram_p: Any = number(above=0.0, unit="F", default=1.23)
    dram_capacitance: Any = number(above=0.0, unit="F", optional=True, default=None)

    def check_relations(self) -> None:
        for name, reason in self._needed():
            if getattr(self, name) is None:
                raise ValueError(f"MemoryCell.{name} must be given for {reason}, got None")
        if self.kind not in RESISTIVE and self.access != "cmos":
            raise ValueError(f"MemoryCell.access must be 'cmos' for a cell of kind {self.kind!r}, got {self.access!r}")
        if self.kind in RESISTIVE:
            _check.ordered("MemoryCell", r_on=self.r_on, r_off=self.r_off)
            if self.sensing == "voltage" and self.read_voltage is None and self.read_current is None:
                raise ValueError("MemoryCell.read_voltage or MemoryCell.read_current must be given to sense a voltage")

    def _needed(self) -> list[tuple[str, str]]:
        """Fields that this cell cannot do without, and why."""
        kind = f"a cell of kind {self.kind!r}"
        needed = [("access_width", "a cell with a transistor")] if self.access == "cmos" else []
        if self.kind == "dram":
            needed.append(("dram_capacitance", kind))
        if self.kind in RESISTIVE:
            needed += [(name, kind) for name in ("r_on", "r_off", "set_pulse", "reset_pulse")]
            if self.sensing == "current":
                needed.append(("read_voltage", "a cell whose current is sensed"))
            needed += [
                (f"{write}_{getattr(self, f'{write}_mode')}", f"a cell written by a {getattr(self, f'{write}_mode')}")
                for write in ("set", "reset")
            ]
        return needed

    @property
    def height(self) -> Any:
        """Along the bit line [F]."""
        return (self.area * self.aspect) ** 0.5

    @property
    def width(self) -> Any:
        """Along the word line [F]."""
        return (self.area / self.aspect) ** 0.5

    @property
    def crosspoint(self) -> bool:
        """Whether cells have no transistor of their own."""
        return self.access != "cmos"

    @classmethod
    def from_device(
        cls,
        device: AbstractDevice,
        *,
        set_voltage: Any = None,
        set_pulse: Any = None,
        reset_voltage: Any = None,
        reset_pulse: Any = None,
        read_voltage: Any = 0.2,
        tolerance: Any = 0.05,
        kind: str = "rram",
        area: Any = 20.0,
        access_width: Any = 4.0,
        **others: Any,
    ) -> "MemoryCell":
        """A cell of any device model of memjax, measured by its own pulses.

        The device is SET from its HRS, then RESET. That gives the energy (the integral of v i), the largest current and
        the LRS and HRS at the read and write voltages.

        Args:
            device: such as `memjax.devices.VTEAM.pt_hf_ti()`.
            set_voltage, reset_voltage: magnitudes [V]; if left out, the last ones of write-verify
                (`memjax.programming.Ramp.matched`).
            set_pulse, reset_pulse: [s]; if left out, the shortest between 0.1 ns and 1 s, to 6 %, that takes the
                conductance to within `tolerance` of the end of its range.
            read_voltage: [V].
            tolerance: share of the conductance range [1].
            kind, area, access_width, others: what a device model does not know: the other fields of the cell. Sensed
                as a current and accessed by a transistor, if nothing else is said.

        Raises: ValueError for a device that is binary or that such pulses do not switch.
        """
        found = measured(device, set_voltage, set_pulse, reset_voltage, reset_pulse, read_voltage, tolerance)
        given = {"kind": kind, "area": area, "sensing": "current"} | others
        if given.get("access", "cmos") == "cmos":
            given["access_width"] = access_width
        fields: dict[str, Any] = {name: float(value) for name, value in found.items()}
        return cls(**fields | given)

    @classmethod
    def rram(cls) -> "MemoryCell":
        """A 4 F2 crosspoint RRAM, 1 and 10 Mohm at 0.4 V, +-2 V for 10 ns (NVSim's sample)."""
        return cls(
            kind="rram",
            area=4.0,
            access="none",
            r_on=1e6,
            r_off=1e7,
            r_on_set=1e5,
            r_on_reset=1e5,
            r_on_half=5e5,
            capacitance=1e-16,
            sensing="current",
            read_voltage=0.4,
            read_power=0.16e-6,
            set_voltage=2.0,
            set_pulse=10e-9,
            set_energy=0.6e-12,
            reset_voltage=2.0,
            reset_pulse=10e-9,
            reset_energy=0.6e-12,
        )

    @classmethod
    def pcm(cls) -> "MemoryCell":
        """A 9 F2 phase-change cell of 90 nm, 1 kohm and 1 Mohm, 300 uA for 40 ns to RESET and 150 uA for 150 ns to SET
        (Lee et al., ISCA 2009, as in NVSim's sample)."""
        return cls(
            kind="pcm",
            area=9.0,
            access_width=2.0,
            voltage_drop=0.3,
            r_on=1e3,
            r_off=1e6,
            read_current=40e-6,
            set_mode="current",
            set_current=150e-6,
            set_pulse=150e-9,
            reset_mode="current",
            reset_current=300e-6,
            reset_pulse=40e-9,
        )

    @classmethod
    def stt(cls) -> "MemoryCell":
        """A 54 F2 spin-torque cell, 3 and 6 kohm, 80 uA for 10 ns (NVSim's sample)."""
        return cls._spin_torque(54.0, 0.54, 8.0, (3e3, 6e3), 30e-6, 80e-6, 10e-9, 1e-12)

    @classmethod
    def stt_aggressive(cls) -> "MemoryCell":
        """A 34.5 F2 spin-torque cell, 6 and 12 kohm, 40.82 uA for 5 ns (NVSim's second sample)."""
        return cls._spin_torque(34.5, 0.96, 4.5, (6e3, 12e3), 23.4e-6, 40.82e-6, 5e-9, 0.252e-12)

    @classmethod
    def _spin_torque(cls, area, aspect, width, resistances, power, current, pulse, energy) -> "MemoryCell":
        write: dict[str, Any] = {
            f"{which}_{name}": value
            for which in ("set", "reset")
            for name, value in (("mode", "current"), ("current", current), ("pulse", pulse), ("energy", energy))
        }
        return cls(
            kind="stt",
            area=area,
            aspect=aspect,
            access_width=width,
            voltage_drop=0.15,
            r_on=resistances[0],
            r_off=resistances[1],
            sensing="current",
            read_voltage=0.25,
            read_power=power,
            sense_voltage=0.025,
            **write,
        )

    @classmethod
    def sram(cls) -> "MemoryCell":
        """A 146 F2 cell of six transistors (CACTI, NVSim's sample)."""
        return cls(kind="sram", area=146.0, aspect=1.46, access_width=1.31)

    @classmethod
    def dram(cls) -> "MemoryCell":
        """An embedded DRAM of one transistor and a trench of 20 fF, 0.067 um2 at 45 nm (as IBM's of 2008 [unverified]).

        Commodity cells of 6 F2 are too narrow for a sense amplifier on every bit line of this layout.
        """
        return cls(kind="dram", area=33.0, access_width=1.5, dram_capacitance=20e-15)

    @classmethod
    def cbram(cls) -> "MemoryCell":
        """A 1T1R cell of conducting filaments, 10 kohm and 1 Mohm, 1.6 V for 50 ns to SET and 1.2 V for 50 ns to RESET.

        Representative of Ag and Cu cells with a GeS or oxide electrolyte [unverified]; `from_device` takes the numbers
        of a device model.
        """
        return cls(
            kind="rram",
            area=20.0,
            access_width=4.0,
            r_on=1e4,
            r_off=1e6,
            sensing="current",
            read_voltage=0.2,
            set_voltage=1.6,
            set_current=100e-6,
            set_pulse=50e-9,
            reset_voltage=1.2,
            reset_current=100e-6,
            reset_pulse=50e-9,
        )
