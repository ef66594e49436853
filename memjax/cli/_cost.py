import pathlib
from typing import Annotated, Any

import tyro
from rich.console import Console

from memjax import data
from memjax.cli._errors import usage_errors


def cost(
    config: Annotated[tyro.conf.Positional[pathlib.Path], tyro.conf.arg(metavar="CONFIG.toml")],
    technology: str = "isaac",
    node: float | None = None,
    images: int = 1,
    weights: Annotated[pathlib.Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
    out: Annotated[pathlib.Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
) -> None:
    """Area, latency, energy and leakage of the network and hardware of a `memjax sweep` file, by layer and component.

    Of a grid the first point counts. Writes cost.json, cost.csv (one line for each layer and component) and cost.png.

    Example: memjax cost experiments/digits.toml --node 22e-9 --weights results

    Args:
        config: the file of `memjax sweep`
        technology: whose components; `generic` is the one that can be at any node
        node: technology node in m, such as 22e-9; sets the technology to the generic one
        images: test images in the call that is counted
        weights: folder of a finished `memjax sweep` with the trained network; random weights if left out
        out: folder for the results; if left out, the name of the file without .toml
    """
    # Late, because it takes a second that `memjax --help` should not cost.
    import memjax as mj
    from memjax.cli import _config, _report, _weights

    folder = pathlib.Path(config.stem) if out is None else out
    console = Console(highlight=False)
    with usage_errors():
        chosen = mj.cost.technology(technology if node is None else node)
        settings = _config.read(config)
        examples = data.load(settings.dataset)
        if not 1 <= images <= len(examples.test_images):
            raise ValueError(f"images must be from 1 to {len(examples.test_images)}, got {images}")
        mj.study.check_writable(folder)
        model = mj.study.untrained(examples, settings.seed, network=settings.network)
        forward, state = mj.study.as_function(model)
        if weights is not None:
            state = _weights.load(weights, settings, state)
        analog = mj.crossbarify(forward, settings.hardware(next(settings.points())))
        with _report.waiting(console, "counting", (settings.content, chosen.name, images)):
            report = mj.cost.report(analog, state, examples.test_images[:images], chosen)
    console.print(str(report), markup=False, soft_wrap=True)
    if weights is None:
        console.print("Weights are random: --weights FOLDER takes those of a finished sweep.")
    title = f"{settings.dataset}, {settings.network}, {images} image{'s' if images > 1 else ''}: {chosen.name}"
    files = {"cost.json": report.to_json(), "cost.csv": _rows(report), "cost.png": mj.plot.cost(report, title)}
    with usage_errors():
        paths = mj.study.write(folder, files)
    console.print("Written:", *paths, sep="\n  ", soft_wrap=True)


def _rows(report: Any) -> list[dict[str, Any]]:
    """A row for each layer and component."""
    units = {"area": "m2", "latency": "s", "energy": "j", "leakage": "w"}
    return [
        {"layer": layer, "component": component} | {f"{q}_{unit}": float(one[q]) for q, unit in units.items()}
        for layer, parts in report.parts.items()
        for component, one in parts.items()
    ]
