import csv
import importlib.metadata
import io
import json
import math
import pathlib
import platform
import time
from typing import Annotated, Any

import numpy as np
import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from memjax import data, plot
from memjax.cli import _files
from memjax.cli._errors import usage_errors

_DATASET = tyro.conf.arg(metavar="{" + ",".join(data.NAMES) + "}")


def quickstart(
    dataset: Annotated[str, _DATASET] = "digits",
    chips: int = 100,
    tile: tuple[int, int] = (16, 16),
    adc_bits: tuple[int, ...] = (4, 6, 8),
    variability: tuple[float, ...] = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5),
    images: int = 1000,
    seed: int = 0,
    out: pathlib.Path = pathlib.Path("memjax-quickstart"),
) -> None:
    """Train a small network, run it on many imperfect simulated crossbar chips, and report the accuracy.

    A convolutional network (Flax NNX) is trained on the CPU or GPU at hand. Then chips are made for every device
    variability, each with its own random resistances, and read out with every ADC resolution. Shows a table and writes
    accuracy.png, accuracy.csv (one line for each chip) and accuracy.json (configuration, versions, summary).

    Args:
        dataset: images to classify; all but digits must have been prepared with tensorflow-datasets
        chips: simulated chips for each variability and ADC resolution
        tile: word lines and bit lines of one crossbar tile
        adc_bits: resolutions of the analog-to-digital converters, in bits
        variability: standard deviations of the device resistances, relative to their means (0.1 is 10 %)
        images: test images shown to every chip, at most; drawn at random where the test set has more
        seed: of the training, the chips and the choice of images
        out: folder for the results
    """
    with usage_errors():
        _check(chips, tile, adc_bits, variability, images, seed)
        _files.check_writable(out)
        dataset_ = data.load(dataset)

    # Imported late: they take seconds, which a wrong argument should not cost.
    import jax

    from memjax.cli import _chips, _network

    console = Console()
    console.print(f"{dataset_!r} on {jax.devices()[0].device_kind}", highlight=False)
    pick = np.sort(np.random.default_rng(seed).permutation(len(dataset_.test_labels))[:images])
    test_images, test_labels = dataset_.test_images[pick], dataset_.test_labels[pick]
    seconds = {}

    with _progress(console) as progress:
        start = time.perf_counter()
        task = progress.add_task("training", total=_network.STEPS)
        model = _network.train(dataset_, seed, progress=lambda: progress.advance(task))
        forward, state = _chips.as_function(model)
        predicted = np.concatenate([jax.jit(forward)(state, x) for x in np.array_split(test_images, 2)]).argmax(-1)
        digital = float(np.mean(predicted == test_labels))
        seconds["training"] = time.perf_counter() - start

        analog = _chips.mj.crossbarify(forward, _chips.hardware(tile, max(variability), max(adc_bits)))
        plan = analog.plan(state, test_images[:1])
        console.print(f"\n{plan}\n", markup=False, highlight=False)

        start = time.perf_counter()
        task = progress.add_task("chips", total=_chips.calls(len(pick), variability, adc_bits, chips))
        accuracies = _chips.accuracies(
            model,
            test_images,
            test_labels,
            tile=tile,
            variability=variability,
            adc_bits=adc_bits,
            chips=chips,
            key=jax.random.key(seed),
            progress=lambda: progress.advance(task),
        )
        seconds["chips"] = time.perf_counter() - start

    console.print()
    console.print(_table(variability, adc_bits, accuracies, digital))
    report = {
        "dataset": dataset,
        "images": len(pick),
        "chips": chips,
        "tile": tile,
        "tiles_per_chip": plan.tiles,
        "r_on_ohm": _chips.R_ON,
        "r_off_ohm": _chips.R_OFF,
        "dac_bits": _chips.DAC_BITS,
        "seed": seed,
        "digital_accuracy": digital,
        "results": _summary(variability, adc_bits, accuracies),
        "seconds": seconds,
        "device": jax.devices()[0].device_kind,
        "versions": _versions(),
    }
    title = f"{dataset}: {plan.tiles} tiles of {tile[0]}×{tile[1]} in each of {chips} chips"
    figure = plot.accuracy(variability, adc_bits, accuracies, digital, title)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    with usage_errors():
        paths = _files.write(
            out,
            {
                "accuracy.png": picture.getvalue(),
                "accuracy.csv": _csv(variability, adc_bits, accuracies).encode(),
                "accuracy.json": json.dumps(report, indent=2).encode(),
            },
        )
    chips_made = chips * len(variability) * len(adc_bits)
    console.print(
        f"{chips_made} chips, {chips_made * plan.tiles} tiles simulated in {seconds['chips']:.0f} s "
        f"(training {seconds['training']:.0f} s).",
        highlight=False,
    )
    console.print("Written: " + ", ".join(map(str, paths)), highlight=False, soft_wrap=True)


def _check(chips: int, tile: tuple, adc_bits: tuple, variability: tuple, images: int, seed: int) -> None:
    if chips < 1:
        raise ValueError(f"chips must be at least 1; got {chips}")
    if min(tile) < 1:
        raise ValueError(f"tile must be two numbers of lines, each at least 1; got {tile[0]} {tile[1]}")
    if not adc_bits or not all(1 <= bits <= 32 for bits in adc_bits):
        raise ValueError(f"adc-bits must be one or more numbers from 1 to 32; got {_words(adc_bits)}")
    if not variability or not all(math.isfinite(sigma) and sigma >= 0 for sigma in variability):
        raise ValueError(f"variability must be one or more finite numbers, 0 or above; got {_words(variability)}")
    if images < 1:
        raise ValueError(f"images must be at least 1; got {images}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be from 0 to {2**32 - 1}; got {seed}")


def _words(values: tuple) -> str:
    return " ".join(map(str, values)) or "none"


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


def _table(variability: tuple, adc_bits: tuple, accuracies: np.ndarray, digital: float) -> Table:
    table = Table(title=f"Accuracy in %: mean ± std over chips (worst chip). Digital model: {100 * digital:.2f} %")
    table.add_column("variability", justify="right")
    for bits in adc_bits:
        table.add_column(f"{bits}-bit ADC", justify="right")
    for sigma, row in zip(variability, 100 * accuracies, strict=True):
        cells = [f"{chips.mean():.2f} ± {chips.std():.2f} ({chips.min():.2f})" for chips in row]
        table.add_row(f"{100 * sigma:g} %", *cells)
    return table


def _summary(variability: tuple, adc_bits: tuple, accuracies: np.ndarray) -> list[dict[str, Any]]:
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


def _csv(variability: tuple, adc_bits: tuple, accuracies: np.ndarray) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["variability", "adc_bits", "chip", "accuracy"])
    for (s, b, chip), accuracy in np.ndenumerate(accuracies):
        writer.writerow([variability[s], adc_bits[b], chip, accuracy])
    return text.getvalue()


def _versions() -> dict[str, str]:
    packages = ("memjax", "jax", "jaxlib", "flax", "optax", "numpy")
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in packages}
