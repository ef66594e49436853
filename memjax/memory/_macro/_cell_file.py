"""Cells in NVSim's text files."""

import os
import pathlib
import re
from typing import Any, NamedTuple

from memjax import _check
from memjax.memory._macro._cell import MemoryCell


class _Key(NamedTuple):
    """Where a number goes, and what it is times."""

    field: str
    unit: str = ""
    scale: float = 1.0


NUMBERS = {
    "CellArea": _Key("area", "F^2"),
    "CellAspectRatio": _Key("aspect"),
    "ResistanceOn": _Key("r_on", "ohm"),
    "ResistanceOff": _Key("r_off", "ohm"),
    "ResistanceOnAtReadVoltage": _Key("r_on", "ohm"),
    "ResistanceOffAtReadVoltage": _Key("r_off", "ohm"),
    "ResistanceOnAtSetVoltage": _Key("r_on_set", "ohm"),
    "ResistanceOnAtResetVoltage": _Key("r_on_reset", "ohm"),
    "ResistanceOnAtHalfResetVoltage": _Key("r_on_half", "ohm"),
    "CapacitanceOn": _Key("capacitance", "F"),
    "CapacitanceOff": _Key("capacitance", "F"),
    "ReadVoltage": _Key("read_voltage", "V"),
    "ReadCurrent": _Key("read_current", "uA", 1e-6),
    "ReadPower": _Key("read_power", "uW", 1e-6),
    "MinSenseVoltage": _Key("sense_voltage", "mV", 1e-3),
    "ResetVoltage": _Key("reset_voltage", "V"),
    "ResetCurrent": _Key("reset_current", "uA", 1e-6),
    "ResetPulse": _Key("reset_pulse", "ns", 1e-9),
    "ResetEnergy": _Key("reset_energy", "pJ", 1e-12),
    "SetVoltage": _Key("set_voltage", "V"),
    "SetCurrent": _Key("set_current", "uA", 1e-6),
    "SetPulse": _Key("set_pulse", "ns", 1e-9),
    "SetEnergy": _Key("set_energy", "pJ", 1e-12),
    "AccessCMOSWidth": _Key("access_width", "F"),
    "VoltageDropAccessDevice": _Key("voltage_drop", "V"),
    "LeakageCurrentAccessDevice": _Key("leakage", "uA", 1e-6),
    "DRAMCellCapacitance": _Key("dram_capacitance", "F"),
    "SRAMCellNMOSWidth": _Key("sram_n", "F"),
    "SRAMCellPMOSWidth": _Key("sram_p", "F"),
}
CHOICES = {
    "MemCellType": (
        "kind",
        {"SRAM": "sram", "DRAM": "dram", "eDRAM": "dram", "MRAM": "stt", "PCRAM": "pcm", "memristor": "rram"},
    ),
    "ReadMode": ("sensing", {"voltage": "voltage", "current": "current"}),
    "SetMode": ("set_mode", {"voltage": "voltage", "current": "current"}),
    "ResetMode": ("reset_mode", {"voltage": "voltage", "current": "current"}),
    "AccessType": ("access", {"CMOS": "cmos", "diode": "diode", "None": "none", "none": "none"}),
}
# Read by NVSim, but without effect on a result there.
WITHOUT_EFFECT = (
    "ProcessNode",
    "ReadEnergy",
    "ReadFloating",
    "ResistanceOffAtSetVoltage",
    "ResistanceOffAtResetVoltage",
    "ResistanceOnAtHalfReadVoltage",
    "ResistanceOffAtHalfReadVoltage",
    "WordlineBoostRatio",
)
LINE = re.compile(r"-(?P<key>\w+)\s*(\((?P<unit>[^)]*)\))?\s*:\s*(?P<value>[^/]*)")


