"""Axes in SI units: what is drawn stays in V, A, S, s; the ticks and the label bear a prefix."""

from typing import Any

import numpy as np

from memjax._words import exponent, minus, named, prefixed


def si(axis: Any, label: str, unit: str) -> None:
    """Names an axis and its unit as in "Conductance (µS)", with the prefix that fits what is drawn, and ticks in it.

    A logarithmic axis keeps its powers of ten, in the unit without a prefix.
    """
    if axis.get_scale() == "log":
        axis.set_label_text(named(label, unit))
        return
    ends = np.abs(axis.get_data_interval())
    if not np.isfinite(ends).all():  # nothing is drawn on the axis of a colour bar
        ends = np.abs(axis.get_view_interval())
    power = exponent(float(ends.max(initial=0.0, where=np.isfinite(ends))), unit)
    axis.set_major_formatter(lambda value, _: plain(value / 10.0**power))
    axis.set_label_text(named(label, prefixed(power, unit)))


def plain(value: float) -> str:
    """A number of a tick, without the rounding errors of its place."""
    return minus(f"{round(value, 6) + 0.0:.6g}")


def counted(axis: Any, most: Any = "auto") -> None:
    """Ticks that are whole numbers, in groups of three digits, and the most intervals between them."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(most, integer=True))
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace(",", "\u2009"))


def decades(axis: Any) -> None:
    """Ticks of a logarithmic axis as plain numbers, at 2 and 5 too where there are few decades."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    if high / low < 100:
        axis.set_minor_locator(LogLocator(subs=(2, 5)))
        axis.set_minor_formatter(lambda value, _: f"{value:g}")
    else:
        axis.set_minor_formatter(NullFormatter())
