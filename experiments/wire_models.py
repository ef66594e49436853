"""How far approximate models of line resistance are from the truth, and what they cost, beside the exact solver.

    python experiments/wire_models.py [--sweep full] [--out DIR]        # minutes
    python experiments/wire_models.py --quick                           # seconds: that it runs

The yardstick is that of the public comparison alambertini01/Crossbar_Models_Comparison (GitHub): its models (in
`_wire_models.py`), its sweep over wire resistance, memory window and share of cells in the HRS, and its metric, the
mean over bit lines of |I - I_ref| / I_ref at constant inputs. Its reference is an iteration to 0.2 mV; here it is
`mj.circuit.solve` in float64. To it come single arrays from 1 kOhm to 1 MOhm with fixed seeds, for which the errors are
also sorted by IR drop, 1 - sum I / sum I_ideal, and what nobody published: the error of dL/dG, by which a network is
trained, and the time of a value with its gradient.

Writes errors.csv (one row for each array and model), wire_models.json (tables, times) and wire_models.png; prints
measured beside published values: medians over the arrays of a class of IR drop, means over the arrays of a sweep.
"""

import argparse
import functools
import json
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np
from _wire_models import MODELS, Memory, Model
from matplotlib.ticker import LogLocator

import memjax as mj
from memjax.plot import look

CLASSES = (0.01, 0.03, 0.1, 0.3, 0.6, 1.0)  # upper ends of the IR drop
# Median error [%] of the arrays of every class of IR drop, as published with these seeds.
PUBLISHED = {
    "jeong": (0.062, 0.24, 0.52, 2.4, 6.9, 17),
    "jeong_cell": (0.40, 0.65, 2.7, 5.5, 12, 20),
    "dmr": (0.027, 0.087, 0.30, 1.3, 5.1, 20),
    "alpha_beta": (1.7e-4, 0.003, 0.028, 0.49, 4.9, 18),
    "gamma": (0.024, 0.085, 0.25, 1.2, 5.8, 18),
    "fused": (0.14, 0.71, 1.7, 10, 26, 115),
    "pert1": (0.0015, 0.026, 0.28, 7, 153, 1000),
    "ladder0": (3.4e-4, 0.006, 0.059, 1.2, 12, 38),
    "ladder1": (1.8e-9, 5e-7, 6e-5, 0.020, 2.0, 20),
    "alpha_beta+ladder0": (1e-9, 3e-7, 3e-5, 0.010, 0.78, 4.0),
    "ladder3": (5e-12, 3e-12, 8e-11, 6e-6, 0.074, 6.1),
}
# Mean error [%] of a sweep over sizes 10-40, 50-90 and 100-150.
PUBLISHED_SWEEP = {
    "ideal": (57, 372, 1170),
    "jeong": (4.98, 15.1, 22.6),
    "jeong_cell": (9.8, 19.6, 23.4),
    "dmr": (2.97, 16.7, 58),
    "alpha_beta": (1.96, 15.8, 57.5),
    "gamma": (3.42, 16.1, 57.4),
    "fused": (11.6, 86, 199),
    "ladder0": (5.08, 25.0, 42.9),
    "ladder1": (1.17, 13.2, 30.1),
}
SIZES = {"10-40": (10, 20, 30, 40), "50-90": (50, 70, 90), "100-150": (100, 125, 150)}
# r, window, share of cells in the HRS, draws.
REDUCED = ((0.1, 1.1, 2.1, 3.1, 4.1), (10, 50, 90), (0.1, 0.3, 0.5, 0.7, 0.9), 1)
EXACT = "exact, float32"
# In the figure; others are called as they are.
WORDS = {
    "manhattan": "way of each cell",
    "uniform_cell": "uniform cells",
    "jeong": "Jeong",
    "jeong_cell": "Jeong, each cell",
    "dmr": "DMR",
    "alpha_beta": "αβ",
    "gamma": "γ",
    "pert1": "first order",
    "picard": "iteration",
    "ladder0": "ladder, 1 sweep",
    "ladder1": "ladder, 2 sweeps",
    "alpha_beta+ladder0": "αβ, then ladder",
    "ladder3": "ladder, 4 sweeps",
}
QUICK = ("ideal", "jeong", "dmr", "alpha_beta", "ladder1")
FORWARD_ONLY = ("picard",)  # iterations without a reverse mode


