"""What drove a device, in words, and which way its loop runs."""

from typing import TYPE_CHECKING, Any

import numpy as np

from memjax._words import quantity
from memjax.devices import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARROWS = 6
HEAD = "-|>, head_length=0.8, head_width=0.4"  # of the size of the text
EVEN = 0.02  # relative difference between periods that are taken for one


def drive(trace: Trace) -> str:
    """Ends of the voltage with the frequency, or with the duration where it does not repeat: "±1.2 V at 1 Hz"."""
    time, voltage = np.asarray(trace.time), np.asarray(trace.voltage)
    low, high = float(voltage.min()), float(voltage.max())
    largest = max(abs(low), abs(high))
    if abs(low + high) < 1e-3 * largest:
        ends = f"±{quantity(largest, 'V', 3)}"
    elif high - low < 1e-3 * largest:
        ends = quantity(high, "V", 3)
    else:
        ends = f"{quantity(low, 'V', 3)} to {quantity(high, 'V', 3)}"
    length = period(trace)
    if length is None:
        return f"{ends} for {quantity(time[-1] - time[0], 's', 3)}"
    return f"{ends} at {quantity(1 / length, 'Hz', 3)}"


def period(trace: Trace) -> float | None:
    """Seconds between the rising crossings of zero of the first device's voltage, where they are even."""
    time, voltage = np.asarray(trace.time), np.asarray(trace.voltage)
    voltage = voltage.reshape(len(voltage), -1)[:, 0]
    # A voltage that should be zero is a rounding error of it.
    voltage = np.where(np.abs(voltage) < 1e-5 * np.abs(voltage).max(initial=0.0), 0.0, voltage)
    before, after = voltage[:-1], voltage[1:]
    (rises,) = np.nonzero((before <= 0) & (after > 0))
    if len(rises) < 2:
        return None
    part = -before[rises] / (after[rises] - before[rises])
    lengths = np.diff(time[rises] + part * (time[rises + 1] - time[rises]))
    return float(lengths.mean()) if np.ptp(lengths) <= EVEN * lengths.mean() else None


def arrows(axes: "Axes", trace: Trace, x: np.ndarray, y: np.ndarray, colour: Any) -> None:
    """Arrows along the last period of a curve, at even distances as it is seen."""
    length, time = period(trace), np.asarray(trace.time)
    shown = np.isfinite(x) & np.isfinite(y)
    if length is not None:
        shown &= time >= time[-1] - length * (1 + 1e-6)
    if np.count_nonzero(shown) < 3:
        return
    x, y = x[shown], y[shown]
    seen = [_in_unit_square(x), _in_unit_square(np.log(y) if axes.get_yscale() == "log" else y)]
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(seen)))])
    places = np.searchsorted(way, way[-1] * (np.arange(ARROWS) + 0.5) / ARROWS)
    for tip in np.unique(np.clip(places, 1, len(x) - 1)):
        axes.annotate(
            "",
            (x[tip], y[tip]),
            (x[tip - 1], y[tip - 1]),
            arrowprops={"arrowstyle": HEAD, "color": colour, "linewidth": 0, "shrinkA": 0, "shrinkB": 0},
            zorder=3,
        )


def _in_unit_square(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (np.ptp(values) or 1.0)
