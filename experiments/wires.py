"""Accuracy of trained networks against wire resistance and size of the tiles, with and without remedies.

    python experiments/wires.py [--out DIR] [--dataset mnist cifar10] [--chips 5] [--images 500] [--quick]

The trained MNIST and CIFAR-10 networks of Souto Garnelo et al. on cells of 10 to 100 kilohm with 5 % device variation,
an 8-bit ADC whose range is estimated from the targets, and `Wires(row=r, column=r)`. Remedies: none; a gain for each
crossbar, fitted to its output (`Analog.tune`); targets that make up for the wires (`effects.Predistortion`, 70 % of
the range); both. Every tile size and remedy is one `memjax.sweep` over r, in one compilation; a run that was stopped
goes on from its stores. Writes a table of all points and a picture for each data set.
"""

import argparse
import pathlib
import time

import _cases
import jax
import numpy as np
import xarray

import memjax as mj
from memjax.plot import look

CELL = mj.Cell(r_on=10e3, r_off=100e3)
SPREAD = 0.05  # relative standard deviation of both resistances
HEADROOM = 0.7
OHM = np.array([0.0, 0.5, 1.0, 2.0, 5.0])
TILES = (32, 64, 128)
REMEDIES = ("none", "gain", "predistortion", "both")
PUBLISHED = """Published, for other networks, cells and wires; claims of others that are not reproduced here:
  PytorX (He et al., DAC 2019): deep networks mapped directly guess at random; training with the drop restores
  Lepri et al. (TED 2022): 59 % -> 96.6 % (software 97 %) with two compensations and another architecture
  Lepri et al. (TED 2024): 72.7 % -> 94.9 % (software 96.9 %) with replicated arrays"""


def hardware(tile: int, ohm, remedy: str) -> mj.Hardware:
    """The hardware of one point; `ohm` may be traced."""
    wires = mj.Wires(row=ohm, column=ohm)
    effects = (mj.effects.DeviceVariation(SPREAD * CELL.r_on, SPREAD * CELL.r_off),)
    if remedy in ("predistortion", "both"):
        effects += (mj.effects.Predistortion(wires, headroom=HEADROOM),)
    return mj.Hardware(CELL, tile=(tile, tile), dac=mj.Dac(bits=8), adc=mj.Adc(bits=8), effects=effects, wires=wires)


def experiment(case: mj.study.Case, tile: int, remedy: str):
    """The function that is swept: the accuracy of one chip."""

    def accuracy(key, ohm):
        write, tune = jax.random.split(key)
        tuned = lambda analog, chip: analog.tune(chip, case.params, tune, case.images)
        then = tuned if remedy in ("gain", "both") else None
        return {"accuracy": mj.study.accuracy(case, hardware(tile, ohm, remedy), write, then=then)}

    return accuracy


def figure(found: xarray.DataArray, digital: float, title: str):
    """A panel for each remedy, a curve for each tile size: mean and standard deviation over the chips."""
    with look.panels(1, found.sizes["remedy"], 2.6 * found.sizes["remedy"] + 0.6, 3.0) as (new, grid):
        for ax, remedy in zip(grid[0], found.remedy.values, strict=True):
            for index, tile in enumerate(found.tile.values):
                points = 100 * found.sel(remedy=remedy, tile=tile)
                ax.errorbar(
                    found.ohm, points.mean("sample"), points.std("sample"), capsize=2, label=f"{tile} × {tile}",
                    color=look.COLOURS[index], marker=look.MARKERS[index],
                )  # fmt: skip
            ax.axhline(
                100 * digital, color=look.INK, linestyle="--", linewidth=0.9, label=f"digital ({100 * digital:.2f} %)"
            )
            ax.set_title(f"Remedy: {remedy}", loc="left")
            ax.set_xlabel("Segment resistance (Ω)")
            ax.set_ylim(0, 102)
        grid[0, 0].set_ylabel("Accuracy (%)")
        grid[0, 0].legend(loc="lower left")
        new.suptitle(title, x=0.01, ha="left")
    return new


def run(dataset: str, out: pathlib.Path, chips: int, images: int, tiles, ohm, remedies) -> None:
    case = _cases.case(dataset, images)
    digital = mj.study.digital_accuracy(case)
    start, parts = time.perf_counter(), {}
    for tile in tiles:
        for remedy in remedies:
            parts[tile, remedy] = mj.sweep(
                experiment(case, tile, remedy),
                {"ohm": ohm},
                key=jax.random.key(0),
                samples=chips,
                batch_size=1,
                store=out / f"{dataset}-{tile}-{remedy}.zarr",
                attrs={"ohm": {"units": "ohm", "description": "Resistance of a segment of a line"}},
            ).accuracy
    seconds = time.perf_counter() - start
    along = lambda name, values, arrays: xarray.concat(arrays, xarray.Variable(name, list(values)))
    rows = [along("remedy", remedies, [parts[tile, remedy] for remedy in remedies]) for tile in tiles]
    found = along("tile", tiles, rows)
    table = xarray.Dataset({"mean": found.mean("sample"), "std": found.std("sample"), "worst": found.min("sample")})
    lines = table.to_dataframe().round(5).to_csv()
    print(f"{dataset}: digital {100 * digital:.2f} %, {found.size} chips in {seconds:.0f} s\n{lines}")
    drawn = figure(found, digital, f"{dataset}, {chips} chips, {images} images")
    written = mj.study.write(out, {f"{dataset}.csv": lines, f"{dataset}.png": drawn})
    print("Written:", *written, sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/wires"))
    parser.add_argument("--dataset", nargs="+", choices=["digits", "mnist", "cifar10"], default=["mnist", "cifar10"])
    parser.add_argument("--chips", type=int, default=5, help="chips at each point")
    parser.add_argument("--images", type=int, default=500, help="test images shown to every chip")
    parser.add_argument("--tiles", nargs="+", type=int, default=TILES)
    parser.add_argument("--ohm", nargs="+", type=float, default=OHM, help="resistances of a segment")
    parser.add_argument("--remedies", nargs="+", choices=REMEDIES, default=REMEDIES)
    parser.add_argument("--quick", action="store_true", help="digits, 2 chips, 100 images, few points: under a minute")
    args = parser.parse_args()
    if args.quick:
        args.dataset, args.chips, args.images, args.tiles = ["digits"], 2, 100, [64]
        args.ohm, args.remedies = [0.0, 5.0], ["none", "predistortion"]
    mj.study.check_writable(args.out)
    for dataset in args.dataset:
        run(dataset, args.out, args.chips, args.images, args.tiles, np.asarray(args.ohm), args.remedies)
    print(PUBLISHED)


if __name__ == "__main__":
    main()
