"""RxNN and NVM-SPICE: what wires cost a network, and what simulating them costs.

    python experiments/fast_crossbar.py [--dataset mnist cifar10] [--chips 20] [--images 200] [--out DIR]
    python experiments/fast_crossbar.py --quick                        # digits, small arrays: that it runs; no results

Accuracy: the trained CNNs of Souto Garnelo et al. against the size of the tiles, with the segments of DNN+NeuroSim's
table at 65 nm (0.24 ohm) and 7 nm (5 ohm) and two between; one `memjax.sweep` for each size, which goes on from its
store when it is started again. Time: of a thousand input vectors of one array by its transfer matrix (RxNN's fast
crossbar model), by solving the network for each, and by ngspice where it is installed; and of a transient of an array
of VTEAM cells by `circuit.transient` and by ngspice (NVM-SPICE's field). Writes fast_crossbar.csv, times.csv and .png.
"""

import argparse
import pathlib
import shutil
import subprocess
import tempfile
import time

import _cases
import jax
import jax.numpy as jnp
import numpy as np
import pandas
import wires
import xarray
from _intervals import interval

import memjax as mj
from memjax.plot import look

OHM = np.array([0.24, 1.0, 2.5, 5.0])
TILES = (16, 32, 64, 128)
SIZES = (16, 32, 64, 128)
LARGEST_SPICE, LARGEST_TRANSIENT = 64, 8
VECTORS = 1000
PUBLISHED = """Published (abstract): RxNN loses 9.6 to 32 % on six ImageNet networks, and its model is 1e4 to 1e5 times
faster than circuit simulation. Other networks, cells and arrays: what is reproduced is that such losses are there, that
they grow with the array, and the distance in speed. Of NVM-SPICE no figure could be read."""


def timed(function, repeats: int = 3) -> float:
    """Median seconds of a call, after one that compiles."""
    jax.block_until_ready(function())
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function())
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def spice(netlist: str, time_grid=None) -> tuple[float, mj.circuit.SpiceResult | None]:
    """(seconds of one run, its result); NaN and None without ngspice."""
    if shutil.which("ngspice") is None:
        return np.nan, None
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "array.cir"
        path.write_text(netlist)
        start = time.perf_counter()
        subprocess.run(["ngspice", "-b", path.name], check=True, capture_output=True, cwd=folder)
        return time.perf_counter() - start, mj.circuit.from_spice(path.with_name("crossbar.raw"), time_grid)


def reads(n: int, vectors: int) -> dict:
    """Seconds for `vectors` inputs of one array of n x n cells, and how far the results are apart."""
    rng = np.random.default_rng(n)
    g, v = jnp.asarray(rng.uniform(1e-5, 1e-4, (n, n))), jnp.asarray(rng.uniform(0.0, 0.2, (vectors, n)))
    segments = mj.Wires(row=5.0, column=5.0)
    transfer = jax.jit(lambda g: mj.circuit.transfer_matrix(g, segments))
    apply, few = jax.jit(jnp.matmul), v[: min(64, vectors)]
    solve = jax.jit(lambda g, v: mj.circuit.solve(g, v, segments).current)
    matrix = transfer(g)
    once, each = timed(lambda: transfer(g)), timed(lambda: apply(v, matrix))
    full = timed(lambda: solve(g, few)) * vectors / len(few)
    one, found = spice(mj.circuit.to_spice(g, v[0], segments)) if n <= LARGEST_SPICE else (np.nan, None)
    apart = lambda a, b: float(np.linalg.norm(a - b) / np.linalg.norm(b))
    return {
        "what": "reads", "n": n, "transfer": once + each, "once": once, "solve": full, "ngspice": one * vectors,
        "to_solve": apart(few @ matrix, solve(g, few)),
        "to_ngspice": np.nan if found is None else apart(v[:1] @ matrix, found.current),
    }  # fmt: skip