def exact(array: Memory, voltage: jax.Array) -> jax.Array:
    """Output currents by the full network."""
    return mj.circuit.solve(array.conductance, voltage, mj.circuit.Wires(row=array.r, column=array.r)).current


def cases(size: int) -> Memory:
    """The arrays of one size (1: 32 x 32, 2: 64 x 64) with their seeds: 2 ranges, 5 distributions, 3 resistances."""
    m = 32 * size
    found = []
    for q, (low, high) in enumerate([(1e3, 1e5), (1e4, 1e6)]):
        for d in range(5):
            u = np.random.default_rng([20251125, size, q, d]).random((m, m))
            share = (0.1, 0.5, 0.9, 0.5, 0.5)[d]
            resistance = (
                np.where(u < share, high, low)
                if d < 3
                else 1 / (1 / high + u * (1 / low - 1 / high))
                if d == 3
                else low * (high / low) ** u
            )
            found += [Memory(1 / resistance, r, low, high, share) for r in (0.1, 1.0, 10.0)]
    return _stacked(found)


def sweep(size: int, resistances, windows, shares, draws: int) -> Memory:
    """The yardstick's arrays of one size: R_LRS = 1 kOhm, with the spread of its filaments."""
    found = []
    for index, (window, share) in enumerate((w, h) for w in windows for h in shares):
        for draw in range(draws):
            rng = np.random.default_rng([size, index, draw])
            low = rng.random((size, size)) >= share
            length, area = _filament(1e3 * window)
            x = np.where(low, 0.0, length + np.abs(rng.normal(0, 0.7 / 3, low.shape)))
            s = np.where(low, 3000 * 5 / 1e3, area) + rng.normal(0, 0.35 / 3, low.shape)
            found += [Memory(1 / _resistance(x, s), r, 1e3, 1e3 * window, share) for r in resistances]
    return _stacked(found)


def _resistance(x, s):
    """Of a filament with a gap x [nm] and a cross-section s [nm^2], 5 nm long, of 3000 ohm nm at 303.15 K."""
    tunnelling = 0.199 * np.expm1(x / 0.42) * np.exp(0.0513 / (8.617333e-5 * 303.15))
    return 3000 * 5 / s * tunnelling + 3000 * (5 - x) / s


def _filament(resistance: float) -> tuple[float, float]:
    """Gap and cross-section of a cell in the HRS."""
    gaps = np.linspace(0, 5, 100_001)
    return float(np.interp(resistance, _resistance(gaps, 10.62), gaps)), 10.62


def _stacked(arrays: list[Memory]) -> Memory:
    return Memory(*(jnp.asarray(np.stack(field)) for field in zip(*arrays, strict=True)))


def _value_and_gradient(model: Model, weights):
    """`fn(array, voltage)`: L = sum w I, and dL/dG."""

    def loss(conductance, array, voltage):
        return model(array._replace(conductance=conductance), voltage) @ weights

    return lambda array, voltage: jax.value_and_grad(loss)(array.conductance, array, voltage)


def _inputs(conductance) -> jax.Array:
    return jnp.full(conductance.shape[-2], 0.3, conductance.dtype)


@functools.partial(jax.jit, static_argnums=0)
def _currents(model: Model, arrays: Memory) -> jax.Array:
    """[arrays, n] at constant inputs."""
    return _batched(lambda array: model(array, _inputs(array.conductance)), arrays)


@functools.partial(jax.jit, static_argnums=0)
def _gradients(model: Model, arrays: Memory, weights) -> jax.Array:
    """dL/dG [arrays, m, n] at constant inputs."""
    fn = _value_and_gradient(model, weights)
    return _batched(lambda array: fn(array, _inputs(array.conductance))[1], arrays)


def _batched(fn, arrays: Memory) -> jax.Array:
    """`fn` of each array, some at a time: so many that none are left over, for which it would be compiled again."""
    count = len(arrays.r)
    return jax.lax.map(fn, arrays, batch_size=max(k for k in range(1, 33) if count % k == 0))


