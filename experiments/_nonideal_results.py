"""Results of trainings on chips that are not ideal: on disk after each point, in words, as a figure."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

import memjax as mj
from memjax.plot import look


class Book:
    """The results so far, on disk after each point."""

    def __init__(self, path: pathlib.Path, setting: Any, resume: bool):
        self.path, self.setting, self.rows = path, json.loads(json.dumps(setting._asdict())), []
        if resume and self.path.exists():
            content = json.loads(self.path.read_text())
            if content["setting"] != self.setting:
                raise SystemExit(
                    f"{str(self.path)!r} is of another setting, {content['setting']}: go on with that one, choose "
                    "another --out or leave out --resume"
                )
            self.rows = content["rows"]

    def has(self, **what: Any) -> bool:
        return bool(self.select(**what))

    def select(self, **what: Any) -> list[dict]:
        return [row for row in self.rows if all(row.get(name) == value for name, value in what.items())]

    def values(self, column: str = "accuracy", **what: Any) -> np.ndarray:
        """A column of the rows of some points, by seed (the mean over the points of each)."""
        rows = self.select(**what)
        seeds = sorted({row["seed"] for row in rows})
        return np.array([np.mean([row[column] for row in rows if row["seed"] == seed]) for seed in seeds])

    def add(self, rows: list[dict], **more: Any) -> None:
        self.rows += rows
        content = {"setting": self.setting, "rows": self.rows} | more
        mj.study.write(self.path.parent, {self.path.name: json.dumps(content, indent=1)})


def summary(book: Book) -> str:
    """Mean and standard deviation over seeds of every point."""
    lines = []
    for study, what, value in dict.fromkeys((r["study"], r["what"], r["value"]) for r in book.rows):
        at = dict(study=study, what=what, value=value)
        shown = lambda v: f"{v.mean():.3f} ± {v.std(ddof=1):.3f}"
        columns = ("cosine", "ratio", "first") if study == "gradient" else ("accuracy",)
        cells = "   ".join(f"{name} {shown(book.values(name, **at))}" for name in columns)
        lines.append(f"  {study:<10}{what:<26}{value:>8g}   {cells}")
    return "\n".join(lines)


def figure(book: Book, panels: tuple, unspoilt: Callable, passes: tuple[str, ...]) -> bytes:
    """Gradients and accuracies against what spoils them.

    Args:
        book: the results.
        panels: eight (study, kinds of points, label of their values, label of the results); fractions are drawn in
            percent where the label says so; without kinds of points one mark for each of `passes`.
        unspoilt: (book, study, kind of point) -> the point at the value zero, None where there is none.
        passes: points of the study "passes", in their order.
    """
    level = 100.0 * book.values(study="passes", what="digital").mean()
    with look.panels(2, 4, 13, 6) as (picture, grid):
        for ax, (study, names, x, y) in zip(grid.flat, panels, strict=True):
            column, percent = ("cosine", 1.0) if study == "gradient" else ("accuracy", 100.0)
            for name, colour, marker in zip(names, look.COLOURS, look.MARKERS, strict=False):
                values = sorted({row["value"] for row in book.select(study=study, what=name)})
                found = [percent * book.values(column, study=study, what=name, value=v) for v in values]
                zero = unspoilt(book, study, name)
                if zero is not None and book.has(**zero):
                    values, found = [0.0, *values], [percent * book.values(column, **zero), *found]
                places = [100.0 * value for value in values] if "(%" in x else values
                means, spreads = [f.mean() for f in found], [f.std(ddof=1) for f in found]
                label = name.replace("C2C", "cycle to cycle")
                ax.errorbar(places, means, spreads, color=colour, marker=marker, capsize=2, label=label)
            if column == "accuracy":
                ax.axhline(level, color=look.INK, ls="--", lw=1.0, label=f"digital ({level:.1f} %)")
            ax.margins(y=0.2)  # room for the legend
            if names:
                ax.legend()
            else:
                _marks(ax, book, passes)
            if x == "States":
                ax.set_xscale("log", base=2)
            ax.set(xlabel=x, ylabel=y)
    return picture


def _marks(ax, book: Book, passes: tuple[str, ...]) -> None:
    """Accuracy where a pass is not ideal."""
    names = [n for n in passes if book.has(study="passes", what=n)]
    for index, name in enumerate(names):
        found = 100.0 * book.values(study="passes", what=name)
        ax.errorbar(index, found.mean(), found.std(ddof=1), color=look.COLOURS[0], marker="o", capsize=3)
    ax.set_xticks(range(len(names)), [n.replace("both", "forward,\nbackward").replace(" ", "\n") for n in names])
    ax.tick_params(axis="x", labelsize=7)
