"""What a schedule takes."""

from typing import Any

from memjax import _check
from memjax.chip._schedule import Schedule
from memjax.cost import Report, Technology
from memjax.cost import technology as named


def energy(schedule: Schedule, report: Report, technology: Technology | str | float) -> dict[str, Any]:
    """Energy of a call by component [J], with the traffic of a schedule.

        buffer = (words loaded + stored) b E_buffer,   network = words sent b E_network

    with words of b bits; what cores send one another is known only now. Everything else is that of the report.

    Args:
        schedule: from `schedule`.
        report: from `memjax.cost.report`, of the same plan.
        technology: that of the report.

    Returns: {component: energy}; "leakage" is that of the components at rest for the time of the schedule.

    Raises: TypeError for arguments of the wrong kind; ValueError for a report of other layers.
    """
    _check.part("schedule", schedule, Schedule, example="memjax.chip.schedule(plan, architecture)")
    _check.part("report", report, Report, example="memjax.cost.report(analog, params, x, 'isaac')")
    technology = named(technology)
    if set(schedule.layers) != set(report.parts):
        raise ValueError(f"report must be of the layers {list(schedule.layers)}, got {list(report.parts)}")
    words, bits = schedule.words, technology.word_bits
    found = {name: cost.energy for name, cost in report.by_component.items()}
    found["buffer"] = (words["load"] + words["store"]) * bits * technology.buffer.energy
    if technology.network is not None:
        found["network"] = words["send"] * bits * technology.network.energy
    return found | {"leakage": report.leakage * schedule.seconds}
