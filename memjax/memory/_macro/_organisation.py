"""How a capacity is divided into mats, subarrays and lines."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from memjax import _check
from memjax._field import Spec, ruled

PAIRS = ("mats", "active_mats", "subarrays", "active_subarrays")
MOST = 2**20


def _rows_and_columns(name: str, value: Any) -> None:
    _powers(name, value, 2, "(rows, columns)")


def _three_levels(name: str, value: Any) -> None:
    _powers(name, value, 3, "(m1, m2, m3)")


def _powers(name: str, value: Any, count: int, axes: str) -> None:
    if not isinstance(value, tuple) or len(value) != count:
        raise TypeError(f"{name} must be a tuple {axes} of powers of two, got {_check.shown(value)}")
    for one in value:
        _check.real(name, one, low=1.0, high=float(MOST))
        _check.satisfies(name, one, lambda x: np.log2(x) % 1 == 0, f"{axes} of powers of two")


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value


class Organisation(Spec):
    """The parts of a macro, all counts powers of two.

    A bank is an array of mats, a mat an array of subarrays, a subarray an array of cells with its own decoders. Some
    mats, and some subarrays in them, work on one word together. Bit lines go through a multiplexer to a sense amplifier
    (m1 bit lines each), and from there through two more (m2, m3). Rows and columns of a subarray follow:

        rows = 2^A / (m1 m2 m3),   columns = m1 m2 m3 D

    with A and D the address and data bits that reach a subarray (`shape`).

    Args:
        mats: rows and columns of mats in the bank.
        active_mats: rows and columns of them that work on one word.
        subarrays: rows and columns of subarrays in a mat.
        active_subarrays: rows and columns of them that work on one word.
        muxes: (m1, m2, m3) inputs of the three levels.

    The counts may be arrays [n]: of n organisations. Its text is that of NVSim's settings, such as
    "bank 4x4 (1x4 active), mat 2x2 (1x2 active), mux 2x1x1".

    Raises: TypeError for what are no such tuples, ValueError for numbers that are no powers of two, or for more that
        are active than there are.
    """

    mats: tuple = ruled(_rows_and_columns, converter=_as_tuple, default=(1, 1))
    active_mats: tuple = ruled(_rows_and_columns, converter=_as_tuple, default=(1, 1))
    subarrays: tuple = ruled(_rows_and_columns, converter=_as_tuple, default=(1, 1))
    active_subarrays: tuple = ruled(_rows_and_columns, converter=_as_tuple, default=(1, 1))
    muxes: tuple = ruled(_three_levels, converter=_as_tuple, default=(1, 1, 1))

    def check_relations(self) -> None:
        for name in ("mats", "subarrays"):
            for active, there in zip(getattr(self, f"active_{name}"), getattr(self, name), strict=True):
                few, many = _check.concrete(active), _check.concrete(there)
                if few is not None and many is not None and np.any(few > many):
                    raise ValueError(
                        f"Organisation.active_{name} must be no more than Organisation.{name}, got "
                        f"{_check.shown(getattr(self, f'active_{name}'))} of {_check.shown(getattr(self, name))}"
                    )

    def __str__(self) -> str:
        if any(np.ndim(count) for name in (*PAIRS, "muxes") for count in getattr(self, name)):
            return f"{np.size(self.mats[0])} organisations"
        mats, active, arrays, used, muxes = (
            "x".join(f"{int(count)}" for count in getattr(self, name)) for name in (*PAIRS, "muxes")
        )
        return f"bank {mats} ({active} active), mat {arrays} ({used} active), mux {muxes}"

    def shape(self, capacity: Any, word: Any) -> tuple[Any, Any]:
        """Word and bit lines of a subarray, of a capacity and a word in bits; fractions where it cannot be."""
        (mats, subarrays), (active, used) = self.mats_and_subarrays(), self.active()
        muxes = self.muxes[0] * self.muxes[1] * self.muxes[2]
        columns = muxes * word / (active * used)
        return capacity / (mats * subarrays) / columns, columns

    def mats_and_subarrays(self) -> tuple[Any, Any]:
        """How many in the bank, and in a mat."""
        return self.mats[0] * self.mats[1], self.subarrays[0] * self.subarrays[1]

    def active(self) -> tuple[Any, Any]:
        """How many mats, and subarrays in each, work on one word."""
        return self.active_mats[0] * self.active_mats[1], self.active_subarrays[0] * self.active_subarrays[1]


class Levels(NamedTuple):
    """Logarithms to the base 2 of the counts of an organisation (int32), in the order of its fields."""

    mats: tuple
    active_mats: tuple
    subarrays: tuple
    active_subarrays: tuple
    muxes: tuple


def levels(organisation: Organisation) -> Levels:
    return Levels(*(tuple(_level(count) for count in getattr(organisation, name)) for name in (*PAIRS, "muxes")))


def _level(count: Any) -> Any:
    xp: Any = jnp if isinstance(count, Tracer) else np
    return xp.round(xp.log2(xp.asarray(count, float))).astype(np.int32)
