"""Tables in plain text."""

import io
from collections.abc import Iterable, Sequence
from typing import Any


def columns(rows: Iterable[Sequence[Any]], left: int = 1) -> list[str]:
    """Lines of a table whose first row is its head: the first `left` columns on the left, the others on the right.

    As wide as its words need, whatever the terminal: no line is broken.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    head, *body = [[Text(str(entry)) for entry in row] for row in rows]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for number, name in enumerate(head):
        table.add_column(name, justify="left" if number < left else "right", no_wrap=True)
    for row in body:
        table.add_row(*row)
    # Not longer than all words together with what stands between them; no colours, no look at the terminal.
    width = sum(2 + max(row[number].cell_len for row in (head, *body)) for number in range(len(head)))
    text = io.StringIO()
    Console(file=text, width=width, color_system=None, force_terminal=False, force_jupyter=False).print(table)
    return [line.rstrip() for line in text.getvalue().splitlines()]
