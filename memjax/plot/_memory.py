from typing import TYPE_CHECKING, Any

import numpy as np

from memjax import _check
from memjax._words import words
from memjax.plot import look
from memjax.plot._axis import counted, si

if TYPE_CHECKING:
    from memjax.memory import Statistics


def requests(statistics: "Statistics", title: str | None = None, *, axes: Any = None) -> np.ndarray:
    """How long the requests of a trace took, and what they cost.

    Left, the latencies from arrival to answer of reads and writes; right, the energy by command.

    Args:
        statistics: of one trace, from `memjax.memory.simulate_memory`.
        title: text above the axes.
        axes: two to draw into; a new figure if None.

    Returns: the axes `[2]`.

    Raises: TypeError for what are no statistics.
    """
    from memjax.memory import Statistics

    _check.part("statistics", statistics, Statistics, example="memjax.memory.simulate_memory(trace, config)")
    count = int(statistics.count)
    latency = np.asarray(statistics.answer - statistics.arrival)[:count]
    reads = np.asarray(statistics.read)[:count]
    bins = np.linspace(0, latency.max() + 1, min(50, latency.max() + 1) + 1)
    with look.panels_or_new(axes, 2, 2, 7.0, 2.8) as drawn:
        times, energies = drawn
        kinds = {"reads": latency[reads], "writes": latency[~reads]}
        for (name, values), colour in zip(kinds.items(), look.COLOURS, strict=False):
            if values.size:
                times.hist(
                    values, bins, histtype="step", linewidth=look.line(0.9), color=colour, label=f"{values.size} {name}"
                )
        times.set_xlabel("Latency (cycles of the memory)")
        times.set_ylabel("Number of requests")
        counted(times.xaxis)
        counted(times.yaxis)
        times.legend()
        parts = {words(name): float(joules) for name, joules in statistics.energies._asdict().items()}
        energies.barh(list(parts), list(parts.values()), color=look.COLOURS[0])
        energies.invert_yaxis()
        si(energies.xaxis, "Energy", "J")
        energies.grid(False, axis="y")
        look.title(drawn, axes is None, title)
    return drawn
