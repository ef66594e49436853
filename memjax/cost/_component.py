"""What one part of a chip costs, with the place that says so."""

from typing import Any

from memjax import _check
from memjax._field import Spec, number, numbers, text


class Component(Spec):
    """A part of a chip: area and leakage of one instance, energy and latency of one use.

        area of n instances = n area,   energy of m uses in a time t = m energy + n leakage t
        power in use without pause = energy/latency + leakage

    Numbers are leaves: `vmap` runs over many components and `grad` descends on them.

    Args:
        area: of one instance [m2].
        energy: of one use [J].
        latency: of one use [s].
        leakage: power of one instance at rest [W].
        source: the citation, with the technology node.
        area_range, energy_range: (lowest, highest) among the sources that disagree, or None where no other is known.

    Raises: ValueError for a number that is negative or not finite, and for a range that leaves out its number;
        TypeError for no numbers and an empty source.
    """

    area: Any = number(low=0.0, unit="m2")
    energy: Any = number(low=0.0, unit="J")
    latency: Any = number(low=0.0, unit="s")
    leakage: Any = number(low=0.0, unit="W")
    source: str = text()
    area_range: Any = numbers(count=2, low=0.0, unit="m2", optional=True, default=None)
    energy_range: Any = numbers(count=2, low=0.0, unit="J", optional=True, default=None)

    def check_relations(self) -> None:
        for name in ("area", "energy"):
            bounds = getattr(self, f"{name}_range")
            value, low, high = _check.concrete(getattr(self, name)), *map(_check.concrete, bounds or (None, None))
            if value is None or low is None or high is None:
                continue
            slack = 1e-6 * abs(value)  # of numbers computed in single precision
            if (value < low - slack).any() or (value > high + slack).any():
                raise ValueError(
                    f"Component.{name}_range must hold Component.{name}={_check.shown(getattr(self, name))}, "
                    f"got {_check.shown(bounds)}"
                )

    @property
    def power(self) -> Any:
        """Power of one instance in use without pause [W]; what leaks where a use takes no time."""
        return self.leakage + self.energy / self.latency if _takes_time(self.latency) else self.leakage

    def scaled(self, *, area: Any = 1.0, energy: Any = 1.0, latency: Any = 1.0, leakage: Any = 1.0) -> "Component":
        """The component with each number, and its range, times a factor."""
        return Component(
            area=self.area * area,
            energy=self.energy * energy,
            latency=self.latency * latency,
            leakage=self.leakage * leakage,
            source=self.source,
            area_range=_times(self.area_range, area),
            energy_range=_times(self.energy_range, energy),
        )


def busy(*, area: float, power: float, period: float, source: str, leakage: float = 0.0) -> Component:
    """A component of a table of powers: `power` [W], `leakage` included, of one use in each `period` [s]."""
    return Component(area=area, energy=(power - leakage) * period, latency=period, leakage=leakage, source=source)


def _takes_time(latency: Any) -> bool:
    array = _check.concrete(latency)
    return array is None or bool((array > 0).all())


def _times(bounds: tuple | None, factor: Any) -> tuple | None:
    return None if bounds is None else tuple(bound * factor for bound in bounds)
