"""Columns of numbers from comma-separated files."""

import csv
import io
import os
import pathlib
import re
from collections.abc import Iterable, Iterator

import numpy as np

# What Python reads as a number besides (1_0, digits of other scripts) is a slip of the pen in a table.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def read_columns(path: str | os.PathLike, *columns: str | tuple[str, ...]) -> dict[str, np.ndarray]:
    """Named columns, [T] each; of alternatives (a tuple of names) the first that is there. Others are ignored.

    Raises: ValueError, with the line, for text that is not UTF-8, missing columns and those that are there twice, rows
        of more entries than columns, entries that are no finite numbers and fewer than 2 rows.
    """
    lines = rows(text(path), path)
    header = [name.strip().lower() for name in next(lines, (1, []))[1]]
    choices = [(names,) if isinstance(names, str) else names for names in columns]
    missing = [" or ".join(names) for names in choices if not set(names) & set(header)]
    if missing:
        raise ValueError(f"{path}: missing column {', '.join(missing)}; the first line has {', '.join(header)}")
    for name in filter(None, header):
        if header.count(name) > 1:
            raise ValueError(f"{path}: column {name} is in the first line {header.count(name)} times")
    found = [next(name for name in names if name in header) for names in choices]
    table = [_row(entries, header, found, path, line) for line, entries in lines]
    if len(table) < 2:
        raise ValueError(f"{path}: a trace needs at least 2 samples, got {len(table)}")
    return dict(zip(found, np.array(table).T, strict=True))


def text(path: str | os.PathLike) -> io.StringIO:
    """The text of a file in UTF-8.

    Raises: ValueError, with the line, for one that is in another encoding.
    """
    content = pathlib.Path(path).read_bytes()
    try:
        return io.StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        line = 1 + content[: error.start].count(b"\n")
        raise ValueError(f"{path}: line {line} must be text in UTF-8: {error.reason}") from error


def rows(lines: Iterable[str], name: str | os.PathLike) -> Iterator[tuple[int, list[str]]]:
    """(number of the line, entries) of those lines that are not empty.

    Raises: ValueError, with the line, for what is no comma-separated text.
    """
    reader = csv.reader(lines)
    try:
        for entries in reader:
            if any(entry.strip() for entry in entries):
                yield reader.line_num, entries
    except csv.Error as error:
        raise ValueError(f"{name}: line {reader.line_num} must be comma-separated text: {error}") from error
    except UnicodeDecodeError as error:  # of an open file, which decodes many lines at once
        raise ValueError(f"{name}: after line {reader.line_num} it must be text in UTF-8: {error.reason}") from error


def number(entry: str) -> float:
    """The number that an entry is written for; NaN for everything else, and for what no double holds."""
    if not _NUMBER.fullmatch(entry.strip()):
        return np.nan
    value = float(entry)
    vanished = value == 0 and re.search("[1-9]", re.split("[eE]", entry)[0])
    return np.nan if vanished or np.isinf(value) else value


def _row(entries: list[str], header: list[str], found: list[str], path: str | os.PathLike, line: int) -> list[float]:
    if len(entries) > len(header):
        raise ValueError(f"{path}: line {line} must have {len(header)} entries, as the first line, got {len(entries)}")
    by_name = dict(zip(header, entries, strict=False))
    values = [number(by_name.get(name, "")) for name in found]
    for name, value in zip(found, values, strict=True):
        if np.isnan(value):
            raise ValueError(f"{path}: {name} in line {line} must be a finite number, got {by_name.get(name)!r}")
    return values
