"""Update laws: what pulses make of a weight."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.plot import style
from memjax.training import AbstractLaw, LawFit, PulseResponse, response, symmetry_point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def pulse_response(
    measured: PulseResponse, fitted: LawFit | None = None, ax: "Axes | None" = None, **line: Any
) -> "Figure":
    """A measured pulse response, and the law that was fitted to it.

    Args:
        measured: of `memjax.training.read_pulse_response`, or made by hand.
        fitted: of `memjax.training.fit_law`.
        ax: axes to draw into; a new figure if None.
        line: options of `matplotlib.axes.Axes.plot` for the measured points.

    Returns: the figure.
    """
    number = np.arange(1, len(measured.values) + 1)
    look: dict[str, Any] = {"marker": ".", "linestyle": "none", "color": "0.55", "label": "measured"}
    with style.axes_or_new(ax) as (figure, axes):
        axes.plot(number, np.asarray(measured.values), **look | line)
        if fitted is not None:
            name = type(fitted.law).__name__
            axes.plot(number, np.asarray(fitted.curve), color=style.COLOURS[0], label=f"{name}, fitted")
        axes.legend()
        axes.set_xlabel("Pulse number")
        axes.set_ylabel("Conductance (S)" if measured.quantity == "conductance" else "Weight")
        if measured.quantity == "conductance":
            style.prefixes(axes.yaxis)
    return figure


def update_laws(laws: Mapping[str, AbstractLaw], columns: int = 4) -> "Figure":
    """Mean response curves of update laws, one panel each: up from the lower bound, then down, and the symmetry point.

    Each law gets as many pulses each way as 1.5 times its range has nominal steps.

    Args:
        laws: the laws, by the titles of their panels.
        columns: panels in a row.

    Returns: the figure.
    """
    rows = -(-len(laws) // columns)
    with style.panels(rows, columns, 2.3 * columns, 1.9 * rows) as (figure, grid):
        for ax, (name, law) in zip(grid.flat, laws.items(), strict=False):
            _panel(ax, name, law)
        for ax in grid.flat[len(laws) :]:
            ax.set_axis_off()
        for ax in grid[:, 0]:
            ax.set_ylabel("Weight")
        for ax in grid.flat[max(len(laws) - columns, 0) : len(laws)]:
            ax.set_xlabel("Pulse number")
        entries = {text: line for ax in grid.flat for line, text in zip(*ax.get_legend_handles_labels(), strict=True)}
        figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=len(entries) or 1)
    return figure


def _panel(ax: "Axes", name: str, law: AbstractLaw) -> None:
    made = law.make(None, ())
    low, high = (float(made[bound]) for bound in ("low", "high"))
    pulses = int(np.ceil(1.5 * (high - low) / float(law.granularity)))
    train = jnp.repeat(jnp.array([1, -1]), pulses)
    curve = np.append(low, jax.jit(response)(law, train, low, made))
    ax.plot(np.arange(pulses + 1), curve[: pulses + 1], color=style.COLOURS[0], label="up")
    ax.plot(np.arange(pulses, 2 * pulses + 1), curve[pulses:], color=style.COLOURS[1], label="down")
    point = float(symmetry_point(law, made))
    if low < point < high:
        ax.axhline(point, color=style.INK, linewidth=0.8, linestyle="--", label="symmetry point")
    ax.set_title(name)
