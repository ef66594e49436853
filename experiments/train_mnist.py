"""Train a network on MNIST in situ: every preset device, every algorithm, many chips at once, against digital training.

    python experiments/train_mnist.py [--network mlp|cnn] [--presets gokmen_vlasov reram_es ...] [--algorithms ...]
    python experiments/train_mnist.py --epochs 10 --chips 4 --resume       # goes on after the last finished preset
    python experiments/train_mnist.py --quick                              # digits, seconds: that it runs; no results

The kernels are devices: weights in units of the update law, trained by SGD whose updates are pulses. Biases and
normalisations stay digital. --omega W lets the largest initial weight of every kernel be W on the devices, by a fixed
digital factor behind each crossbar; steps and rates are then as large as before in the weights that the network sees,
pulses and their noise become smaller. --without write_noise (any number of a preset's population, such as step_spread)
sets it to zero, to see what it costs. --hardware reads the weights through crossbars of 64 x 64 cells with 8-bit
converters, forward and backward. All chips of a preset (other cells, other noise, same data) are one compiled step.

Writes learning curves as CSV and PNG, and presets by algorithms as a table (Markdown) and a heat map of what is lost
against digital training: without --presets and --algorithms of all of them. Published behaviour (Gokmen and Vlasov
2016; Gokmen and Haensch 2020), figures only: symmetric devices with many states train like digital ones; noisy,
asymmetric ones lose with plain SGD.

MNIST needs the data set (`memjax.data`): pip install "memjax[data]".
"""

import argparse
import dataclasses
import functools
import json
import pathlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import _insitu
import jax
import jax.numpy as jnp
import networks
import numpy as np
import optax
from flax import nnx
from networks import MLP
from rich.table import Table

import memjax as mj
from memjax.plot import look

DIGITAL = "digital"
IMAGES_AT_ONCE = 1000
DEFAULT = [
    "deterministic",
    "stochastic",
    "coincidence",
    "mixed_precision",
    "tiki_taka",
    "tiki_taka_v2",
    "chopped_tiki_taka",
    "agad",
    "one_sided",
]
WITHIN = 1.5
"""Points below digital up to which an algorithm is said to train a preset."""


class Setting(NamedTuple):
    """What a result depends on, beside preset and algorithm."""

    network: str = "mlp"
    activation: str = "relu"
    dataset: str = "mnist"
    epochs: int = 10
    batch: int = 64
    rate: float = 0.1
    momentum: float = 0.0
    omega: float = 0.0
    hardware: bool = False
    chips: int = 1
    images: int | None = None
    seed: int = 0
    without: tuple[str, ...] = ()


def build(setting: Setting, data: mj.data.Dataset) -> _insitu.Functional:
    if setting.network == "cnn":
        return _insitu.functional(networks.untrained(setting.dataset, setting.seed))
    inputs = int(np.prod(data.train_images.shape[1:]))
    activation = {"relu": nnx.relu, "sigmoid": nnx.sigmoid}[setting.activation]
    return _insitu.functional(MLP(nnx.Rngs(setting.seed), (inputs, 256, 128, 10), activation))


def without(law: mj.training.AbstractLaw, names: tuple[str, ...]) -> mj.training.AbstractLaw:
    """The law with some numbers of its population at zero."""
    if isinstance(law, mj.training.Referenced):
        return dataclasses.replace(law, law=without(law.law, names))
    return dataclasses.replace(law, population=dataclasses.replace(law.population, **dict.fromkeys(names, 0.0)))


HARDWARE = mj.Hardware(tile=(64, 64), dac=mj.Dac(bits=8), adc=mj.Adc(bits=8))


def forward(model: _insitu.Functional, hardware: bool, train: bool) -> Callable[..., Any]:
    """(weights, rest, images, key of the chip) -> (logits, rest), digital or read from crossbars."""
    plain = lambda weights, rest, x: model.apply(weights, rest, x, train)
    if not hardware:
        return lambda weights, rest, x, key: plain(weights, rest, x)
    analog = mj.crossbarify(plain, HARDWARE)

    def read(weights, rest, x, key):
        chip = analog.program(weights, key, rest, x)
        return analog.apply(chip, weights, rest, x)

    return read


