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
    import logging

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


def comparisons(sizes: list[int], repeats: int):
    """(what, cells on a side, peer, comparison, relative error or None), one after another."""
    bad = badcrossbar()
    current = jax.jit(lambda g, v: circuit.solve(g, v, WIRES).current)
    for n in sizes:
        (g,), (v,) = arrays(1, n)
        ours = lambda g=jnp.asarray(g), v=jnp.asarray(v): current(g, v)
        if bad is not None:
            times = repeats if n < 256 else 3
            yield (
                "one solution",
                n,
                "badcrossbar",
                compare(ours, lambda: bad(g, v[None]), times),
                error(ours(), bad(g, v[None])),
            )
        spice = ngspice(g, v)
        if spice is not None:
            yield "one solution", n, "ngspice", compare(ours, spice, 3), None
        loss = jax.jit(jax.value_and_grad(lambda g, v: jnp.sum(circuit.solve(g, v, WIRES).current ** 2)))
        both = lambda g=jnp.asarray(g), v=jnp.asarray(v), loss=loss: loss(g, v)
        yield "value and gradient", n, "solution", compare(both, ours, repeats), None
    n = 64
    g, v = (jnp.asarray(x) for x in arrays(64, n))
    transfer = jax.jit(lambda g, v: v @ circuit.transfer_matrix(g, WIRES))
    ours = lambda: current(g, v)
    several = lambda: transfer(g[0], v)
    if bad is not None:
        one_by_one = lambda: np.concatenate(
            [bad(a, b[None]) for a, b in zip(np.asarray(g), np.asarray(v), strict=True)]
        )
        yield "64 arrays", n, "badcrossbar", compare(ours, one_by_one, 3), error(ours(), one_by_one())
        together = lambda: bad(np.asarray(g[0]), np.asarray(v))
        yield (
            "64 inputs by transfer matrix",
            n,
            "badcrossbar",
            compare(several, together, repeats),
            error(several(), together()),
        )
        solved = lambda: current(g[0], v)
        yield "64 inputs by solution", n, "badcrossbar", compare(solved, together, repeats), error(solved(), together())
    tiles = jnp.asarray(arrays(100, n)[0])
    all_transfers = lambda: circuit.transfer_matrix(tiles, WIRES)
    yield "transfer matrices of 100 arrays", n, "64 arrays solved", compare(all_transfers, ours, 3), None


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
    print(f"{'':<32}{'cells':>9}{'ms':>10}  {'peer':<17}{'ms':>10}   peer / ours             error")
    rows = []
    for what, n, peer, c, wrong in comparisons(args.sizes, args.repeats):
        report(what, n, peer, c, wrong)
        rows.append([what, n, peer, c.seconds, c.baseline_seconds, 1 / c.ratio, wrong])
    if args.out:
        with open(args.out, "w", newline="") as file:
            csv.writer(file).writerows(
                [["what", "n", "peer", "seconds", "peer_seconds", "peer_over_ours", "error"], *rows]
            )


def report(what: str, n: int, peer: str, c: Comparison, wrong: float | None) -> None:
    """One line of the table."""
    low, high = (1 / x for x in reversed(c.spread))
    against = "" if wrong is None else f"{wrong:.1e}"
    print(
        f"{what:<32}{f'{n}x{n}':>9}{1e3 * c.seconds:>10.3g}  {peer:<17}{1e3 * c.baseline_seconds:>10.3g}"
        f"{1 / c.ratio:>10.3g} [{low:.3g}-{high:.3g}]".ljust(100)
        + f"{against:>10}",
        flush=True,
    )


if __name__ == "__main__":
    main()
