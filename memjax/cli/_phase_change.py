"""What `memjax device pcm` shows: the statistics of phase-change cells, which have no voltage dynamics."""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.devices import PCM
from memjax.plot import look

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

_LEVELS = (0.1, 0.25, 0.5, 1.0)  # of G_max
_CELLS = 300
_YEAR = 365.25 * 86400


class _Ageing(NamedTuple):
    """Seconds after t_0 `[T]`, and of every level its cells `[levels, cells]`, those after the times, and the noise."""

    seconds: np.ndarray
    programmed: np.ndarray
    drifted: np.ndarray  # [T, levels, cells]
    noise: np.ndarray  # [T, levels], relative


def _age(cell: PCM) -> _Ageing:
    write, drift = jax.random.split(jax.random.key(0))
    targets = cell.g_max * jnp.repeat(jnp.array(_LEVELS)[:, None], _CELLS, 1)
    programmed = cell.program(targets, write)
    seconds = np.geomspace(1, _YEAR, 60)
    drifted = cell.drift(programmed, cell.drift_exponent(programmed, drift), jnp.asarray(seconds)[:, None, None])
    growth = cell.noise_growth(cell.t_0 + jnp.asarray(seconds))
    noise = cell.noise_quality(targets[:, 0]) * growth[:, None]
    return _Ageing(*map(np.asarray, (seconds, programmed, drifted, noise)))


def summary(cell: PCM) -> str:
    """A few numbers."""
    ageing = _age(cell)
    error = float(cell.programming_error(0.5 * cell.g_max))
    left = np.median(ageing.drifted[-1], -1) / np.median(ageing.programmed, -1)
    return (
        f"  programming error at half of G_max  {error:.4g} S\n"
        f"  left of each level after a year     {', '.join(f'{x:.3g}' for x in left)}\n"
        f"  read noise of each level then       {', '.join(f'{x:.3g}' for x in ageing.noise[-1])}"
    )


def table(cell: PCM) -> "pandas.DataFrame":
    """Seconds after t_0, and the median conductance [S] of the cells of each level."""
    import pandas

    ageing = _age(cell)
    medians = np.median(ageing.drifted, axis=-1).T
    names = [f"conductance_{level:g}" for level in _LEVELS]
    return pandas.DataFrame({"time": ageing.seconds} | dict(zip(names, medians, strict=True)))


def figure(cell: PCM, title: str) -> "Figure":
    """Error of programming, drift of the levels (median, and 68 % of the cells), 1/f noise of the reads."""
    ageing = _age(cell)
    with look.panels(1, 3, 9.6, 3.0) as (canvas, grid):
        left, middle, right = grid[0]
        targets = np.linspace(0, float(cell.g_max), 101)
        left.plot(1e6 * targets, 1e6 * np.asarray(cell.programming_error(jnp.asarray(targets))))
        spread = ageing.programmed.std(-1)
        left.plot(1e6 * float(cell.g_max) * np.array(_LEVELS), 1e6 * spread, "o", color=look.COLOURS[1])
        left.set_xlabel("Target conductance (µS)")
        left.set_ylabel("Programming error (µS)")
        left.set_ylim(bottom=0)
        for index, level in enumerate(_LEVELS):
            low, median, high = 1e6 * np.percentile(ageing.drifted[:, index], (16, 50, 84), axis=-1)
            colour = look.COLOURS[index]
            middle.plot(ageing.seconds, median, color=colour)
            middle.fill_between(ageing.seconds, low, high, color=colour, alpha=0.2, linewidth=0)
            right.plot(ageing.seconds, 100 * ageing.noise[:, index], color=colour, label=f"{100 * level:g} %")
        middle.set_ylabel("Conductance (µS)")
        middle.set_ylim(bottom=0)
        right.set_ylabel("Read noise, of the conductance (%)")
        right.set_ylim(bottom=0)
        right.legend(title="Level, of $G_\\mathrm{max}$", ncols=2)
        for axes in (middle, right):
            axes.set_xscale("log")
            axes.set_xlabel("Time after $t_0$ (s)")
        canvas.suptitle(title, x=0.01, ha="left")
    return canvas
