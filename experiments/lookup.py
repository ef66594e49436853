"""Accuracy of trained networks whose weights and inputs are codes, as in RAPIDNN, against the sizes of the codebooks.

    python experiments/lookup.py [--out DIR] [--dataset mnist cifar10] [--seeds 20] [--images 500] [--quick]

The trained MNIST and CIFAR-10 networks of Souto Garnelo et al. through `mj.lookup`: k-means codebooks of the weights of
every layer and of the numbers that reach it on 200 training images, of 4 to 64 codes each, of both, or of one with 64
of the other. Error bars are standard deviations over seeds of k-means. Retraining moves the numbers of the codebooks by
Adam, codes frozen, in a few hundred batches of 64 training images. Writes a table and a picture for each data set.
"""

import argparse
import itertools
import pathlib
import time

import _cases
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray
from _intervals import interval

import memjax as mj
from memjax.plot import look

SIZES = (4, 8, 16, 32, 64)
CALIBRATION = 200  # training images
BATCH = 64
RATE = 1e-3
AT_ONCE = 100  # test images
PUBLISHED = 0.3  # loss in points [unverified: abstract of arXiv 1806.05794, other networks]


def padded(lookup: mj.lookup.Lookup, size: int) -> mj.lookup.Lookup:
    """The same network with codebooks of one length, their last number repeated: one compilation for all sizes."""
    longer = lambda keys: jnp.pad(keys, (0, size - len(keys)), mode="edge")
    return eqx.tree_at(lambda one: one.codebooks, lookup, jax.tree.map(longer, lookup.codebooks))


def combined(weights: mj.lookup.Lookup, inputs: mj.lookup.Lookup) -> mj.lookup.Lookup:
    """The codes and numbers of the weights of one network, the keys of the inputs of another."""
    both = {name: one._replace(inputs=inputs.codebooks[name].inputs) for name, one in weights.codebooks.items()}
    return eqx.tree_at(lambda one: one.codebooks, weights, both)


@eqx.filter_jit
def accuracy(lookup: mj.lookup.Lookup, state, images, labels):
    """Of a network, on images in batches [batches, B, ...]."""
    found = jax.lax.map(lambda x: lookup.apply(state, x).argmax(-1), images)
    return jnp.mean(found == labels)


def optimiser(steps: int) -> optax.GradientTransformation:
    return optax.adam(optax.cosine_decay_schedule(RATE, steps))


@eqx.filter_jit
def step(lookup: mj.lookup.Lookup, momenta, state, x, y, steps: int):
    """One batch: (the network with other numbers in its codebooks, state of the optimiser)."""

    def loss(codebooks):
        logits = lookup.apply(state, x, codebooks=codebooks)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    updates, momenta = optimiser(steps).update(jax.grad(loss)(lookup.codebooks), momenta)
    return eqx.tree_at(lambda one: one.codebooks, lookup, optax.apply_updates(lookup.codebooks, updates)), momenta


def retrained(lookup: mj.lookup.Lookup, state, images, labels, steps: int, key) -> mj.lookup.Lookup:
    """The network with the numbers of its codebooks trained, codes and everything else frozen."""
    momenta = optimiser(steps).init(lookup.codebooks)
    for which in np.asarray(jax.random.randint(key, (steps, BATCH), 0, len(labels))):
        lookup, momenta = step(lookup, momenta, state, images[which], labels[which], steps)
    return lookup


def points(sizes) -> list[tuple[int, int]]:
    """(codes of the weights, codes of the inputs): equal, or one of them the most."""
    most = max(sizes)
    return list(dict.fromkeys([(k, k) for k in sizes] + [(k, most) for k in sizes] + [(most, k) for k in sizes]))


def measure(model, data, images: int, sizes, seeds: int, retraining: int, steps: int) -> xarray.Dataset:
    """Accuracy by (codes of weights, codes of inputs, seed), and by (codes of both, seed) after retraining."""
    forward, state = mj.study.as_function(model)
    batches = lambda a: jnp.asarray(a[:images]).reshape(-1, min(AT_ONCE, images), *a.shape[1:])
    x, y = batches(data.test_images), batches(data.test_labels)
    digital = float(jnp.mean(jax.lax.map(lambda x: forward(state, x).argmax(-1), x) == y))
    calibration = mj.lookup.calibrate(forward, state, jnp.asarray(data.train_images[:CALIBRATION]))
    grid = (list(sizes), list(sizes), range(seeds))
    found = xarray.DataArray(
        np.full([len(axis) for axis in grid], np.nan), dict(zip(("weights", "inputs", "seed"), grid, strict=True))
    )
    costs = [mj.lookup.cost_report(calibration.cluster(k, k, key=jax.random.key(0)), state, x[0][:1]) for k in sizes]
    after = xarray.full_like(found.isel(inputs=0, drop=True), np.nan).rename(weights="codes")
    for seed in range(seeds):
        key = jax.random.key(seed)
        one = {k: padded(calibration.cluster(k, k, key=key), max(sizes)) for k in sizes}
        for w, i in points(sizes):
            found.loc[w, i, seed] = float(accuracy(combined(one[w], one[i]), state, x, y))
        for k in sizes if seed < retraining else ():
            new = retrained(one[k], state, data.train_images, data.train_labels, steps, key)
            after.loc[k, seed] = float(accuracy(new, state, x, y))
        print(f"  seed {seed}: {[round(100 * float(found.loc[k, k, seed]), 2) for k in sizes]} %", flush=True)
    energy = xarray.DataArray([float(cost.energy) for cost in costs], dims="codes")
    attributes = {"digital": digital, "images": images, "energy": float(costs[0].digital)}
    return xarray.Dataset({"accuracy": found, "retrained": after, "energy": energy}, attrs=attributes)


