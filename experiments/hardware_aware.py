"""Hardware-aware training: a network that is trained for the errors of its chips, beside one that is not.

    python experiments/hardware_aware.py [--dataset digits|mnist] [--epochs 20] [--chips 10] [--out DIR] [--quick]

Both are the same MLP. The second sees in every step a fresh chip with programming noise and open cells (drop-connect)
read through its converters, learns the input range of every crossbar with its weights, and keeps its weights within
2.5 standard deviations: all of it effects of the simulated hardware, none of it special code. Both are then deployed:
on PCM chips that drift, with and without compensation, and on RRAM chips with the programming errors measured by Wan et
al. Writes hardware_aware.csv and hardware_aware.png. A minute on two CPU cores.
"""

import argparse
import csv
import dataclasses
import io
import pathlib
import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import memjax as mj
from memjax.cli import _files

HIDDEN = 64
BATCH = 64
SECONDS = (0.0, 3600.0, 86400.0, 30 * 86400.0, 365 * 86400.0)
CELL = mj.Cell(r_on=40e3, r_off=4e6)
CONVERTERS = {"dac": mj.Dac(bits=6), "adc": mj.Adc(bits=6)}
TRAINING = mj.Hardware(
    cell=CELL,
    tile=(64, 64),
    effects=(mj.effects.ProgrammingNoise(span=0.06), mj.effects.StuckAt(hrs=0.02)),
    **CONVERTERS,
)
CHIPS = {
    "PCM": mj.Hardware(cell=CELL, tile=(64, 64), effects=(mj.effects.PhaseChange(),), **CONVERTERS),
    "RRAM": mj.Hardware(
        cell=CELL, tile=(64, 64), effects=(mj.effects.ProgrammingError.rram_wan(86400.0),), **CONVERTERS
    ),
}


def forward(params, x):
    hidden = jax.nn.relu(x.reshape(len(x), -1) @ params["hidden"] + params["hidden_bias"])
    return hidden @ params["out"] + params["out_bias"]


def untrained(inputs: int, classes: int, key):
    one, two = jax.random.split(key)
    scale = lambda n: (2.0 / n) ** 0.5
    return {
        "hidden": scale(inputs) * jax.random.normal(one, (inputs, HIDDEN)),
        "hidden_bias": jnp.zeros(HIDDEN),
        "out": scale(HIDDEN) * jax.random.normal(two, (HIDDEN, classes)),
        "out_bias": jnp.zeros(classes),
    }


def with_ranges(chip, ranges):
    """The chip with the learnt full scale of each crossbar's DAC."""
    return {name: entry | {"dac_range": ranges[name]} for name, entry in chip.items()}


