"""Train VGG-8 on CIFAR-10 in situ: the run of figure 4 of Lammie et al. (Array 13, 2022), to be stopped and resumed.

    python experiments/train_vgg8.py --law reram_sb --algorithm deterministic [--baseline]   # 256 epochs: a GPU
    python experiments/train_vgg8.py --law reram_sb --resume                # goes on bit by bit as if never stopped
    python experiments/train_vgg8.py --quick                                # CPU, a few steps: that it runs; no results

Batch 128, SGD of rate 0.1 and momentum 0.9, a tenth of the rate after 100, 200 and 250 epochs. Kernels are devices,
weights in units of the update law; biases and batch normalisation are digital. --omega W lets the largest initial
weight of every kernel be W on the devices, by a fixed digital factor behind it. --baseline then trains the digital
network in the same way, from the same start on the same images in the same order. The images are centred and scaled
colour by colour, and not augmented: an assumption, as is the device (the survey's unit cell of two ReRamSB devices
updates one of them, which is what is done here). The survey published curves, no numbers.

A checkpoint with everything that a step depends on (weights, batch statistics, optimiser, cells, hidden weights and
residues, keys) is kept after every --checkpoint-epochs epochs and every --checkpoint-steps steps. Writes a table of
epochs as CSV (loss, test accuracy, time, peak memory) after each epoch, and PNG.

Images stay on the device that trains; on an accelerator the steps between two checkpoints are one compiled loop.

CIFAR-10 needs the data set, checkpoints need orbax: pip install "memjax[data,train]".
"""

import argparse
import functools
import pathlib
import resource
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import _insitu
import jax
import jax.numpy as jnp
import numpy as np
import optax
from _checkpoints import Checkpoints
from flax import nnx
from networks import VGG8
from rich.table import Table

import memjax as mj
from memjax.plot import look

DIGITAL = "digital"
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of the training images of CIFAR-10
QUICK_WIDTHS, QUICK_IMAGES = (4, 4, 4, 4, 8, 8), 96


class Setting(NamedTuple):
    """What must be the same when a training goes on."""

    law: str = "reram_sb"
    algorithm: str = "deterministic"
    batch: int = 128
    rate: float = 0.1
    momentum: float = 0.9
    omega: float = 0.0
    falls: tuple[int, ...] = (100, 200, 250)
    """Epochs after which the rate becomes a tenth."""
    seed: int = 0
    images: str = "cifar10"


class Images(NamedTuple):
    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def load(setting: Setting) -> Images:
    """CIFAR-10; for the quick run small random images whose class is told by their colour."""
    if setting.images == "cifar10":
        data = mj.data.load("cifar10")
        shift = lambda images: (images - np.float32(MEAN)) / np.float32(STD)
        return Images(shift(data.train_images), data.train_labels, shift(data.test_images), data.test_labels)
    rng = np.random.default_rng(0)
    labels = np.arange(2 * QUICK_IMAGES, dtype=np.int32) % 10
    images = rng.normal(size=(10, 1, 1, 3))[labels] + rng.normal(size=(len(labels), 32, 32, 3))
    images = images.astype(np.float32)
    half = QUICK_IMAGES
    return Images(images[:half], labels[:half], images[half:], labels[half:])


def network(setting: Setting) -> _insitu.Functional:
    rngs = nnx.Rngs(setting.seed)
    return _insitu.functional(VGG8(rngs) if setting.images == "cifar10" else VGG8(rngs, QUICK_WIDTHS, 16))


