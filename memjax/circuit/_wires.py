"""The resistances of the wires of one array."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from memjax._field import Spec, flag, number


class Links(NamedTuple):
    """Resistance of every link of an array, each line with its terminal [ohm]; a length of 1 stands for all lines.

    word: [m or 1, n], link j leads to cell j from the side of the driver; bit: [m, n or 1], link i leads from cell i
    towards the sense terminal. word_far [m or 1] and bit_far [n or 1]: from the other ends to drivers and terminals of
    their own, or None.
    """

    word: Array
    bit: Array
    word_far: Array | None
    bit_far: Array | None


class Wires(Spec):
    """Resistances of the wires of an array of m word lines and n bit lines, from drivers to virtual grounds.

    A word line starts at its driver: `source`, then a segment before each of its n cells. A bit line ends at its sense
    terminal: a segment after each of its m cells, then `sense`. So the link from the driver to the first cell is
    source + row, and the link from the last cell to the virtual ground sense + column.

    Args:
        row: segments of a word line, from the driver on [ohm]: a number, [n] or [m, n].
        column: segments of a bit line, segment i below cell i [ohm]: a number, [m] or [m, n].
        source: output resistance of the drivers [ohm]: a number or [m]. Infinity: a word line left floating.
        sense: input resistance of the sense terminals [ohm]: a number or [n]. Infinity: a bit line left floating.
        double_drive: every word line is driven at its far end too, through source + row (that of the first cell).
        double_sense: every bit line is sensed at its top too, through sense + column (that of the last cell).

    Any of them may be zero.

    Raises: ValueError for a resistance that is negative, NaN or (segments) infinite.

    Example:
        ```python
        import memjax as mj

        wires = mj.Wires(row=2.0, column=2.0, source=50.0, sense=50.0)  # ohm
        hardware = mj.Hardware(tile=(64, 64), wires=wires)
        ```
    """

    row: Any = number(low=0.0, per_line=True, unit="ohm", default=0.0)
    column: Any = number(low=0.0, per_line=True, unit="ohm", default=0.0)
    source: Any = number(low=0.0, infinite=True, per_line=True, unit="ohm", default=0.0)
    sense: Any = number(low=0.0, infinite=True, per_line=True, unit="ohm", default=0.0)
    double_drive: bool = flag(default=False)
    double_sense: bool = flag(default=False)

    def check(self, m: int, n: int) -> None:
        """Raise unless the resistances suit an array of m word lines and n bit lines."""
        valid = {
            "row": ((), (n,), (m, n)),
            "column": ((), (m,), (m, n)),
            "source": ((), (m,)),
            "sense": ((), (n,)),
        }
        for name, shapes in valid.items():
            shape = jnp.shape(getattr(self, name))
            if shape not in shapes:
                raise ValueError(
                    f"Wires.{name} must have shape {' or '.join(map(str, shapes))} for {m} word lines and {n} bit "
                    f"lines, got {shape}"
                )

    def links(self, m: int, n: int, dtype: Any) -> Links:
        """The resistance of every link of an array of m word lines and n bit lines."""
        row, column, source, sense = (jnp.asarray(r, dtype) for r in (self.row, self.column, self.source, self.sense))
        row = row if row.ndim == 2 else jnp.broadcast_to(row, (1, n))
        column = column if column.ndim == 2 else jnp.broadcast_to(column.reshape(-1, 1), (m, 1))
        source, sense = jnp.atleast_1d(source), jnp.atleast_1d(sense)
        first, last = source + row[:, 0], sense + column[-1]
        word = jnp.concatenate([first[:, None], jnp.broadcast_to(row[:, 1:], (first.shape[0], n - 1))], axis=1)
        bit = jnp.concatenate([jnp.broadcast_to(column[:-1], (m - 1, last.shape[0])), last[None]])
        return Links(word, bit, first if self.double_drive else None, last if self.double_sense else None)

    def path(self, m: int, n: int, dtype: Any) -> Array:
        """Resistance of the wires in series with each cell [m, n] where no other cell of its lines conducts [ohm]."""
        links = self.links(m, n, dtype)
        word = _between(links.word.T, links.word_far).T
        bit = _between(jnp.flip(links.bit, 0), links.bit_far)
        return jnp.broadcast_to(word, (m, n)) + jnp.broadcast_to(jnp.flip(bit, 0), (m, n))

    def turned(self) -> "Wires":
        """The wires of the array seen from its bit lines: drivers where it was sensed, and sensed where it was driven.

        Word line k of the turned array is bit line n-1-k of this one and bit line k word line m-1-k, so that its
        conductances are `jnp.flip(conductance.T)`, and its transfer matrix is `jnp.flip(transfer.T)` (reciprocity).
        """
        back = lambda r: jnp.flip(jnp.asarray(r).T)
        return Wires(
            back(self.column), back(self.row), back(self.sense), back(self.source), self.double_sense, self.double_drive
        )


def _between(links: Array, far: Array | None) -> Array:
    """Resistance from the terminals to each node of lines along axis 0."""
    near = jnp.cumsum(links, axis=0)
    if far is None:
        return near
    beyond = far + near[-1:] - near
    total = near + beyond
    return jnp.where(total > 0, near * (beyond / jnp.where(total > 0, total, 1.0)), 0.0)