def train(data, epochs: int, aware: bool):
    """(weights, input ranges or None, seconds)."""
    images, labels = jnp.asarray(data.train_images), jnp.asarray(data.train_labels)
    params = untrained(images[0].size, len(data.classes), jax.random.key(0))
    analog = mj.crossbarify(forward, TRAINING)
    learnt = {"weights": params}
    if aware:
        chip = analog.calibrate(analog.program(params, jax.random.key(1), images[:BATCH]), params, images[:BATCH])
        learnt["ranges"] = {name: entry["dac_range"] for name, entry in chip.items()}
    steps = epochs * (len(labels) // BATCH)
    adam = optax.adam(optax.cosine_decay_schedule(3e-3, steps))
    parts = {"weights": optax.chain(adam, mj.training.clipped(2.5)) if aware else adam, "ranges": optax.adam(1e-2)}
    tx = optax.partition(parts, {name: name for name in learnt})

    def loss(learnt, x, y, key):
        weights = learnt["weights"]
        if aware:
            chip = with_ranges(analog.program(weights, key, x), learnt["ranges"])
            logits = analog.apply(chip, weights, x)
        else:
            logits = forward(weights, x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    @jax.jit
    def step(learnt, state, pick, key):
        value, slope = jax.value_and_grad(loss)(learnt, images[pick], labels[pick], key)
        updates, state = tx.update(slope, state, learnt)
        return optax.apply_updates(learnt, updates), state, value

    state, start, rng = tx.init(learnt), time.perf_counter(), np.random.default_rng(0)
    for epoch in range(epochs):
        for index, pick in enumerate(rng.permutation(len(labels))[: steps // epochs * BATCH].reshape(-1, BATCH)):
            learnt, state, value = step(learnt, state, pick, jax.random.key(epoch * 10**6 + index))
        if epoch % max(1, epochs // 5) == epochs // 5 - 1 or epoch == epochs - 1:
            print(f"  epoch {epoch + 1} of {epochs}: loss {float(value):.3f}", flush=True)
    return learnt["weights"], learnt.get("ranges"), time.perf_counter() - start


def deployed(hardware, weights, ranges, data, keys):
    """Accuracy [percent] of chips: {(compensated, seconds): [chips]}; those that do not age at 0 s."""
    analog = mj.crossbarify(forward, hardware)
    images, labels = jnp.asarray(data.test_images), jnp.asarray(data.test_labels)
    ages = any(isinstance(effect, mj.effects.Ageing) for effect in hardware.effects)

    def one(key):
        fresh = analog.program(weights, key, images)
        if ranges is not None:
            fresh = with_ranges(fresh, ranges)
        accuracy = lambda chip: 100 * jnp.mean(analog.apply(chip, weights, images, key=key).argmax(-1) == labels)
        found = {(False, 0.0): accuracy(fresh)}
        for seconds in SECONDS if ages else ():
            aged = analog.age(fresh, key, seconds=seconds)
            found[False, seconds] = accuracy(aged)
            found[True, seconds] = accuracy(analog.compensate(aged, fresh, key))
        return found

    return jax.tree.map(np.asarray, jax.jit(lambda keys: jax.lax.map(one, keys))(keys))


def figure(rows) -> bytes:
    plt.rcParams.update({"font.size": 9})
    drawn, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for training, colour in (("plain", "tab:gray"), ("hardware-aware", "tab:blue")):
        for compensated, style in ((False, "--"), (True, "-")):
            pick = [r for r in rows if r["chip"] == "PCM" and r["training"] == training]
            pick = [r for r in pick if r["compensated"] is compensated]
            seconds = [max(r["seconds"], 20.0) for r in pick]
            label = f"{training}{', compensated' if compensated else ''}"
            axes.errorbar(
                seconds,
                [r["mean"] for r in pick],
                [r["std"] for r in pick],
                color=colour,
                ls=style,
                marker="o",
                ms=4,
                capsize=2,
                label=label,
            )
    axes.set(xscale="log", xlabel="Time after programming (s)", ylabel="Accuracy of PCM chips (%)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    drawn.savefig(buffer, dpi=150)
    plt.close(drawn)
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="digits", choices=("digits", "mnist"))
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--chips", type=int, default=10)
    parser.add_argument("--images", type=int, default=1000, help="test images of the deployment")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results"))
    parser.add_argument("--quick", action="store_true", help="seconds: two epochs, two chips, few images")
    args = parser.parse_args()
    if min(args.epochs, args.chips, args.images) < 1:
        parser.error("--epochs, --chips and --images must be at least 1")
    epochs, chips, images = (2, 2, 50) if args.quick else (args.epochs, args.chips, args.images)
    data = mj.data.load(args.dataset)
    data = dataclasses.replace(data, test_images=data.test_images[:images], test_labels=data.test_labels[:images])
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for training in ("plain", "hardware-aware"):
        print(f"{training}:")
        weights, ranges, seconds = train(data, epochs, training == "hardware-aware")
        digital = 100 * np.mean(np.asarray(forward(weights, data.test_images).argmax(-1)) == data.test_labels)
        print(f"  trained in {seconds:.0f} s; digital accuracy {digital:.2f} %")
        for name, hardware in CHIPS.items():
            keys = jax.random.split(jax.random.key(7), chips)
            for (compensated, passed), found in deployed(hardware, weights, ranges, data, keys).items():
                row = {"training": training, "chip": name, "compensated": compensated, "seconds": passed}
                rows.append(row | {"mean": float(found.mean()), "std": float(found.std()), "digital": float(digital)})
                how = ", compensated" if compensated else ""
                print(f"  {name} after {passed:9.3g} s{how}: {found.mean():6.2f} ± {found.std():.2f} %")
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    _files.write(args.out, {"hardware_aware.csv": text.getvalue().encode(), "hardware_aware.png": figure(rows)})
    print(f"written: {args.out / 'hardware_aware.csv'}, {args.out / 'hardware_aware.png'}")


if __name__ == "__main__":
    main()
