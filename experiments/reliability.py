"""Sums of products misread when many word lines are driven at once, and what that costs a network (DL-RSIM).

    python experiments/reliability.py [--out DIR] [--dataset mnist] [--draws 20] [--images 25] [--quick]

Binary lognormal cells of 10 kilohm and 1 megohm (medians). First the rate at which a sum of N cells is misread: by
Monte Carlo, by convolution, and for normal currents. Then the trained MNIST network of Souto Garnelo et al. with 3-bit
magnitudes of weights (a column of cells for each bit and sign) and of inputs (bit by bit), N word lines driven at once,
converters with codes for 2^b - 1 ones: on explicit cells, and with errors drawn from P[decoded | ideal] in place of
cells. Every draw is a new chip (or new errors) that is shown images of its own from the test set. Each N is one
`memjax.sweep` over spread and bits, in one compilation; a run that was stopped goes on from its stores.
"""

import argparse
import io
import itertools
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np
import xarray
from scipy import stats
from souto_garnelo import networks

import memjax as mj
from memjax import reliability
from memjax.cli import _chips, _files
from memjax.plot import style

R_ON, R_OFF = 10e3, 1e6
SLICES = PLANES = 3  # bits of the magnitudes of weights and inputs
TILE = (128, 128)
ROWS = (4, 8, 16, 32, 64)
SIGMA = (0.1, 0.3, 0.5, 0.7)
BITS = (2, 3, 4, 7)  # 7: a code for every sum of up to 127
INJECTED_ROWS, INJECTED_SIGMA = (4, 16, 64), (0.3, 0.5)
TARGET = 0.01  # accuracy that may be lost
CLAIMED = (
    """Claims of DL-RSIM (Lin et al., ICCAD 2018), from memory [unverified]; theirs are other networks and cells:"""
)


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
    """Explicit cells, or errors from their matrix; `sigma` and `bits` may be traced."""
    device = {"rows": rows, "r_on": R_ON, "r_off": R_OFF, "sigma": sigma, "adc": mj.Adc(bits + 1)}
    cells = reliability.sop_hardware(slices=SLICES, planes=PLANES, tile=TILE, **device)
    if way == "explicit":
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
    forward, state = _chips.as_function(model)

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
    gap = 100 * (np.asarray(a) - np.asarray(b)).ravel()
    half = stats.t.ppf(0.975, len(gap) - 1) * gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else np.inf
    return float(gap.mean()), float(half)


def verdict(claim: str, holds: bool, numbers: str) -> str:
    return f"  {claim}: {'confirmed' if holds else 'not confirmed'} here: {numbers}"


