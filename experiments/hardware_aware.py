"""Hardware-aware training: recipes that prepare a network for its chips, beside one that is trained as always.

    python experiments/hardware_aware.py [--dataset digits|mnist] [--epochs 40] [--seeds 10] [--chips 10] [--quick]

The same MLP, trained four ways (docs/training.md, "Hardware-aware training"):

    plain      digitally
    noise      digitally, with noise and dropped weights that are drawn anew in each step (noise grows over the first
               half) and weights within 2.5 standard deviations
    chips      through a fresh chip in each step, with programming noise, open cells and converters, whose input ranges
               are learnt with the weights; weights limited as above
    distilled  as chips, from the labels and from what the plain network thinks of every class

and deployed: on PCM chips that drift, with and without compensation, and on RRAM chips with the programming errors
measured by Wan et al. Input ranges start at three standard deviations of the inputs, and stay there unless they are
learnt. Error bars are over training seeds, of which each has its own start, order of images, draws and chips. Writes
hardware_aware.csv and .png.
"""

import argparse
import dataclasses
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import memjax as mj
from memjax.plot import look

R = mj.training.recipes
HIDDEN = 64
BATCH = 64
SPAN, OPEN = 0.06, 0.02  # error of a write in the conductance range, share of open cells
SECONDS = (0.0, 3600.0, 86400.0, 30 * 86400.0, 365 * 86400.0)
CELL = mj.Cell(r_on=40e3, r_off=4e6)


def hardware(*effects) -> mj.Hardware:
    return mj.Hardware(cell=CELL, tile=(64, 64), dac=mj.Dac(bits=6), adc=mj.Adc(bits=6), effects=effects)


TRAINING = hardware(mj.effects.ProgrammingNoise(span=SPAN), mj.effects.StuckAt(hrs=OPEN))
CHIPS = {
    "PCM": hardware(mj.effects.PhaseChange()),
    "RRAM": hardware(mj.effects.ProgrammingError.rram_wan(86400.0)),
}
RECIPES = ("plain", "noise", "chips", "distilled")


def forward(params, x):
    hidden = jax.nn.relu(x.reshape(len(x), -1) @ params["hidden"] + params["hidden_bias"])
    return hidden @ params["out"] + params["out_bias"]


ANALOG = mj.crossbarify(forward, TRAINING)


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
    """The chip with another full scale of each crossbar's DAC."""
    return {name: entry | {"dac_range": ranges[name]} for name, entry in chip.items()}


def three_sigma(weights, images):
    """Input ranges of a network that learns none: three standard deviations of the inputs of each crossbar."""
    chip = ANALOG.program(weights, jax.random.key(0), images)
    return {name: 3.0 * use.deviation for name, use in ANALOG.inputs(chip, weights, images).items()}


def optimiser(recipe: str, steps: int):
    """Of the tree {"weights", "ranges"}."""
    weights = optax.adam(optax.cosine_decay_schedule(3e-3, steps))
    if recipe != "plain":
        weights = optax.chain(weights, R.clipped(2.5))
    ranges = R.input_ranges(optax.adam(1e-2)) if recipe in ("chips", "distilled") else optax.set_to_zero()
    return optax.partition({"weights": weights, "ranges": ranges}, {"weights": "weights", "ranges": "ranges"})


