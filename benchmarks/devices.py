"""Time of device simulation, as a ratio to one elementwise pass over the same arrays for every step.

    python benchmarks/devices.py                          # 1, 1000 and 1 000 000 cells; writing 1 000 000 cells
    python benchmarks/devices.py --cells 1000 --steps 1000 --repeats 9 --out devices.csv

VTEAM cells, each with parameters of its own, under one sampled waveform, in float32. The elementwise pass reads the
state and the eight parameters that the rate depends on, and writes the state: what any integrator must move through
memory at every stage. Beside it a NumPy Euler loop over the same population, and diffrax (Tsit5, tolerance 1e-4, whose
steps are its own). Medians over paired runs, quartiles of the ratio in brackets, compilation excluded.
"""

import argparse
import csv
import pathlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from _timing import Comparison, compare, seconds

from memjax import devices as md
from memjax import programming

STAGES = {"euler": 1, "heun": 2, "rk4": 4}
PARAMETERS = ("k_off", "k_on", "v_off", "v_on", "alpha_off", "alpha_on", "w_on", "w_off")


def population(cells: int) -> md.VTEAM:
    """Cells slow enough to keep moving throughout."""
    cell = md.VTEAM.pt_hf_ti(k_on=-1e-7)
    return md.population(cell, jax.random.key(0), cells, v_off=md.lognormal(0.05), k_on=md.lognormal(0.1))


def elementwise(devices: md.VTEAM, state: jax.Array, steps: int) -> Callable:
    """A pass over state and parameters for every step; each product holds the state, or it would leave the loop."""
    leaves = [getattr(devices, name) for name in PARAMETERS]

    @jax.jit
    def run(leaves, state):
        body = lambda s, _: (0.999 * s + 1e-6 * sum(leaf * s for leaf in leaves), None)
        return jax.lax.scan(body, state, None, length=steps)[0]

    return lambda: run(leaves, state)


def numpy_euler(devices: md.VTEAM, voltage: np.ndarray, width: np.ndarray, state: jax.Array) -> Callable:
    """The loop a NumPy user writes: all cells at once, one step after another."""
    p = {name: np.asarray(getattr(devices, name), np.float32) for name in PARAMETERS}

    def run():
        u = np.array(state)
        for v, h in zip(voltage[:-1], width, strict=True):
            off, on = np.maximum(v / p["v_off"] - 1, 0), np.maximum(v / p["v_on"] - 1, 0)
            rate = p["k_off"] * off ** p["alpha_off"] + p["k_on"] * on ** p["alpha_on"]
            u = np.clip(u + h * rate / (p["w_off"] - p["w_on"]), 0, 1)
        return u

    return run


def simulations(cells: int, steps: int, repeats: int) -> dict[str, Comparison]:
    """Every integrator against the elementwise pass."""
    devices = population(cells)
    time = np.linspace(0, 1, steps + 1)
    voltage = np.sin(2 * np.pi * time).astype(np.float32)
    width = np.diff(time).astype(np.float32)
    state = jnp.full((cells,), 0.5, jnp.float32)
    floor = elementwise(devices, state, steps)
    runs: dict[str, Callable] = {
        method: lambda method=method: md.evolve(devices, voltage, time, state, method) for method in STAGES
    }
    runs["numpy"] = numpy_euler(devices, voltage, width, state)
    if cells <= 1000:
        solve = jax.jit(lambda d, s: md.simulate(d, voltage, time, s, "diffrax", tolerance=1e-4).state[-1])
        runs["diffrax"] = lambda: solve(devices, state)
    return {name: compare(run, floor, 2 if name == "numpy" and cells > 1000 else repeats) for name, run in runs.items()}


def writing(cells: int, repeats: int) -> str:
    """Write-verify of `cells` cells of one kind to 1 % of the range."""
    writer = programming.WriteVerify(md.VTEAM.pt_hf_ti())
    key = jax.random.key(1)
    target = jax.random.uniform(key, (cells,), minval=5e-4, maxval=9.9e-3)
    run = jax.jit(lambda target, key: writer.program(target, key))
    seconds(lambda: run(target, key))
    took = sorted(seconds(lambda: run(target, key)) for _ in range(repeats))[repeats // 2]
    report = run(target, key)
    return (
        f"write-verify of {cells} VTEAM cells to 1 % of the range: {took:.2f} s, {report.pulses.mean():.1f} pulses and "
        f"{report.energy.mean():.2g} J per cell, {int(report.failed.sum())} failed"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[1, 1000, 1_000_000])
    parser.add_argument("--steps", type=int, default=1000, help="time steps")
    parser.add_argument("--repeats", type=int, default=5, help="paired runs of each comparison")
    parser.add_argument("--out", type=pathlib.Path, help="CSV file for the table")
    args = parser.parse_args()
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}, {args.steps} steps")
    print(f"{'cells':>8}  {'method':<8}{'device-steps/s':>15}{'per step':>16}{'per stage':>11}   times elementwise")
    rows = []
    for cells in args.cells:
        for method, c in simulations(cells, args.steps, args.repeats).items():
            stages = STAGES.get(method, 1)
            speed = cells * args.steps / c.seconds
            low, high = c.spread
            print(
                f"{cells:>8}  {method:<8}{speed:>15.3g}{c.ratio:>7.2f} [{low:.1f}-{high:.1f}]{c.ratio / stages:>11.2f}",
                flush=True,
            )
            rows.append([cells, args.steps, method, speed, c.ratio, low, high, c.ratio / stages])
    print(writing(max(args.cells), args.repeats))
    if args.out:
        with open(args.out, "w", newline="") as file:
            names = ["cells", "steps", "method", "device_steps_per_second", "ratio", "low", "high", "ratio_per_stage"]
            csv.writer(file).writerows([names, *rows])


if __name__ == "__main__":
    main()
