"""Accuracy of trained networks over device variability and ADC resolution, with error bars over many chips.

    python experiments/variability.py [--out DIR] [--dataset digits mnist] [--chips 100] [--images 1000] [--quick]

The quickstart's network on digits, trained first, and the trained MNIST network of Souto Garnelo et al.; then one
`memjax.sweep` over relative standard deviation of the resistances x ADC bits. Results go to a zarr store chip by chip:
a run that was stopped goes on from there when it is started again. Writes for each data set a store, a table over all
points (mean, standard deviation, worst chip, yield), and a picture.

MNIST needs the data set (`memjax.data`): pip install "memjax[data]".
"""

import argparse
import io
import pathlib
import time

import jax
import jax.numpy as jnp
import networks
import numpy as np

import memjax as mj
from memjax.cli import _chips, _files, _network

SIGMA = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
BITS = np.array([4, 6, 8])
TILE = (64, 64)
TARGET = 0.95  # accuracy that a chip must reach to count for the yield
ATTRS = {
    "sigma": {"units": "1", "description": "Device variability, relative std of resistance"},
    "bits": {"units": "bit", "description": "ADC resolution"},
    "accuracy": {"units": "1", "description": "Classification accuracy"},
}


def trained(dataset: str):
    """(network, test images, test labels)."""
    data = mj.data.load(dataset)
    model = _network.train(data, 0) if dataset == "digits" else networks.load("mnist")[0]
    model.eval()
    return model, data.test_images, data.test_labels


def experiment(model, images, labels):
    """The function that is swept: the accuracy of one chip."""
    forward, state = _chips.as_function(model)

    def accuracy(key, sigma, bits):
        analog = mj.crossbarify(forward, _chips.hardware(TILE, sigma, bits))
        logits = analog.apply(analog.program(state, key, images), state, images)
        return {"accuracy": jnp.mean(logits.argmax(-1) == labels)}

    return accuracy


def table(found) -> str:
    """One line for every point: the statistics of its chips."""
    frame = mj.montecarlo.summary(found.accuracy, target=TARGET).drop_dims("quantile").to_dataframe()
    return frame.round(5).to_csv()


def run(dataset: str, out: pathlib.Path, chips: int, images: int) -> None:
    model, x, y = trained(dataset)
    pick = np.sort(np.random.default_rng(0).permutation(len(y))[:images])
    x, y = jnp.asarray(x[pick]), jnp.asarray(y[pick])
    forward, state = _chips.as_function(model)
    digital = float(jnp.mean(jax.jit(forward)(state, x).argmax(-1) == y))
    start = time.perf_counter()
    found = mj.sweep(
        experiment(model, x, y),
        {"sigma": SIGMA, "bits": BITS},
        key=jax.random.key(0),
        samples=chips,
        batch_size=min(8, chips),
        store=out / f"{dataset}.zarr",
        attrs=ATTRS,
    )
    seconds, rows = time.perf_counter() - start, table(found)
    print(f"{dataset}: digital {100 * digital:.2f} %, {found.accuracy.size} chips in {seconds:.0f} s, "
          f"{found.attrs['compilations']} compilation(s)\n{rows}")  # fmt: skip
    picture = io.BytesIO()
    mj.plot.sweep(found, x="sigma", hue="bits", target=TARGET, percent=True).savefig(picture, format="png")
    contents = {f"{dataset}.csv": rows.encode(), f"{dataset}.png": picture.getvalue()}
    print("Written:", out / f"{dataset}.zarr", *_files.write(out, contents), sep="\n  ")


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
    _files.check_writable(args.out)
    for dataset in args.dataset:
        run(dataset, args.out, args.chips, args.images)


if __name__ == "__main__":
    main()