def writes(n: int, samples: int) -> dict:
    """Seconds of a sinusoid on the first word line of an array of n x n VTEAM cells."""
    device = mj.devices.VTEAM(
        k_off=2e-3, k_on=-5e-3, v_off=0.4, v_on=-0.5, alpha_off=1.5, alpha_on=2.0, r_on=200.0, r_off=4e3
    )
    times = np.linspace(0.0, 1e-6, samples)
    voltage = np.zeros((samples, n))
    voltage[:, 0] = 0.8 * np.sin(2e6 * np.pi * times)
    state, segments = np.full((n, n), 0.5), mj.Wires(row=1.0, column=1.0)
    run = jax.jit(lambda v: mj.circuit.transient(device, state, v, times, segments).current)
    ours = timed(lambda: run(jnp.asarray(voltage)))
    netlist = mj.circuit.to_spice(None, voltage, segments, device=device, state=state, time=times)
    theirs, found = spice(netlist, times)
    apart = np.nan if found is None else float(np.abs(run(voltage) - found.current).max() / np.abs(found.current).max())
    return {"what": "transient", "n": n, "transient": ours, "ngspice": theirs, "to_ngspice": apart}


def accuracies(dataset: str, out: pathlib.Path, chips: int, images: int, tiles, ohm) -> tuple[float, xarray.DataArray]:
    """(digital accuracy, accuracies [tile, ohm, sample])."""
    case = _cases.case(dataset, images)
    parts = [
        mj.sweep(
            wires.experiment(case, tile, "none"), {"ohm": ohm}, key=jax.random.key(0), samples=chips,
            batch_size=1, store=out / f"{dataset}-{tile}.zarr",
        ).accuracy
        for tile in tiles
    ]  # fmt: skip
    return mj.study.digital_accuracy(case), xarray.concat(parts, xarray.Variable("tile", list(tiles)))


def claims(found: dict[str, tuple[float, xarray.DataArray]], times: list[dict]) -> list[str]:
    """What the papers say, beside what was measured."""
    lines = []
    for dataset, (digital, points) in found.items():
        worst = points.isel(ohm=-1)
        lost = 100 * (digital - worst.isel(tile=-1).values)
        mean, low, high = interval(lost)
        verdict = "confirmed" if low > 0 else "not confirmed"
        lines.append(
            f"  {dataset}: wires of {float(worst.ohm):g} ohm and tiles of {int(worst.tile[-1])} cost accuracy: "
            f"{verdict}, {mean:.1f} points [{low:.1f}, {high:.1f}]"
        )
        mean, low, high = interval(100 * (worst.isel(tile=0).values - worst.isel(tile=-1).values))
        verdict = "confirmed" if low > 0 else "not confirmed"
        lines.append(f"  {dataset}: the loss grows with the tile: {verdict}, {mean:.1f} points [{low:.1f}, {high:.1f}]")
    for row in times:
        if row["what"] == "reads" and np.isfinite(row["ngspice"]):
            ratio, full = row["ngspice"] / row["transfer"], row["solve"] / row["transfer"]
            verdict = "confirmed" if ratio >= 1e4 else "not reached"
            lines.append(
                f"  {row['n']} x {row['n']}, {VECTORS} vectors: {ratio:.2g} times faster than ngspice (1e4 to 1e5: "
                f"{verdict}), {full:.2g} times faster than solving each"
            )
    return lines


