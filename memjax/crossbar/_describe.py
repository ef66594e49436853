"""A specification in words."""

import dataclasses
from typing import Any

import numpy as np

from memjax import _check, effects
from memjax.effects import acting

STAGES = (
    ("made", effects.Fabrication),
    ("targeted", effects.Targeting),
    ("written", effects.Programming),
    ("aged", effects.Ageing),
    ("read", effects.Reading),
    ("conducting", effects.Conduction),
    ("noisy", effects.Noise),
)
PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def describe(hardware: Any) -> str:
    """Lines "name  what it is" of a `Hardware`, the effects by the stage of a chip's life at which they act."""
    cell = hardware.cell
    levels = "" if cell.levels is None else f", {_number(cell.levels)} levels"
    lines = [
        ("cell", f"{_number(cell.r_on, 'Ω')} to {_number(cell.r_off, 'Ω')}{levels}"),
        ("mapping", _spec(hardware.mapping)),
        ("tile", f"{hardware.tile[0]} word lines × {hardware.tile[1]} bit lines"),
        ("dac", _spec(hardware.dac)),
        ("adc", _spec(hardware.adc)),
        ("programming", "exact" if hardware.programming is None else _spec(hardware.programming)),
        ("wires", "ideal" if hardware.wires is None else _spec(hardware.wires)),
    ]
    if hardware.rows_at_once is not None:
        lines.append(("at once", f"{hardware.rows_at_once} word lines of a tile"))
    if hardware.halvings:
        lines.append(("halvings", f"up to {hardware.halvings} of a vector of which a converter clips"))
    if hardware.backward is not None:
        lines.append(("backward", _spec(hardware.backward)))
    for stage, hook in STAGES:
        lines += [(stage, _spec(effect)) for _, effect in acting(hardware.effects, hook)]
    return "Hardware\n" + "\n".join(f"  {name:<12}{what}" for name, what in lines)


def _spec(value: Any) -> str:
    """A module in one line, with the fields that differ from their defaults."""
    shown = []
    for field in dataclasses.fields(value):
        found = getattr(value, field.name)
        if field.default is dataclasses.MISSING or not _same(found, field.default):
            shown.append(f"{field.name}={_value(found)}")
    return f"{type(value).__name__}({', '.join(shown)})"


def _same(a: Any, b: Any) -> bool:
    """Whether a value is the default: numbers by value, whatever their type; what is traced never is."""
    if dataclasses.is_dataclass(a):
        names = [field.name for field in dataclasses.fields(a)]
        return type(a) is type(b) and all(_same(getattr(a, name), getattr(b, name)) for name in names)
    if a is None or isinstance(a, str | bool | tuple | list):
        return type(a) is type(b) and bool(a == b)
    found = _check.concrete(a)
    return found is not None and found.ndim == 0 and b is not None and bool(np.isclose(found, b, rtol=1e-6, atol=0.0))


def _value(value: Any) -> str:
    if dataclasses.is_dataclass(value):
        return _spec(value)
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_value, value))})"
    return repr(value) if isinstance(value, str | bool) or value is None else _number(value)


def _number(value: Any, unit: str = "") -> str:
    """A number with an SI prefix for its unit; an array by its range; what is traced by its type."""
    array = _check.concrete(value)
    if array is None:
        return "traced"
    if array.ndim:
        return f"{array.min():.4g} to {array.max():.4g}"
    number = float(array)
    if not unit or number == 0 or not np.isfinite(number):
        return f"{number:.4g}" + (f" {unit}" if unit else "")
    power = int(np.clip(3 * np.floor(np.log10(abs(number)) / 3), -15, 12))
    return f"{number / 10.0**power:.4g} {PREFIXES[power]}{unit}"
