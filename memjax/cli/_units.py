"""Units of the parameters of a grid, as the fields of the library's classes have them."""

from typing import Any

from memjax.cli import _build
from memjax.cli._config import Config
from memjax.spec import Spec, rule

_AGE = {"seconds": "s", "temperature": "K"}


def of(config: Config) -> dict[str, str]:
    """Name of every parameter with a unit -> that unit; "1" for fractions."""
    hardware = config.hardware(next(config.points()))
    numbers = _build.effects(config.settings)
    found = {}
    for axis in config.axes:
        for name, target in zip(axis.names, axis.targets, strict=True):
            table, *path = target.split(".")
            if table == "age":
                found[name] = _AGE.get(path[0])
            elif table == "effects":
                found[name] = _unit(hardware.effects[numbers.index(int(path[0]))], path[1:])
            else:
                found[name] = _unit(hardware, path)
    return {name: unit for name, unit in found.items() if unit is not None}


def _unit(owner: Any, path: list[str]) -> str | None:
    *parts, field = path
    for part in parts:
        owner = getattr(owner, part, None)
    if field == "bits":
        return "bit"
    bounds = rule(owner, field) if isinstance(owner, Spec) else None
    unit = getattr(bounds, "unit", "1")
    fraction = (getattr(bounds, "low", None), getattr(bounds, "high", None)) == (0.0, 1.0)
    return unit if unit != "1" or fraction else None
