"""The file of `memjax sweep`: TOML, read as data only, checked before anything is computed.

Every value has a dotted path: `hardware.adc.bits`, `effects.0.r_on_std`. The names of tables and fields are those of
the library's classes and their arguments, whose own checks are used; every complaint names the file, the line and the
key.
"""

import dataclasses
import itertools
import pathlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import memjax as mj
from memjax import study
from memjax.cli import _build
from memjax.cli._toml import Problem, flat, located, physical, shown

# The fields of every table but `hardware`, `effects` and `grid`. The integers: default, lowest, highest value.
INTEGERS: dict[str, tuple[int | None, int, int]] = {
    "samples": (100, 1, 2**31 - 1),
    "seed": (0, 0, 2**32 - 1),
    "batch_size": (None, 1, 2**31 - 1),
    "data.images": (1000, 1, 2**31 - 1),
    "network.steps": (study.STEPS, 1, 2**31 - 1),
}
NAMES = ("data.name", "network.name")
REQUIRED = ("data", "network", "hardware", "grid")
TABLES = (*REQUIRED, "effects", "age")


@dataclasses.dataclass(frozen=True)
class Axis:
    """One dimension of the grid."""

    key: str
    """As the file has it."""
    names: tuple[str, ...]
    """Of its parameters, as Python identifiers."""
    targets: tuple[str, ...]
    """Their paths."""
    rows: tuple[tuple, ...]
    """A value of each, for every point."""

    @property
    def dim(self) -> str:
        """The dimension of the results."""
        return "_".join(self.names)


