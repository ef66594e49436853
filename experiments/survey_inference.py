"""Inference on 16 x 16 tiles beside larger ones: figure 5 of Lammie et al. (Array 13, 2022), with what it left out.

    python experiments/survey_inference.py [--networks resnet20 googlenet] [--tiles 16 64 128 512] [--chips 10]
    python experiments/survey_inference.py --quick      # a small network on digits: that it runs; no results

CIFAR-10 in batches of 128; pairs of columns, R_on of N(10k, 1k) and R_off of N(100k, 10k) ohm, 6 states, 6-bit ADC.
Published: time and memory of GoogLeNet, as curves, with weights that were not trained and states that did nothing.
Here: time of batches beside the digital network's, in turns, and what it makes of 10 000 images; memory by the
compiler; accuracy of chips, as programmed and with outputs tuned on a batch, where there are trained weights. Writes
CSV and PNG; goes on where it was stopped.
"""

import argparse
import pathlib
import sys
from functools import partial

import _survey as survey
import jax
import xarray
from _intervals import interval
from networks import NAMED

import memjax as mj
from memjax.plot import look

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "benchmarks"))
from _timing import compare

IMAGES = 10_000  # in the test set, for which times are given


def cost(case: mj.study.Case, tile: int, repeats: int) -> dict:
    """Time and memory of a batch on a chip beside the digital network."""
    x = case.parts[0][0]
    analog = mj.crossbarify(case.fn, survey.hardware(tile))
    chip = analog.program(case.params, jax.random.key(0), x)
    run, digital = jax.jit(analog.apply), jax.jit(case.fn)
    time = compare(lambda: run(chip, case.params, x), lambda: digital(case.params, x), repeats)
    batches = IMAGES / len(x)
    memory, of_digital = survey.memory(run, chip, case.params, x), survey.memory(digital, case.params, x)
    return {
        "tile": tile,
        "tiles": analog.plan(case.params, x).tiles,
        "batch": len(x),
        "seconds": time.seconds * batches,
        "digital_seconds": time.baseline_seconds * batches,
        "time_ratio": time.ratio,
        "time_low": time.spread[0],
        "time_high": time.spread[1],
        "memory": memory,
        "digital_memory": of_digital,
        "memory_ratio": memory / of_digital,
    }


def accuracies(case: mj.study.Case, tiles, chips: int, store) -> xarray.Dataset:
    """Accuracy of chips by (tile, chip), as programmed and with outputs tuned on the first batch."""

    def chip_of(key, tile):
        tune = lambda analog, chip: analog.tune(chip, case.params, jax.random.fold_in(key, 1), case.parts[0][0])
        of = partial(mj.study.accuracy, case, survey.hardware(tile), key)
        return {"programmed": of(), "tuned": of(then=tune)}

    return mj.sweep(
        chip_of, {"tile": tiles}, key=jax.random.key(0), samples=chips, batch_size=1, store=store, static=("tile",)
    )


def figure(rows: list[dict]):
    """Time, memory and accuracy against the tile."""
    panels = (
        ("time_ratio", "Time (digital = 1)", 1),
        ("memory_ratio", "Memory (digital = 1)", 1),
        ("programmed", "Accuracy (%)", 100),
    )
    with look.panels(1, 3, 9.6, 3.0) as (new, grid):
        for ax, (column, label, unit) in zip(grid[0], panels, strict=True):
            for index, name in enumerate(dict.fromkeys(row["network"] for row in rows)):
                mine = [row for row in rows if row["network"] == name and column in row]
                tiles, values = [row["tile"] for row in mine], [unit * row[column] for row in mine]
                errors = [unit * row.get(f"{column}_std", 0.0) for row in mine]
                shown = {"color": look.COLOURS[index], "marker": look.MARKERS[index], "capsize": 2}
                ax.errorbar(tiles, values, errors, label=name, **shown)
                if column == "programmed" and mine:
                    tuned = [100 * row["tuned"] for row in mine]
                    ax.plot(tiles, tuned, color=look.COLOURS[index], linestyle=":", label=f"{name}, tuned")
                    digital = 100 * mine[0]["digital"]
                    level = f"{name}, digital ({digital:.2f} %)"
                    ax.axhline(digital, color=look.COLOURS[index], linestyle="--", linewidth=0.9, label=level)
            ax.set_xscale("log", base=2)
            sides = sorted({row["tile"] for row in rows})
            ax.set_xticks(sides, [str(side) for side in sides])
            ax.set(xlabel="Word lines and bit lines of a tile", ylabel=label)
            ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return new