def train(
    preset: str,
    algorithm: str,
    setting: Setting,
    data: mj.data.Dataset,
    advance=lambda text: None,
    named: Callable[[str], mj.training.AbstractLaw] = mj.training.presets.named,
) -> list:
    """Rows (preset, algorithm, epoch, train loss, mean and standard deviation of the test accuracy, seconds)."""
    law = None if preset == DIGITAL else without(named(preset), setting.without)
    keys = jax.random.split(jax.random.key(setting.seed + 1), 1 if law is None else setting.chips)
    model = build(setting, data)
    scale = _insitu.factors(model.params, 0.0 if law is None else setting.omega)
    through = {on: forward(model, setting.hardware and law is not None, on) for on in (False, True)}
    tx = lambda key: _insitu.in_situ(law, key, algorithm, setting.rate, setting.momentum, params)
    params = jax.tree.map(jnp.divide, model.params, scale)
    weights = lambda params: jax.tree.map(jnp.multiply, params, scale)

    def start(key):
        return params, model.rest, tx(key).init(params)

    def loss(weights, rest, x, y, key):
        logits, rest = through[True](weights, rest, x, key)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), rest

    gradient = _insitu.differentiated(loss, None if law is None else algorithm)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(carry, x, y):
        one = lambda carry, key: _insitu.step(gradient, tx(key), scale)(carry, x, y, key)
        return jax.vmap(one)(carry, keys)

    @jax.jit
    def correct(carry, x, y):
        one = lambda carry, key: jnp.sum(through[False](weights(carry[0]), carry[1], x, key)[0].argmax(-1) == y)
        return jax.vmap(one)(carry, keys)

    images, labels = data.train_images[: setting.images], data.train_labels[: setting.images]
    carry, rows = jax.jit(jax.vmap(start))(keys), []
    for epoch in range(setting.epochs):
        began, losses = time.perf_counter(), []
        for pick in _insitu.order(setting.seed, epoch, len(labels), setting.batch):
            carry, value = step(carry, images[pick], labels[pick])
            losses.append(value)
            advance(f"{preset} {algorithm} epoch {epoch + 1}")
        found = sum(
            correct(carry, data.test_images[i : i + IMAGES_AT_ONCE], data.test_labels[i : i + IMAGES_AT_ONCE])
            for i in range(0, len(data.test_labels), IMAGES_AT_ONCE)
        )
        accuracy = np.asarray(found) / len(data.test_labels)
        rows.append(
            {
                "preset": preset,
                "algorithm": algorithm,
                "epoch": epoch + 1,
                "train_loss": round(float(np.mean(losses)), 5),
                "accuracy": round(float(accuracy.mean()), 5),
                "accuracy_std": round(float(accuracy.std()), 5),
                "seconds": round(time.perf_counter() - began, 2),
            }
        )
    return rows


def kept(path: pathlib.Path, setting: Setting) -> list | None:
    """The rows of a finished preset; None if there are none."""
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    if content["setting"] != json.loads(json.dumps(setting._asdict())):
        raise SystemExit(
            f"{str(path)!r} is of another setting, {content['setting']}: go on with that one, choose another --out or "
            "leave out --resume"
        )
    return content["rows"]


def picture(rows: list, setting: Setting):
    """Test accuracy over epochs: a panel for each algorithm, a line for each preset, digital dashed."""
    algorithms = list(dict.fromkeys(row["algorithm"] for row in rows if row["preset"] != DIGITAL))
    of = lambda preset, algorithm: [r for r in rows if (r["preset"], r["algorithm"]) == (preset, algorithm)]
    with look.panels(1, max(len(algorithms), 1), 1.5 + 3.6 * max(len(algorithms), 1), 3.6) as (figure, grid):
        presets = list(dict.fromkeys(row["preset"] for row in rows if row["preset"] != DIGITAL))
        for ax, algorithm in zip(grid[0], algorithms, strict=False):
            for index, preset in enumerate(presets):
                if curve := of(preset, algorithm):
                    colour, marker = (kind[index % 6] for kind in (look.COLOURS, look.MARKERS))
                    line = "-" if index < 6 else ":"
                    epoch, mean, std = (np.array([r[c] for r in curve]) for c in ("epoch", "accuracy", "accuracy_std"))
                    ax.fill_between(epoch, 100 * (mean - std), 100 * (mean + std), color=colour, alpha=0.15)
                    ax.plot(epoch, 100 * mean, line, color=colour, marker=marker, label=preset)
            digital = of(DIGITAL, "sgd")
            ax.plot([r["epoch"] for r in digital], [100 * r["accuracy"] for r in digital], "--", color=look.INK,
                    label=DIGITAL)  # fmt: skip
            ax.set(title=algorithm, xlabel="Epoch", ylabel="Test accuracy (%)")
            ax.locator_params(axis="x", integer=True)
        handles = {label: h for ax in grid[0] for h, label in zip(*ax.get_legend_handles_labels(), strict=True)}
        figure.legend(handles.values(), handles.keys(), loc="outside right center")
        chips = f"{setting.chips} chips" if setting.chips > 1 else "1 chip"
        figure.suptitle(f"{setting.network.upper()} on {setting.dataset}, {chips}")
    return figure


