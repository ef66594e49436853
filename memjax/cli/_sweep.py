import contextlib
import csv
import io
import json
import pathlib
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from memjax import _disk, data
from memjax.cli import _files, _report, _verify
from memjax.cli._errors import UsageError, usage_errors
from memjax.data import Dataset
from memjax.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from memjax.cli._config import Config

WEIGHTS = "weights.npz"
WRITTEN = (WEIGHTS, "sweep.csv", "sweep.json", "sweep.png")


def sweep(
    config: Annotated[tyro.conf.Positional[pathlib.Path | None], tyro.conf.arg(metavar="[CONFIG.toml]")] = None,
    out: Annotated[pathlib.Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    verify: Annotated[pathlib.Path | None, tyro.conf.arg(metavar="STORE")] = None,
) -> None:
    """Run a network on simulated chips for every point of a grid, all described in a TOML file.

    The network is trained, chips are made for every point of the grid and their accuracy is measured. Writes sweep.zarr
    (results batch by batch, opened by xarray.open_zarr), sweep.csv (one line for each chip), sweep.json (configuration,
    versions, summary), sweep.png and weights.npz (the trained network). After an interruption --resume goes on; a job
    that may be started again can have it from the beginning.

    Args:
        config: tables data, network, hardware and grid, and where wanted effects and age
        out: folder for the results; if left out, the name of the file without .toml
        resume: compute only what the folder does not have yet, and what is damaged in it
        verify: only say whether this sweep.zarr is whole; the exit status is 1 where it is damaged
    """
    with usage_errors():
        if (config is None) == (verify is None):
            raise ValueError("sweep needs CONFIG.toml, or --verify STORE alone")
    if verify is not None:
        _verify.verify(verify)
    elif config is not None:
        _sweep(config, pathlib.Path(config.stem) if out is None else out, resume)


def _sweep(config: pathlib.Path, folder: pathlib.Path, resume: bool) -> None:
    # Late, because it takes a second that `memjax --help` should not cost.
    from memjax.cli import _config

    store = folder / "sweep.zarr"
    with usage_errors():
        settings = _config.read(config)
        if store.exists() and not resume:
            raise ValueError(f"{store} exists: go on with it by --resume, or choose another folder by --out")
        examples = data.load(settings.dataset)
        _files.check_writable(folder)
    with contextlib.ExitStack() as held:
        with usage_errors():  # the training is no one else's either
            if held.enter_context(_disk.locked(folder / "sweep")):
                for name in WRITTEN:
                    _disk.clear_beside(folder / name)
        console = Console(highlight=False)
        forward, state = _network(settings, examples, folder, console, resume)
        with _resumable(f"memjax sweep {shlex.quote(str(config))} --out {shlex.quote(str(folder))}"):
            _run(settings, examples, forward, state, folder, console)


def _run(config: "Config", examples: Dataset, forward: Callable, state: Any, folder: pathlib.Path, console: Console):
    """The chips and the report."""
    import jax

    import memjax as mj
    from memjax.cli import _compiling

    _compiling.keep()
    images, labels = _shown_images(config, examples)
    digital = float(np.mean(np.asarray(jax.jit(forward)(state, images)).argmax(-1) == labels))
    plan = mj.crossbarify(forward, config.hardware(next(config.points()))).plan(state, images[:1])
    console.print(f"\n{plan}\n", markup=False, soft_wrap=True)

    start = time.perf_counter()
    with _store_errors(), _compiling.shown() if sys.stderr.isatty() else contextlib.nullcontext():
        results = mj.sweep(
            _experiment(config, forward, state, images, labels),
            config.grid,
            key=jax.random.key(config.seed),
            samples=config.samples,
            store=folder / "sweep.zarr",
            batch_size=config.batch_size,
            static=config.static,
            attrs={name: {"path": path} for name, path in config.paths.items()},
        )
    seconds = time.perf_counter() - start
    # Whole images, which a fraction in single precision is not.
    correct = np.rint(results["accuracy"].values.astype(float) * len(labels))
    accuracies = correct.reshape(-1, config.samples) / len(labels)
    rows = list(config.points())

    console.print(f"\nDigital model: {100 * digital:.2f} %. Chips: accuracies in %.")
    console.print(_table(rows, accuracies))
    report = {
        "config": config.content,
        "parameters": config.paths,
        "digital_accuracy": digital,
        "results": [{**row, **_statistics(chips)} for row, chips in zip(rows, accuracies, strict=True)],
        "seconds": seconds,
        "device": jax.devices()[0].device_kind,
        "versions": _report.versions(),
    }
    picture = io.BytesIO()
    figure(config, accuracies, digital).savefig(picture, format="png")
    with usage_errors():
        paths = _files.write(
            folder,
            {
                "sweep.csv": _lines(rows, accuracies).encode(),
                "sweep.json": json.dumps(report, indent=2).encode(),
                "sweep.png": picture.getvalue(),
            },
        )
    written = [folder / "sweep.zarr", folder / WEIGHTS, *paths]
    console.print(f"{accuracies.size} chips in {seconds:.0f} s. Written:", *written, sep="\n  ", soft_wrap=True)


def _experiment(config: "Config", forward: Callable, state: Any, images: np.ndarray, labels: np.ndarray) -> Callable:
    """The function of `memjax.sweep`: one chip, its accuracy."""
    import jax
    import jax.numpy as jnp

    import memjax as mj
    from memjax.cli import _chips

    parts, answers = _chips.parts_of(images, labels)

    def experiment(key, **point):
        making, ageing, reading = jax.random.split(key, 3)
        hardware = config.hardware(point)
        analog = mj.crossbarify(forward, hardware)
        chip = analog.program(state, making, parts[0])
        if age := config.age(point):
            chip = analog.age(chip, ageing, **age)

        def correct(part):
            shown, answer, key = part
            logits = analog.apply(chip, state, shown, key=key if hardware.noisy else None)
            return logits.argmax(-1) == answer

        keys = jax.random.split(reading, len(parts))
        return {"accuracy": jnp.sum(jax.lax.map(correct, (parts, answers, keys))) / len(labels)}

    return experiment


def _shown_images(config: "Config", examples: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Test images, drawn at random where there are more than asked for."""
    pick = np.sort(np.random.default_rng(config.seed).permutation(len(examples.test_labels))[: config.images])
    return examples.test_images[pick], examples.test_labels[pick]


# The network: trained once, kept beside the store, because training need not give the same bits on another machine


def _network(config: "Config", examples: Dataset, folder: pathlib.Path, console: Console, resume: bool):
    """The trained network as a pure function and its parameters."""
    import jax

    from memjax.cli import _chips, _leaves, _network

    steps, origin = config.steps or _network.STEPS, _origin(config)
    console.print(f"{examples} on {jax.devices()[0].device_kind}")
    if resume and ((folder / WEIGHTS).exists() or (folder / "sweep.zarr").exists()):
        forward, state = _chips.as_function(_network.untrained(config.network, examples, config.seed))
        with usage_errors():
            return forward, load_weights(folder / WEIGHTS, config, state)
    with _report.progress(console) as progress:
        task = progress.add_task("training", total=steps)
        advance = lambda: progress.advance(task)
        model = _network.train(examples, config.seed, steps, advance, config.network)
    forward, state = _chips.as_function(model)
    with usage_errors():
        _files.write(folder, {WEIGHTS: _leaves.packed(origin, state)})
    return forward, state


def _origin(config: "Config") -> dict[str, Any]:
    """What the weights of a network depend on."""
    from memjax.cli import _network

    steps = config.steps or _network.STEPS
    return {"data": config.dataset, "network": config.network, "steps": steps, "seed": config.seed}


def load_weights(path: pathlib.Path, config: "Config", like: Any) -> Any:
    """The trained network of a file, as a pytree like another.

    Raises: ValueError for a file that is something else, or comes from other settings.
    """
    import jax

    from memjax.cli import _leaves

    leaves, treedef = jax.tree.flatten(like)
    origin = _origin(config)
    try:
        found, arrays = _leaves.unpacked(path)
    except ValueError as error:
        cure = "restore it, or remove it together with sweep.zarr to start again"
        raise ValueError(f"{path} must hold the trained network, to resume: {error}: {cure}") from error
    if found != origin:
        changed = [
            f"{name} was {found.get(name)} and is {now}" for name, now in origin.items() if found.get(name) != now
        ]
        raise ValueError(f"{path} was trained otherwise: {', '.join(changed)}. Choose another folder by --out")
    if [array.shape for array in arrays] != [leaf.shape for leaf in leaves]:
        raise ValueError(f"{path} must hold the trained network, to resume: it has other shapes")
    return jax.tree.unflatten(treedef, [jax.numpy.asarray(array) for array in arrays])


# Interruptions


@contextlib.contextmanager
def _resumable(command: str) -> Iterator[None]:
    """Says after an interrupt what is left and how to go on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        how_far = str(stop).partition(":")[0] or "sweep stopped"
        raise KeyboardInterrupt(f"{how_far}, go on with: {command} --resume") from None


@contextlib.contextmanager
def _store_errors() -> Iterator[None]:
    """A store of another sweep, a full disk and too large a batch are the user's to mend; the rest are bugs."""
    try:
        yield
    except (OSError, MemoryError) as error:
        raise UsageError(str(error)) from error
    except ValueError as error:
        if str(error).startswith(("store ", "batch_size ")):
            raise UsageError(str(error)) from error
        raise


# What is shown and written


def _statistics(chips: np.ndarray) -> dict[str, float]:
    return {"mean": chips.mean(), "std": chips.std(), "worst": chips.min()}


def _table(rows: Sequence[dict[str, Any]], accuracies: np.ndarray) -> Table:
    table = Table()
    for name in (*rows[0], "mean ± std", "worst"):
        table.add_column(name, justify="right", overflow="fold")
    for row, chips in zip(rows, 100 * accuracies, strict=True):
        each = _statistics(chips)
        table.add_row(*map(_text, row.values()), f"{each['mean']:.2f} ± {each['std']:.2f}", f"{each['worst']:.2f}")
    return table


def _lines(rows: Sequence[dict[str, Any]], accuracies: np.ndarray) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*rows[0], "chip", "accuracy"])
    for row, chips in zip(rows, accuracies, strict=True):
        for chip, accuracy in enumerate(chips):
            writer.writerow([*map(_text, row.values()), chip, accuracy])
    return text.getvalue()


