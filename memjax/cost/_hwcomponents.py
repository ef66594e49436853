"""Components of the hwcomponents packages."""

import importlib
from typing import Any

from memjax import _check
from memjax.cost._component import Component

PACKAGE = "hwcomponents_adc"


def from_hwcomponents(
    component: Any, action: str = "convert", source: str | None = None, **attributes: Any
) -> Component:
    """A component of hwcomponents (github.com/Accelergy-Project), at the numbers that it has now: they are not traced.

    Args:
        component: an object of one of its packages, or the name of a class of hwcomponents-adc to make one of.
        action: what a use is: a method of the object, called without arguments, whose result has `energy` [J] and
            `latency` [s], as "convert" or "read".
        source: the citation; None for class and package.
        attributes: of the object to make, where `component` is a name: `n_bits=8, tech_node=32e-9, throughput=1e9`.

    The extra `memjax[hwcomponents]` (Python 3.12 and later) installs hwcomponents-adc, which is MIT-licensed. Objects
    of hwcomponents-library are taken too, but that package needs others with code of CACTI and of NeuroSim
    (CC BY-NC 4.0), which the extra leaves out.

    Raises: ImportError where the package is missing; ValueError for a class or an action that does not exist and for
        numbers that the package refuses; TypeError for an object that is no component and attributes that do not fit.
    """
    if isinstance(component, str):
        component = _made(component, attributes)
    elif attributes:
        raise TypeError(f"from_hwcomponents: {', '.join(attributes)} must be left out where the component is an object")
    for name in ("area", "leak_power"):
        if not _check.is_number(getattr(component, name, None)):
            raise TypeError(
                "from_hwcomponents: component must be a name or an object with numbers area [m2] and leak_power [W], "
                f"got {_check.shown(component)}"
            )
    kind = type(component)
    use = getattr(component, action, None) if isinstance(action, str) else None
    if not callable(use):
        raise ValueError(f"from_hwcomponents: action must be a method of {kind.__name__}, got {_check.shown(action)}")
    cost: Any = use()
    if not (_check.is_number(getattr(cost, "energy", None)) and _check.is_number(getattr(cost, "latency", None))):
        raise TypeError(
            f"from_hwcomponents: action {action!r} of {kind.__name__} must give an energy and a latency, "
            f"got {_check.shown(cost)}"
        )
    return Component(
        area=component.area,
        energy=cost.energy,
        latency=cost.latency,
        leakage=component.leak_power,
        source=f"{kind.__module__}.{kind.__qualname__}, action {action}" if source is None else source,
    )


def _made(name: str, attributes: dict[str, Any]) -> Any:
    try:
        package = importlib.import_module(PACKAGE)
    except ImportError as error:
        raise ImportError(
            f"from_hwcomponents: component {name!r} needs a package that is not installed ({error}): "
            'pip install "memjax[hwcomponents]" on Python 3.12 or later'
        ) from error
    kind = getattr(package, name, None)
    if not isinstance(kind, type):
        raise ValueError(f"from_hwcomponents: component must be the name of a class of {PACKAGE}, got {name!r}")
    try:
        return kind(**attributes)
    except AssertionError as error:  # how the package refuses a number
        raise ValueError(f"from_hwcomponents: {PACKAGE}.{name} refuses {attributes}: {error}") from error
