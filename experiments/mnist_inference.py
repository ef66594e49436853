"""MNIST inference: accuracy and time against tile size, beside the published figures.

    python experiments/mnist_inference.py [--out DIR] [--tiles 64 128 256] [--chips 20] [--images 10000]

The network and the setting are those of Souto Garnelo et al., "Neuromorphic circuit simulation with memristors": two
blocks of two 3x3 convolutions (10 channels, batch normalisation, ReLU) with pooling, and one dense layer. Published
with MemTorch on a GTX 1060: 98.73 % digital, 97.85 % after conversion; 10 000 test images in 196, 464 and 1497 s for
tiles of 64, 128 and 256. Prints published / measured and writes mnist_inference.csv, .json and .png.

Needs the MNIST data set (`memjax.data`): pip install "memjax[data]".
"""

import argparse
import json
import pathlib
import time

import jax
import jax.numpy as jnp
import networks
import numpy as np
from matplotlib.figure import Figure

import memjax as mj
from memjax.plot import look

PUBLISHED_SECONDS = {64: 196.0, 128: 464.0, 256: 1497.0}
PUBLISHED_ACCURACY = {"digital": 98.73, "after conversion": 97.85}
SIGMA = 0.05  # relative standard deviation of R_on and R_off: an assumption, the paper sweeps it


def hardware(tile: int) -> mj.Hardware:
    """8-bit converters, double columns, devices with a spread of `SIGMA`."""
    return mj.Hardware(
        cell=mj.Cell(r_on=10e3, r_off=100e3),
        tile=(tile, tile),
        dac=mj.Dac(bits=8),
        adc=mj.Adc(bits=8),
        effects=(mj.effects.DeviceVariation(r_on_std=SIGMA * 10e3, r_off_std=SIGMA * 100e3),),
    )


def measure(case: mj.study.Case, tile: int, chips: int) -> dict:
    """Accuracy of every chip [%], and the seconds that one chip takes for all images (compilation left out)."""
    analog = mj.crossbarify(case.fn, hardware(tile))
    correct = jax.jit(lambda chip, params, x, y: jnp.sum(analog.apply(chip, params, x).argmax(-1) == y))

    def accuracy(chip):
        right = sum(int(correct(chip, case.params, x, y)) for x, y in zip(*case.parts, strict=True))
        return 100.0 * right / len(case.labels)

    accuracies, seconds = [], []
    for index in range(chips):
        chip = analog.program(case.params, jax.random.fold_in(jax.random.key(0), index), case.parts[0][0])
        if index == 0:
            accuracy(chip)  # compiles
        start = time.perf_counter()
        accuracies.append(accuracy(chip))
        seconds.append(time.perf_counter() - start)
    plan = analog.plan(case.params, case.parts[0][0])
    return {
        "tile": tile,
        "tiles": plan.tiles,
        "published_seconds": PUBLISHED_SECONDS.get(tile),
        "seconds": float(np.median(seconds)),
        "mean": float(np.mean(accuracies)),
        "std": float(np.std(accuracies)),
        "worst": float(np.min(accuracies)),
    }


def picture(rows: list[dict]) -> Figure:
    """Seconds against tile size, published and measured."""
    tiles = [row["tile"] for row in rows]
    published = {row["tile"]: row["published_seconds"] for row in rows if row["published_seconds"]}
    with look.axes(5, 3.4) as (figure, axes):
        at, seconds = list(published), list(published.values())
        axes.plot(at, seconds, "s--", color=look.COLOURS[1], label="MemTorch, GTX 1060 (published)")
        label = f"memjax, {jax.default_backend().upper()}"
        axes.plot(tiles, [row["seconds"] for row in rows], "o-", color=look.COLOURS[0], label=label)
        axes.set(
            xscale="log", yscale="log", xlabel="Word lines and bit lines of a tile", ylabel="Time for the test set (s)"
        )
        axes.set_xticks(tiles, map(str, tiles))
        axes.minorticks_off()
        axes.legend()
    return figure


def main() -> None:
    """Convert, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("mnist-inference"))
    parser.add_argument("--tiles", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--chips", type=int, default=20)
    parser.add_argument("--images", type=int, default=10_000)
    options = parser.parse_args()
    mj.study.check_writable(options.out)

    data = mj.data.load("mnist")
    images, labels = data.test_images[: options.images], data.test_labels[: options.images]
    case = mj.study.Case(*mj.study.as_function(networks.load("mnist")[0]), images, labels)
    digital = 100.0 * mj.study.digital_accuracy(case)
    print(f"digital accuracy: published {PUBLISHED_ACCURACY['digital']} %, measured {digital:.2f} %", flush=True)
    rows = []
    for tile in options.tiles:
        row = measure(case, tile, options.chips)
        rows.append(row)
        published = f"{row['published_seconds']:.0f} s" if row["published_seconds"] else "none"
        print(
            f"tile {tile:4}: {row['tiles']} tiles; time published {published}, measured {row['seconds']:.2f} s; "
            f"accuracy published {PUBLISHED_ACCURACY['after conversion']} %, "
            f"measured {row['mean']:.2f} ± {row['std']:.2f} % (worst of {options.chips} chips {row['worst']:.2f} %)",
            flush=True,
        )
    report = {"digital": digital, "sigma": SIGMA, "chips": options.chips, "images": len(labels), "rows": rows}
    files = {"csv": rows, "json": json.dumps(report, indent=2), "png": picture(rows)}
    mj.study.write(options.out, {f"mnist_inference.{kind}": content for kind, content in files.items()})
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
