"""The chips of a checked file, made and measured: what `memjax sweep` and `memjax quickstart` share."""

import contextlib
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np
from rich.console import Console

import memjax as mj
from memjax import study
from memjax.cli import _compiling, _report, _units
from memjax.cli._config import Config
from memjax.cli._errors import UsageError
from memjax.data import Dataset

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes


class Measured(NamedTuple):
    """What is known when all chips have been read."""

    found: "xarray.DataArray"
    """Accuracy of every chip, in whole images."""
    digital: float
    """Accuracy of the network itself."""
    plan: mj.Plan
    seconds: float


def trained(config: Config, examples: Dataset, console: Console) -> tuple[Callable, Any]:
    """The network of a file as a pure function and its parameters, with a bar while it is trained."""
    with _report.progress(console) as progress:
        task = progress.add_task("training", total=config.steps)
        model = study.train(
            examples,
            config.seed,
            network=config.network,
            steps=config.steps,
            progress=lambda: progress.advance(task),
        )
    return study.as_function(model)


def case(config: Config, examples: Dataset, fn: Callable, params: Any) -> study.Case:
    """The network with its test images, drawn at random where there are more than asked for."""
    pick = np.sort(np.random.default_rng(config.seed).permutation(len(examples.test_labels))[: config.images])
    return study.Case(fn, params, examples.test_images[pick], examples.test_labels[pick])


def experiment(config: Config, case: study.Case) -> Callable[..., dict[str, Any]]:
    """The function of `memjax.sweep`: one chip, its accuracy."""

    def one(key, **point):
        making, ageing, reading = jax.random.split(key, 3)
        hardware, age = config.hardware(point), config.age(point)
        aged = lambda analog, chip: analog.age(chip, ageing, **age)
        read = reading if hardware.noisy else None
        return {"accuracy": study.accuracy(case, hardware, making, then=aged if age else None, read=read)}

    return one


def measured(config: Config, case: study.Case, console: Console, store: pathlib.Path | None = None) -> Measured:
    """All chips of the grid."""
    _compiling.keep()
    with _report.waiting(console, "reading the network", config.content):
        digital = study.digital_accuracy(case)
        plan = mj.crossbarify(case.fn, config.hardware(next(config.points()))).plan(case.params, case.images[:1])
    console.print(f"\n{plan}\n", markup=False, soft_wrap=True)
    start = time.perf_counter()
    with _store_errors():
        results = mj.sweep(
            experiment(config, case),
            config.grid,
            key=jax.random.key(config.seed),
            samples=config.samples,
            store=store,
            batch_size=config.batch_size,
            static=config.static,
            attrs={name: {"path": path} for name, path in config.paths.items()},
        )
    seconds = time.perf_counter() - start
    return Measured(_readable(config, results["accuracy"], len(case.labels)), digital, plan, seconds)


def _readable(config: Config, accuracy: "xarray.DataArray", images: int) -> "xarray.DataArray":
    """Fractions of whole images, which those in single precision are not; sizes of tiles as 16x16; units."""
    found = accuracy.copy(data=np.rint(accuracy.values.astype(float) * images) / images)
    for axis in config.axes:
        for name, values in zip(axis.names, zip(*axis.rows, strict=True), strict=True):
            if any(isinstance(value, tuple) for value in values):
                texts = ["x".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in values]
                found = found.assign_coords({name: (axis.dim, texts, found[name].attrs)})
    for name, unit in _units.of(config).items():
        found[name].attrs["units"] = unit
    return found.assign_attrs(long_name="Classification accuracy", units="1")


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


def show(console: Console, done: Measured) -> None:
    """The table."""
    console.print(f"\nDigital model: {100 * done.digital:.2f} %. Chips: mean ± std and worst of their accuracies.")
    _report.show_table(console, study.table(done.found, percent=True))


def report(config: Config, done: Measured) -> dict[str, Any]:
    """What both commands write as JSON; each adds its own."""
    points = study.per_point(done.found).drop(columns=["low", "high", "best", "count"])
    return {
        "config": config.content,
        "digital_accuracy": done.digital,
        "results": points.astype(object).where(points.notna(), None).to_dict("records"),
        "device": jax.devices()[0].device_kind,
        "versions": _report.versions(),
    }


def figure(config: Config, done: Measured) -> "Axes":
    """Curves against the first numeric axis of the grid, one for every value of the others."""
    numeric = [axis for axis in config.axes if isinstance(axis.rows[0][0], int | float)]
    across = (*numeric, *config.axes)[0]
    return mj.plot.sweep(
        done.found,
        x=across.names[0] if numeric else across.dim,
        hue=[axis.dim for axis in config.axes if axis is not across],
        percent=True,
        target=done.digital,
        target_label="digital model",
        title=f"{config.dataset}, {config.network}",
    )
