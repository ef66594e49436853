"""From values by dotted path to the library's classes, whose own checks are used."""

import dataclasses
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

import memjax as mj
from memjax import _check
from memjax.cli._toml import Problem, shown

AGE = ("seconds", "cycles", "temperature", "reads")


def _classes(module: Any, base: type, *without: type) -> dict[str, type]:
    """Names and classes of a module that can be built."""
    return {
        name: kind
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and issubclass(kind, base) and not inspect.isabstract(kind) and kind not in without
    }


EFFECTS = dict(sorted(_classes(mj.effects, mj.effects.AbstractEffect, mj.effects.AbstractEffect).items()))
_DEFAULT = mj.Hardware()
# Where a class stands, and which it may be; the first is the default.
SLOTS: dict[str, dict[str, type]] = {
    "hardware.cell": {"Cell": mj.Cell},
    "hardware.mapping": {"DoubleColumn": mj.mapping.DoubleColumn} | _classes(mj.mapping, mj.mapping.AbstractMapping),
    "hardware.dac": {"Dac": mj.Dac},
    "hardware.dac.range": {"Dynamic": mj.Dynamic},
    "hardware.dac.encoding": _classes(mj.converters, mj.converters.AbstractEncoding),
    "hardware.adc": {"Adc": mj.Adc, "LogAdc": mj.LogAdc},
    "hardware.adc.range": {"Dynamic": mj.Dynamic, "RelativeToWeights": mj.converters.RelativeToWeights},
    "hardware.wires": {"Wires": mj.Wires},
    "effects.*.wires": {"Wires": mj.Wires},
}
# Fields of `Hardware` that a file cannot give, or gives elsewhere.
_ELSEWHERE = ("effects", "programming")


def slot(path: str) -> dict[str, type] | None:
    """The classes of which one stands at a path, None where a value does."""
    return SLOTS.get(re.sub(r"\.\d+\.", ".*.", path))


def hardware(settings: Mapping[str, Any]) -> mj.Hardware:
    """The hardware with its effects."""
    made = tuple(build(settings, f"effects.{index}", EFFECTS) for index in effects(settings))
    return build(settings, "hardware", {"Hardware": mj.Hardware}, effects=made)


def effects(settings: Mapping[str, Any]) -> list[int]:
    """Numbers of the effects, in order."""
    return sorted({int(path.split(".")[1]) for path in settings if path.startswith("effects.")})


def build(settings: Mapping[str, Any], prefix: str, kinds: Mapping[str, type], **values: Any) -> Any:
    """The object of a table."""
    kind = settings.get(f"{prefix}.kind", next(iter(kinds)))
    one_of(f"{prefix}.kind", kind, kinds)
    cls: Any = kinds[kind]
    fields = {
        field.name: field for field in dataclasses.fields(cls) if prefix != "hardware" or field.name not in _ELSEWHERE
    }
    default = getattr(_DEFAULT, prefix.removeprefix("hardware."), None)
    if type(default) is cls:
        values = {name: getattr(default, name) for name in fields}
    for name in dict.fromkeys(
        path[len(prefix) + 1 :].split(".")[0] for path in settings if path.startswith(f"{prefix}.")
    ):
        path = f"{prefix}.{name}"
        if name == "kind" and prefix != "hardware":
            continue
        if name not in fields:
            raise Problem(path, f"unknown field, {kind} has {', '.join(fields) or 'none'}")
        if path in settings:
            values[name] = _value(path, settings[path], fields[name])
        elif (inside := slot(path)) is not None:
            values[name] = build(settings, path, inside)
        else:
            raise Problem(path, "must be a value, not a table")
    needed = [n for n, f in fields.items() if f.default is f.default_factory is dataclasses.MISSING]
    missing = [name for name in needed if name not in values]
    if missing:
        raise Problem(f"{prefix}.{missing[0]}", f"is missing, {kind} needs it")
    try:
        return cls(**values)
    except (ValueError, TypeError) as error:
        raise Problem(_blamed(str(error), prefix, values), str(error)) from error


def _value(path: str, value: Any, field: dataclasses.Field) -> Any:
    """A value as the class takes it; words and tiles are checked by the class itself."""
    if isinstance(value, str) and value == "none":
        return None
    if field.type is bool and not isinstance(value, bool):
        raise Problem(path, f"must be true or false, got {shown(value)}")
    if "tuple" in str(field.type) and isinstance(value, list | tuple) and all(map(_numeric, value)):
        return tuple(value)
    number = not field.metadata.get("static", False) and slot(path) is None
    if number and not _numeric(value):
        raise Problem(path, f"must be a number, got {shown(value)}")
    return value


def _numeric(value: Any) -> bool:
    """Whether a value is a number, traced or not: TOML has dates and times as well."""
    return value is None or hasattr(value, "aval") or (isinstance(value, int | float) and not isinstance(value, bool))


def _blamed(message: str, prefix: str, values: Mapping[str, Any]) -> str:
    """The path that an error of the library speaks of: its messages begin with the class and the argument."""
    found = re.match(r"(\w+)\.(\w+)", message)
    owner, argument = found.groups() if found else ("", "")
    for name, part in values.items():
        if prefix == "hardware" and type(part).__name__ == owner:
            return f"{prefix}.{name}.{argument}"
    return f"{prefix}.{argument}" if argument else prefix


def age(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ageing; empty where there are none."""
    values = {path[4:]: value for path, value in settings.items() if path.startswith("age.")}
    for name, value in values.items():
        if name not in AGE:
            raise Problem(f"age.{name}", f"unknown field, [age] has {', '.join(AGE)}")
        try:
            if not _numeric(value):
                raise TypeError(f"must be a number, got {shown(value)}")
            _check.number(name, value, 0.0, open_low=name == "temperature")
        except (ValueError, TypeError) as error:
            raise Problem(f"age.{name}", str(error)) from error
    return values


def by_kind(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`mapping = "Offset"` and `adc = {}` as the tables that they stand for."""
    settings = dict(settings)
    for place, kinds in SLOTS.items():
        value = settings.get(place)
        if isinstance(value, str) and value != "none":
            settings[f"{place}.kind"] = settings.pop(place)
        elif isinstance(value, dict):
            del settings[place]
            settings.setdefault(f"{place}.kind", next(iter(kinds)))
    if settings.get("hardware") == {}:
        del settings["hardware"]
    return settings


def one_of(path: str, value: Any, valid: Iterable[str]) -> None:
    """Raise unless a value is one of some words."""
    valid = list(valid)
    if value is None:
        raise Problem(path, f"is missing, it must be one of {', '.join(valid)}")
    if not isinstance(value, str) or value not in valid:
        raise Problem(path, f"must be one of {', '.join(valid)}, got {shown(value)}")


# Grid