def peak_memory() -> int:
    """Largest memory so far [B]: of the accelerator where it says so, else of this process."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("peak_bytes_in_use", 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


class Compiled(NamedTuple):
    """A training as compiled functions of its state, ((params on the devices, rest, state of the optimiser), loss).

    Attributes:
        start: () -> state.
        steps: (state, images, labels, which of them are in each step [n, batch]) -> state.
        correct: (state, images, labels) -> how many are told right.
    """

    start: Callable[[], Any]
    steps: Callable[..., Any]
    correct: Callable[..., Any]


@functools.lru_cache(maxsize=2)
def compiled(setting: Setting, steps: int) -> Compiled:
    """The functions of a training with so many steps in an epoch."""
    law = None if setting.law == DIGITAL else mj.training.presets.named(setting.law)
    model = network(setting)
    scale = _insitu.factors(model.params, 0.0 if law is None else setting.omega)
    rate = optax.piecewise_constant_schedule(setting.rate, {fall * steps: 0.1 for fall in setting.falls})
    params = jax.tree.map(jnp.divide, model.params, scale)
    tx = _insitu.in_situ(law, jax.random.key(setting.seed + 1), setting.algorithm, rate, setting.momentum, params)

    def loss(weights, rest, x, y):
        logits, rest = model.apply(weights, rest, x, True)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), rest

    gradient = _insitu.differentiated(loss, None if law is None else setting.algorithm)

    step = _insitu.step(gradient, tx, scale)

    @functools.partial(jax.jit, donate_argnums=0)
    def go(state, x, y, picks):
        def one(state, pick):
            carry, total = state
            carry, value = step(carry, x[pick], y[pick])
            return (carry, total + value), None

        # Convolutions in loops are slow on CPUs.
        return one(state, picks[0])[0] if len(picks) == 1 else jax.lax.scan(one, state, picks)[0]

    @jax.jit
    def correct(carry, x, y):
        weights = jax.tree.map(jnp.multiply, carry[0], scale)
        return jnp.sum(model.apply(weights, carry[1], x, False)[0].argmax(-1) == y)

    return Compiled(jax.jit(lambda: ((params, model.rest, tx.init(params)), jnp.zeros(()))), go, correct)


class Checkpoint(NamedTuple):
    """How often checkpoints are kept: epochs, and steps within an epoch (None: at its end only)."""

    epochs: int = 1
    steps: int | None = None


def train(setting: Setting, images: Images, epochs: int, folder: pathlib.Path, keep: Checkpoint, resume: bool,
          finished=lambda rows: None) -> tuple[Any, list]:  # fmt: skip
    """((weights of the devices, rest, state of the optimiser), one row for each epoch).

    Args:
        folder: of the checkpoints.
        finished: called with all rows after each epoch.
    """
    steps = len(images.train_labels) // setting.batch
    start, go, correct = compiled(setting, steps)
    images = Images(*map(jnp.asarray, images))
    rows: list[dict[str, Any]] = []
    first, done, spent = 0, 0, 0.0  # epoch, steps of it, seconds of it
    with Checkpoints(folder, setting._asdict() | {"falls": list(setting.falls)}) as checkpoints:
        if (found := checkpoints.latest(jax.eval_shape(start))) is None:
            state = start()
        elif not resume:
            raise ValueError(f"there are checkpoints in {str(folder)!r}: --resume goes on from them, or give --out")
        else:
            state, facts = found
            first, done, spent, rows = (facts[name] for name in ("epoch", "done", "spent", "rows"))
            finished(rows)
        with _insitu.progress(setting.law, epochs * steps, first * steps + done) as advance:
            for epoch in range(first, epochs):
                began = time.perf_counter() - spent
                if not done:
                    state = (state[0], jnp.zeros(()))
                picks = jnp.asarray(_insitu.order(setting.seed, epoch, len(images.train_labels), setting.batch))
                while done < steps:
                    until = _stop(done, steps, keep.steps)
                    state = go(state, images.train, images.train_labels, picks[done:until])
                    advance(f"{setting.law} epoch {epoch + 1}", until - done)
                    done = until
                    if keep.steps and done % keep.steps == 0 and done < steps:
                        spent = time.perf_counter() - began
                        checkpoints.save(
                            epoch * steps + done, state, {"epoch": epoch, "done": done, "spent": spent, "rows": rows}
                        )
                row = {
                    "law": setting.law,
                    "algorithm": setting.algorithm,
                    "epoch": epoch + 1,
                    "train_loss": round(float(state[1]) / steps, 6),
                    "test_accuracy": accuracy(functools.partial(correct, state[0]), images.test, images.test_labels),
                    "seconds": round(time.perf_counter() - began, 2),
                    "peak_memory": peak_memory(),
                }
                rows.append(row)
                done, spent = 0, 0.0
                if (epoch + 1) % keep.epochs == 0 or epoch + 1 == epochs:
                    facts = {"epoch": epoch + 1, "done": 0, "spent": 0.0, "rows": rows}
                    checkpoints.save((epoch + 1) * steps, state, facts)
                finished(rows)
                print(
                    f"{setting.law} epoch {epoch + 1} of {epochs}: loss {row['train_loss']:.4f}, test accuracy "
                    f"{100 * row['test_accuracy']:.2f} %, {row['seconds']:.1f} s, {row['peak_memory'] / 2**20:.0f} MiB",
                    flush=True,
                )
    return state[0], rows


def _stop(done: int, steps: int, every: int | None) -> int:
    """Where a compiled loop of steps ends: at a checkpoint; on a CPU, which gains nothing by loops, after each step."""
    if jax.default_backend() == "cpu":
        return done + 1
    return steps if every is None else min(steps, (done // every + 1) * every)


def accuracy(correct: Callable[..., Any], x: jax.Array, y: jax.Array) -> float:
    """Share of the images that are told right, 500 at a time."""
    parts = [slice(i, i + 500) for i in range(0, len(y), 500)]
    return int(sum(correct(x[part], y[part]) for part in parts)) / len(y)


def picture(curves: dict[str, list]):
    """Training loss and test accuracy over epochs."""
    with look.panels(1, 2, 8.4, 3.2) as (figure, grid):
        columns = (("train_loss", "Training loss", 1.0), ("test_accuracy", "Test accuracy (%)", 100.0))
        for ax, (column, label, unit) in zip(grid[0], columns, strict=True):
            for index, (name, rows) in enumerate(curves.items()):
                shown = {"color": look.INK, "linestyle": "--"} if name == DIGITAL else {"color": look.COLOURS[index]}
                ax.plot([row["epoch"] for row in rows], [unit * row[column] for row in rows], label=name, **shown)
            ax.set(xlabel="Epoch", ylabel=label)
        grid[0, 1].legend()
    return figure


def table(curves: dict[str, list]) -> Table:
    shown = Table(title="VGG-8")
    for column in ("", "epochs", "train loss", "accuracy %, last", "best", "s/epoch", "peak MiB"):
        shown.add_column(column, justify="right" if column else "left")
    for name, rows in curves.items():
        last, best = rows[-1], max(row["test_accuracy"] for row in rows)
        shown.add_row(
            name, str(last["epoch"]), f"{last['train_loss']:.4f}", f"{100 * last['test_accuracy']:.2f}",
            f"{100 * best:.2f}", f"{np.median([row['seconds'] for row in rows]):.1f}",
            f"{last['peak_memory'] / 2**20:.0f}",
        )  # fmt: skip
    return shown


def run(setting: Setting, epochs: int, out: pathlib.Path, keep: Checkpoint, resume: bool, baseline: bool) -> None:
    images = load(setting)
    if setting.batch > len(images.train_labels):
        raise ValueError(f"--batch must be at most the number of training images, got {setting.batch}")
    curves: dict[str, list] = {}
    for chosen in [setting, *([setting._replace(law=DIGITAL, algorithm="sgd")] if baseline else [])]:
        name = DIGITAL if chosen.law == DIGITAL else f"{chosen.law}-{chosen.algorithm}"
        write = lambda rows, name=name: mj.study.write(out, {f"{name}.csv": rows or "law\n"})
        _, curves[name] = train(chosen, images, epochs, out / "checkpoints" / name, keep, resume, write)
    _insitu.console().print(table(curves))
    print("Written:", *(out / f"{name}.csv" for name in curves), *mj.study.write(out, {"vgg8.png": picture(curves)}),
          sep="\n  ")  # fmt: skip


def main() -> None:
    default = Setting()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--law", choices=list(mj.training.presets.ALL), default=default.law)
    parser.add_argument("--algorithm", choices=list(_insitu.ALGORITHMS), default=default.algorithm)
    parser.add_argument("--epochs", type=int, default=256)
    parser.add_argument("--batch", type=int, default=default.batch)
    parser.add_argument("--rate", type=float, default=default.rate, help="learning rate")
    parser.add_argument("--momentum", type=float, default=default.momentum)
    parser.add_argument("--omega", type=float, default=default.omega, help="largest initial weight; 0: as initialised")
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--baseline", action="store_true", help="train the digital network as well")
    parser.add_argument("--checkpoint-epochs", type=int, default=1, help="checkpoints every so many epochs")
    parser.add_argument("--checkpoint-steps", type=int, help="checkpoints within an epoch, every so many steps")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--quick", action="store_true", help="a thin VGG-8, random images, 2 epochs")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/train_vgg8"))
    args = parser.parse_args()
    images = "cifar10"
    if args.quick:
        args.epochs, args.batch, images = 2, 32, "random"
    for name in ("epochs", "batch", "checkpoint_epochs", "checkpoint_steps"):
        if (given := getattr(args, name)) is not None and given < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, got {given}")
    for name, right in (("rate", args.rate > 0), ("omega", args.omega >= 0), ("momentum", 0 <= args.momentum < 1)):
        if not right:
            parser.error(f"--{name} is out of its range: {getattr(args, name)}")
    if why := _insitu.excuse(args.law, args.algorithm):
        parser.error(why)
    setting = Setting(
        args.law, args.algorithm, args.batch, args.rate, args.momentum, args.omega, seed=args.seed, images=images
    )
    try:
        mj.study.check_writable(args.out)
        keep = Checkpoint(args.checkpoint_epochs, args.checkpoint_steps)
        run(setting, args.epochs, args.out, keep, args.resume, args.baseline)
    except (OSError, ImportError, ValueError) as error:
        raise SystemExit(str(error)) from None
    if args.quick:
        print("A quick run shows that the script works: no results.")


if __name__ == "__main__":
    main()
