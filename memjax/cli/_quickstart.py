import contextlib
import io
import json
import math
import pathlib
import sys
import time
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console

from memjax import data, plot
from memjax.cli import _files, _report
from memjax.cli._errors import usage_errors

_NAMES = tyro.conf.arg(metavar="{" + ",".join(data.NAMES) + "}")


def quickstart(
    dataset: Annotated[str, _NAMES] = "digits",
    chips: int = 100,
    tile: tuple[int, int] = (16, 16),
    adc_bits: tuple[int, ...] = (4, 6, 8),
    variability: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    images: int = 1000,
    seed: int = 0,
    out: pathlib.Path = pathlib.Path("memjax-quickstart"),
) -> None:
    """Train a small network, run it on many imperfect simulated crossbar chips, and report the accuracy.

    A convolutional network (Flax NNX) is trained. Then chips are made for every device variability, each with its own
    random resistances, and read out with every ADC resolution. Shows a table and writes accuracy.png, accuracy.csv (one
    line for each chip) and accuracy.json (configuration, versions, summary).

    Args:
        dataset: images to classify; all but digits must have been prepared with tensorflow-datasets
        chips: simulated chips for each variability
        tile: word lines and bit lines of one crossbar tile
        adc_bits: resolutions of the analog-to-digital converters, in bits
        variability: standard deviations of the device resistances, relative to their means (0.1 is 10 %)
        images: test images shown to every chip, at most; drawn at random where the test set has more
        seed: of the training, the chips and the choice of images
        out: folder for the results
    """
    with usage_errors():
        _check(dataset, chips, tile, adc_bits, variability, images, seed)
        examples = data.load(dataset)
        _files.check_writable(out)

    # Late, because they take a second that a wrong argument should not cost.
    import jax

    import memjax as mj
    from memjax.cli import _chips, _compiling, _network

    _compiling.keep()
    console = Console(highlight=False)
    device = jax.devices()[0].device_kind
    console.print(f"{examples} on {device}")
    pick = np.sort(np.random.default_rng(seed).permutation(len(examples.test_labels))[:images])
    test_images, test_labels = examples.test_images[pick], examples.test_labels[pick]
    grid = variability, adc_bits
    seconds = {}

    with _report.progress(console) as progress:
        start = time.perf_counter()
        task = progress.add_task("training", total=_network.STEPS)
        model = _network.train(examples, seed, progress=lambda: progress.advance(task))
        forward, state = _chips.as_function(model)
        predicted = np.asarray(jax.jit(forward)(state, test_images)).argmax(-1)
        digital = float(np.mean(predicted == test_labels))
        seconds["training"] = time.perf_counter() - start

    hardware = _chips.hardware(tile, variability[0], adc_bits[0])
    plan = mj.crossbarify(forward, hardware).plan(state, test_images[:1])
    console.print(f"\n{plan}\n", markup=False, soft_wrap=True)

    start = time.perf_counter()
    with _compiling.shown() if sys.stderr.isatty() else contextlib.nullcontext():
        accuracies = _chips.accuracies(model, test_images, test_labels, tile, *grid, chips, jax.random.key(seed))
    seconds["chips"] = time.perf_counter() - start

    console.print(f"\nDigital model: {100 * digital:.2f} %. Chips: mean ± std (worst) of their accuracies in %.")
    console.print(_report.table(*grid, accuracies))
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
        "results": _report.summary(*grid, accuracies),
        "seconds": seconds,
        "device": device,
        "versions": _report.versions(),
    }
    title = f"{dataset}: {plan.tiles} tiles of {tile[0]}×{tile[1]} in each of {chips} chips"
    picture = io.BytesIO()
    plot.accuracy(*grid, accuracies, digital, title).savefig(picture, format="png")
    files = {
        "accuracy.png": picture.getvalue(),
        "accuracy.csv": _report.csv_lines(*grid, accuracies).encode(),
        "accuracy.json": json.dumps(report, indent=2).encode(),
    }
    with usage_errors():
        paths = _files.write(out, files)
    made = chips * len(variability)
    console.print(
        f"Chips made: {made} ({made * plan.tiles} tiles), each read at {len(adc_bits)} ADC resolution(s), in "
        f"{seconds['chips']:.0f} s. Training took {seconds['training']:.0f} s. Written:",
        *map(str, paths),
        sep="\n  ",
        soft_wrap=True,
    )


def _check(dataset: str, chips: int, tile: tuple, adc_bits: tuple, variability: tuple, images: int, seed: int) -> None:
    if dataset not in data.NAMES:
        raise ValueError(f"dataset must be one of {', '.join(data.NAMES)}; got {dataset!r}")
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
