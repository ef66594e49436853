from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from memjax.devices import Trace
from memjax.plot import look
from memjax.plot._axis import si
from memjax.plot._drive import arrows, drive

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def hysteresis(trace: Trace, ax: "Axes | None" = None, *, direction: bool = True, **line: Any) -> "Axes":
    """The I-V loop of a trace: current against voltage; a population gives one curve per device.

    The title, unless the axes have one, says what drove the devices.

    Args:
        trace: of `memjax.simulate`.
        ax: axes to draw into; a new figure if None.
        direction: mark with arrows which way the last period runs.
        line: options of `matplotlib.axes.Axes.plot`.

    Returns:
        The axes.

    Example:
        >>> import memjax as mj
        >>> import numpy as np
        >>> time = np.linspace(0.0, 2.0, 201)
        >>> trace = mj.simulate(mj.devices.LinearIonDrift.biolek_soft(), 1.2 * np.sin(2 * np.pi * time), time)
        >>> ax = mj.plot.hysteresis(trace)
        >>> ax.get_title(loc="left"), ax.get_ylabel()
        ('±1.2 V at 1 Hz', 'Current (µA)')
    """
    voltage, current = np.broadcast_arrays(_curves(trace.voltage), _curves(trace.current))
    with look.axes_or_new(ax) as axes:
        lines = axes.plot(voltage, current, **line)
        for zero in (axes.axhline, axes.axvline):
            zero(0, color="0.8", linewidth=0.6, zorder=0)
        if direction:
            arrows(axes, trace, voltage[:, 0], current[:, 0], lines[0].get_color())
        si(axes.xaxis, "Voltage", "V")
        si(axes.yaxis, "Current", "A")
        _entitle(axes, trace)
    return axes


def switching(trace: Trace, ax: "Axes | None" = None, *, direction: bool = True, **line: Any) -> "Axes":
    """Bipolar switching: the magnitude of the current on a logarithmic axis, against the voltage.

    Arguments and result as in `hysteresis`. The crossing of zero has no place on the axis: the curve is broken
    where the voltage is below a thousandth of its peak.
    """
    voltage, current = np.broadcast_arrays(_curves(trace.voltage), np.abs(_curves(trace.current)))
    far = (np.abs(voltage) > 1e-3 * np.abs(voltage).max()) & (current > 0)
    shown = np.where(far, current, np.nan)
    with look.axes_or_new(ax) as axes:
        lines = axes.semilogy(voltage, shown, **line)
        if direction:
            arrows(axes, trace, voltage[:, 0], shown[:, 0], lines[0].get_color())
        si(axes.xaxis, "Voltage", "V")
        si(axes.yaxis, "Magnitude of the current", "A")
        _entitle(axes, trace)
    return axes


def state_against_time(trace: Trace, ax: "Axes | None" = None, **line: Any) -> "Axes":
    """The scaled state against time; arguments and result as in `hysteresis`."""
    with look.axes_or_new(ax) as axes:
        axes.plot(np.asarray(trace.time), _curves(trace.state), **line)
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel("State, 0 to 1")
        si(axes.xaxis, "Time", "s")
        _entitle(axes, trace)
    return axes


def conductance_against_pulses(conductance: ArrayLike, ax: "Axes | None" = None, **line: Any) -> "Axes":
    """Conductance after each of P pulses.

    Args:
        conductance: [P, ...] [S]; one curve for each cell.
        ax, line: as in `hysteresis`.

    Returns:
        The axes.
    """
    values = _curves(conductance)
    options: dict[str, Any] = {"marker": ".", "linestyle": "none"}
    with look.axes_or_new(ax) as axes:
        axes.plot(1 + np.arange(len(values)), values, **options | line)
        axes.set_xlabel("Pulses")
        si(axes.yaxis, "Conductance", "S")
    return axes


def population_spread(trace: Trace, ax: "Axes | None" = None, quantiles: Sequence[float] = (0.05, 0.95)) -> "Axes":
    """Median and quantile band of the conductance of a population against time.

    Args:
        trace: of a population.
        ax: as in `hysteresis`.
        quantiles: lower and upper edge of the band.

    Returns:
        The axes.
    """
    values, time = _curves(trace.conductance), np.asarray(trace.time)
    low, middle, high = np.quantile(values, [quantiles[0], 0.5, quantiles[1]], axis=1)
    with look.axes_or_new(ax) as axes:
        axes.plot(time, middle, color=look.COLOURS[0], label=f"median of {values.shape[1]} devices")
        band = f"{100 * quantiles[0]:g} % to {100 * quantiles[1]:g} %"
        axes.fill_between(time, low, high, color=look.COLOURS[0], alpha=0.25, linewidth=0, label=band)
        axes.legend()
        si(axes.xaxis, "Time", "s")
        si(axes.yaxis, "Conductance", "S")
        _entitle(axes, trace)
    return axes


def _entitle(axes: "Axes", trace: Trace) -> None:
    if not any(axes.get_title(loc=place) for place in ("left", "center", "right")):
        axes.set_title(drive(trace), loc="left")


def _curves(values: ArrayLike) -> np.ndarray:
    """[T, ...] as [T, curves]."""
    values = np.asarray(values)
    return values.reshape(values.shape[0], -1)
