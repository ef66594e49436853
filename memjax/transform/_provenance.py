"""Where a value of a program comes from: from parameters and constants alone (a weight), or from data.

Weights are numbered by value: equal numbers, equal values. So two products with the same weight share a crossbar, and
a loop over a stack of weights has one number for all its steps.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from jax.core import Tracer

# Position of an equation: its index in the program, then in the program inside, and so on.
Position = tuple[int, ...]


class Constant:
    """A value made of constants alone, computed when it is asked for."""

    def __init__(self, compute: Callable[[], Any]):
        self._compute, self._value = compute, None

    @property
    def value(self) -> Any:
        if self._value is None:
            self._value = self._compute()
        return self._value


class Number(int):
    """A number for a value. Its `digest` is that of how it is computed, the same in every program and process."""

    digest: str


class Weight(NamedTuple):
    """Provenance of a value computed from parameters and constants alone.

    Attributes:
        number: equal for equal values.
        paths: the parameters it is computed from.
        loops: the enclosing loops over whose steps it changes, by depth.
        uniform: axes along which all its elements are equal.
        constant: the value, where it depends on nothing but constants.
    """

    number: Number
    paths: tuple[str, ...] = ()
    loops: tuple[int, ...] = ()
    uniform: frozenset[int] = frozenset()
    constant: Constant | None = None


class Data(NamedTuple):
    """Provenance of any other value.

    Attributes:
        after: the products with a weight that it came through last.
        mixed: (parameter, primitive) for every matrix that entered it otherwise than by a product: by a look-up, a
            mask, a sum.
    """

    after: frozenset[Position] = frozenset()
    mixed: frozenset[tuple[str, str]] = frozenset()


Source = Weight | Data

# What hands on the elements of its operands, chosen, scaled or summed: a weight in its result is still there.
_LINEAR_NAMES = """
gather dynamic_slice dynamic_update_slice scatter scatter-add select_n mul add add_any sub neg div concatenate
reshape transpose broadcast_in_dim convert_element_type slice squeeze expand_dims rev pad copy copy_p
optimization_barrier device_put reduce_precision stop_gradient split scan while cond
"""
LINEAR = frozenset(_LINEAR_NAMES.split())


def joined(sources: Iterable[Source], primitive: str, matrices: Callable[[str], bool]) -> Data:
    """Provenance of data computed from `sources` by a primitive; `matrices` says which parameters count as mixed in."""
    after: frozenset[Position] = frozenset()
    mixed: frozenset[tuple[str, str]] = frozenset()
    for source in sources:
        if isinstance(source, Weight):
            how = OFFSET if primitive in SUMS and source.uniform else primitive
            mixed |= {(path, how) for path in source.paths if matrices(path)}
        else:
            after, mixed = after | source.after, mixed | source.mixed
    return Data(after, mixed if primitive in LINEAR else frozenset())


def union(names: Iterable[tuple]) -> tuple:
    """All the elements of some tuples, in order."""
    return tuple(dict.fromkeys(name for group in names for name in group))


# What adds a weight to data. One that is the same all along an axis of the data (a bias of heads, a position) shifts
# the data; one that is not makes another weight of it (a step of descent).
SUMS = ("add", "add_any", "sub")
OFFSET = "an offset"


class Depth(int):
    """How deep a loop lies. The same loop lies deeper in a program around it, so digests leave it out."""


class Numbers:
    """Numbers for values: the same for the same key."""

    def __init__(self):
        self._numbers: dict[Any, Number] = {}

    def __call__(self, *key: Any) -> Number:
        if key not in self._numbers:
            number = self._numbers[key] = Number(len(self._numbers))
            number.digest = hashlib.sha1(_in_words(key).encode()).hexdigest()
        return self._numbers[key]

    def of_array(self, array: Any) -> Number:
        """A number by content; arrays that are traced have one each."""
        if isinstance(array, Tracer) or not hasattr(array, "dtype"):
            return self("object", id(array))
        try:
            host = np.asarray(array)
        except TypeError:  # PRNG keys have no NumPy form
            return self("object", id(array))
        return self("array", str(host.dtype), host.shape, hashlib.sha1(host.tobytes()).hexdigest())


def _in_words(part: Any) -> str:
    """A part of a key without addresses of objects."""
    if isinstance(part, Number):
        return part.digest
    if isinstance(part, Depth):
        return "depth"
    if isinstance(part, tuple):
        return f"({','.join(map(_in_words, part))})"
    return re.sub("0x[0-9a-f]+", "", repr(part))