def table(rows: list[dict]) -> str:
    """CSV, with numbers of four digits."""
    plain = [{k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    return pandas.DataFrame(plain, dtype=object).to_csv(index=False)


def picture(found: dict[str, tuple[float, xarray.DataArray]], times: list[dict], chips: int):
    """Accuracy against tile size for each resistance; seconds against the size of the array."""
    with look.panels(1, len(found) + 1, 3.8 * (len(found) + 1), 3.2) as (figure, grid):
        for ax, (dataset, (digital, points)) in zip(grid[0], found.items(), strict=False):
            for index, ohm in enumerate(points.ohm.values):
                values = 100 * points.sel(ohm=ohm)
                ax.errorbar(
                    points.tile, values.mean("sample"), values.std("sample"), capsize=2, label=f"{ohm:g} Ω",
                    color=look.COLOURS[index], marker=look.MARKERS[index],
                )  # fmt: skip
            level = f"digital ({100 * digital:.2f} %)"
            ax.axhline(100 * digital, color=look.INK, linestyle="--", linewidth=0.9, label=level)
            ax.set_xscale("log", base=2)
            ax.set_xticks(points.tile.values, [str(tile) for tile in points.tile.values])
            ax.set(
                xlabel="Word lines and bit lines of a tile", ylabel="Accuracy (%)", title=f"{dataset}, {chips} chips"
            )
            ax.legend()
        ax, rows = grid[0, -1], [row for row in times if row["what"] == "reads"]
        for index, (name, label) in enumerate(
            (("transfer", "transfer matrix"), ("solve", "network, each vector"), ("ngspice", "ngspice, each vector"))
        ):
            n, seconds = [r["n"] for r in rows], [r[name] for r in rows]
            ax.loglog(n, seconds, color=look.COLOURS[index], marker=look.MARKERS[index], label=label)
        ax.set_xticks([r["n"] for r in rows], [str(r["n"]) for r in rows])
        ax.minorticks_off()
        ax.set(xlabel="Lines of an array", ylabel=f"Time for {VECTORS} vectors (s)", title="Time")
        ax.legend()
    return figure


def run(args: argparse.Namespace) -> None:
    times = [reads(n, VECTORS) for n in args.sizes]
    times += [writes(n, 200) for n in args.sizes if n <= LARGEST_TRANSIENT] or [writes(LARGEST_TRANSIENT, 200)]
    print(table(times))
    found = {name: accuracies(name, args.out, args.chips, args.images, args.tiles, args.ohm) for name in args.dataset}
    rows = [
        {
            "dataset": name, "digital": digital, "tile": int(point.tile), "ohm": float(point.ohm),
            "mean": float(point.mean()), "std": float(point.std(ddof=1)), "worst": float(point.min()),
        }
        for name, (digital, points) in found.items()
        for point in points.stack(at=("tile", "ohm")).transpose("at", ...)
    ]  # fmt: skip
    print(table(rows), "Claims, 95 % intervals over chips:", *claims(found, times), PUBLISHED, sep="\n")
    contents = {
        "fast_crossbar.csv": table(rows),
        "times.csv": table(times),
        "fast_crossbar.png": picture(found, times, args.chips),
    }
    print("Written:", *mj.study.write(args.out, contents), sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", nargs="+", choices=["digits", "mnist", "cifar10"], default=["mnist", "cifar10"])
    parser.add_argument("--chips", type=int, default=20, help="chips at each point")
    parser.add_argument("--images", type=int, default=200, help="test images shown to every chip")
    parser.add_argument("--tiles", nargs="+", type=int, default=TILES)
    parser.add_argument("--ohm", nargs="+", type=float, default=OHM, help="resistances of a segment")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="of the arrays that are timed")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/fast_crossbar"))
    parser.add_argument("--quick", action="store_true", help="digits, small arrays: that it runs; no results")
    args = parser.parse_args()
    if args.chips < 2:
        parser.error(f"--chips must be at least 2, got {args.chips}")
    if args.quick:
        args.dataset, args.chips, args.images, args.tiles = ["digits"], 2, 50, [16, 64]
        args.ohm, args.sizes = [0.24, 5.0], [8]
    args.ohm = np.asarray(args.ohm)
    mj.study.check_writable(args.out)
    run(args)
    if args.quick:
        print("A quick run shows that the script works: no results.")


if __name__ == "__main__":
    main()
