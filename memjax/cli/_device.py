"""`memjax device`: one cell under a sine."""

import inspect
import pathlib
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import tyro
from rich.console import Console

import memjax as mj
from memjax import devices, plot
from memjax.cli import _phase_change, _report
from memjax.cli._errors import UsageError, usage_errors
from memjax.plot import look

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

MODELS = {
    name.lower(): kind
    for name, kind in vars(devices).items()
    if inspect.isclass(kind) and issubclass(kind, devices.AbstractDevice) and not inspect.isabstract(kind)
    if kind is not devices.Series
}

# Amplitude [V] and frequency [Hz] at which a parameter set shows its loop; 1 V and 1 Hz for the others.
_DRIVES = {
    "LinearIonDrift.biolek_soft": (1.2, 1.0),
    "LinearIonDrift.biolek_hard": (2.0, 1.0),
    "LinearIonDrift.technion": (2.0, 0.5),
    "VTEAM.ferroelectric": (7.0, 1e5),
    "TEAM.simmons_fit": (0.3, 0.1),
    "Simmons.pickett": (0.15, 1.0),
    "Yakopcic.oblea": (0.45, 100.0),
    "Yakopcic.oblea_pulsed": (0.25, 100.0),
    "Yakopcic.miao": (1.25, 0.05),
    "Yakopcic.jo": (4.0, 0.2),
    "StanfordPKU.needs": (1.5, 1e5),
    "DataDriven.tiox": (1.0, 20.0),
    "Memdiode.aguirre": (1.5, 0.25),
    "STTMRAM.textbook": (0.45, 1e5),
    "JARTVCM.tud": (1.3, 1e3),
    "JARTVCM.port": (1.3, 1e3),
    "CBRAM.yu_wong": (0.5, 1e6),
}
# Of the adaptive integration: finer than a line of the figure.
_TOLERANCE = 1e-5
_NAMES = tyro.conf.arg(metavar="{" + ",".join(MODELS) + "}")


def device(
    model: Annotated[tyro.conf.Positional[str], _NAMES],
    preset: str | None = None,
    amplitude: float | None = None,
    frequency: float | None = None,
    periods: int = 2,
    samples: int = 1000,
    method: Literal["pulses", "diffrax", "rk4", "heun", "euler", "exponential"] = "pulses",
    substeps: int = 1,
    series: float = 0.0,
    out: pathlib.Path = pathlib.Path("memjax-device.png"),
    csv: pathlib.Path | None = None,
) -> None:
    """Drive one device model with a sine and draw its hysteresis loop, bipolar switching and state.

    Phase-change cells have no voltage dynamics: theirs are the spread of programming, the drift and the noise of reads.

    Example: memjax device vteam --preset pt_hf_ti --amplitude 1 --frequency 1 --out vteam.pdf --csv vteam.csv

    Args:
        model: the device model
        preset: its named parameter set; the first if left out, all are named if it does not exist
        amplitude: of the voltage, in V; one that switches the parameter set if left out
        frequency: of the voltage, in Hz; likewise
        periods: number of periods
        samples: samples in each period
        method: integration; pulses and diffrax take steps of the size they need, the others one for every substep
        substeps: steps for each sample, for the methods of fixed step
        series: resistance in series with the device, in ohm
        out: file for the figure (.png, .pdf or .svg)
        csv: file for the trace: time, voltage, current, state, conductance
    """
    with usage_errors():
        cell, label = _build(model, preset)
        usual = _DRIVES.get(label, (1.0, 1.0))
        amplitude, frequency = (
            u if given is None else given for u, given in zip(usual, (amplitude, frequency), strict=True)
        )
        _check(amplitude, frequency, periods, samples, substeps, out)
        if series != 0 and not isinstance(cell, devices.PCM):
            cell = devices.Series(cell, series)
            label += f" + {series:g} Ω"
        for path in filter(None, (out, csv)):
            mj.study.check_writable(path.parent)
    if isinstance(cell, devices.PCM):
        print(f"{label}\n{_phase_change.summary(cell)}")
        _write(out, _phase_change.figure(cell, label), csv, lambda: _phase_change.table(cell))
        return
    time = np.linspace(0, periods / frequency, periods * samples + 1)
    voltage = amplitude * np.sin(2 * np.pi * frequency * time)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", devices.StepSizeWarning)
        try:
            with _report.waiting(Console(), "simulating", (label, method, periods * samples, substeps)):
                trace = devices.simulate(cell, voltage, time, method=method, substeps=substeps, tolerance=_TOLERANCE)
        except RuntimeError as error:  # the adaptive steps gave up: its message says what to change
            raise UsageError(str(error)) from error
    print(f"{label}, {amplitude:g} V at {frequency:g} Hz\n{_summary(trace)}")
    for warning in caught:
        print(f"memjax: warning: {warning.message}")
    _write(out, _figure(trace, label), csv, lambda: _table(trace))


def _write(
    out: pathlib.Path, figure: "Figure", csv: pathlib.Path | None, table: "Callable[[], pandas.DataFrame]"
) -> None:
    files = {out: figure} | ({} if csv is None else {csv: table()})
    with usage_errors():
        for path, content in files.items():
            mj.study.write(path.parent, {path.name: content})
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


def _table(trace: devices.Trace) -> "pandas.DataFrame":
    import pandas

    columns = ("time", "voltage", "current", "state", "conductance")
    return pandas.DataFrame({name: np.asarray(getattr(trace, name)) for name in columns})


def _figure(trace: devices.Trace, title: str) -> "Figure":
    with look.panels(1, 3, 9.6, 3.0) as (figure, grid):
        for draw, ax in zip((plot.hysteresis, plot.switching, plot.state_against_time), grid[0], strict=True):
            draw(trace, ax)
        figure.suptitle(title, x=0.01, ha="left")
    return figure