def _text(value: Any) -> str:
    """A value of the grid: 16x16 for a tile."""
    if isinstance(value, tuple):
        return "x".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def figure(config: "Config", accuracies: np.ndarray, digital: float) -> "Figure":
    """Mean ± std of the chips against the first numeric axis of the grid, one curve for every value of the others."""
    axes = config.axes
    numeric = [all(isinstance(row[0], int | float) for row in axis.rows) for axis in axes]
    first = numeric.index(True) if any(numeric) else 0
    values = np.moveaxis(accuracies.reshape(*(len(axis.rows) for axis in axes), -1), first, -2)
    others = [axis for axis in axes if axis is not axes[first]]
    x = [row[0] if any(numeric) else _text(row) for row in axes[first].rows]
    with style.axes() as (drawn, ax):
        for i, at in enumerate(np.ndindex(values.shape[:-2])):
            chosen = ((axis, axis.rows[j]) for axis, j in zip(others, at, strict=True))
            label = ", ".join(f"{n} {_text(v)}" for axis, row in chosen for n, v in zip(axis.names, row, strict=True))
            look: Any = {"marker": style.MARKERS[i % 6], "color": style.COLOURS[i % 6]}
            ax.errorbar(
                x, 100 * values[at].mean(-1), 100 * values[at].std(-1), capsize=2, label=label or "chips", **look
            )
        ax.axhline(100 * digital, color=style.INK, linestyle="--", linewidth=1, label="digital model")
        drawn.legend(loc="outside right upper")
        ax.set_xlabel(axes[first].key.partition(",")[0] if any(numeric) else axes[first].key)
        ax.set_ylabel("Classification accuracy (%)")
        ax.set_title(f"{config.dataset}, {config.network}: mean ± std of {config.samples} chips", loc="left")
    return drawn
