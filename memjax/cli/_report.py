"""What reports of several commands hold: versions, and a bar while they wait."""

import importlib.metadata
import platform

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def versions() -> dict[str, str]:
    """Of Python and of the packages that the numbers depend on."""
    packages = ("memjax", "jax", "jaxlib", "flax", "optax", "numpy")
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in packages}


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