@dataclasses.dataclass(frozen=True)
class Config:
    """A checked file."""

    content: dict[str, Any]
    """What the file says, as TOML gives it."""
    settings: dict[str, Any]
    """Values by path, without the grid."""
    axes: tuple[Axis, ...]
    samples: int
    seed: int
    batch_size: int | None
    dataset: str
    images: int
    network: str
    steps: int

    @property
    def grid(self) -> dict[str | tuple[str, ...], list]:
        """The grid of `memjax.sweep`."""
        return {
            axis.names[0] if len(axis.names) == 1 else axis.names: [
                row[0] if len(axis.names) == 1 else row for row in axis.rows
            ]
            for axis in self.axes
        }

    @property
    def static(self) -> list[str]:
        """Parameters that are switches, not numbers."""
        points = list(self.points())
        return [name for name in self.paths if any(isinstance(point[name], bool) for point in points)]

    @property
    def paths(self) -> dict[str, str]:
        """Name of every parameter -> the path that the file gives it."""
        return {
            name: path.strip() for axis in self.axes for name, path in zip(axis.names, axis.key.split(","), strict=True)
        }

    def points(self) -> Iterator[dict[str, Any]]:
        """Every point of the grid, the last axis changing fastest."""
        for rows in itertools.product(*(axis.rows for axis in self.axes)):
            yield {
                n: v for axis, row in zip(self.axes, rows, strict=True) for n, v in zip(axis.names, row, strict=True)
            }

    def hardware(self, point: Mapping[str, Any]) -> mj.Hardware:
        """The hardware at a point of the grid, whose numbers may be traced."""
        return _build.hardware(self._at(point))

    def age(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of ageing at a point of the grid; empty where the chips do not age."""
        return _build.age(self._at(point))

    def _at(self, point: Mapping[str, Any]) -> dict[str, Any]:
        targets = {name: target for axis in self.axes for name, target in zip(axis.names, axis.targets, strict=True)}
        return _build.by_kind(self.settings | {targets[name]: value for name, value in point.items()})


def read(path: pathlib.Path) -> Config:
    """Reads and checks a file.

    Raises: OSError where it cannot be read; ValueError naming file, line and key.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise OSError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be text in UTF-8: {error.reason} at byte {error.start}") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        line = at[1] if at else 1 + text.rstrip().count("\n")
        raise ValueError(f"{path}, line {line}: not TOML: {error}") from error
    except ValueError as error:  # Python reads no integers of more than 4300 digits
        digits = re.search(r"[0-9_]{4300}", text)
        line = f", line {1 + text[: digits.start()].count(chr(10))}" if digits else ""
        raise ValueError(f"{path}{line}: must be an integer of fewer digits: {error}") from error
    except RecursionError:
        raise ValueError(f"{path}: not TOML: nested too deeply") from None
    try:
        return parse(content)
    except Problem as problem:
        raise ValueError(located(path, text, problem)) from problem


def parse(content: dict[str, Any]) -> Config:
    """Checks what a file says.

    Raises: Problem with the path of what is wrong.
    """
    _check_tables(content)
    given = flat({name: value for name, value in content.items() if name != "grid"})
    settings = _build.by_kind({path: v if path in INTEGERS else physical(path, v) for path, v in given.items()})
    _check_fields(settings)
    whole = {path: _integer(settings, path, *limits) for path, limits in INTEGERS.items()}
    config = Config(
        content=content,
        settings=settings,
        axes=_axes(content["grid"], settings),
        samples=whole["samples"],
        seed=whole["seed"],
        batch_size=whole["batch_size"],
        dataset=_name(settings, "data.name", mj.data.NAMES),
        images=whole["data.images"],
        network=_name(settings, "network.name", study.NETWORKS),
        steps=whole["network.steps"],
    )
    _check_points(config)
    return config


def _check_tables(content: dict[str, Any]) -> None:
    for name, value in content.items():
        if isinstance(value, dict) and name not in TABLES:
            raise Problem(name, f"unknown table, the tables are {', '.join(TABLES)}")
    for name in REQUIRED:
        if name not in content:
            raise Problem(name, f"the table [{name}] is missing")
        if not isinstance(content[name], dict):
            raise Problem(name, f"must be a table, [{name}]")
    if not isinstance(content.get("age", {}), dict):
        raise Problem("age", "must be a table, [age]")
    effects = content.get("effects", [])
    if not isinstance(effects, list) or not all(isinstance(effect, dict) for effect in effects):
        raise Problem("effects", "must be tables, each headed [[effects]]")
    for index, effect in enumerate(effects):
        _build.one_of(f"effects.{index}.kind", effect.get("kind"), _build.EFFECTS)


def _check_fields(settings: Mapping[str, Any]) -> None:
    """Those of the simple tables; `_build` checks the others."""
    known = (*INTEGERS, *NAMES, *(f"age.{name}" for name in _build.AGE))
    for path, value in settings.items():
        table, _, _ = path.partition(".")
        if table in ("hardware", "effects") or path in known or (path in TABLES and value == {}):
            continue
        fields = [name.rpartition(".")[2] for name in known if name.startswith(f"{table}.")]
        if table in TABLES:
            raise Problem(path, f"unknown field, [{table}] has {', '.join(fields)}")
        plain = [name for name in known if "." not in name]
        raise Problem(path, f"unknown field, outside the tables there are {', '.join(plain)}")


def _integer(settings: Mapping[str, Any], path: str, default: int | None, low: int, high: int) -> Any:
    value = settings.get(path, default)
    if path in settings and (not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high):
        raise Problem(path, f"must be an integer from {low} to {high}, got {shown(value)}")
    return value


def _name(settings: Mapping[str, Any], path: str, valid: Iterable[str]) -> str:
    _build.one_of(path, settings.get(path), valid)
    return settings[path]


def _axes(grid: dict[str, Any], settings: Mapping[str, Any]) -> tuple[Axis, ...]:
    axes = tuple(
        _axis(key.removeprefix("grid."), values, settings)
        for key, values in flat({"grid": grid}, lists=False).items()
        if key != "grid"
    )
    if not axes:
        raise Problem("grid", 'must have at least one entry, such as "hardware.adc.bits" = [4, 6, 8]')
    seen = set()
    for axis in axes:
        for target in axis.targets:
            if target in seen:
                raise Problem(f"grid.{axis.key}", "is in the grid twice")
            seen.add(target)
    return axes


def _axis(key: str, values: Any, settings: Mapping[str, Any]) -> Axis:
    where = f"grid.{key}"
    paths = [path.strip() for path in key.split(",")]
    if not isinstance(values, tuple):
        raise Problem(where, f"must be a list of values, got {shown(values)}")
    values = physical(where, values)
    if not values:
        raise Problem(where, "must have at least one value, got none")
    if len(paths) == 1:
        values = tuple((value,) for value in values)
    for row in values:
        if not isinstance(row, tuple) or len(row) != len(paths):
            raise Problem(where, f"must have lists of {len(paths)} values, one for each path, got {shown(row)}")
        if any(isinstance(value, dict) for value in row):
            raise Problem(where, "must have numbers, words or lists, not tables: give the paths of their fields")
    names, targets = zip(*(_target(path, where, settings) for path in paths), strict=True)
    return Axis(key, names, targets, values)


def _target(path: str, where: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Name and full path of what a path of the grid means."""
    table, *rest = path.split(".")
    if table not in ("hardware", "effects", "age") or not rest or not all(re.fullmatch(r"\w+", part) for part in rest):
        raise Problem(where, "must be a path into hardware, effects or age, such as hardware.adc.bits")
    if table == "age":
        return "_".join((table, *rest)), path
    if table == "hardware":
        return "_".join(rest).removesuffix("_kind"), path.removesuffix(".kind")
    kinds = [settings[f"effects.{index}.kind"] for index in _build.effects(settings)]
    if len(rest) < 2:
        raise Problem(where, f"must name a field of the effect, such as {path}.lrs")
    found = [index for index, kind in enumerate(kinds) if rest[0] in (kind, str(index))]
    if not found:
        raise Problem(where, f"there is no effect {rest[0]}, only {', '.join(kinds) or 'none at all'}")
    if len(found) > 1:
        ways = " or ".join(".".join(("effects", str(index), *rest[1:])) for index in found)
        raise Problem(where, f"there are {len(found)} effects {rest[0]}: write {ways}")
    index, kind = found[0], kinds[found[0]]
    owner = kind if kinds.count(kind) == 1 else f"{kind}{index}"
    return "_".join((owner, *rest[1:])), ".".join(("effects", str(index), *rest[1:]))


def _check_points(config: Config) -> None:
    """Builds the hardware of every point."""
    keys = {target: f"grid.{axis.key}" for axis in config.axes for target in axis.targets}
    try:
        for point in config.points():
            hardware, age = config.hardware(point), config.age(point)
            ageing = [effect for effect in hardware.effects if isinstance(effect, mj.effects.Ageing)]
            if ageing and not age:
                raise Problem("effects", f"{type(ageing[0]).__name__} needs a table [age], with seconds")
            if age and not ageing:
                raise Problem("age", "needs an effect that ages, such as Drift")
    except Problem as problem:
        path = problem.path
        raise Problem(keys.get(path, keys.get(path.removesuffix(".kind"), path)), str(problem)) from problem