def read_cell(source: Any) -> MemoryCell:
    """The cell of a .cell file of NVSim, from its path or from its text (with more than one line).

    Lines are "-Key (unit): value"; all others, and what follows "//", are comments. Keys and units:

        MemCellType                   SRAM, DRAM, eDRAM, MRAM, PCRAM, memristor
        CellArea (F^2)                CellAspectRatio
        ResistanceOn, ResistanceOff (ohm); of a memristor ResistanceOnAtReadVoltage, ResistanceOffAtReadVoltage (ohm)
        ResistanceOnAtSetVoltage, ResistanceOnAtResetVoltage, ResistanceOnAtHalfResetVoltage (ohm)
        CapacitanceOn, -Off (F)       the larger counts
        ReadMode                      voltage, current
        ReadVoltage (V)               ReadCurrent (uA)      ReadPower (uW)      MinSenseVoltage (mV)
        SetMode, ResetMode            voltage, current
        SetVoltage, ResetVoltage (V)  SetCurrent, ResetCurrent (uA)
        SetPulse, ResetPulse (ns)     SetEnergy, ResetEnergy (pJ)
        AccessType                    CMOS, diode, None
        AccessCMOSWidth (F)           VoltageDropAccessDevice (V)      LeakageCurrentAccessDevice (uA)
        DRAMCellCapacitance (F)       SRAMCellNMOSWidth (F)            SRAMCellPMOSWidth (F)

    Zero for a voltage, current, power or energy means that it is not given, as in NVSim. These keys have no effect on a
    result of NVSim and none here: ProcessNode, ReadEnergy, ReadFloating, WordlineBoostRatio,
    ResistanceOffAtSetVoltage, ResistanceOffAtResetVoltage, ResistanceOnAtHalfReadVoltage,
    ResistanceOffAtHalfReadVoltage.

    Raises: ValueError, with the number of the line, for an unknown key, unit or value (BJT access, floating-body and
        flash cells are not modelled), and for what a cell cannot do without.
    """
    text, name = _text(source)
    fields: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("-"):
            continue
        match = LINE.match(line.strip())
        where = f"source: line {number} of {name}"
        if match is None:
            raise ValueError(f"{where} must be '-Key (unit): value', got {_check.shown(line.strip())}")
        key, unit, value = match["key"], match["unit"] or "", match["value"].strip()
        if key in CHOICES:
            field, valid = CHOICES[key]
            if value not in valid:
                raise ValueError(f"{where}: {key} must be one of {', '.join(valid)}, got {_check.shown(value)}")
            fields[field] = valid[value]
        elif key in NUMBERS:
            _put(fields, NUMBERS[key], _number(where, key, unit, value))
        elif key not in WITHOUT_EFFECT:
            known = ", ".join(sorted([*CHOICES, *NUMBERS]))
            raise ValueError(f"{where}: {_check.shown(key)} is no key of a cell that is modelled; these are: {known}")
    for needed, key in (("kind", "MemCellType"), ("area", "CellArea")):
        if needed not in fields:
            raise ValueError(f"source: {name} must have a line -{key}")
    if fields.get("access", "cmos") != "cmos":
        fields.pop("access_width", None)
    return MemoryCell(**fields)


def _put(fields: dict[str, Any], key: _Key, number: float) -> None:
    if key.field == "capacitance":
        fields[key.field] = max(number, fields.get(key.field, 0.0))
    elif number != 0.0 or key.field in ("voltage_drop", "leakage"):
        fields[key.field] = number
    else:
        fields.pop(key.field, None)


def _number(where: str, key: str, unit: str, value: str) -> float:
    wanted = NUMBERS[key].unit
    if unit != wanted:
        given = f"({unit})" if unit else "none"
        raise ValueError(f"{where}: the unit of {key} must be {f'({wanted})' if wanted else 'none'}, got {given}")
    try:
        return float(value) * NUMBERS[key].scale
    except ValueError:
        raise ValueError(f"{where}: {key} must be a number, got {_check.shown(value)}") from None


def _text(source: Any) -> tuple[str, str]:
    """The text, and its name in messages."""
    if isinstance(source, str) and "\n" in source:
        return source, "the text"
    path = _check.path("source", source)
    try:
        return pathlib.Path(path).read_text(encoding="utf-8", errors="replace"), os.fspath(path)
    except OSError as error:
        raise ValueError(
            f"source must be a file that can be read, got {_check.shown(os.fspath(path))}: {error}"
        ) from None
