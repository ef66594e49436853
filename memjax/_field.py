"""What the fields of a specification may hold, said beside the field and checked when the specification is made.

    class Cell(Spec):
        r_on: Any = number(above=0.0, unit="ohm", default=10e3)
        kind: str = choice("bipolar", "unipolar", default="bipolar")

A rule accepts a value or raises TypeError or ValueError with the name of the field, the value and what is valid. Rules
between fields are in `check_relations`, which runs when each field is right.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from memjax import _check

_RULE = "memjax rule"


class Spec(eqx.Module):
    """A frozen specification: a pytree whose numbers are leaves and whose fields are checked when it is made."""

    def check_relations(self) -> None:
        """Raise unless the fields, each valid by itself, fit together."""

    def __check_init__(self):
        kind = type(self).__name__
        for field in dataclasses.fields(self):
            value, rule = getattr(self, field.name), field.metadata.get(_RULE)
            if rule is not None:
                rule(f"{kind}.{field.name}", value)
            elif isinstance(value, str) and not field.metadata.get("static", False):
                raise TypeError(
                    f"{kind}.{field.name} must be declared static, since text cannot be traced, got {value!r}: "
                    f"write {field.name}: str = memjax.spec.choice(...) or equinox.field(static=True)"
                )
        self.check_relations()


def ruled_fields(spec: Spec) -> list[str]:
    """Names of the fields whose values are checked."""
    return [field.name for field in dataclasses.fields(spec) if _RULE in field.metadata]


def rule(spec: Spec, name: str) -> Callable[[str, Any], None] | None:
    """What a field may hold, as `ruled` was given it, or None; of a number it has `unit`, `low` and `high`."""
    return {field.name: field.metadata.get(_RULE) for field in dataclasses.fields(spec)}.get(name)


def check_scalars(name: str, spec: Any) -> None:
    """Raise unless `spec` is one specification: arrays of numbers stand for many, over which `jax.vmap` runs."""
    if isinstance(spec, tuple):
        for index, one in enumerate(spec):
            check_scalars(f"{name}[{index}]", one)
    if not isinstance(spec, Spec):
        return
    for field in dataclasses.fields(spec):
        value, rule = getattr(spec, field.name), field.metadata.get(_RULE)
        if isinstance(rule, Number) and not rule.per_line and value is not None and np.ndim(value):
            raise ValueError(
                f"{name}.{field.name} must be one number, got shape {np.shape(value)}: use jax.vmap to run over many"
            )
        check_scalars(f"{name}.{field.name}", value)


def ruled(rule: Callable[[str, Any], None], **options: Any) -> Any:
    """A field whose value `rule(name, value)` accepts, or raises; options are those of `equinox.field`."""
    if options.get("static", False):
        options.setdefault("converter", _as_static)
    return eqx.field(metadata={_RULE: rule}, **options)


@dataclasses.dataclass(frozen=True)
class Number:
    """Real numbers within bounds: `low` and `high` are allowed, `above` and `below` are not."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    unit: str = "1"
    infinite: bool = False
    whole: bool = False
    optional: bool = False
    per_line: bool = False

    def __call__(self, name: str, value: Any) -> None:
        if value is None and self.optional:
            return
        bounds = {bound: getattr(self, bound) for bound in ("low", "high", "above", "below")}
        _check.real(name, value, **bounds, unit=self.unit, infinite=self.infinite, whole=self.whole)


def number(
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    unit: str = "1",
    infinite: bool = False,
    whole: bool = False,
    optional: bool = False,
    per_line: bool = False,
    **options: Any,
) -> Any:
    """A field for real numbers: traced, vmapped and differentiated as a leaf.

    Args:
        low, high: bounds that are valid themselves.
        above, below: bounds that are not.
        unit: of the number, "1" for none.
        infinite: whether infinity is valid too.
        whole: whether it must be an integer (of any type, so that it can be traced).
        optional: whether None is valid.
        per_line: whether an array of them is one specification, not many (see `check_scalars`).
        options: those of `equinox.field`, as `default`.
    """
    rule = Number(low, high, above, below, unit, infinite, whole, optional, per_line)
    return ruled(rule, converter=options.pop("converter", _check.as_leaf), **options)


def parameter(**options: Any) -> Any:
    """As `number`, stored as an array.

    Python numbers become weakly typed arrays: they follow the precision of the state they meet.
    """
    return number(converter=_as_inexact, per_line=True, **options)


