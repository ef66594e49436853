"""What the experiments on Souto Garnelo et al. share: the hardware, the chips of a sweep, and the report.

Where a number comes from is said beside it: "paper" for Souto Garnelo et al. (arXiv 2407.13410), "MemTorch" for the
defaults of MemTorch 1.1.6 and the settings of its tutorial, with which the paper worked, "ours" for the rest.
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import xarray

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))  # experiments
import networks

import memjax as mj

R_ON, R_OFF = 50.0, 1e3  # ohm; MemTorch: its VTEAM device, which the paper took
TILE, BITS = (64, 64), 8  # paper: its compromise between accuracy and time
DIGITAL = {"mnist": 98.73, "cifar10": 83.34, "cifar100": 58.85}  # %; paper
CONVERTED = {"mnist": 97.85, "cifar10": 82.12, "cifar100": 58.32}  # %; paper
CHIPS_AT_ONCE = 4  # ours: bounds the memory
SPREAD = 0.05  # ours: relative std of R_on and R_off where an experiment has no other chance in it
QUICK_CHIPS, QUICK_IMAGES = 3, 60
ATTRS = {
    "accuracy": {"units": "1", "description": "Classification accuracy"},
    "bits": {"units": "bit", "description": "ADC resolution"},
    "tile": {"units": "1", "description": "Word lines and bit lines of a tile"},
    "lrs": {"units": "1", "description": "Fraction of cells stuck at LRS"},
    "hrs": {"units": "1", "description": "Fraction of cells stuck at HRS"},
    "sigma": {"units": "1", "description": "Device variability, relative std of resistance"},
    "levels": {"units": "1", "description": "Conductance states"},
    "v_max": {"units": "V", "description": "Maximum input voltage"},
    "seconds": {"units": "s", "description": "Time after programming"},
}


class Case(NamedTuple):
    """A trained network and the test images shown to every chip."""

    dataset: str
    shown: mj.study.Case
    digital: float
    quick: bool


class Claim(NamedTuple):
    """A sentence of the paper, and whether our numbers bear it out."""

    text: str
    holds: bool
    numbers: str


class Row(NamedTuple):
    """A line of the table published / measured; `measured` holds one value for each chip."""

    what: str
    published: float | None  # %
    measured: xarray.DataArray


class Result(NamedTuple):
    found: xarray.Dataset
    figure: Any
    rows: list[Row]
    claims: list[Claim]


def hardware(tile=TILE, bits: Any = BITS, effects=(), dac=None, **cell) -> mj.Hardware:
    """MemTorch's converters: exact voltages on the word lines; a signed ADC whose LSB is the power of two that fits the
    largest current of each tile and vector; the currents of a pair of columns are subtracted before it.
    """
    adc = mj.Adc(bits=bits, range=mj.Dynamic(power_of_two=True), rounding="half_up", codes="twos_complement")
    cell = mj.Cell(r_on=R_ON, r_off=R_OFF, **cell)
    return mj.Hardware(cell=cell, tile=tile, dac=dac or mj.Dac(), adc=adc, effects=effects)


def variation(sigma: Any = SPREAD) -> mj.effects.DeviceVariation:
    """Cells with resistances of their own, of relative standard deviation `sigma` at both ends."""
    return mj.effects.DeviceVariation(r_on_std=sigma * R_ON, r_off_std=sigma * R_OFF)


def load(dataset: str, images: int, quick: bool = False, weights: pathlib.Path | None = None) -> Case:
    """A case with the first so many test images, of the stored weights or of those in another file.

    Raises: FileNotFoundError where the data set or the weights are missing.
    """
    data = mj.data.load(dataset)
    model, _ = networks.load(dataset, weights)
    shown = mj.study.Case(*mj.study.as_function(model), data.test_images[:images], data.test_labels[:images])
    return Case(dataset, shown, mj.study.digital_accuracy(shown), quick)


def accuracy(case: Case, key, hardware: mj.Hardware, then: Callable | None = None) -> dict:
    """Accuracy of one chip; `then(analog, chip)` is what happens to it before it is read."""
    return {"accuracy": mj.study.accuracy(case.shown, hardware, key, then=then)}


def in_percent(chips: xarray.DataArray) -> str:
    """Mean and standard deviation over the chips."""
    return f"{100 * float(chips.mean()):.2f} ± {100 * float(chips.std(ddof=1)):.2f} %"


def _difference(a: xarray.DataArray, b: xarray.DataArray) -> tuple[float, float, str]:
    """Ends of the 95 % interval of mean(a - b), and the numbers in words; a and b are the same chips."""
    statistics = mj.montecarlo.summary((a - b).drop_vars([n for n in a.coords if n != "sample"], errors="ignore"))
    mean, low, high = (100 * float(statistics[name]) for name in ("mean", "low", "high"))
    words = f"{in_percent(a)} against {in_percent(b)}; difference {mean:.2f}, 95 % interval [{low:.2f}, {high:.2f}]"
    return low, high, words


def below(text: str, a: xarray.DataArray, b: xarray.DataArray) -> Claim:
    """The claim that a is below b: the whole 95 % interval of the difference of their means is negative."""
    _, high, words = _difference(a, b)
    return Claim(text, high < 0, words)


def alike(text: str, a: xarray.DataArray, b: xarray.DataArray, points: float) -> Claim:
    """The claim that a and b are the same: the whole 95 % interval lies within so many percentage points."""
    low, high, words = _difference(a, b)
    return Claim(f"{text} (within {points:g} points)", -points < low and high < points, words)


def at_most(text: str, a: xarray.DataArray, percent: float) -> Claim:
    """The claim that the mean of a is no higher."""
    high = 100 * float(mj.montecarlo.summary(a)["high"])
    return Claim(f"{text} (at most {percent:g} %)", high <= percent, f"{in_percent(a)}, 95 % bound {high:.2f}")


def main(name: str, about: str, measure: Callable[[Case, Callable], Result]) -> None:
    """The command line of an experiment.

    Args:
        name: of the files.
        about: the docstring of the script; all from the line "Assumptions" on is printed with the results.
        measure: `measure(case, sweep)`, where `sweep(fn, grid, tag="")` is `mj.sweep` with everything else filled in.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/souto_garnelo"))
    parser.add_argument("--dataset", nargs="+", choices=list(networks.SHAPES), default=["mnist", "cifar10"])
    parser.add_argument("--chips", type=int, default=20, help="chips at each point")
    parser.add_argument("--images", type=int, default=500, help="test images shown to every chip")
    parser.add_argument("--quick", action="store_true", help="digits, a few chips and points: seconds, no results")
    args = parser.parse_args()
    if args.chips < 2:
        parser.error(f"--chips must be at least 2, since error bars are asked for; got {args.chips}")
    if args.images < 1:
        parser.error(f"--images must be at least 1, got {args.images}")
    if args.quick:
        args.dataset, args.chips, args.images = ["digits"], QUICK_CHIPS, QUICK_IMAGES
    try:
        mj.study.check_writable(args.out)
        cases = [load(dataset, args.images, args.quick) for dataset in args.dataset]
    except (OSError, ImportError, ValueError) as error:
        raise SystemExit(str(error)) from None
    for case in cases:
        sweep_case = partial(sweep, case, args.chips, args.out / f"{name}-{case.dataset}")
        _report(name, case, measure(case, sweep_case), args, about[about.index("Assumptions") :].strip())