def described(row: dict) -> str:
    trained = "untrained" if row["epochs"] is None else f"{row['epochs']} epochs"
    text = (
        f"{row['network']} ({trained}), tiles {row['tile']}: {row['tiles']} tiles, {row['seconds']:.1f} s for {IMAGES} "
        f"images against {row['digital_seconds']:.1f} s, {row['time_ratio']:.2f} times [{row['time_low']:.2f}, "
        f"{row['time_high']:.2f}], memory {row['memory'] / 2**20:.0f} against {row['digital_memory'] / 2**20:.0f} MiB"
    )
    if "programmed" in row:
        text += (
            f"; accuracy {100 * row['programmed']:.2f} ± {100 * row['programmed_std']:.2f} %, tuned "
            f"{100 * row['tuned']:.2f} ± {100 * row['tuned_std']:.2f} %, digital {100 * row['digital']:.2f} %"
        )
    return text


def measure(name: str, args) -> list[dict]:
    data = mj.data.load(NAMED[name].dataset)
    fn, params, epochs = survey.network(name)
    images, labels = data.test_images[: args.images], data.test_labels[: args.images]
    case = mj.study.Case(fn, params, images, labels, batch=survey.BATCH)
    rows = []
    for tile in args.tiles:
        rows.append({"network": name, "epochs": epochs} | cost(case, tile, args.repeats))
        print(described(rows[-1]), flush=True)
    if epochs is None:
        return rows
    found = accuracies(case, args.tiles, args.chips, args.out / f"{name}-{len(labels)}.zarr")
    digital = mj.study.digital_accuracy(case)
    for row in rows:
        one = {kind: found[kind].sel(tile=row["tile"]).values.astype(float) for kind in ("programmed", "tuned")}
        row |= {kind: values.mean() for kind, values in one.items()}
        row |= {f"{kind}_std": values.std(ddof=1) for kind, values in one.items()} | {"digital": digital}
        mean, low, high = interval(100 * (one["tuned"] - one["programmed"]))
        print(described(row), f"  tuning gives {mean:.2f} points, 95 % interval [{low:.2f}, {high:.2f}]", sep="\n")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=list(NAMED), default=["resnet20", "googlenet"])
    parser.add_argument("--tiles", nargs="+", type=int, default=[16, 64, 128, 512])
    parser.add_argument("--chips", type=int, default=10)
    parser.add_argument("--images", type=int, default=IMAGES, help="test images of the accuracy")
    parser.add_argument("--repeats", type=int, default=5, help="timed pairs of batches")
    parser.add_argument("--quick", action="store_true", help="the small network of digits: seconds, no results")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/survey_inference"))
    args = parser.parse_args()
    if args.quick:
        args.networks, args.tiles, args.chips, args.images, args.repeats = ["digits"], [16, 64], 3, 128, 2
    for name, least in (("chips", 2), ("images", 1), ("repeats", 2)):
        if (given := getattr(args, name)) < least:
            parser.error(f"--{name} must be at least {least}, got {given}")
    rows = []
    try:
        mj.study.check_writable(args.out)
        for name in args.networks:
            rows += measure(name, args)
    except (OSError, ImportError, ValueError) as error:
        raise SystemExit(str(error)) from None
    files = {"survey_inference.csv": rows, "survey_inference.png": figure(rows)}
    print("Written:", *mj.study.write(args.out, files), sep="\n  ")
    if args.quick:
        print("The quick setting shows that the experiment runs; its numbers are no results.")


if __name__ == "__main__":
    main()
