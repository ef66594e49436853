"""How much the trained weights decide of stuck and of worn cells (tables 6 and 3 of Souto Garnelo et al.).

    python experiments/train.py cifar10 --seed 1 --out results/recipes/seed-1              # a folder for each network
    python experiments/train.py cifar10 --no-augment --out results/recipes/no-augmentation
    python experiments/souto_garnelo/recipes.py --weights results/recipes/*/cifar10.npz [--chips 20] [--images 200]
    python experiments/souto_garnelo/recipes.py --quick

Assumptions
  Cells stuck at HRS and worn cells as in `faults.py` and `ageing.py`, in networks of one shape that differ in nothing
  but their training: seed, number of epochs, augmentation, weight decay, optimiser. The paper's recipe is not known. If
  the networks differ by as much as the published value from ours, it cannot be decided without the paper's weights.
"""

import argparse
import pathlib

import ageing
import jax
import study
import xarray
from unknowns import HRS, PUBLISHED

import memjax as mj

KINDS = ["HRS", "worn", "worn, tuned"]


def measure(cases: dict[str, study.Case], sweep) -> xarray.Dataset:
    """Accuracy by (network, what is wrong with it, chip)."""
    names = list(cases)

    def accuracy(key, network, what):
        case = cases[names[network]]
        if what == "HRS":
            return study.accuracy(case, key, study.hardware(effects=(mj.effects.StuckAt(hrs=HRS),)))
        wearing, tuning = jax.random.split(jax.random.fold_in(key, 1))

        def then(analog, chip):
            chip = analog.age(chip, wearing, cycles=ageing.CYCLES, temperature=ageing.TEMPERATURE)
            return (
                analog.tune(chip, case.shown.params, tuning, case.shown.images[:1]) if what == "worn, tuned" else chip
            )

        return study.accuracy(case, key, study.hardware(effects=(study.variation(), ageing.failing())), then)

    found = sweep(accuracy, {"what": KINDS, "network": range(len(names))})
    return found.assign_coords(network=names)


def figure(found: xarray.Dataset, cases: dict[str, study.Case], published: dict[str, float]):
    """Every chip of every network, beside its digital accuracy and the published values."""
    look = mj.plot.look
    with look.panels(1, len(KINDS), 9.6, 3.4) as (new, grid):
        for ax, what in zip(grid[0], KINDS, strict=True):
            for place, (name, case) in enumerate(cases.items()):
                chips = 100 * found.accuracy.sel(what=what, network=name)
                ax.scatter(chips, [place] * len(chips), s=12, color=look.COLOURS[0], alpha=0.5)
                ax.scatter(chips.mean(), place, marker="|", s=120, color=look.INK)
                ax.scatter(100 * case.digital, place, marker="x", s=18, color=look.COLOURS[1])
            if (value := published.get(what.split(",")[0])) is not None:
                ax.axvline(value, linestyle="--", linewidth=0.9, color=look.INK)
                ax.set_title(f"{what}; published {value} %")
            ax.set(xlabel="Accuracy (%); × digital", xlim=(0, 100), yticks=range(len(cases)))
            ax.set_yticklabels(list(cases) if ax is grid[0][0] else [])
            ax.invert_yaxis()
    return new


def rows(found: xarray.Dataset, cases: dict[str, study.Case]) -> list[dict]:
    table = []
    for name, case in cases.items():
        row = {"network": name, "digital": 100 * case.digital}
        for what in KINDS:
            chips = 100 * found.accuracy.sel(what=what, network=name)
            row |= {what: float(chips.mean()), f"{what}, std": float(chips.std(ddof=1))}
            row[f"{what}, best"] = float(chips.max())
        table.append(row)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--weights", type=pathlib.Path, nargs="+", default=[], help="beside those of experiments/networks"
    )
    parser.add_argument("--dataset", choices=["mnist", "cifar10", "cifar100"], default="cifar10")
    parser.add_argument("--chips", type=int, default=20)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="digits, one network twice: that it runs; no results")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/souto_garnelo"))
    args = parser.parse_args()
    for name, least in (("chips", 2), ("images", 1)):
        if (given := getattr(args, name)) < least:
            parser.error(f"--{name} must be at least {least}, got {given}")
    if args.quick:
        args.dataset, args.chips, args.images = "digits", study.QUICK_CHIPS, study.QUICK_IMAGES
        args.weights = [study.networks.WEIGHTS / "digits.npz"]
    try:
        mj.study.check_writable(args.out)
        cases = {"stored": study.load(args.dataset, args.images, args.quick)}
        cases |= {path.parent.name: study.load(args.dataset, args.images, args.quick, path) for path in args.weights}
    except (OSError, ImportError, ValueError) as error:
        raise SystemExit(str(error)) from None
    path = args.out / f"recipes-{args.dataset}"
    found = measure(
        cases, lambda fn, grid: study.sweep(cases["stored"], args.chips, path, fn, grid, static=("what", "network"))
    )
    table = rows(found, cases)
    for row in table:
        words = (
            f"{what} {row[what]:.2f} ± {row[f'{what}, std']:.2f} %, best {row[f'{what}, best']:.2f}" for what in KINDS
        )
        print(f"  {row['network']:<20} digital {row['digital']:.2f} %; {'; '.join(words)}")
    published = PUBLISHED.get(args.dataset, {})
    for what, value in published.items():
        for kind in (kind for kind in KINDS if kind.startswith(what)):
            means, best = [row[kind] for row in table], [row[f"{kind}, best"] for row in table]
            reach = sum(chip >= value for chip in best)
            said = "within" if min(means) <= value <= max(means) else "outside"
            print(
                f"  {kind}: published {value} % is {said} the means of these networks, {min(means):.2f} to "
                f"{max(means):.2f} %; {reach} of {len(table)} networks have a chip that reaches it"
            )
    print(__doc__[__doc__.index("Assumptions") :].strip())
    files = {f"{path.name}.csv": table, f"{path.name}.png": figure(found, cases, published)}
    print("Written:", *mj.study.write(args.out, files), sep="\n  ")
    if args.quick:
        print("The quick setting shows that the experiment runs; its numbers are no results.")


if __name__ == "__main__":
    main()
