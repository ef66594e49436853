"""Pruning for crossbars by ADMM against one-shot pruning by magnitude, at equal compression.

    python experiments/compress.py [--dataset mnist cifar10] [--out DIR] [--quick]

The trained networks of Souto Garnelo et al. under constraints on their filters (with all that belongs to them), rows
of their matrices, blocks of a tile (32 x 32), and on weights of 4 levels for each sign, each alone and groups with
levels. ADMM: some steps of it, projection, retraining of what is left. One-shot: projection of the trained network by
the norms of its groups and the same retraining, or one "as long" as ADMM and retraining together; levels by rounding.
Statistics of normalisations, which are digital, are taken anew. Then the
accuracy on 20 chips of cells with 10 % variation, tiles, area and energy of an image (ISAAC's components). Intervals
are 95 % over the test images (one training each) or over the chips. Writes compress.csv and compress.png.
"""

import argparse
import pathlib
import time
from functools import partial
from typing import Any

import _compress as C
import numpy as np
from _intervals import interval

import memjax as mj
from memjax.plot import look

SETTINGS = {
    "digits": C.Setting(
        dict(filters=0.5, rows=0.5, blocks=0.5),
        admm=20,
        retrain=10,
        levels=20,
        every=5,
        images=300,
        on_chips=50,
        chips=2,
    ),
    "mnist": C.Setting(dict(filters=0.4, rows=0.2, blocks=0.2)),
    "cifar10": C.Setting(dict(filters=0.6, rows=0.4, blocks=0.4), images=5000, on_chips=200),
}
METHODS = ("ADMM", "one-shot", "one-shot, as long")
PUBLISHED = """Published, abstracts; other networks and data, so not comparable:
  Yuan et al. (ISLPED 2019): 29.81x (VGG-16), 20.88x (ResNet-18) compression, 98.38 % / 96.96 % less power, 98.29 % /
    97.47 % less area, 0.5 % / 0.76 % accuracy lost
  Ma et al. (ASP-DAC 2020): with purification and unused path removal, 8-bit weights, nearly no loss"""


def run(dataset: str) -> list[dict[str, Any]]:
    """A row for each constraint and method."""
    task = C.Task(dataset, SETTINGS[dataset])
    whole = sum(kernel.size for kernel in task.kernels.values())
    rows: list[dict[str, Any]] = []

    def note(constraint: str, levels: bool, method: str, found: C.Pruned) -> None:
        named = task.named(found.params)
        left = sum(int((named[name] != 0).sum()) for name in task.kernels)
        correct, chips = task.correct(found), task.on_chips(found)
        row = dict(dataset=dataset, constraint=constraint, levels=levels, method=method, compression=whole / left)
        row |= dict(accuracy=100 * correct.mean(), chips=100 * chips.mean(), chips_std=100 * chips.std(ddof=1))
        pack = partial(C.packed, aligned=constraint == "blocks")
        row |= C.cost(task, found, pack if constraint != "none" else lambda matrix: [matrix])
        row |= dict(primal=found.primal, correct=correct, on_chips=chips)
        if constraint == "filters":
            row["compact_tiles"], row["compact_error"] = C.compacted(task, found)
        rows.append(row)
        print(
            f"{dataset:8} {constraint:8} {'levels' if levels else '':6} {method:17} {row['compression']:5.1f}x  "
            f"{row['accuracy']:6.2f} %  chips {row['chips']:6.2f} ± {row['chips_std']:.2f} %  {row['tiles']} tiles",
            flush=True,
        )

    note("none", False, "trained", task.trained)
    for method in METHODS:
        if method != METHODS[2]:  # levels alone are rounded, without retraining
            note("none", True, method, C.to_levels(task, task.trained, method))
        for constraint in C.GROUPS:
            found = C.prune(task, constraint, method)
            note(constraint, False, method, found)
            note(constraint, True, method, C.to_levels(task, found, method))
    return rows


