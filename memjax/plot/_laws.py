"""Update laws: what pulses make of a weight."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax._words import capital, words
from memjax.plot import look
from memjax.plot._axis import counted, si
from memjax.training import AbstractLaw, LawFit, PulseResponse, response, symmetry_point

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def pulse_response(
    measured: PulseResponse, fitted: LawFit | None = None, ax: "Axes | None" = None, **line: Any
) -> "Axes":
    """A measured pulse response, and the law that was fitted to it.

    Args:
        measured: of `memjax.training.read_pulse_response`, or made by hand.
        fitted: of `memjax.training.fit_law`.
        ax: axes to draw into; a new figure if None.
        line: options of `matplotlib.axes.Axes.plot` for the measured points.

    Returns: the axes.
    """
    number = np.arange(1, len(measured.values) + 1)
    options: dict[str, Any] = {"marker": ".", "linestyle": "none", "color": "0.55", "label": "measured"}
    with look.axes_or_new(ax) as axes:
        axes.plot(number, np.asarray(measured.values), **options | line)
        if fitted is not None:
            name = words(type(fitted.law).__name__)
            axes.plot(number, np.asarray(fitted.curve), color=look.COLOURS[0], label=f"{name}, fitted")
        axes.legend()
        axes.set_xlabel("Pulses")
        if measured.quantity == "conductance":
            si(axes.yaxis, "Conductance", "S")
        else:
            axes.set_ylabel("Weight")
    return axes


def update_laws(laws: Mapping[str, AbstractLaw], columns: int = 4, *, axes: Any = None) -> np.ndarray:
    """Mean response curves of update laws, one panel each: up from the lower bound, then down, and the symmetry point.

    Each law gets as many pulses each way as 1.5 times its range has nominal steps.

    Args:
        laws: the laws, by the titles of their panels; names of the code, as those of `memjax.training.presets.ALL`, are
            written as words.
        columns: panels in a row.
        axes: those to draw into, as many as there are laws; a new figure if None.

    Returns: the axes `[laws]`.
    """
    rows = -(-len(laws) // columns)
    with look.panels_or_new(axes, len(laws), columns, 2.3 * columns, 0.4 + 1.9 * rows) as drawn:
        for ax, (name, law) in zip(drawn, laws.items(), strict=True):
            _panel(ax, name, law)
        if axes is None:
            look.inner(drawn, columns)
        look.legend(drawn, axes is None, "above", columns=3)
    return drawn


def _panel(ax: "Axes", name: str, law: AbstractLaw) -> None:
    made = law.make(None, ())
    low, high = (float(made[bound]) for bound in ("low", "high"))
    pulses = int(np.ceil(1.5 * (high - low) / float(law.granularity)))
    train = jnp.repeat(jnp.array([1, -1]), pulses)
    curve = np.append(low, jax.jit(response)(law, train, low, made))
    ax.plot(np.arange(pulses + 1), curve[: pulses + 1], color=look.COLOURS[0], label="up")
    ax.plot(np.arange(pulses, 2 * pulses + 1), curve[pulses:], color=look.COLOURS[1], label="down")
    point = float(symmetry_point(law, made))
    if low < point < high:
        ax.axhline(point, color=look.INK, linewidth=look.line(0.5), linestyle="--", label="symmetry point")
    ax.set_title(capital(words(name)))
    ax.set_xlabel("Pulses")
    ax.set_ylabel("Weight")
    counted(ax.xaxis, 3)
