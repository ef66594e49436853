import contextlib
import json
import pathlib
import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from rich.console import Console

from memjax import _disk, data
from memjax.cli import _verify
from memjax.cli._errors import usage_errors
from memjax.data import Dataset

if TYPE_CHECKING:
    from memjax.cli._config import Config

WRITTEN = ("weights.npz", "sweep.csv", "sweep.json", "sweep.png")


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

    Example: memjax sweep experiments/digits.toml --out results --resume

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
    from memjax import study
    from memjax.cli import _config

    store = folder / "sweep.zarr"
    with usage_errors():
        settings = _config.read(config)
        if store.exists() and not resume:
            raise ValueError(f"{store} exists: go on with it by --resume, or choose another folder by --out")
        examples = data.load(settings.dataset)
        study.check_writable(folder)
    with contextlib.ExitStack() as held:
        with usage_errors():  # the training is no one else's either
            if held.enter_context(_disk.locked(folder / "sweep")):
                for name in WRITTEN:
                    _disk.clear_beside(folder / name)
        console = Console(highlight=False)
        fn, params = _network(settings, examples, folder, console, resume)
        with _resumable(f"memjax sweep {shlex.quote(str(config))} --out {shlex.quote(str(folder))}"):
            _chips(settings, examples, fn, params, folder, console)


def _network(config: "Config", examples: Dataset, folder: pathlib.Path, console: Console, resume: bool):
    """The network as a pure function and its parameters: trained once, then those that the folder holds."""
    import jax

    from memjax import study
    from memjax.cli import _run, _weights

    console.print(f"{examples} on {jax.devices()[0].device_kind}")
    if resume and ((folder / _weights.FILE).exists() or (folder / "sweep.zarr").exists()):
        fn, params = study.as_function(study.untrained(examples, config.seed, network=config.network))
        with usage_errors():
            return fn, _weights.load(folder, config, params)
    fn, params = _run.trained(config, examples, console)
    with usage_errors():
        _weights.save(folder, config, params)
    return fn, params


def _chips(config: "Config", examples: Dataset, fn: Callable, params: Any, folder: pathlib.Path, console: Console):
    """The chips and the report."""
    from memjax import study
    from memjax.cli import _run, _weights

    store = folder / "sweep.zarr"
    done = _run.measured(config, _run.case(config, examples, fn, params), console, store)
    _run.show(console, done)
    report = _run.report(config, done) | {"parameters": config.paths, "seconds": done.seconds}
    files = {
        "sweep.csv": study.per_chip(done.found),
        "sweep.json": json.dumps(report, indent=2),
        "sweep.png": _run.figure(config, done),
    }
    with usage_errors():
        paths = study.write(folder, files)
    written = [store, folder / _weights.FILE, *paths]
    console.print(f"{done.found.size} chips in {done.seconds:.0f} s. Written:", *written, sep="\n  ", soft_wrap=True)


@contextlib.contextmanager
def _resumable(command: str) -> Iterator[None]:
    """Says after an interrupt what is left and how to go on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        how_far = str(stop).partition(":")[0] or "sweep stopped"
        raise KeyboardInterrupt(f"{how_far}, go on with: {command} --resume") from None
