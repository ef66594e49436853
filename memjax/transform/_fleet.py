"""Which hardware each crossbar has: one for all, or by name."""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import equinox as eqx

from memjax import _check, crossbar
from memjax.crossbar import Hardware, Ready

# One for all; by pattern, the first that matches; or by a function of the name. None: the product stays digital.
ByName = Hardware | Mapping[str, Hardware | None] | Callable[[str], Hardware | None]


class Fleet(eqx.Module):
    """The hardware of some crossbars: `fleet[name]`. Numbers are leaves, which crossbar has which is static."""

    kinds: tuple[Hardware, ...]
    index: tuple[tuple[str, int], ...] = eqx.field(static=True)

    def __getitem__(self, name: str) -> Hardware:
        return self.kinds[dict(self.index)[name]]

    def by_kind(self) -> Iterable[tuple[Hardware, list[str]]]:
        """Every hardware with the names of its crossbars."""
        for number, hardware in enumerate(self.kinds):
            yield hardware, [name for name, kind in self.index if kind == number]

    @classmethod
    def of(cls, hardware: ByName, bases: dict[str, str]) -> "Fleet":
        """The hardware of crossbars, given as {name: name without a number}."""
        found = {name: chosen(hardware, base) for name, base in bases.items()}
        kinds: list[Hardware] = []
        index = []
        for name, one in found.items():
            if one is None:
                raise ValueError(f"hardware must have a Hardware for the crossbar {name!r} of the chip, got None")
            if not any(one is kind for kind in kinds):
                kinds.append(one)
            index.append((name, next(i for i, kind in enumerate(kinds) if kind is one)))
        return cls(tuple(kinds), tuple(index))


def prepared(fleet: Fleet, chip: dict[str, Any]) -> dict[str, Ready]:
    """The crossbars of a chip prepared for reading; what is prepared stays."""
    ready: dict[str, Ready] = {}
    for hardware, names in fleet.by_kind():
        ready |= crossbar.prepare_all(hardware, {name: chip[name] for name in names if name in chip})
    return {name: ready[name] for name in chip}


def check_hardware(hardware: Any) -> None:
    """Raise unless something says which hardware crossbars have."""
    if isinstance(hardware, Mapping):
        for pattern, one in hardware.items():
            if not isinstance(pattern, str):
                raise TypeError(f"hardware must map patterns of names to Hardware, got the pattern {pattern!r}")
            _check_one(f"hardware[{pattern!r}]", one)
        if not hardware:
            raise ValueError("hardware must have a pattern, got an empty mapping")
    elif not isinstance(hardware, Hardware) and (isinstance(hardware, type) or not callable(hardware)):
        raise TypeError(
            f"hardware must be a Hardware, got {_check.shown(hardware)} (or a mapping of patterns to Hardware or None, "
            "or a function of a name that returns one)"
        )


def _check_one(what: str, one: Any) -> Hardware | None:
    if one is not None and not isinstance(one, Hardware):
        raise TypeError(f"{what} must be a Hardware, or None for a product that stays digital, got {_check.shown(one)}")
    return one


def chosen(hardware: ByName, name: str) -> Hardware | None:
    """The hardware of a crossbar, None: its product stays digital."""
    if isinstance(hardware, Hardware):
        return hardware
    if isinstance(hardware, Mapping):
        return next((one for pattern, one in hardware.items() if fnmatchcase(name, pattern)), None)
    return _check_one(f"hardware({name!r})", hardware(name))


def check_patterns(hardware: ByName, names: Iterable[str]) -> None:
    """Raise for a pattern that matches none of the names, or none that an earlier one has left."""
    if not isinstance(hardware, Mapping):
        return
    names = list(dict.fromkeys(names))
    taken: dict[str, str] = {}
    for pattern in hardware:
        matched = [name for name in names if fnmatchcase(name, pattern)]
        if not matched:
            raise ValueError(f"hardware must have patterns that match a crossbar, got {pattern!r}; there are {names}")
        left = [name for name in matched if name not in taken]
        if not left:
            raise ValueError(
                f"hardware must have patterns that do not hide one another, got {_check.shown(pattern)} after "
                f"{taken[matched[0]]!r}, which matches all of its crossbars: the first match counts"
            )
        taken |= dict.fromkeys(left, pattern)


def check_some(hardware: ByName, candidates: Iterable[str]) -> None:
    """Raise where there are crossbars and none of them has hardware."""
    candidates = list(candidates)
    if candidates and all(chosen(hardware, name) is None for name in candidates):
        raise ValueError(f"hardware must have a Hardware for at least one of the crossbars {candidates}, got None")