def last_of(rows: list, epochs: int) -> tuple[float, dict[tuple[str, str], tuple[float, float]]]:
    """(digital accuracy, (mean, standard deviation) of each preset and algorithm) after the last epoch [%]."""
    last = [row for row in rows if row["epoch"] == epochs]
    digital = next(100 * row["accuracy"] for row in last if row["preset"] == DIGITAL)
    return digital, {
        (row["preset"], row["algorithm"]): (100 * row["accuracy"], 100 * row["accuracy_std"])
        for row in last
        if row["preset"] != DIGITAL
    }


def names(found: dict[tuple[str, str], Any]) -> tuple[list[str], list[str]]:
    """(presets, algorithms), each once, as they come."""
    return list(dict.fromkeys(p for p, _ in found)), list(dict.fromkeys(a for _, a in found))


def markdown(rows: list, epochs: int) -> str:
    """Presets by algorithms; bold: at most WITHIN points below digital."""
    digital, found = last_of(rows, epochs)
    presets, algorithms = names(found)

    def cell(place):
        if place not in found:
            return ""
        text = "{:.2f} ± {:.2f}".format(*found[place])
        return f"**{text}**" if digital - found[place][0] <= WITHIN else text

    lines = [["", *algorithms], ["---"] * (1 + len(algorithms))]
    lines += [[preset, *(cell((preset, algorithm)) for algorithm in algorithms)] for preset in presets]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def heat_map(rows: list, epochs: int, title: str):
    """Points lost against digital training: a row for each preset, a column for each algorithm."""
    digital, found = last_of(rows, epochs)
    presets, algorithms = names(found)
    lost = np.full((len(presets), len(algorithms)), np.nan)
    for (preset, algorithm), (mean, _) in found.items():
        lost[presets.index(preset), algorithms.index(algorithm)] = digital - mean
    with look.panels(1, 1, 3.0 + 0.75 * len(algorithms), 1.6 + 0.34 * len(presets)) as (figure, grid):
        ax = grid[0, 0]
        shown = ax.imshow(np.clip(lost, 0.0, 20.0), vmin=0.0, vmax=20.0, cmap="viridis_r", aspect="auto")
        for (row, column), value in np.ndenumerate(lost):
            if np.isfinite(value):
                weight = "bold" if value <= WITHIN else "normal"
                colour = "white" if value > 10.0 else "black"
                ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=7, weight=weight, color=colour)
        ax.set_xticks(range(len(algorithms)), algorithms, rotation=30, ha="right")
        ax.set_yticks(range(len(presets)), presets)
        ax.grid(visible=False)
        ax.set_title(title, fontsize=10)
        figure.colorbar(shown, ax=ax, label=f"Points below digital ({digital:.2f} %)")
    return figure


def table(rows: list, epochs: int) -> Table:
    shown = Table(title="Test accuracy after the last epoch")
    for column in ("preset", "algorithm", "accuracy %", "less than digital", "train loss", "s/epoch"):
        shown.add_column(column, justify="left" if column in ("preset", "algorithm") else "right")
    last = [row for row in rows if row["epoch"] == epochs]
    digital = next(row["accuracy"] for row in last if row["preset"] == DIGITAL)
    for row in last:
        mean, std = 100 * row["accuracy"], 100 * row["accuracy_std"]
        lost = f"{100 * digital - mean:.2f}"
        of_it = [r["seconds"] for r in rows if (r["preset"], r["algorithm"]) == (row["preset"], row["algorithm"])]
        shown.add_row(
            row["preset"], row["algorithm"], f"{mean:.2f} ± {std:.2f}", lost, f"{row['train_loss']:.4f}",
            f"{np.median(of_it):.1f}",
        )  # fmt: skip
    return shown


def summary(rows: list, setting: Setting) -> dict[str, Any]:
    """Files of the results: curves and last accuracies, as numbers and as pictures."""
    name = f"{setting.network}-{setting.dataset}"
    contents = {f"{name}.csv": rows, f"{name}.png": picture(rows, setting)}
    if len(rows) > setting.epochs:  # not digital alone
        title = f"{setting.network.upper()} on {setting.dataset}, {setting.chips} chips, {setting.epochs} epochs"
        contents[f"{name}-lost.png"] = heat_map(rows, setting.epochs, title)
        contents[f"{name}.md"] = markdown(rows, setting.epochs)
    return contents


