"""Columns of numbers from comma-separated files."""

import csv
import os

import numpy as np


def read_columns(path: str | os.PathLike, *columns: str | tuple[str, ...]) -> dict[str, np.ndarray]:
    """Named columns, [T] each; of alternatives (a tuple of names) the first that is there. Others are ignored.

    Raises: ValueError, with the line, for missing columns, entries that are no finite numbers and fewer than 2 rows.
    """
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        choices = [(names,) if isinstance(names, str) else names for names in columns]
        missing = [" or ".join(names) for names in choices if not set(names) & set(header)]
        if missing:
            raise ValueError(f"{path}: missing column {', '.join(missing)}; the first line has {', '.join(header)}")
        reader.fieldnames = header
        found = [next(name for name in names if name in header) for names in choices]
        rows = [[_number(row[name], path, reader.line_num, name) for name in found] for row in reader]
    if len(rows) < 2:
        raise ValueError(f"{path}: a trace needs at least 2 samples, got {len(rows)}")
    return dict(zip(found, np.array(rows).T, strict=True))


def _number(text: str | None, path, line: int, column: str) -> float:
    try:
        value = float(text or "nan")
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ValueError(f"{path}: {column} in line {line} must be a finite number, got {text!r}")
    return value
