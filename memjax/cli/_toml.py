"""A TOML file as values by dotted path, and where in the text each stands."""

import math
import pathlib
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any


class Problem(ValueError):
    """What is wrong with the value at a path."""

    def __init__(self, path: str, message: str):
        super().__init__(message)
        self.path = path


def flat(table: Mapping[str, Any], prefix: str = "", lists: bool = True) -> dict[str, Any]:
    """Values by path; a list of tables counts as a table of numbered tables."""
    found = {}
    for name, value in table.items():
        if lists and isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            value = {str(index): each for index, each in enumerate(value)}
        path = prefix + name
        inside = flat(value, f"{path}.", lists) if isinstance(value, dict) and value else {path: _plain(value)}
        for each in inside.keys() & found.keys():  # once as "a.b", once as a.b
            raise Problem(each, "is given twice")
        found |= inside
    return found


def _plain(value: Any) -> Any:
    """Lists as tuples."""
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def physical(path: str, value: Any) -> Any:
    """Integers beyond 32 bits, which JAX does not take, as floating-point numbers; also those in tuples.

    Raises: Problem for one that would become another number.
    """
    if isinstance(value, tuple):
        return tuple(physical(path, each) for each in value)
    if not isinstance(value, int) or abs(value) < 2**31:
        return value
    if abs(value) >= 2**1000 or float(value) != value:
        raise Problem(path, f"must be an integer that a floating-point number holds exactly, got {shown(value)}")
    return float(value)


def shown(value: Any) -> str:
    """A value as TOML has it, cut where it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**60:  # Python does not print integers of any length
        return f"an integer of about {math.ceil(value.bit_length() * math.log10(2))} digits"
    if isinstance(value, tuple):
        text = f"[{', '.join(map(shown, value))}]"
    else:
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def located(path: pathlib.Path, text: str, problem: Problem) -> str:
    """The whole message, with the line of the path or of the table around it."""
    known, key = lines(text), problem.path
    while key and key not in known:
        key = key.rpartition(".")[0]
    line = f", line {known[key]}" if key else ""
    return f"{path}{line}: {problem.path}: {problem}"


def lines(text: str) -> dict[str, int]:
    """Line on which every path of a valid TOML text begins: statement by statement, each read by itself."""
    found: dict[str, int] = {}
    table, statement, start, tables = "", "", 1, {}
    for number, line in enumerate(text.split("\n"), 1):
        if not statement:
            start = number
        statement += line + "\n"
        try:
            content = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # goes on in the next line
        if statement.lstrip().startswith("["):
            table = _header(content, tables)
            paths = [table]
        else:
            paths = _paths(content, table)
        for path in paths:
            found.setdefault(path, start)
        statement = ""
    return found


def _header(content: Any, tables: dict[str, int]) -> str:
    """The path of a table's header; `tables` counts those of each array of tables."""
    path: list[str] = []
    while isinstance(content, dict) and content:
        name, content = next(iter(content.items()))
        path.append(name)
    joined = ".".join(path)
    if isinstance(content, list):
        tables[joined] = tables.get(joined, -1) + 1
        return f"{joined}.{tables[joined]}"
    return joined


def _paths(content: Any, prefix: str) -> Iterator[str]:
    """Every path in a value."""
    if isinstance(content, list):
        content = {str(index): each for index, each in enumerate(content) if isinstance(each, dict)}
    if isinstance(content, dict):
        for name, value in content.items():
            path = f"{prefix}.{name}" if prefix else name
            yield path
            yield from _paths(value, path)
