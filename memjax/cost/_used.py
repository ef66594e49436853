"""What parts of a chip cost."""

from abc import abstractmethod
from operator import add
from typing import Any

import equinox as eqx
import jax

from memjax import _check
from memjax.cost._component import Component

QUANTITIES = {"area": "m2", "latency": "s", "energy": "J", "leakage": "W"}


class Cost(eqx.Module):
    """What a part of a chip costs. Costs add up; also by name: `cost["energy"]`.

    Attributes:
        area: [m2].
        latency: time of one call [s].
        energy: dynamic energy of one call [J].
        leakage: power at rest [W].
        area_range, energy_range: (low, high) of what sources say; (area, area) where there is but one.
    """

    area: Any = 0.0
    latency: Any = 0.0
    energy: Any = 0.0
    leakage: Any = 0.0
    area_range: tuple[Any, Any] = (0.0, 0.0)
    energy_range: tuple[Any, Any] = (0.0, 0.0)

    def __add__(self, other: "Cost") -> "Cost":
        return jax.tree.map(add, self, other)

    def __radd__(self, other: Any) -> "Cost":
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __getitem__(self, name: str) -> Any:
        _check.choice("name", name, tuple(QUANTITIES))
        return getattr(self, name)


class Totals(eqx.Module):
    """What layers cost together."""

    @property
    @abstractmethod
    def by_layer(self) -> dict[str, Cost]:
        """The `Cost` of every layer, all components together."""

    @property
    def total(self) -> Cost:
        """The `Cost` of all."""
        return sum(self.by_layer.values(), start=Cost())

    @property
    def area(self) -> Any:
        """Area [m2]."""
        return self.total.area

    @property
    def latency(self) -> Any:
        """Time [s]: layer after layer, vector after vector, stage after stage (see `mj.chip.schedule`)."""
        return self.total.latency

    @property
    def energy(self) -> Any:
        """Dynamic energy [J]; that of leakage is `leakage` times `latency`."""
        return self.total.energy

    @property
    def leakage(self) -> Any:
        """Power at rest [W]."""
        return self.total.leakage


class PartTotals(Totals):
    """What layers made of the same components cost together."""

    parts: eqx.AbstractVar[dict[str, dict[str, Cost]]]
    """{layer: {component: `Cost`}}."""

    @property
    def by_layer(self) -> dict[str, Cost]:
        """The `Cost` of every layer, all components together."""
        return {layer: sum(parts.values(), start=Cost()) for layer, parts in self.parts.items()}

    @property
    def by_component(self) -> dict[str, Cost]:
        """The `Cost` of every component, all layers together."""
        names = dict.fromkeys(name for parts in self.parts.values() for name in parts)
        return {name: sum((parts[name] for parts in self.parts.values()), start=Cost()) for name in names}


def used(component: Component, instances: Any, uses: Any, in_turn: Any) -> Cost:
    """The cost of some instances of a component, used so often in all, and so often one after another."""
    span = lambda known, value: (value, value) if known is None else known
    area, energy = span(component.area_range, component.area), span(component.energy_range, component.energy)
    return Cost(
        component.area * instances,
        component.latency * in_turn,
        component.energy * uses,
        component.leakage * instances,
        (area[0] * instances, area[1] * instances),
        (energy[0] * uses, energy[1] * uses),
    )
