"""What reports of several commands hold: versions, whole tables, and what is shown while they wait."""

import contextlib
import importlib.metadata
import platform
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from memjax.cli import _usual


def versions() -> dict[str, str]:
    """Of Python and of the packages that the numbers depend on."""
    packages = ("memjax", "jax", "jaxlib", "flax", "optax", "numpy")
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in packages}


def show_table(console: Console, table: Table) -> None:
    """A table as wide as its words need, where the terminal is narrower too: no word is broken, nothing is cut off."""
    needed = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    Console(file=console.file, highlight=False, width=max(console.width, needed)).print(table)


def progress(console: Console) -> Progress:
    """A bar with the time taken and left."""
    return Progress(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


@contextlib.contextmanager
def waiting(console: Console, what: str, like: object = None) -> Iterator[None]:
    """The time taken by a step that cannot be counted, and the time left if it takes as long as last time.

    Args:
        console: nothing is shown unless it is a terminal.
        what: the step, in a word or two.
        like: with `what` the same for steps that take the same time.
    """
    if not console.is_terminal:
        yield
        return
    step, start = f"{what} {like}", time.perf_counter()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), _Left(_usual.seconds(step)))
    with Progress(*columns, console=console, transient=True) as bar:
        bar.add_task(what, total=None)
        yield
    _usual.remember(step, time.perf_counter() - start)


class _Left(ProgressColumn):
    """What is left of the usual time."""

    def __init__(self, usual: float | None):
        super().__init__()
        self.usual = usual

    def render(self, task: Task) -> Text:
        if self.usual is None or task.elapsed is None:
            return Text("")
        return Text(f"about {max(self.usual - task.elapsed, 0):.0f} s left, as last time")