def single(arrays: Memory) -> Memory:
    """The same in float32."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), arrays)


def errors(arrays: Memory, models: dict[str, Model]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """IR drop [arrays], and by model the mean of |I - I_ref| / I_ref over bit lines in percent, [arrays]."""
    true = np.asarray(_currents(exact, arrays))
    without = np.asarray(jnp.sum(arrays.conductance * 0.3, 1))
    drop = 1 - true.sum(1) / without.sum(1)
    found = {name: _currents(model, arrays) for name, model in models.items()}
    found[EXACT] = _currents(exact, single(arrays))
    return drop, {name: 100 * np.mean(np.abs(np.asarray(i) / true - 1), 1) for name, i in found.items()}


def gradient_errors(arrays: Memory, models: dict[str, Model]) -> dict[str, np.ndarray]:
    """By model, |dL/dG - dL/dG_ref| / |dL/dG_ref| in percent, [arrays], for L = sum w I with normal weights w."""
    weights = jnp.asarray(np.random.default_rng(0).normal(size=arrays.conductance.shape[-1]))
    norm = lambda x: np.sqrt(np.sum(np.square(np.asarray(x, float)), (1, 2)))
    true = _gradients(exact, arrays, weights)
    found = {name: _gradients(model, arrays, weights) for name, model in models.items() if name not in FORWARD_ONLY}
    found[EXACT] = _gradients(exact, single(arrays), weights.astype(jnp.float32))
    return {name: 100 * norm(gradient - true) / norm(true) for name, gradient in found.items()}


def times(array: Memory, models: dict[str, Model], repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of one MVM and of one value with its gradient, in float32: medians, all models taken in turns."""
    array = single(array)
    inputs, weights = _inputs(array.conductance), jnp.ones(array.conductance.shape[1], jnp.float32)
    programs = {}
    for name, model in (models | {EXACT: exact}).items():
        programs[name, "mvm_ms"] = jax.jit(model)
        if name not in FORWARD_ONLY:
            programs[name, "value_and_grad_ms"] = jax.jit(_value_and_gradient(model, weights))
    taken = {run: [] for run in programs}
    for fn in programs.values():
        jax.block_until_ready(fn(array, inputs))
    for _ in range(repeats):
        for run, fn in programs.items():
            start = time.perf_counter()
            jax.block_until_ready(fn(array, inputs))
            taken[run].append(1e3 * (time.perf_counter() - start))
    table: dict[str, dict[str, float]] = {}
    for (name, kind), values in taken.items():
        table.setdefault(name, {})[kind] = float(np.median(values))
    return table


def by_class(drop: np.ndarray, found: dict[str, np.ndarray]) -> dict[str, list[float | None]]:
    """Median of every model in every class of IR drop; None where no array is in it."""
    group = np.searchsorted(CLASSES, drop)
    return {
        name: [float(np.median(error[group == k])) if np.any(group == k) else None for k in range(len(CLASSES))]
        for name, error in found.items()
    }