def claims(table: list[dict], explicit: xarray.Dataset, injected: xarray.Dataset) -> list[str]:
    """Each claim with what was measured."""
    lines = []
    rows, sigma, bits = explicit.rows.values, explicit.sigma.values, explicit.bits.values
    few, many, exact = rows.min(), rows.max(), bits.max()
    half = {(r["rows"], r["sigma"]): r["exact"] for r in table if r["ones"] == r["rows"] // 2}
    s = sorted({sigma for _, sigma in half})[0]
    by_rows = [half[n, s] for n in sorted({n for n, _ in half})]
    lines.append(
        verdict(
            "a sum is misread more often the more word lines are driven",
            bool(np.all(np.diff(by_rows) >= 0)),
            f"half of N ones, sigma {s:g}: {', '.join(f'{rate:.3g}' for rate in by_rows)}",
        )
    )
    for b, name in ((exact, "a code for every sum"), (bits.min(), f"converters of {bits.min()} bits")):
        for s in sigma:
            one = explicit.accuracy.sel(bits=b, sigma=s)
            gap, error = difference(one.sel(rows=few), one.sel(rows=many))
            text = f"accuracy falls from {few} to {many} word lines, {name}, sigma {s:g}"
            lines.append(verdict(text, gap - error > 0, f"{gap:.1f} +- {error:.1f} points"))
    for b in bits:
        lines.append(f"  most word lines that cost at most {100 * TARGET:g} point with {b} bits: {chosen(explicit, b)}")
    for n in injected.rows.values:
        for s in injected.sigma.values:
            pair = [d.accuracy.sel(rows=n, sigma=s, bits=exact) for d in (explicit, injected)]
            means = " and ".join(f"{100 * float(one.mean()):.1f}" for one in pair)
            gap, error = difference(*pair)
            text = f"errors drawn for every read do as explicit cells do, N = {n}, sigma {s:g}"
            lines.append(verdict(text, abs(gap) < error, f"{means} %, difference {gap:.1f} +- {error:.1f} points"))
    return lines


def chosen(explicit: xarray.Dataset, bits: int) -> str:
    """The choice of N for every spread."""
    found = []
    for s in explicit.sigma.values:
        score = lambda n, s=s: (
            -difference(*(explicit[a].sel(rows=n, sigma=s, bits=bits) for a in ("digital", "accuracy")))[0]
        )
        try:
            found.append(
                f"sigma {s:g}: {reliability.choose_rows(score, map(int, explicit.rows.values), -100 * TARGET)}"
            )
        except ValueError:
            found.append(f"sigma {s:g}: none")
    return ", ".join(found)


def figure(table: list[dict], explicit: xarray.Dataset, injected: xarray.Dataset):
    """Error rates of half of N ones; accuracy against N by spread; by bits."""
    with style.panels(1, 3, 10.5, 3.2) as (new, grid):
        left, middle, right = grid[0]
        look = lambda i: {"color": style.COLOURS[i % 6], "marker": style.MARKERS[i % 6]}
        for i, s in enumerate(sorted({row["sigma"] for row in table})):
            own = [row for row in table if row["sigma"] == s and row["ones"] == max(row["rows"] // 2, 1)]
            n = [row["rows"] for row in own]
            left.plot(n, [row["exact"] for row in own], label=f"σ = {s:g}", color=style.COLOURS[i % 6])
            left.plot(n, [row["monte_carlo"] for row in own], linestyle="", **look(i))
            left.plot(n, [row["gaussian"] for row in own], linestyle=":", color=style.COLOURS[i % 6])
        left.set(xscale="log", yscale="log", ylim=(1e-5, 1), xlabel="Word lines at once", ylabel="P(error), half ones")
        left.set_title("Convolution, Monte Carlo, normal (dotted)", loc="left")
        most = explicit.bits.values.max()
        curves = lambda ax, found, **more: ax.errorbar(
            found.rows, 100 * found.mean("sample"), 100 * found.std("sample") / np.sqrt(found.sizes["sample"]), **more
        )
        for i, s in enumerate(explicit.sigma.values):
            curves(middle, explicit.accuracy.sel(sigma=s, bits=most), label=f"σ = {s:g}", capsize=2, **look(i))
            if s in injected.sigma.values:
                style_of = look(i) | {"markerfacecolor": "none", "linestyle": "--"}
                curves(middle, injected.accuracy.sel(sigma=s, bits=most), capsize=2, **style_of)
        middle.set_title("Explicit cells; drawn errors (dashed)", loc="left")
        s = explicit.sigma.values[0]
        for i, b in enumerate(explicit.bits.values):
            curves(right, explicit.accuracy.sel(sigma=s, bits=b), label=f"{b} bits", capsize=2, **look(i))
        right.set_title(f"ADC bits of magnitude, σ = {s:g}", loc="left")
        for ax in (middle, right):
            ax.set(xscale="log", xlabel="Word lines at once", ylabel="Accuracy (%)", ylim=(0, 102))
            ax.axhline(100 * float(explicit.digital.mean()), color=style.INK, linestyle="--", linewidth=0.9)
        for ax in grid[0]:
            ax.legend()
    return new


def points(way: str, found: xarray.Dataset) -> list[dict]:
    """Mean and standard deviation over the draws of every point."""
    table = []
    for n, s, b in itertools.product(found.rows.values, found.sigma.values, found.bits.values):
        one = found.sel(rows=n, sigma=s, bits=b)
        numbers = {"mean": one.accuracy.mean(), "std": one.accuracy.std(), "digital": one.digital.mean()}
        table.append({"way": way, "rows": n, "sigma": s, "bits": b} | {k: float(v) for k, v in numbers.items()})
    return table


def csv(table: list[dict]) -> bytes:
    plain = lambda value: f"{value:.6g}" if isinstance(value, float) else str(value)
    return "\n".join([",".join(table[0]), *(",".join(map(plain, row.values())) for row in table), ""]).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/reliability"))
    parser.add_argument("--dataset", choices=["digits", "mnist"], default="mnist")
    parser.add_argument("--draws", type=int, default=20, help="chips, or draws of errors, at each point")
    parser.add_argument("--images", type=int, default=25, help="test images shown to each")
    parser.add_argument("--samples", type=int, default=50_000, help="bit lines drawn for a matrix")
    parser.add_argument("--quick", action="store_true", help="digits, 2 draws, 20 images, few points; no results")
    args = parser.parse_args()
    rows, sigma, bits, injected = ROWS, SIGMA, BITS, (INJECTED_ROWS, INJECTED_SIGMA)
    if args.quick:
        args.dataset, args.draws, args.images, args.samples = "digits", 2, 20, 1000
        rows, sigma, bits, injected = (4, 16), (0.3,), (2, 7), ((4,), (0.3,))
    _files.check_writable(args.out)
    start = time.perf_counter()
    table = rates((1, 2, *rows), (0.1, 0.2, *sigma[1:]), args.samples, jax.random.key(1))
    task = trained(args.dataset)
    explicit = swept(task, "explicit", rows, sigma, bits, args)
    drawn = swept(task, "injected", injected[0], injected[1], (max(bits),), args)
    lines = [CLAIMED, *claims(table, explicit, drawn)]
    found = points("explicit", explicit) + points("injected", drawn)
    picture = io.BytesIO()
    figure(table, explicit, drawn).savefig(picture, format="png")
    text = "\n".join(lines)
    print(csv(found).decode(), text, f"{time.perf_counter() - start:.0f} s", sep="\n")
    tables = {"rates.csv": csv(table), "accuracy.csv": csv(found), "claims.txt": f"{text}\n".encode()}
    files = tables | {"reliability.png": picture.getvalue()}
    print("Written:", *_files.write(args.out, files), sep="\n  ")


if __name__ == "__main__":
    main()
