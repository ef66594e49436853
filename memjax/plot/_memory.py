from typing import TYPE_CHECKING

import numpy as np

from memjax import _check
from memjax.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from memjax.memory import Statistics


def requests(statistics: "Statistics", title: str | None = None) -> "Figure":
    """How long the requests of a trace took, and what they cost.

    Left, the latencies from arrival to answer of reads and writes; right, the energy by command.

    Args:
        statistics: of one trace, from `memjax.memory.simulate_memory`.
        title: text above the axes.
    """
    from memjax.memory import Statistics

    _check.part("statistics", statistics, Statistics, example="memjax.memory.simulate_memory(trace, config)")
    count = int(statistics.count)
    latency = np.asarray(statistics.answer - statistics.arrival)[:count]
    reads = np.asarray(statistics.read)[:count]
    bins = np.linspace(0, latency.max() + 1, min(50, latency.max() + 1) + 1)
    with style.panels(1, 2, 7.0, 2.8) as (figure, grid):
        times, energies = grid[0]
        kinds = {"reads": latency[reads], "writes": latency[~reads]}
        for (name, values), colour in zip(kinds.items(), style.COLOURS, strict=False):
            if values.size:
                times.hist(values, bins, histtype="step", linewidth=1.4, color=colour, label=f"{values.size} {name}")
        times.set_xlabel("Latency (cycles of the memory)")
        times.set_ylabel("Requests")
        times.legend()
        parts = {name: 1e9 * float(joules) for name, joules in statistics.energies._asdict().items()}
        energies.barh(list(parts), list(parts.values()), color=style.COLOURS[0])
        energies.invert_yaxis()
        energies.set_xlabel("Energy (nJ)")
        energies.grid(False, axis="y")
        if title is not None:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure
