"""Sums of products misread when many word lines are driven at once, and what that costs a network (DL-RSIM).

    python experiments/reliability.py [--out DIR] [--dataset mnist] [--draws 20] [--images 25] [--quick]

Binary lognormal cells of 10 kilohm and 1 megohm (medians). First the rate at which a sum of N cells is misread: by
Monte Carlo, by convolution, and for normal currents. Then the trained MNIST network of Souto Garnelo et al. with 3-bit
magnitudes of weights (a column of cells for each bit and sign) and of inputs (bit by bit), N word lines driven at once,
converters with codes for 2^b - 1 ones, which are spread over all N where there are fewer, or clip: on explicit cells,
and with errors drawn from P[decoded | ideal] in place of cells. Every draw is a new chip (or new errors) that is shown
images of its own from the test set. Each N is one `memjax.sweep` over spread and bits, in one compilation; a run that
was stopped goes on from its stores.
"""

import argparse
import itertools
import pathlib
import time

import jax
import jax.numpy as jnp
import networks
import numpy as np
import xarray
from _intervals import interval

import memjax as mj
from memjax import reliability
from memjax.plot import look

R_ON, R_OFF = 10e3, 1e6
SLICES = PLANES = 3  # bits of the magnitudes of weights and inputs
TILE = (128, 128)
ROWS = (4, 8, 16, 32, 64)
GRIDS = {  # word lines at once, spreads, bits; 7 bits: a code for every sum
    "explicit": (ROWS, (0.1, 0.3, 0.5, 0.7), (2, 3, 4, 7)),
    "clipping": (ROWS, (0.1, 0.3), (2, 3, 4)),
    "injected": ((4, 16, 64), (0.3, 0.5), (7,)),
}
QUICK = {
    "explicit": ((4, 16), (0.3,), (2, 7)),
    "clipping": ((16,), (0.3,), (2,)),
    "injected": ((4,), (0.3,), (7,)),
}
TARGET = 0.02  # accuracy that may be lost
CLAIMED = "Claims of DL-RSIM (Lin et al., ICCAD 2018), from memory [unverified]; theirs are other networks and cells:"


def rates(rows, sigma, samples: int, key) -> list[dict]:
    """How often every sum is misread, found in three ways."""
    table = []
    for n in rows:
        for s in sigma:
            device = {"rows": n, "r_on": R_ON, "r_off": R_OFF, "sigma": s}
            found = {
                "monte_carlo": reliability.sop_confusion(key, samples=samples, **device),
                "exact": reliability.sop_confusion_exact(**device),
                "gaussian": reliability.sop_confusion_gaussian(**device),
            }
            by_sum = {way: np.asarray(reliability.error_rates(matrix)) for way, matrix in found.items()}
            table += [{"rows": n, "sigma": s, "ones": k} | {w: r[k] for w, r in by_sum.items()} for k in range(n + 1)]
    return table


def hardware(way: str, rows: int, sigma, bits, key, samples: int) -> mj.Hardware:
    """Explicit cells, the same with an LSB of one cell, or errors from their matrix; numbers may be traced."""
    codes = 2.0 ** jnp.asarray(bits) - 1.0
    adc = mj.Adc(bits + 1, mj.converters.RelativeToWeights(codes) if way == "clipping" else None)
    device = {"rows": rows, "r_on": R_ON, "r_off": R_OFF, "sigma": sigma, "adc": adc}
    cells = reliability.sop_hardware(slices=SLICES, planes=PLANES, tile=TILE, **device)
    if way != "injected":
        return cells
    return reliability.inject(cells, reliability.sop_confusion(key, samples=samples, **device))


def trained(dataset: str) -> tuple:
    """(network, test images, test labels)."""
    data, model = mj.data.load(dataset), networks.load(dataset)[0]
    model.eval()
    return model, jnp.asarray(data.test_images), jnp.asarray(data.test_labels)


def experiment(task, way: str, rows: int, count: int, samples: int):
    """The function that is swept: the accuracy of one chip on `count` images of its own, and the digital one."""
    model, images, labels = task
    forward, state = mj.study.as_function(model)

    def accuracy(key, sigma, bits):
        table, chosen, write, read = jax.random.split(key, 4)
        first = jax.random.randint(chosen, (), 0, len(images) // count) * count
        x, y = (jax.lax.dynamic_slice_in_dim(a, first, count) for a in (images, labels))
        analog = mj.crossbarify(forward, hardware(way, rows, sigma, bits, table, samples))
        logits = analog.apply(analog.program(state, write, x), state, x, key=read)
        right = lambda logits: jnp.mean(logits.argmax(-1) == y)
        return {"accuracy": right(logits), "digital": right(forward(state, x))}

    return accuracy


def swept(task, way, rows, sigma, bits, args) -> xarray.Dataset:
    """Accuracy of every draw, dims (rows, sigma, bits, sample)."""
    parts = [
        mj.sweep(
            experiment(task, way, n, args.images, args.samples),
            {"sigma": np.asarray(sigma), "bits": np.asarray(bits)},
            key=jax.random.key(0),
            samples=args.draws,
            batch_size=1,
            store=args.out / f"{args.dataset}-{way}-{n}.zarr",
        )
        for n in rows
    ]
    return xarray.concat(parts, xarray.Variable("rows", list(rows)))


def difference(a, b) -> tuple[float, float]:
    """Mean of a - b over the draws and half its 95 % interval, in points; both see the same images."""
    mean, _, high = interval(100 * (np.asarray(a) - np.asarray(b)))
    return mean, high - mean


def verdict(claim: str, holds: bool, numbers: str) -> str:
    return f"  {claim}: {'confirmed' if holds else 'not confirmed'} here: {numbers}"


def claims(table: list[dict], found: dict[str, xarray.Dataset]) -> list[str]:
    """Each claim with what was measured."""
    falls = [line for bits in found["explicit"].bits.values[[-1, 0]] for line in falling(found["explicit"], bits)]
    choices = [line for way in ("explicit", "clipping") for line in choosing(way, found[way])]
    return [growing(table), *falls, *choices, *drawing(found["explicit"], found["injected"])]


def growing(table: list[dict]) -> str:
    smallest = min(row["sigma"] for row in table)
    rate = [row["exact"] for row in table if row["sigma"] == smallest and row["ones"] == row["rows"] // 2]
    numbers = f"half of N ones, sigma {smallest:g}: {', '.join(f'{each:.3g}' for each in rate)}"
    return verdict(
        "a sum is misread more often the more word lines are driven", bool(np.all(np.diff(rate) >= 0)), numbers
    )


def falling(explicit: xarray.Dataset, bits: int) -> list[str]:
    few, many = explicit.rows.values[[0, -1]]
    lines = []
    for s in explicit.sigma.values:
        one = explicit.accuracy.sel(bits=bits, sigma=s)
        gap, error = difference(one.sel(rows=few), one.sel(rows=many))
        claim = f"accuracy falls from {few} to {many} word lines, {bits} bits, sigma {s:g}"
        lines.append(verdict(claim, gap - error > 0, f"{gap:.1f} +- {error:.1f} points"))
    return lines


def choosing(way: str, found: xarray.Dataset) -> list[str]:
    """The choice of N for every spread and resolution."""
    lines = []
    for b in found.bits.values:
        choices = []
        for s in found.sigma.values:
            lost = (found.accuracy - found.digital).sel(sigma=s, bits=b).mean("sample")
            score = lambda n, lost=lost: lost.sel(rows=n)
            try:
                most = reliability.choose_rows(score, [int(n) for n in found.rows.values], -TARGET)
            except ValueError:
                most = "none"
            choices.append(f"sigma {s:g}: {most}")
        lines.append(
            f"  most word lines that lose at most {100 * TARGET:g} points, {b} bits, {way}: {', '.join(choices)}"
        )
    return lines


def drawing(explicit: xarray.Dataset, injected: xarray.Dataset) -> list[str]:
    lines = []
    for n, s in itertools.product(injected.rows.values, injected.sigma.values):
        pair = [one.accuracy.sel(rows=n, sigma=s, bits=explicit.bits.values[-1]) for one in (explicit, injected)]
        gap, error = difference(*pair)
        means = " and ".join(f"{100 * float(one.mean()):.1f}" for one in pair)
        claim = f"errors drawn for every read do as explicit cells do, N = {n}, sigma {s:g}"
        lines.append(verdict(claim, abs(gap) < error, f"{means} %, difference {gap:.1f} +- {error:.1f} points"))
    return lines


def figure(table: list[dict], found: dict[str, xarray.Dataset]):
    """Error rates of half of N ones; accuracy against N, by spread and by bits."""
    with look.panels(1, 3, 11.5, 3.4) as (new, grid):
        left, middle, right = grid[0]
        for i, s in enumerate(sorted({row["sigma"] for row in table})):
            own = [row for row in table if row["sigma"] == s and row["ones"] == max(row["rows"] // 2, 1)]
            for way, line in (("exact", "-"), ("monte_carlo", ""), ("gaussian", ":")):
                marker = (
                    {"marker": look.MARKERS[i]}
                    if way == "monte_carlo"
                    else {"label": f"σ = {s:g}"}
                    if line == "-"
                    else {}
                )
                n, rate = [row["rows"] for row in own], [row[way] for row in own]
                left.plot(n, rate, linestyle=line, color=look.COLOURS[i], **marker)
        left.set(
            yscale="log",
            ylim=(1e-5, 1),
            xlabel="Word lines at once",
            ylabel="Probability of an error, half of the bits one",
        )
        left.set_title("Convolution, samples, normal (dotted)", loc="left")
        most, s = found["explicit"].bits.values.max(), found["explicit"].sigma.values[0]
        accuracy(middle, found["explicit"], found["injected"], "sigma", "σ = {:g}", bits=most)
        middle.set_title("Explicit cells; drawn errors (dashed)", loc="left")
        accuracy(right, found["explicit"], found["clipping"], "bits", "{} bits", sigma=s)
        right.set_title(f"Codes over N; clipping (dashed), σ = {s:g}", loc="left")
        for ax in grid[0]:
            n = sorted({row["rows"] for row in table})
            ax.set_xscale("log", base=2)
            ax.set_xticks(n, [str(each) for each in n])
            ax.legend(loc="lower right" if ax is left else "lower left", labelspacing=0.2)
    return new


def accuracy(ax, solid: xarray.Dataset, dashed: xarray.Dataset, axis: str, label: str, **fixed) -> None:
    """Accuracy against N, a curve for each value of an axis, with the standard error of the mean."""
    for i, value in enumerate(solid[axis].values):
        looks = {"color": look.COLOURS[i], "marker": look.MARKERS[i], "capsize": 2}
        for one, more in ((solid, {"label": label.format(value)}), (dashed, {"linestyle": "--", "mfc": "none"})):
            if value in one[axis].values:
                points = 100 * one.accuracy.sel({axis: value} | fixed)
                error = points.std("sample") / np.sqrt(points.sizes["sample"])
                ax.errorbar(one.rows, points.mean("sample"), error, **looks, **more)
    digital = 100 * float(solid.digital.mean())
    ax.axhline(digital, color=look.INK, linestyle="--", linewidth=0.9, label=f"digital\n({digital:.1f} %)")
    ax.set(xlabel="Word lines at once", ylabel="Accuracy (%)", ylim=(0, 102))


def points(way: str, found: xarray.Dataset) -> list[dict]:
    """Mean and standard deviation over the draws of every point."""
    table = []
    for n, s, b in itertools.product(found.rows.values, found.sigma.values, found.bits.values):
        one = found.sel(rows=n, sigma=s, bits=b)
        numbers = {"mean": one.accuracy.mean(), "std": one.accuracy.std(), "digital": one.digital.mean()}
        table.append({"way": way, "rows": n, "sigma": s, "bits": b} | {k: float(v) for k, v in numbers.items()})
    return table


def csv(table: list[dict]) -> str:
    plain = lambda value: f"{value:.6g}" if isinstance(value, float) else str(value)
    return "\n".join([",".join(table[0]), *(",".join(map(plain, row.values())) for row in table), ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/reliability"))
    parser.add_argument("--dataset", choices=["digits", "mnist"], default="mnist")
    parser.add_argument("--draws", type=int, default=20, help="chips, or draws of errors, at each point")
    parser.add_argument("--images", type=int, default=25, help="test images shown to each")
    parser.add_argument("--samples", type=int, default=50_000, help="bit lines drawn for a matrix")
    parser.add_argument("--quick", action="store_true", help="digits, 2 draws, 20 images, few points; no results")
    args = parser.parse_args()
    grids = GRIDS
    if args.quick:
        args.dataset, args.draws, args.images, args.samples = "digits", 2, 20, 1000
        grids = QUICK
    mj.study.check_writable(args.out)
    start = time.perf_counter()
    rows, sigma, _ = grids["explicit"]
    table = rates((1, 2, *rows), (0.1, 0.2, *sigma[1:]), args.samples, jax.random.key(1))
    task = trained(args.dataset)
    found = {way: swept(task, way, *grid, args) for way, grid in grids.items()}
    every = [row for way, one in found.items() for row in points(way, one)]
    text = "\n".join([CLAIMED, *claims(table, found)])
    print(csv(every), text, f"{time.perf_counter() - start:.0f} s", sep="\n")
    tables = {"rates.csv": csv(table), "accuracy.csv": csv(every), "claims.txt": f"{text}\n"}
    files = tables | {"reliability.png": figure(table, found)}
    print("Written:", *mj.study.write(args.out, files), sep="\n  ")


if __name__ == "__main__":
    main()