def table(found: xarray.Dataset) -> str:
    """Mean, standard deviation and number of seeds of every point, as CSV."""
    lines = ["weights,inputs,retrained,mean,std,worst,seeds"]
    row = lambda w, i, kind, v: (
        f"{w},{i},{kind},{v.mean():.5f},{v.std(ddof=1) if len(v) > 1 else 0:.5f},{v.min():.5f},{len(v)}"
    )
    for w, i in itertools.product(found.weights.values, found.inputs.values):
        if len(values := found.accuracy.loc[w, i].dropna("seed").values):
            lines.append(row(w, i, False, values))
    for k in found.codes.values:
        if len(values := found.retrained.loc[k].dropna("seed").values):
            lines.append(row(k, k, True, values))
    return "\n".join(lines) + "\n"


def figure(found: xarray.Dataset, title: str):
    """Loss of accuracy against the number of codes: mean and standard deviation over seeds."""
    most = int(found.weights.max())
    curves = {
        "both": lambda k: found.accuracy.loc[k, k],
        f"weights ({most} for inputs)": lambda k: found.accuracy.loc[k, most],
        f"inputs ({most} for weights)": lambda k: found.accuracy.loc[most, k],
        "both, retrained": lambda k: found.retrained.loc[k],
    }
    with look.axes(5.6, 3.6) as (new, ax):
        for index, (label, curve) in enumerate(curves.items()):
            points = [100 * curve(k).dropna("seed") for k in found.weights.values]
            ax.errorbar(
                found.weights.values, [float(p.mean()) for p in points], [float(p.std()) for p in points], capsize=2,
                label=label, color=look.COLOURS[index], marker=look.MARKERS[index],
            )  # fmt: skip
        ax.axhline(
            100 * found.digital,
            color=look.INK,
            linestyle="--",
            linewidth=0.9,
            label=f"digital ({100 * found.digital:.2f} %)",
        )
        ax.set_xscale("log", base=2)
        ax.set_xticks(found.weights.values, [str(k) for k in found.weights.values])
        ax.set_xlabel("Codes in a codebook")
        ax.set_ylabel("Accuracy (%)")
        ax.set_title(title, loc="left")
        ax.legend(loc="lower right")
    return new


def shown(values) -> str:
    mean, low, high = interval(100 * np.asarray(values))
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def claims(found: xarray.Dataset) -> str:
    """Published beside measured; an interval is of the mean over seeds, on these images."""
    lines = [f"Published [unverified, other networks]: loss below {PUBLISHED} points. Loss here, in points:"]
    for k in found.weights.values:
        loss = found.digital - found.accuracy.loc[k, k].dropna("seed")
        within = "confirmed" if interval(100 * loss)[2] < PUBLISHED else "not confirmed"
        lines.append(f"  {k} x {k}: {shown(loss)}: {within}")
        after = found.retrained.loc[k].dropna("seed")
        if len(after):
            gain = after.values - found.accuracy.loc[k, k, after.seed].values
            lines.append(f"    retrained: loss {shown(found.digital - after)}; gain over the same seeds {shown(gain)}")
    lines.append(
        "Energy of one image by the components of ISAAC's table, stand-ins (the published 68.4x is not claimed):"
    )
    times = lambda joules: f"{1e6 * joules:.2f} uJ, {joules / found.attrs['energy']:.2f} of digital multiplications"
    lines += [
        f"  {k} x {k}: {times(float(joules))}"
        for k, joules in zip(found.codes.values, found.energy.values, strict=True)
    ]
    return "\n".join(lines)


def run(dataset: str, out: pathlib.Path, images: int, sizes, seeds: int, retraining: int, steps: int) -> None:
    start = time.perf_counter()
    found = measure(*_cases.trained(dataset), images, sizes, seeds, retraining, steps)
    lines = table(found)
    print(f"{dataset}: digital {100 * found.digital:.2f} % of {images} images, {time.perf_counter() - start:.0f} s")
    print(lines, claims(found), sep="\n")
    drawn = figure(found, f"{dataset}, {seeds} seeds, {images} images")
    written = mj.study.write(out, {f"{dataset}.csv": lines, f"{dataset}.png": drawn})
    print("Written:", *written, sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/lookup"))
    parser.add_argument("--dataset", nargs="+", choices=["digits", "mnist", "cifar10"], default=["mnist", "cifar10"])
    parser.add_argument("--images", type=int, default=500, help="test images, a multiple of 100 where above")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="codes in a codebook")
    parser.add_argument("--seeds", type=int, default=20, help="seeds of k-means")
    parser.add_argument("--retraining", type=int, default=3, help="seeds whose codebooks are also trained")
    parser.add_argument("--steps", type=int, default=100, help="batches of 64 images of the retraining")
    parser.add_argument("--quick", action="store_true", help="digits, 2 seeds, 100 images: under a minute, no results")
    args = parser.parse_args()
    if args.quick:
        args.dataset, args.images, args.sizes, args.seeds, args.retraining, args.steps = (
            ["digits"],
            100,
            [4, 16],
            2,
            1,
            20,
        )
    mj.study.check_writable(args.out)
    for dataset in args.dataset:
        run(dataset, args.out, args.images, args.sizes, args.seeds, args.retraining, args.steps)


if __name__ == "__main__":
    main()