def sweep(case: Case, chips: int, path: pathlib.Path, fn: Callable, grid: dict, tag: str = "", static=()):
    """`fn` at every point of `grid` with so many chips, kept in a store of this name."""
    return mj.sweep(
        fn,
        grid,
        key=jax.random.key(0),
        samples=chips,
        batch_size=min(CHIPS_AT_ONCE, chips),
        store=path.with_name(f"{path.name}{tag}-{len(case.shown.labels)}.zarr"),
        static=static,
        attrs={name: ATTRS[name] for name in (*grid, "accuracy") if name in ATTRS},
    )


def _report(name: str, case: Case, result: Result, args, assumptions: str) -> None:
    """Prints table and claims and writes CSV, JSON and PNG."""
    images = len(case.shown.labels)
    print(f"\n{case.dataset}: {args.chips} chips, {images} images; the errors are standard deviations of chips")
    if case.quick:
        print("The quick setting shows that the experiment runs; its numbers are no results.")
    published = DIGITAL.get(case.dataset)
    lines = [("digital", published, f"{100 * case.digital:.2f} %")]
    lines += [(row.what, row.published, in_percent(row.measured)) for row in result.rows]
    for what, value, measured in lines:
        print(f"  {what:<44} published {f'{value:.2f} %' if value else 'none':>8}   measured {measured}")
    for claim in result.claims:
        print(f"  {'confirmed' if claim.holds else 'NOT confirmed'}: {claim.text}: {claim.numbers}")
    print(assumptions)
    content = {
        "dataset": case.dataset,
        "chips": args.chips,
        "images": images,
        "table": [dict(zip(("what", "published", "measured"), line, strict=True)) for line in lines],
        "claims": [claim._asdict() for claim in result.claims],
        "assumptions": assumptions,
    }
    points = mj.study.per_point(result.found.accuracy).round(5)
    files = {"csv": points, "json": json.dumps(content, indent=2), "png": result.figure}
    written = mj.study.write(args.out, {f"{name}-{case.dataset}.{kind}": data for kind, data in files.items()})
    print("Written:", *written, sep="\n  ", flush=True)
