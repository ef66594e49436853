"""What an accuracy experiment shows and writes: a table, lines for CSV, entries for JSON."""

import csv
import importlib.metadata
import io
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table


def table(variability: Sequence[float], adc_bits: Sequence[int], accuracies: np.ndarray) -> Table:
    """Mean, standard deviation and worst chip, in percent, for `accuracies` `[S, B, chips]`."""
    result = Table()
    result.add_column("variability", justify="right")
    for bits in adc_bits:
        result.add_column(f"{bits}-bit ADC", justify="right")
    for sigma, row in zip(variability, 100 * accuracies, strict=True):
        cells = [f"{chips.mean():.2f} ± {chips.std():.2f} ({chips.min():.2f})" for chips in row]
        result.add_row(f"{100 * sigma:g} %", *cells)
    return result


def summary(variability: Sequence[float], adc_bits: Sequence[int], accuracies: np.ndarray) -> list[dict[str, Any]]:
    """One entry for each variability and ADC resolution, from `accuracies` `[S, B, chips]`."""
    return [
        {
            "variability": sigma,
            "adc_bits": bits,
            "mean": accuracies[s, b].mean(),
            "std": accuracies[s, b].std(),
            "worst": accuracies[s, b].min(),
        }
        for s, sigma in enumerate(variability)
        for b, bits in enumerate(adc_bits)
    ]


def csv_lines(variability: Sequence[float], adc_bits: Sequence[int], accuracies: np.ndarray) -> str:
    """A heading and one line for each chip, from `accuracies` `[S, B, chips]`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["variability", "adc_bits", "chip", "accuracy"])
    for (s, b, chip), accuracy in np.ndenumerate(accuracies):
        writer.writerow([variability[s], adc_bits[b], chip, accuracy])
    return text.getvalue()


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