def losses(recipe: str, learnt, teacher, x, labels, key, step, steps: int):
    """(loss, fractions of inputs inside the ranges) of a batch in a step."""
    weights, inside = learnt["weights"], {name: jnp.ones(()) for name in learnt["ranges"]}
    if recipe in ("plain", "noise"):
        strength = optax.linear_schedule(0.0, 2**0.5 * SPAN, steps // 2)
        modifiers = (R.AdditiveNoise(strength), R.DropConnect(OPEN)) if recipe == "noise" else ()
        logits = forward(R.noisy(weights, modifiers, key, step), x)
    else:
        chip = with_ranges(ANALOG.program(weights, jax.random.fold_in(key, step), x), learnt["ranges"])
        logits = ANALOG.apply(chip, weights, x)
        inside = {name: use.inside for name, use in ANALOG.inputs(jax.lax.stop_gradient(chip), weights, x).items()}
    if recipe == "distilled":
        return R.distillation(logits, forward(teacher, x), labels).mean(), inside
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(), inside


def trainer(recipe: str, data, epochs: int):
    """(key, teacher's weights, images, labels) -> {"weights", "ranges"}, one compiled program."""
    batches = len(data.train_labels) // BATCH
    steps = epochs * batches
    tx = optimiser(recipe, steps)

    def train(key, teacher, images, labels):
        start, order, draws = jax.random.split(key, 3)
        weights = untrained(images[0].size, len(data.classes), start)
        learnt = {"weights": weights, "ranges": three_sigma(weights, images[: 4 * BATCH])}

        def epoch(carry, index):
            shuffled = jax.random.permutation(jax.random.fold_in(order, index), len(labels))

            def step(carry, pick):
                learnt, state, count = carry
                loss = lambda learnt: losses(recipe, learnt, teacher, images[pick], labels[pick], draws, count, steps)
                slope, inside = jax.grad(loss, has_aux=True)(learnt)
                updates, state = tx.update(slope, state, learnt, inside=inside)
                return (optax.apply_updates(learnt, updates), state, count + 1), None

            return jax.lax.scan(step, carry, shuffled[: batches * BATCH].reshape(batches, BATCH))

        (learnt, _, _), _ = jax.lax.scan(epoch, (learnt, tx.init(learnt), jnp.zeros((), int)), jnp.arange(epochs))
        if recipe in ("plain", "noise"):
            learnt["ranges"] = three_sigma(learnt["weights"], images[: 4 * BATCH])
        return learnt

    return jax.jit(train)


def tester(chips: mj.Hardware, data):
    """(learnt, keys of chips) -> accuracy [percent], {(compensated, seconds): [chips]}; without ageing at 0 s alone."""
    analog = mj.crossbarify(forward, chips)
    images, labels = jnp.asarray(data.test_images), jnp.asarray(data.test_labels)
    ages = any(isinstance(effect, mj.effects.Ageing) for effect in chips.effects)

    def test(learnt, keys):
        weights = learnt["weights"]

        def one(key):
            fresh = with_ranges(analog.program(weights, key, images), learnt["ranges"])
            accuracy = lambda chip: 100 * jnp.mean(analog.apply(chip, weights, images, key=key).argmax(-1) == labels)
            found = {(False, 0.0): accuracy(fresh)}
            for seconds in SECONDS if ages else ():
                aged = analog.age(fresh, key, seconds=seconds)
                found[False, seconds] = accuracy(aged)
                found[True, seconds] = accuracy(analog.compensate(aged, fresh, key))
            return found

        return jax.lax.map(one, keys)

    return jax.jit(test)


def rows_of(data, epochs: int, seeds: int, chips: int) -> list[dict]:
    """Of every recipe, seed, kind of chip and age: accuracy [percent], digital and as mean and deviation over chips."""
    testers, teachers, rows = {name: tester(kind, data) for name, kind in CHIPS.items()}, {}, []
    digital = lambda w: 100 * float(np.mean(np.asarray(forward(w, data.test_images).argmax(-1)) == data.test_labels))
    for recipe in RECIPES:
        train, start = trainer(recipe, data, epochs), time.perf_counter()
        for seed in range(seeds):
            learnt = train(jax.random.key(seed), teachers.get(seed), data.train_images, data.train_labels)
            if recipe == "plain":
                teachers[seed] = learnt["weights"]
            common = {"training": recipe, "seed": seed, "digital": digital(learnt["weights"])}
            for name, test in testers.items():
                keys = jax.random.split(jax.random.key(1000 + seed), chips)
                for (compensated, seconds), found in test(learnt, keys).items():
                    row = {"chip": name, "compensated": compensated, "seconds": seconds}
                    rows.append(common | row | {"mean": float(found.mean()), "std": float(found.std())})
        print(f"{recipe}: {time.perf_counter() - start:.0f} s", flush=True)
    return rows


def picked(rows, recipe: str, chip: str, compensated: bool, seconds: float, what: str = "mean") -> np.ndarray:
    """A column of the rows, by seed."""
    wanted = {"training": recipe, "chip": chip, "compensated": compensated, "seconds": seconds}
    return np.array([row[what] for row in rows if all(row[name] == value for name, value in wanted.items())])


def table(rows) -> str:
    """Mean and standard deviation over the seeds."""
    shown = lambda values: f"{values.mean():.2f} ± {values.std(ddof=min(1, len(values) - 1)):.2f}"
    heads = ("", "digital", "PCM, fresh", "PCM, a year", "the same, compensated", "RRAM (Wan et al.), a day")
    lines = [heads, ("---",) * len(heads)]
    for recipe in RECIPES:
        at = lambda *where: shown(picked(rows, recipe, *where))  # noqa: B023
        digital = shown(picked(rows, recipe, "RRAM", False, 0.0, "digital"))
        pcm = (at("PCM", False, 0.0), at("PCM", False, SECONDS[-1]), at("PCM", True, SECONDS[-1]))
        lines.append((recipe, digital, *pcm, at("RRAM", False, 0.0)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def figure(rows) -> Figure:
    """Accuracy of PCM chips as they age, and of RRAM chips: mean and standard deviation over the seeds."""
    with look.panels(1, 2, 7.2, 3.4) as (drawn, grid):
        left, right = grid[0]
        left.get_gridspec().set_width_ratios((2.2, 1))
        right.sharey(left)
        for index, recipe in enumerate(RECIPES):
            shown = {"color": look.COLOURS[index], "marker": look.MARKERS[index], "capsize": 2}
            for compensated, style in ((False, "--"), (True, "-")):
                found = [picked(rows, recipe, "PCM", compensated, seconds) for seconds in SECONDS]
                means, spreads = [f.mean() for f in found], [f.std() for f in found]
                label = recipe if compensated else None
                times = np.maximum(SECONDS, 20.0) * 1.06**index  # beside each other
                left.errorbar(times, means, spreads, linestyle=style, label=label, **shown)
            found = picked(rows, recipe, "RRAM", False, 0.0)
            right.errorbar(index, found.mean(), found.std(), **shown)
        left.set(xscale="log", xlabel="Time after programming (s)", ylabel="Accuracy (%)")
        left.set_title("PCM (dashed: not compensated)")
        right.set(title="RRAM", xlim=(-0.5, len(RECIPES) - 0.5))
        right.set_xticks(range(len(RECIPES)), RECIPES, rotation=30)
        left.legend()
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="digits", choices=("digits", "mnist"))
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=10, help="trainings of every recipe")
    parser.add_argument("--chips", type=int, default=10, help="chips of every training")
    parser.add_argument("--images", type=int, default=1000, help="test images of the deployment")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results"))
    parser.add_argument("--quick", action="store_true", help="seconds: two epochs, seeds and chips, few images")
    args = parser.parse_args()
    if min(args.epochs, args.seeds, args.chips, args.images) < 1:
        parser.error("--epochs, --seeds, --chips and --images must be at least 1")
    epochs, seeds, chips, images = (2, 2, 2, 50) if args.quick else (args.epochs, args.seeds, args.chips, args.images)
    data = mj.data.load(args.dataset)
    data = dataclasses.replace(data, test_images=data.test_images[:images], test_labels=data.test_labels[:images])
    mj.study.check_writable(args.out)
    rows = rows_of(data, epochs, seeds, chips)
    print(f"\nAccuracy [percent], mean ± standard deviation of {seeds} trainings, {chips} chips each:\n")
    print(f"{table(rows)}\n")
    mj.study.write(args.out, {"hardware_aware.csv": rows, "hardware_aware.png": figure(rows)})
    print(f"written: {args.out / 'hardware_aware.csv'}, {args.out / 'hardware_aware.png'}")


if __name__ == "__main__":
    main()