def claims(rows: list[dict[str, Any]]) -> list[str]:
    """Whether ADMM is better than one-shot pruning, for each constraint."""
    lines = []
    of = {(row["dataset"], row["constraint"], row["levels"], row["method"]): row for row in rows}
    for dataset, constraint, levels, method in of:
        if method not in METHODS[1:]:
            continue
        one, other = of[dataset, constraint, levels, "ADMM"], of[dataset, constraint, levels, method]
        what = " and ".join([constraint] * (constraint != "none") + ["levels"] * levels)
        for kind, part in (("digital", "correct"), ("on chips", "on_chips")):
            difference = 100.0 * (one[part].astype(float) - other[part])
            mean, low, high = interval(difference)
            verdict = "better" if low > 0 else "worse" if high < 0 else "no difference seen"
            lines.append(
                f"{dataset}, {what}, {kind}: ADMM - {method} {mean:+.2f} [{low:+.2f}, {high:+.2f}] points: {verdict}"
            )
    return lines


def table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The numbers of a file."""
    columns = [name for name in rows[0] if name not in ("correct", "on_chips")]
    columns += ["compact_tiles", "compact_error"]
    plain = lambda value: f"{value:.5g}" if isinstance(value, float) else value
    return [{name: plain(row.get(name, "")) for name in columns} for row in rows]


def figure(rows: list[dict[str, Any]]):
    """Accuracy on chips (bars) and digitally (marks) of every constraint, by method, a panel for each data set."""
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    with look.panels(1, len(datasets), 5.2 * len(datasets), 3.6) as (new, grid):
        for ax, dataset in zip(grid[0], datasets, strict=True):
            own = [row for row in rows if row["dataset"] == dataset]
            kinds = list(dict.fromkeys((row["constraint"], row["levels"]) for row in own))[1:]
            for index, method in enumerate(METHODS):
                of = {(row["constraint"], row["levels"]): row for row in own if row["method"] == method}
                found = [of[kind] for kind in kinds if kind in of]
                at = np.array([n for n, kind in enumerate(kinds) if kind in of]) + 0.27 * (index - 1)
                ax.bar(
                    at, [r["chips"] for r in found], 0.25, yerr=[r["chips_std"] for r in found], capsize=2,
                    color=look.COLOURS[index], alpha=0.75, label=f"{method}, on chips",
                )  # fmt: skip
                ax.plot(
                    at, [r["accuracy"] for r in found], "_", color=look.INK, markersize=8,
                    label=None if index else "digital",
                )  # fmt: skip
            ax.axhline(own[0]["accuracy"], color=look.INK, linestyle="--", linewidth=0.9, label="trained network")
            names = ["\n".join([c] * (c != "none") + ["levels"] * levels) for c, levels in kinds]
            ax.set_xticks(np.arange(len(kinds)), names)
            ax.set_ylim(0, 102)
            ax.set_title(f"{dataset}, trained network: {own[0]['accuracy']:.2f} %", loc="left")
        grid[0, 0].set_ylabel("Accuracy (%)")
        new.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return new


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/compress"))
    parser.add_argument("--dataset", nargs="+", choices=list(SETTINGS), default=["mnist", "cifar10"])
    parser.add_argument("--quick", action="store_true", help="digits, few steps, 2 chips: that it runs; no results")
    args = parser.parse_args()
    mj.study.check_writable(args.out)
    start, rows = time.perf_counter(), []
    for dataset in ["digits"] if args.quick else args.dataset:
        rows += run(dataset)
        mj.study.write(args.out, {"compress.csv": table(rows)})
    written = mj.study.write(args.out, {"compress.csv": table(rows), "compress.png": figure(rows)})
    print(*claims(rows), PUBLISHED, f"{time.perf_counter() - start:.0f} s. Written:", *written, sep="\n")


if __name__ == "__main__":
    main()
