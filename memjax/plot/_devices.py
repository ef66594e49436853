from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from memjax.devices import Trace
from memjax.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def hysteresis(trace: Trace, ax: "Axes | None" = None, **line: Any) -> "Figure":
    """The I-V loop of a trace: current against voltage; a population gives one curve per device.

    Args:
        trace: of `memjax.simulate`.
        ax: axes to draw into; a new figure if None.
        line: options of `matplotlib.axes.Axes.plot`.

    Returns:
        The figure.
    """
    with style.axes_or_new(ax) as (figure, axes):
        axes.plot(_curves(trace.voltage), _curves(trace.current), **line)
        for zero in (axes.axhline, axes.axvline):
            zero(0, color="0.8", linewidth=0.6, zorder=0)
        axes.set_xlabel("Voltage (V)")
        axes.set_ylabel("Current (A)")
        style.prefixes(axes.yaxis)
    return figure


def switching(trace: Trace, ax: "Axes | None" = None, **line: Any) -> "Figure":
    """Bipolar switching: the magnitude of the current on a logarithmic axis, against the voltage.

    Arguments and result as in `hysteresis`. The crossing of zero has no place on the axis: the curve is broken six
    decades below its peak.
    """
    voltage, current = np.broadcast_arrays(_curves(trace.voltage), np.abs(_curves(trace.current)))
    with style.axes_or_new(ax) as (figure, axes):
        axes.semilogy(voltage, np.where(current > 1e-6 * current.max(), current, np.nan), **line)
        axes.set_xlabel("Voltage (V)")
        axes.set_ylabel("|Current| (A)")
    return figure


def state_against_time(trace: Trace, ax: "Axes | None" = None, **line: Any) -> "Figure":
    """The scaled state against time; arguments and result as in `hysteresis`."""
    with style.axes_or_new(ax) as (figure, axes):
        axes.plot(np.asarray(trace.time), _curves(trace.state), **line)
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel("State")
        axes.set_xlabel("Time (s)")
        style.prefixes(axes.xaxis)
    return figure


def conductance_against_pulses(conductance: ArrayLike, ax: "Axes | None" = None, **line: Any) -> "Figure":
    """Conductance after each of P pulses.

    Args:
        conductance: [P, ...] [S]; one curve for each cell.
        ax, line: as in `hysteresis`.
    """
    values = _curves(conductance)
    look: dict[str, Any] = {"marker": ".", "linestyle": "none"}
    with style.axes_or_new(ax) as (figure, axes):
        axes.plot(np.arange(len(values)), values, **look | line)
        axes.set_xlabel("Pulse number")
        axes.set_ylabel("Conductance (S)")
        style.prefixes(axes.yaxis)
    return figure


def population_spread(trace: Trace, ax: "Axes | None" = None, quantiles: Sequence[float] = (0.05, 0.95)) -> "Figure":
    """Median and quantile band of the conductance of a population against time.

    Args:
        trace: of a population.
        ax: as in `hysteresis`.
        quantiles: lower and upper edge of the band.
    """
    values, time = _curves(trace.conductance), np.asarray(trace.time)
    low, middle, high = np.quantile(values, [quantiles[0], 0.5, quantiles[1]], axis=1)
    with style.axes_or_new(ax) as (figure, axes):
        axes.plot(time, middle, color=style.COLOURS[0], label="median")
        band = f"{quantiles[0]:.0%} to {quantiles[1]:.0%}"
        axes.fill_between(time, low, high, color=style.COLOURS[0], alpha=0.25, linewidth=0, label=band)
        axes.legend()
        axes.set_xlabel("Time (s)")
        axes.set_ylabel("Conductance (S)")
        style.prefixes(axes.xaxis)
        style.prefixes(axes.yaxis)
    return figure


def _curves(values: ArrayLike) -> np.ndarray:
    """[T, ...] as [T, curves]."""
    values = np.asarray(values)
    return values.reshape(values.shape[0], -1)
