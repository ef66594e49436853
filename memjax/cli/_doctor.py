"""`memjax doctor`: what is installed and found, what is missing, and the command that mends it."""

import json as text
import sys
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from memjax.cli import _health, _report


def doctor(json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False) -> None:
    """Say what memjax finds on this machine: versions, devices, data sets, caches; and how to mend what is missing.

    The exit status is 0 unless something is broken that memjax cannot do without; then it is 1.

    Example: memjax doctor

    Args:
        json: print the findings as JSON, for programs and bug reports
    """
    console = Console(highlight=False)
    with _report.waiting(Console(stderr=True), "looking"):
        found = _health.examine()
    if json:
        print(text.dumps(found, indent=2))
    else:
        _show(console, found)
    if not found["ok"]:
        sys.exit(1)


def _show(console: Console, found: dict[str, Any]) -> None:
    python, devices = found["python"], found["devices"]
    console.print(f"memjax {found['memjax']}, Python {python['version']} ({python['executable']})", soft_wrap=True)
    console.print(f"Devices: {', '.join(devices['kinds']) or 'none'} ({devices['backend']})\n", soft_wrap=True)
    rows = [(one["name"], one["version"] or "-", one["wanted"], one["extra"] or "memjax") for one in found["packages"]]
    _print(console, ("package", "version", "wanted", "for"), rows)
    rows = [(one["name"], one["folder"] or "not found") for one in found["data"]]
    _print(console, ("data set", "folder"), rows)
    rows = [(one["name"], _size(one["bytes"]), one["path"]) for one in found["caches"]]
    _print(console, ("cache", "size", "path"), rows)
    rows = [(one["name"], one["path"] or "not found") for one in found["programs"]]
    _print(console, ("program", "path"), rows)
    if not found["missing"]:
        console.print("Nothing is missing.")
    for one in found["missing"]:
        kind = "Broken" if one["essential"] else "Missing"
        console.print(f"{kind}: {one['what']}. To mend it:\n  {one['mend']}", markup=False, soft_wrap=True)


def _print(console: Console, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table()
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    _report.show_table(console, table)


def _size(count: int | None) -> str:
    return "-" if count is None else f"{count / 1e6:.1f} MB"
