"""Time of arrays with resistive wires, as a ratio to other solvers in the same run.

    python benchmarks/circuit.py                                   # 64 to 512; 64 arrays; 64 inputs; gradients
    python benchmarks/circuit.py --sizes 64 128 --repeats 9 --out circuit.csv

Cells of 1 to 100 uS, segments of 1 ohm, float32. Peers, where they are installed: badcrossbar (sparse LU of the nodal
matrix, float64; `pip install memjax[peers]`) and ngspice (operating point of a netlist). Medians over runs one after
another, quartiles of the ratio in brackets, compilation excluded. Beside them the relative error against badcrossbar.
"""

import argparse
import csv
import importlib
import logging
import pathlib
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from _timing import Comparison, compare

from memjax import circuit

Row = tuple[str, int, str, Comparison, float | None]

R = 1.0
WIRES = circuit.Wires(row=R, column=R)
# The largest arrays that ngspice solves in seconds rather than minutes.
NGSPICE_LARGEST = 64


def arrays(count: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Conductances [count, n, n] and voltages [count, n]."""
    rng = np.random.default_rng(n)
    cells, voltages = rng.uniform(1e-6, 1e-4, (count, n, n)), rng.uniform(0, 1, (count, n))
    return cells.astype(np.float32), voltages.astype(np.float32)


def badcrossbar() -> Callable | None:
    """Output currents [inputs, n] of one array for voltages [inputs, m], or None where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = importlib.import_module("badcrossbar")
        except ImportError:
            return None
    logging.disable(logging.INFO)

    def run(conductance: np.ndarray, voltage: np.ndarray) -> np.ndarray:
        solution = module.compute(voltage.T.astype(float), 1.0 / conductance.astype(float), R)
        return solution.currents.output

    return run if hasattr(module, "compute") else None


def ngspice(conductance: np.ndarray, voltage: np.ndarray) -> Callable | None:
    """Run of the netlist of one array, or None where ngspice is not installed or the array too large."""
    program = shutil.which("ngspice")
    m, n = conductance.shape
    if program is None or n > NGSPICE_LARGEST:
        return None
    lines = ["crossbar"]
    for i in range(m):
        lines.append(f"V{i} w{i}_s 0 {voltage[i]}")
        for j in range(n):
            before = f"w{i}_{j - 1}" if j else f"w{i}_s"
            after = f"b{i + 1}_{j}" if i + 1 < m else "0"
            lines += [
                f"Rw{i}_{j} {before} w{i}_{j} {R}",
                f"Rb{i}_{j} b{i}_{j} {after} {R}",
                f"Rc{i}_{j} w{i}_{j} b{i}_{j} {1 / conductance[i, j]}",
            ]
    lines += [".op", ".end"]
    netlist = pathlib.Path(tempfile.mkdtemp()) / "crossbar.cir"
    netlist.write_text("\n".join(lines))
    return lambda: subprocess.run([program, "-b", netlist], capture_output=True, check=True) and None


def timed(ours: Callable, peer: Callable, repeats: int, calls: int = 20) -> Comparison:
    """`compare` with `calls` of ours beside one call of a slower peer: one alone finds the cache cold."""
    c = compare(lambda: [ours() for _ in range(calls)], peer, repeats)
    low, high = c.spread
    return Comparison(c.seconds / calls, c.baseline_seconds, c.ratio / calls, (low / calls, high / calls))


def current(conductance: jax.Array, voltage: jax.Array) -> jax.Array:
    return circuit.solve(conductance, voltage, WIRES).current


def one_array(n: int, bad: Callable | None, repeats: int) -> list[Row]:
    """One solution and its gradient."""
    (g,), (v,) = arrays(1, n)
    x = jnp.asarray(g), jnp.asarray(v)
    solve = jax.jit(current)
    gradient = jax.jit(jax.value_and_grad(lambda g, v: jnp.sum(current(g, v) ** 2)))
    spice, ours, theirs = ngspice(g, v), lambda: solve(*x), lambda: bad(g, v[None])
    rows = [
        ("value and gradient, to one solution", n, "our solution", compare(lambda: gradient(*x), ours, repeats), None)
    ]
    if bad is not None:
        rows.append(("one solution", n, "badcrossbar", timed(ours, theirs, min(repeats, 3)), error(ours(), theirs())))
    if spice is not None:
        rows.append(("one solution", n, "ngspice", timed(ours, spice, 3), None))
    return rows


def many(n: int, bad: Callable | None, repeats: int) -> list[Row]:
    """64 arrays, 64 inputs of one array, and the transfer matrices of 100 arrays."""
    g, v = arrays(64, n)
    x, y, tiles = jnp.asarray(g), jnp.asarray(v), jnp.asarray(arrays(100, n)[0])
    solve, product = jax.jit(current), jax.jit(lambda g, v: v @ circuit.transfer_matrix(g, WIRES))
    by_array, by_input, by_matrix = lambda: solve(x, y), lambda: solve(x[0], y), lambda: product(x[0], y)
    prepared = compare(lambda: circuit.transfer_matrix(tiles, WIRES), by_array, 3)
    rows: list[Row] = [("100 transfer matrices, to 64 solutions", n, "our solutions", prepared, None)]
    if bad is None:
        return rows
    arrays_one_by_one = lambda: np.concatenate([bad(a, b[None]) for a, b in zip(g, v, strict=True)])
    inputs = lambda: bad(g[0], v)
    for what, ours, theirs, times in (
        ("64 arrays", by_array, arrays_one_by_one, 3),
        ("64 inputs, with transfer matrix", by_matrix, inputs, repeats),
        ("64 inputs, solved", by_input, inputs, repeats),
    ):
        rows.append((what, n, "badcrossbar", timed(ours, theirs, times, 5), error(ours(), theirs())))
    return rows


def error(ours, theirs) -> float:
    """Relative error in the 2-norm."""
    ours, theirs = np.ravel(ours), np.ravel(theirs)
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--repeats", type=int, default=7, help="paired runs of each comparison")
    parser.add_argument("--out", type=pathlib.Path, help="CSV file for the table")
    args = parser.parse_args()
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}, {R:g} ohm a segment")
    print(f"{'':<40}{'cells':>9}{'ms':>10}  {'peer':<17}{'ms':>10}   peer / ours             error")
    bad, rows = badcrossbar(), []
    for rows_of, size in [(one_array, n) for n in args.sizes] + [(many, 64)]:
        for what, n, peer, c, wrong in rows_of(size, bad, args.repeats):
            report(what, n, peer, c, wrong)
            rows.append([what, n, peer, c.seconds, c.baseline_seconds, 1 / c.ratio, wrong])
    if args.out:
        with open(args.out, "w", newline="") as file:
            names = ["what", "n", "peer", "seconds", "peer_seconds", "peer_over_ours", "error"]
            csv.writer(file).writerows([names, *rows])


def report(what: str, n: int, peer: str, c: Comparison, wrong: float | None) -> None:
    """One line of the table."""
    low, high = (1 / x for x in reversed(c.spread))
    against = "" if wrong is None else f"{wrong:.1e}"
    print(
        f"{what:<40}{f'{n}x{n}':>9}{1e3 * c.seconds:>10.3g}  {peer:<17}{1e3 * c.baseline_seconds:>10.3g}"
        f"{1 / c.ratio:>10.3g} [{low:.3g}-{high:.3g}]".ljust(108)
        + f"{against:>10}",
        flush=True,
    )


if __name__ == "__main__":
    main()
