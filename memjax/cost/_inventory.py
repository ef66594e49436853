"""What a chip, a tile or a core is made of."""

from typing import Any

from memjax import _check
from memjax._field import Spec, ruled
from memjax.cost._component import Component


def _is_part(value: Any) -> bool:
    if not isinstance(value, tuple) or len(value) != 2 or not isinstance(value[1], Component | Inventory):
        return False
    return _check.is_number(value[0])


def _parts(name: str, value: Any) -> None:
    if not isinstance(value, dict) or not value or not all(_is_part(one) for one in value.values()):
        raise TypeError(
            f"{name} must be a dict of (count, Component or Inventory) by name, such as "
            f"{{'adc': (8, component)}}, got {_check.shown(value)}"
        )
    for part, (count, _) in value.items():
        _check.real(f"{name}[{part!r}]: count", count, low=0.0)


class Inventory(Spec):
    """Parts by name with their counts, as the tables of papers list them; a part may be an inventory itself.

        area = sum_p n_p area_p,   power = sum_p n_p power_p,   leakage = sum_p n_p leakage_p

    Args:
        parts: {name: (count, Component or Inventory)}; counts are at least 0, and fractions where parts are shared
            (0.25 of a router that serves four tiles).

    Raises: TypeError for parts of another form; ValueError for a negative count.
    """

    parts: dict[str, tuple[Any, Any]] = ruled(_parts)

    @property
    def area(self) -> Any:
        """Of all parts [m2]."""
        return self._sum("area")

    @property
    def power(self) -> Any:
        """Of all parts in use without pause, leakage included [W]."""
        return self._sum("power")

    @property
    def leakage(self) -> Any:
        """Of all parts at rest [W]."""
        return self._sum("leakage")

    def counts(self) -> dict[str, Any]:
        """How many there are of each component, those of nested inventories together under their names."""
        counts: dict[str, Any] = {}
        for name, (count, part) in self.parts.items():
            inner = part.counts() if isinstance(part, Inventory) else {name: 1.0}
            for component, number in inner.items():
                counts[component] = counts.get(component, 0.0) + count * number
        return counts

    def _sum(self, quantity: str) -> Any:
        return sum(count * getattr(part, quantity) for count, part in self.parts.values())
