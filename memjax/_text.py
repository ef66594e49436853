"""Tables in plain text."""

from collections.abc import Iterable, Sequence
from typing import Any


def columns(rows: Iterable[Sequence[Any]], left: int = 1) -> list[str]:
    """Lines of a table whose first row is its head: the first `left` columns on the left, the others on the right."""
    words = [tuple(map(str, row)) for row in rows]
    count = len(words[0])
    widths = [max(len(row[i]) for row in words) for i in range(count)]
    sides = (*[str.ljust] * left, *[str.rjust] * (count - left))
    lines = ["  ".join(f(t, w) for f, t, w in zip(sides, row, widths, strict=True)) for row in words]
    lines.insert(1, "-" * len(lines[0]))
    return [line.rstrip() for line in lines]