def table(title: str, heads: list[str], measured: dict, published: dict) -> str:
    """Rows of models; published values in parentheses."""
    width = max(map(len, measured)) + 2
    lines = ["", title, " " * width + "".join(f"{head:>22}" for head in heads)]
    for name, row in measured.items():
        known = published.get(name, [None] * len(row))
        cells = (
            "-" if v is None else f"{v:.3g}" + (f" ({p:g})" if p is not None else "")
            for v, p in zip(row, known, strict=True)
        )
        lines.append(f"{name:<{width}}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)


def figure(drop: np.ndarray, current: dict, gradient: dict, cost: dict):
    """Error of currents and gradients against IR drop, and against time."""
    shown = [*QUICK[1:], *({"alpha_beta+ladder0"} & set(current)), EXACT]
    looks = {}
    for index, name in enumerate([*shown, *(name for name in cost if name not in shown)]):
        turn, colour = divmod(index, len(look.COLOURS))
        marker = look.MARKERS[(colour + turn) % len(look.MARKERS)]
        looks[name] = {"color": look.COLOURS[colour], "marker": marker, "linestyle": ""}
    with look.panels(1, 3, 15, 4) as (picture, grid):
        for ax, found, label in ((grid[0, 0], current, "currents"), (grid[0, 1], gradient, "dL/dG")):
            for name in shown:
                ax.loglog(100 * drop, np.maximum(found[name], 1e-9), alpha=0.7, **looks[name])
            ax.set_xlabel("IR drop (%)")
            ax.set_ylabel(f"Error of {label} (%)")
        ax = grid[0, 2]
        for name, own in looks.items():
            ax.loglog(cost[name]["mvm_ms"], np.median(current[name]), label=WORDS.get(name, name), **own)
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        ax.set_xlabel("Time of one matrix-vector product (ms)")
        ax.set_ylabel("Median error of the currents (%)")
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/wire_models"))
    parser.add_argument(
        "--sweep", choices=("reduced", "full"), default="reduced", help="full: the yardstick's own grid"
    )
    parser.add_argument("--quick", action="store_true", help="few models and arrays: that it runs")
    args = parser.parse_args()
    mj.study.check_writable(args.out)
    if args.quick:
        print("Quick: few models and arrays, to see that it runs; no results.")
    with jax.enable_x64(True):
        contents = run(quick=args.quick, full=args.sweep == "full")
    print("Written:", *mj.study.write(args.out, contents), sep="\n  ")


def run(quick: bool, full: bool) -> dict[str, bytes]:
    """Prints the tables and gives the files."""
    models = {name: MODELS[name] for name in QUICK} if quick else MODELS
    parts = [cases(size) for size in ((1,) if quick else (1, 2))]
    drop, current = joined([errors(part, models) for part in parts])
    gradient = together([gradient_errors(part, models) for part in parts])
    rows = table_rows("cases", drop, current, gradient)
    heads = [f"< {100 * end:g} %" for end in CLASSES]
    currents, gradients = by_class(drop, current), by_class(drop, gradient)
    title = f"Median error of the currents of {len(drop)} arrays, %, measured (published), by IR drop"
    print(table(title, heads, currents, PUBLISHED))
    print(table("Median error of dL/dG, %; nothing published", heads, gradients, {}))

    middle = jax.tree.map(lambda leaf: leaf[len(leaf) // 2 + 1], parts[-1])
    cost = times(middle, models, 5 if quick else 50)
    shape = "{} x {}".format(*middle.conductance.shape)
    taken = {name: [row["mvm_ms"], row.get("value_and_grad_ms")] for name, row in cost.items()}
    print(table(f"Time in ms, float32, one array of {shape}, one input", ["MVM", "value and gradient"], taken, {}))

    sizes = {"10": (10,)} if quick else SIZES
    grid = (np.arange(0.1, 4.7, 0.5), np.arange(10, 91, 10), np.arange(0.1, 0.91, 0.1), 5) if full else REDUCED
    swept = {}
    for label, members in sizes.items():
        drop_swept, error = joined([errors(sweep(size, *grid), models) for size in members])
        rows += table_rows(label, drop_swept, error, {})
        swept[label] = {name: float(values.mean()) for name, values in error.items()}
    means = {name: [swept[label][name] for label in sizes] for name in current}
    title = "Mean error of the currents in the yardstick's sweep, %, measured (published), by size"
    print(table(title, list(sizes), means, {} if quick else PUBLISHED_SWEEP))
    summary = dict(
        ir_drop_classes=CLASSES,
        current_error_percent=currents,
        gradient_error_percent=gradients,
        times=cost,
        sweep_sizes=list(sizes),
        sweep_error_percent=means,
        sweep_arrays_per_size=len(sweep(10, *grid).r),
        published=PUBLISHED,
        published_sweep=PUBLISHED_SWEEP,
    )
    return {
        "errors.csv": rows,
        "wire_models.json": json.dumps(summary, indent=1),
        "wire_models.png": figure(drop, current, gradient, cost),
    }


def together(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def joined(parts: list[tuple[np.ndarray, dict]]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What `errors` says of several sizes, as one."""
    return np.concatenate([drop for drop, _ in parts]), together([found for _, found in parts])


def table_rows(sweep: str, drop: np.ndarray, current: dict, gradient: dict) -> list[dict]:
    """One row for each array and model."""
    return [
        dict(sweep=sweep, array=k, ir_drop=float(drop[k]), model=name, error_percent=float(error[k]))
        | dict(gradient_error_percent=float(gradient[name][k]) if name in gradient else None)
        for name, error in current.items()
        for k in range(len(drop))
    ]


if __name__ == "__main__":
    main()
