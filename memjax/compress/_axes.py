"""Axes of arrays as products of channels that belong together: a union-find of their factors."""

import math
from collections.abc import Sequence

import numpy as np


class Atom:
    """A factor of an axis. Those that were united are the same channels; one may fall into several."""

    def __init__(self, size: int, pinned: str | None = None):
        self.size = size
        self.pinned = pinned  # why none of it can be left out
        self._same: Atom | None = None
        self._parts: tuple[Atom, Atom] | None = None

    @property
    def root(self) -> "Atom":
        """What stands for all that were united with it."""
        return self if self._same is None else self._same.root

    def unite(self, other: "Atom") -> None:
        """Make two roots of one size the same channels."""
        if other is not self:
            other._same = self
            self.pinned = self.pinned or other.pinned

    def split(self, inner: int) -> None:
        """Take a root apart: outer x inner."""
        self._parts = Atom(self.size // inner, self.pinned), Atom(inner, self.pinned)

    def leaves(self) -> "list[Atom]":
        """The roots that it is made of, the fastest last."""
        root = self.root
        return [root] if root._parts is None else [leaf for part in root._parts for leaf in part.leaves()]


Axis = tuple[Atom, ...]


def axis(size: int, pinned: str | None = None) -> Axis:
    """An axis of its own; of one element it has no factors."""
    return () if size == 1 else (Atom(size, pinned),)


def leaves(of: Sequence[Atom]) -> list[Atom]:
    """The factors of an axis as they are by now."""
    return [leaf for atom in of for leaf in atom.leaves() if leaf.size > 1]


def pin(of: Sequence[Atom], why: str) -> None:
    """No part of the axis can be left out."""
    for leaf in leaves(of):
        leaf.pinned = leaf.pinned or why


def unite(a: Sequence[Atom], b: Sequence[Atom]) -> None:
    """Two axes are the same channels: larger factors are taken apart to fit the smaller ones."""
    while (left := leaves(a)) != (right := leaves(b)):
        one, two = next((x, y) for x, y in zip(reversed(left), reversed(right), strict=False) if x is not y)
        small, large = sorted((one, two), key=lambda atom: atom.size)
        if small.size == large.size:
            small.unite(large)
        elif large.size % small.size == 0:
            large.split(small.size)
        else:
            for part in (a, b):
                pin(part, "its factors do not match those of another axis")
            return


def regrouped(axes: Sequence[Sequence[Atom]], shape: tuple[int, ...]) -> tuple[Axis, ...]:
    """Axes of a reshaped array; what is taken apart can no longer lose channels."""
    left = [leaf for one in axes for leaf in leaves(one)]
    found: list[Axis] = []
    for size in reversed(shape):
        taken: list[Atom] = []
        while (wanted := size // math.prod(atom.size for atom in taken)) > 1:
            atom = left.pop()
            if max(wanted, atom.size) % min(wanted, atom.size):
                why = "a reshape mixes its axis with others"
                for one in axes:
                    pin(one, why)
                return tuple(axis(n, why) for n in shape)
            if atom.size > wanted:
                pin((atom,), "a reshape takes its axis apart")
                atom.split(wanted)
                outer, atom = atom.leaves()
                left.append(outer)
            taken.insert(0, atom)
        found.insert(0, tuple(taken))
    return tuple(found)


def apart(array: np.ndarray, of: Sequence[Atom], dim: int, position: int) -> np.ndarray:
    """[channels of one factor of an axis, all else]."""
    sizes = [leaf.size for leaf in leaves(of)]
    split = array.reshape(*array.shape[:dim], *sizes, *array.shape[dim + 1 :])
    return np.moveaxis(split, dim + position, 0).reshape(sizes[position], -1)


def chosen(of: Sequence[Atom], masks: dict[Atom, np.ndarray], size: int) -> np.ndarray:
    """Which elements of an axis are in the masks of all its factors, [size]."""
    found = np.ones(1, bool)
    for leaf in leaves(of):
        found = np.logical_and.outer(found, masks.get(leaf, np.ones(leaf.size, bool))).reshape(-1)
    return np.broadcast_to(found, (size,))
