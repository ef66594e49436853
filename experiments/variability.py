"""Accuracy of trained networks over device variability and ADC resolution, with error bars over many chips.

    python experiments/variability.py [--out DIR] [--dataset digits mnist] [--chips 100] [--images 1000] [--quick]

The quickstart's network on digits, trained first, and the trained MNIST network of Souto Garnelo et al.; then one
`memjax.sweep` over relative standard deviation of the resistances x ADC bits. Results go to a zarr store chip by chip:
a run that was stopped goes on from there when it is started again. Writes for each data set a store, a table over all
points (mean, standard deviation, worst chip, yield), and a picture.

MNIST needs the data set (`memjax.data`): pip install "memjax[data]".
"""

import argparse
import pathlib
import time

import _cases
import jax
import numpy as np

import memjax as mj

SIGMA = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
BITS = np.array([4, 6, 8])
TILE = (64, 64)
CELL = mj.Cell(r_on=10e3, r_off=100e3)
TARGET = 0.95  # accuracy that a chip must reach to count for the yield
ATTRS = {
    "sigma": {"units": "1", "description": "Device variability, relative std of resistance"},
    "bits": {"units": "bit", "description": "ADC resolution"},
    "accuracy": {"units": "1", "description": "Classification accuracy"},
}


def hardware(sigma, bits) -> mj.Hardware:
    """Cells with resistances of their own, of relative standard deviation `sigma` at both ends."""
    spread = mj.effects.DeviceVariation(r_on_std=sigma * CELL.r_on, r_off_std=sigma * CELL.r_off)
    return mj.Hardware(CELL, tile=TILE, dac=mj.Dac(bits=8), adc=mj.Adc(bits=bits), effects=(spread,))


def run(dataset: str, out: pathlib.Path, chips: int, images: int) -> None:
    model, data = _cases.trained(dataset)
    pick = np.sort(np.random.default_rng(0).permutation(len(data.test_labels))[:images])
    case = mj.study.Case(*mj.study.as_function(model), data.test_images[pick], data.test_labels[pick])
    digital = mj.study.digital_accuracy(case)
    start = time.perf_counter()
    found = mj.sweep(
        lambda key, sigma, bits: {"accuracy": mj.study.accuracy(case, hardware(sigma, bits), key)},
        {"sigma": SIGMA, "bits": BITS},
        key=jax.random.key(0),
        samples=chips,
        batch_size=min(8, chips),
        store=out / f"{dataset}.zarr",
        attrs=ATTRS,
    )
    seconds = time.perf_counter() - start
    rows = mj.study.per_point(found.accuracy, TARGET).round(5).to_csv(index=False)
    print(f"{dataset}: digital {100 * digital:.2f} %, {found.accuracy.size} chips in {seconds:.0f} s, "
          f"{found.attrs['compilations']} compilation(s)\n{rows}")  # fmt: skip
    picture = mj.plot.sweep(found, x="sigma", hue="bits", target=TARGET, percent=True)
    contents = {f"{dataset}.csv": rows, f"{dataset}.png": picture}
    print("Written:", out / f"{dataset}.zarr", *mj.study.write(out, contents), sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/variability"))
    parser.add_argument("--dataset", nargs="+", choices=["digits", "mnist"], default=["digits", "mnist"])
    parser.add_argument("--chips", type=int, default=100, help="chips at each point")
    parser.add_argument("--images", type=int, default=1000, help="test images shown to every chip")
    parser.add_argument("--quick", action="store_true", help="digits only, 10 chips, 200 images: about half a minute")
    args = parser.parse_args()
    if args.quick:
        args.dataset, args.chips, args.images = ["digits"], 10, 200
    mj.study.check_writable(args.out)
    for dataset in args.dataset:
        run(dataset, args.out, args.chips, args.images)


if __name__ == "__main__":
    main()
