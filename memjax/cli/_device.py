import inspect
import io
import pathlib
import warnings
from typing import Annotated, Literal

import numpy as np
import tyro

from memjax import devices, plot
from memjax.cli import _files
from memjax.cli._errors import usage_errors
from memjax.plot import style

MODELS = {
    name.lower(): kind
    for name, kind in vars(devices).items()
    if inspect.isclass(kind) and issubclass(kind, devices.AbstractDevice) and not inspect.isabstract(kind)
    if kind is not devices.Series
}
_NAMES = tyro.conf.arg(metavar="{" + ",".join(MODELS) + "}")


def device(
    model: Annotated[tyro.conf.Positional[str], _NAMES],
    preset: str | None = None,
    amplitude: float = 1.0,
    frequency: float = 1.0,
    periods: int = 2,
    samples: int = 1000,
    method: Literal["diffrax", "rk4", "heun", "euler", "exponential"] = "diffrax",
    substeps: int = 1,
    series: float = 0.0,
    out: pathlib.Path = pathlib.Path("memjax-device.png"),
    csv: pathlib.Path | None = None,
) -> None:
    """Drive one device model with a sine and draw its hysteresis loop, bipolar switching and state.

    Args:
        model: the device model
        preset: its named parameter set; the first if left out, all are named if it does not exist
        amplitude: of the voltage, in V
        frequency: of the voltage, in Hz
        periods: number of periods
        samples: samples in each period
        method: integration; diffrax takes steps of the size it needs, the others one for every sample and substep
        substeps: steps for each sample, for the methods of fixed step
        series: resistance in series with the device, in ohm
        out: file for the figure (.png, .pdf or .svg)
        csv: file for the trace: time, voltage, current, state, conductance
    """
    with usage_errors():
        _check(amplitude, frequency, periods, samples, substeps, out)
        cell, label = _build(model, preset)
        if series != 0:
            cell = devices.Series(cell, series)
            label += f" + {series:g} Ω"
        for path in filter(None, (out, csv)):
            _files.check_writable(path.parent)
    time = np.linspace(0, periods / frequency, periods * samples + 1)
    voltage = amplitude * np.sin(2 * np.pi * frequency * time)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", devices.StepSizeWarning)
        trace = devices.simulate(cell, voltage, time, method=method, substeps=substeps)
    print(f"{label}, {amplitude:g} V at {frequency:g} Hz\n{_summary(trace)}")
    for warning in caught:
        print(f"memjax: warning: {warning.message}")
    files = {out: _figure(trace, label, out.suffix[1:])}
    if csv is not None:
        files[csv] = _table(trace)
    with usage_errors():
        for path, content in files.items():
            _files.write(path.parent, {path.name: content})
    print("Written:", *files, sep="\n  ")


def _check(amplitude: float, frequency: float, periods: int, samples: int, substeps: int, out: pathlib.Path) -> None:
    for name, value in (("amplitude", amplitude), ("frequency", frequency)):
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} must be positive and finite; got {value:g}")
    for name, value in (("periods", periods), ("samples", samples), ("substeps", substeps)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}")
    if out.suffix not in (".png", ".pdf", ".svg"):
        raise ValueError(f"out must end in .png, .pdf or .svg; got {str(out)!r}")


def presets(model: str) -> list[str]:
    """Names of a model's parameter sets, in the order of its file."""
    return [name for name, kind in vars(MODELS[model]).items() if isinstance(kind, classmethod)]


def _build(model: str, preset: str | None) -> tuple[devices.AbstractDevice, str]:
    """The device and its name for people."""
    if model.lower() not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}; got {model!r}")
    known = presets(model.lower())
    if preset is not None and preset not in known:
        raise ValueError(f"preset of {model} must be one of {', '.join(known)}; got {preset!r}")
    preset = preset or known[0]
    kind = MODELS[model.lower()]
    return getattr(kind, preset)(), f"{kind.__name__}.{preset}"


def _summary(trace: devices.Trace) -> str:
    state, conductance, current = (np.asarray(a) for a in (trace.state, trace.conductance, trace.current))
    return (
        f"  state        {state.min():.4g} to {state.max():.4g}\n"
        f"  conductance  {conductance.min():.4g} to {conductance.max():.4g} S\n"
        f"  peak current {np.abs(current).max():.4g} A\n"
        f"  energy       {float(trace.energy[-1]):.4g} J"
    )


def _table(trace: devices.Trace) -> bytes:
    columns = ("time", "voltage", "current", "state", "conductance")
    text = io.StringIO()
    values = np.stack([np.asarray(getattr(trace, name)) for name in columns], axis=1)
    np.savetxt(text, values, delimiter=",", header=",".join(columns), comments="", fmt="%.9g")
    return text.getvalue().encode()


def _figure(trace: devices.Trace, title: str, kind: str) -> bytes:
    picture = io.BytesIO()
    with style.panels(1, 3, 9.6, 3.0) as (figure, grid):
        plot.hysteresis(trace, grid[0, 0])
        plot.switching(trace, grid[0, 1])
        plot.state_against_time(trace, grid[0, 2])
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    figure.savefig(picture, format=kind)
    return picture.getvalue()
