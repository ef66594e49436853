"""How the arrays of a mapping lie on physical tiles."""

from dataclasses import dataclass
from typing import Any

SHARED = ("word lines", "bit lines", None)


@dataclass(frozen=True)
class Placement:
    """Arrays that are one physical tile.

    Attributes:
        arrays: their names, in the order in which they lie.
        share: what they have in common: "bit lines": their word lines alternate, those of one input adjacent;
            "word lines": their bit lines stand side by side; None: a single array.
    """

    arrays: tuple[str, ...]
    share: str | None = None

    def __post_init__(self):
        if self.share not in SHARED or (self.share is None) != (len(self.arrays) == 1):
            raise ValueError(
                f"Placement.share must be 'word lines' or 'bit lines' for several arrays and None for one, got "
                f"{self.share!r} for {self.arrays}"
            )

    @property
    def name(self) -> str:
        """The arrays, as in "pos-neg"."""
        return "-".join(self.arrays)

    @property
    def word_lines(self) -> int:
        """Word lines that one input drives."""
        return len(self.arrays) if self.share == "bit lines" else 1

    def join(self, parts: list[Any]) -> Any:
        """Numbers of the cells of each array [..., rows, columns] -> those of the tile [..., word lines, bit lines]."""
        if self.share is None:
            return parts[0]
        xp = parts[0].__array_namespace__()
        if self.share == "word lines":
            return xp.concatenate(parts, axis=-1)
        *lead, rows, columns = parts[0].shape
        return xp.stack(parts, axis=-2).reshape(*lead, rows * len(parts), columns)

    def split(self, tile: Any, widths: list[int]) -> list[Any]:
        """The inverse of `join`, for arrays with `widths` columns."""
        if self.share is None:
            return [tile]
        if self.share == "word lines":
            ends = [sum(widths[: i + 1]) for i in range(len(widths))]
            return [tile[..., end - width : end] for width, end in zip(widths, ends, strict=True)]
        return [tile[..., i :: len(self.arrays), :] for i in range(len(self.arrays))]