def run(presets: list[str], algorithms: list[str], setting: Setting, out: pathlib.Path, resume: bool) -> None:
    data, console = mj.data.load(setting.dataset), _insitu.console()
    jobs = [(DIGITAL, "sgd")]
    for algorithm in algorithms:
        for preset in presets:
            if why := _insitu.excuse(preset, algorithm):
                console.print(why)
            else:
                jobs.append((preset, algorithm))
    steps = setting.epochs * (len(data.train_labels[: setting.images]) // setting.batch)
    if not steps:
        raise SystemExit(f"--batch must be at most the number of training images, got {setting.batch}")
    rows, finished = [], out / "finished"
    finished.mkdir(exist_ok=True)
    with _insitu.progress("training", steps * len(jobs)) as advance:
        for preset, algorithm in jobs:
            path = finished / f"{setting.network}-{setting.dataset}-{preset}-{algorithm}.json"
            found = kept(path, setting) if resume else None
            if found is None:
                found = train(preset, algorithm, setting, data, advance)
                content = {"setting": setting._asdict(), "rows": found}
                mj.study.write(finished, {path.name: json.dumps(content, indent=1)})
                mj.study.write(out, summary(rows + found, setting))  # so far: all of it may take hours
                end = found[-1]
                console.print(
                    f"{preset} {algorithm}: {100 * end['accuracy']:.2f} ± {100 * end['accuracy_std']:.2f} %, "
                    f"{sum(row['seconds'] for row in found):.0f} s"
                )
            else:
                console.print(f"{preset} {algorithm}: finished before")
                for _ in range(steps):
                    advance()
            rows += found
    console.print(table(rows, setting.epochs))
    print("Written:", *mj.study.write(out, summary(rows, setting)), sep="\n  ")


def main() -> None:
    default, presets = Setting(), list(mj.training.presets.ALL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=["mlp", "cnn"], default=default.network)
    parser.add_argument("--activation", choices=["relu", "sigmoid"], default=default.activation, help="of the MLP")
    parser.add_argument("--dataset", choices=["mnist", "digits"], default=default.dataset)
    parser.add_argument("--presets", nargs="+", choices=presets, default=presets, metavar="PRESET")
    parser.add_argument("--algorithms", nargs="+", choices=_insitu.ALGORITHMS, metavar="ALGORITHM")
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--batch", type=int, default=default.batch)
    parser.add_argument("--rate", type=float, default=default.rate, help="learning rate")
    parser.add_argument("--momentum", type=float, default=default.momentum)
    parser.add_argument("--omega", type=float, default=default.omega, help="largest initial weight; 0: as initialised")
    parser.add_argument("--hardware", action="store_true", help="read through crossbars")
    parser.add_argument("--chips", type=int, default=default.chips)
    parser.add_argument("--images", type=int, help="training images; default: all")
    parser.add_argument("--seed", type=int, default=default.seed)
    numbers = [
        field.name for field in dataclasses.fields(mj.training.Population) if field.name.endswith(("noise", "spread"))
    ]
    parser.add_argument(
        "--without", nargs="+", choices=numbers, default=(), metavar="NUMBER", help="of the cells, set to 0"
    )
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/train_mnist"))
    parser.add_argument("--resume", action="store_true", help="keep the presets that are finished")
    parser.add_argument("--quick", action="store_true", help="digits, two presets and two chips, a few steps")
    args = parser.parse_args()
    args.algorithms = args.algorithms or (["deterministic", "tiki_taka_v2"] if args.quick else DEFAULT)
    if args.hardware and (taken := [name for name in args.algorithms if _insitu.ALGORITHMS[name].outer]):
        parser.error(f"--hardware goes with algorithms that take whole gradients, not with {', '.join(taken)}")
    for name in ("epochs", "batch", "chips", "images"):
        if (given := getattr(args, name)) is not None and given < 1:
            parser.error(f"--{name} must be at least 1, got {given}")
    for name, positive in (("rate", args.rate > 0), ("omega", args.omega >= 0), ("momentum", 0 <= args.momentum < 1)):
        if not positive:
            parser.error(f"--{name} is out of its range: {getattr(args, name)}")
    if args.quick:
        args.dataset, args.epochs, args.chips, args.images = "digits", 2, 2, 512
        args.presets = [name for name in args.presets if name in ("gokmen_vlasov", "reram_es")] or args.presets[:1]
    args.without = tuple(args.without)
    setting = Setting(**{name: getattr(args, name) for name in Setting._fields})
    try:
        mj.study.check_writable(args.out)
        run(args.presets, args.algorithms, setting, args.out, args.resume)
    except (OSError, ImportError) as error:
        raise SystemExit(str(error)) from None
    if args.quick:
        print("A quick run shows that the script works: no results.")


if __name__ == "__main__":
    main()
