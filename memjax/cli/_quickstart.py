import importlib.resources
import json
import math
import pathlib
import time
import tomllib
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console

from memjax import data
from memjax.cli._errors import usage_errors

if TYPE_CHECKING:
    import xarray

_NAMES = tyro.conf.arg(metavar="{" + ",".join(data.NAMES) + "}")
# What is run, but for the options: a file of `memjax sweep`.
FILE: Any = tomllib.loads(importlib.resources.files("memjax.cli").joinpath("quickstart.toml").read_text("utf-8"))
_CELL = FILE["hardware"]["cell"]
_SPREAD, _BITS = FILE["grid"]


def quickstart(
    dataset: Annotated[str, _NAMES] = FILE["data"]["name"],
    chips: int = FILE["samples"],
    tile: tuple[int, int] = tuple(FILE["hardware"]["tile"]),
    adc_bits: tuple[int, ...] = tuple(FILE["grid"][_BITS]),
    variability: tuple[float, ...] = tuple(on / _CELL["r_on"] for on, _ in FILE["grid"][_SPREAD]),
    images: int = FILE["data"]["images"],
    seed: int = FILE["seed"],
    out: pathlib.Path = pathlib.Path("memjax-quickstart"),
) -> None:
    """Train a small network, run it on many imperfect simulated crossbar chips, and report the accuracy.

    A convolutional network (Flax NNX) is trained. Then chips are made for every device variability, each with its own
    random resistances, and read out with every ADC resolution. Shows a table and writes accuracy.png, accuracy.csv (one
    line for each chip) and accuracy.json (configuration, versions, summary). `memjax sweep` does the same for a file in
    which everything can be chosen.

    Example: memjax quickstart --chips 50 --adc-bits 4 6 --variability 0 0.2 --out results

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
    options = {"dataset": dataset, "chips": chips, "tile": tile, "images": images, "seed": seed}
    with usage_errors():
        _check(**options, adc_bits=adc_bits, variability=variability)
        examples = data.load(dataset)

    # Late, because they take a second that a wrong argument should not cost.
    import jax

    from memjax import plot, study
    from memjax.cli import _config, _run

    with usage_errors():
        study.check_writable(out)
        config = _config.parse(_filled(**options, adc_bits=adc_bits, variability=variability))
    console = Console(highlight=False)
    console.print(f"{examples} on {jax.devices()[0].device_kind}")
    start = time.perf_counter()
    case = _run.case(config, examples, *_run.trained(config, examples, console))
    training = time.perf_counter() - start
    done = _run.measured(config, case, console)
    done = done._replace(found=_relative(done.found, variability))
    _run.show(console, done._replace(found=_in_percent(done.found)))

    tiles, bits = done.plan.tiles, len(adc_bits)
    title = f"{dataset}: {tiles} tiles of {tile[0]}×{tile[1]} in each of {chips} chips"
    curves = {"x": "variability", "hue": "adc_bits", "percent": True, "title": title}
    figure = plot.sweep(_in_percent(done.found), **curves, target=done.digital, target_label="digital model")
    options |= {"images": len(case.labels), "tiles_per_chip": tiles}
    report = options | _run.report(config, done) | {"seconds": {"training": training, "chips": done.seconds}}
    files = {
        "accuracy.png": figure,
        "accuracy.csv": study.per_chip(done.found),
        "accuracy.json": json.dumps(report, indent=2),
    }
    with usage_errors():
        paths = study.write(out, files)
    made = chips * len(variability)
    console.print(
        f"Chips made: {made} ({made * tiles} tiles), each read at {bits} ADC resolution(s), in "
        f"{done.seconds:.0f} s. Training took {training:.0f} s. Written:",
        *map(str, paths),
        sep="\n  ",
        soft_wrap=True,
    )


def _filled(
    dataset: str, chips: int, tile: tuple, images: int, seed: int, adc_bits: tuple, variability: tuple
) -> dict[str, Any]:
    """The file with the options in it."""
    spread = [[sigma * _CELL["r_on"], sigma * _CELL["r_off"]] for sigma in variability]
    return FILE | {
        "samples": chips,
        "seed": seed,
        "data": {"name": dataset, "images": images},
        "hardware": FILE["hardware"] | {"tile": list(tile)},
        "grid": {_SPREAD: spread, _BITS: list(adc_bits)},
    }


def _relative(found: "xarray.DataArray", variability: tuple[float, ...]) -> "xarray.DataArray":
    """The accuracies over the relative spread in place of the two resistances."""
    dim, bits, _ = found.dims
    found = found.drop_vars([name for name, c in found.coords.items() if c.dims == (dim,)]).rename({dim: "variability"})
    about = {"long_name": "Device variability, relative standard deviation of resistance", "units": "1"}
    found = found.assign_coords(variability=("variability", list(variability), about))
    found[bits].attrs |= {"long_name": "ADC resolution", "units": "bit"}
    return found


def _in_percent(found: "xarray.DataArray") -> "xarray.DataArray":
    sigma = found["variability"]
    return found.assign_coords(variability=("variability", 100 * sigma.values, sigma.attrs | {"units": "%"}))


def _check(dataset: str, chips: int, tile: tuple, images: int, seed: int, adc_bits: tuple, variability: tuple) -> None:
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