def _as_inexact(value: Any) -> Any:
    value = _check.as_leaf(value)
    if value is None or not _check.is_number(value) or _check.is_huge(value):
        return value  # the rule says what is wrong with it
    value = jnp.asarray(value)
    return value if jnp.issubdtype(value.dtype, jnp.inexact) else 1.0 * value


def numbers(*, count: int | None = None, least: int = 1, **options: Any) -> Any:
    """A field for a tuple of real numbers: `count` of them, or at least `least`; bounds as in `number`."""
    rule, options = _split(options)

    def check(name: str, value: Any) -> None:
        if value is None and rule.optional:
            return
        wanted = f"at least {least}" if count is None else str(count)
        if not isinstance(value, tuple) or (len(value) < least if count is None else len(value) != count):
            raise TypeError(f"{name} must be a tuple of {wanted} numbers, got {_check.shown(value)}")
        for index, element in enumerate(value):
            rule(f"{name}[{index}]", element)

    return ruled(check, converter=_as_tuple, **options)


def series(*, least: int = 1, **options: Any) -> Any:
    """A field for at least `least` real numbers in a row, a tuple of them or an array [n]; bounds as in `number`."""
    rule, options = _split(options)

    def check(name: str, value: Any) -> None:
        elements: Any = value
        if value is None and rule.optional:
            return
        if not isinstance(value, tuple) and not (_check.is_number(value) and np.ndim(elements) == 1):
            raise TypeError(f"{name} must be at least {least} numbers [n], got {_check.shown(value)}")
        if len(elements) < least:
            raise ValueError(f"{name} must be at least {least} numbers [n], got {_check.shown(value)}")
        if not isinstance(value, tuple):
            rule(name, value)
            return
        for index, element in enumerate(value):
            rule(f"{name}[{index}]", element)

    return ruled(check, converter=_as_tuple, **options)


def _split(options: dict[str, Any]) -> tuple[Number, dict[str, Any]]:
    """The bounds among the options of a field, and the other options."""
    names = {field.name for field in dataclasses.fields(Number)}
    return (
        Number(**{name: value for name, value in options.items() if name in names}),
        {name: value for name, value in options.items() if name not in names},
    )


def _as_tuple(value: Any) -> Any:
    return tuple(_check.as_leaf(element) for element in value) if isinstance(value, list | tuple) else value


def shape(axes: tuple[str, ...], **options: Any) -> Any:
    """A static field for the sizes of named axes, each a positive integer."""

    return ruled(partial(_check.sizes, axes=axes), static=True, converter=_as_sizes, **options)


def _as_sizes(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return _as_static(value)
    return tuple(int(size) if isinstance(size, np.integer) else size for size in value)


class _Shown:
    """Stands for an array in a static field, about which equinox would warn, until the rule refuses it."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _as_static(value: Any) -> Any:
    return _Shown(_check.shown(value)) if isinstance(value, jax.Array | np.ndarray | np.generic) else value


def integer(low: int, high: int, *, optional: bool = False, **options: Any) -> Any:
    """A static field for an integer in [low, high] that shapes a program."""

    def check(name: str, value: Any) -> None:
        if value is not None or not optional:
            _check.integer(name, value, low, high)

    return ruled(check, static=True, **options)


def choice(*valid: Any, **options: Any) -> Any:
    """A static field for one of a few values, as texts."""
    rule = lambda name, value: _check.choice(name, value, valid)
    return ruled(rule, static=True, **options)


def text(**options: Any) -> Any:
    """A static field for a text that is not empty."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, str) or not value.strip():
            raise TypeError(f"{name} must be a text that is not empty, got {_check.shown(value)}")

    return ruled(check, static=True, **options)


def flag(**options: Any) -> Any:
    """A static field for True or False."""
    return ruled(_check.flag, static=True, **options)


def part(kind: type, *, optional: bool = False, example: str = "", **options: Any) -> Any:
    """A field for another specification, of class `kind`; `example` shows one in the message."""

    def check(name: str, value: Any) -> None:
        if value is not None or not optional:
            _check.part(name, value, kind, example=example, optional=optional)

    return ruled(check, **options)


def parts(kind: type, *, example: str, **options: Any) -> Any:
    """A field for a tuple of specifications of class `kind`."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, tuple) or not all(isinstance(one, kind) for one in value):
            raise TypeError(f"{name} must be a tuple such as {example}, got {_check.shown(value)}")

    return ruled(check, converter=lambda value: tuple(value) if isinstance(value, list) else value, **options)
