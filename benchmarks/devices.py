"""Speed of the device models: steps per second, against a plain elementwise pass, NumPy and diffrax.

    python benchmarks/devices.py [largest population, default 1000000]

Every ratio is to the time of one elementwise pass that reads the same arrays (state and all parameters) and writes the
state, run the same number of times. Best of three runs, compilation excluded.
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from memjax import devices as md
from memjax.programming import WriteVerify

STAGES = {"euler": 1, "heun": 2, "rk4": 4}


def best(function, repeats=3) -> float:
    """Seconds of the fastest of several runs, after one that compiles."""
    jax.block_until_ready(function())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - start)
    return min(times)


def slow_vteam(count: int) -> md.VTEAM:
    """Cells with parameters of their own, slow enough to keep moving throughout."""
    cell = md.VTEAM.pt_hf_ti(k_on=-1e-7)
    return md.population(cell, jax.random.key(0), count, v_off=md.lognormal(0.05), k_on=md.lognormal(0.1))


def elementwise(devices: md.VTEAM, state, steps: int):
    """The least any integrator must do: read every array once per step, write the state."""

    @jax.jit
    def run(leaves, state):
        # Each product holds the state, or the compiler would move the sum out of the loop.
        body = lambda s, _: (0.999 * s + 1e-6 * sum(leaf * s for leaf in leaves), None)
        return jax.lax.scan(body, state, None, length=steps)[0]

    leaves = [jnp.ones_like(state) * leaf for leaf in jax.tree.leaves(devices)]
    return best(lambda: run(leaves, state))


def numpy_euler(devices: md.VTEAM, voltage, width, state) -> float:
    """The loop a NumPy user writes: all cells at once, one step after another."""
    p = {name: np.asarray(getattr(devices, name), np.float32) for name in
         ("k_off", "k_on", "v_off", "v_on", "alpha_off", "alpha_on", "w_on", "w_off")}  # fmt: skip

    def run():
        u = np.array(state)
        for v, h in zip(voltage[:-1], width, strict=True):
            off, on = np.maximum(v / p["v_off"] - 1, 0), np.maximum(v / p["v_on"] - 1, 0)
            rate = p["k_off"] * off ** p["alpha_off"] + p["k_on"] * on ** p["alpha_on"]
            u = np.clip(u + h * rate / (p["w_off"] - p["w_on"]), 0, 1)
        return u

    return best(run, repeats=1)


def simulation(count: int, steps: int) -> None:
    """One line per method for a population of `count`."""
    devices = slow_vteam(count)
    t = np.linspace(0, 1, steps + 1)
    voltage = np.sin(2 * np.pi * t).astype(np.float32)
    state = jnp.full((count,), 0.5, jnp.float32)
    floor = elementwise(devices, state, steps)
    print(
        f"\n{count} VTEAM cells, own parameters, {steps} steps; elementwise pass {floor / steps * 1e6:.2f} us per step"
    )
    for method, stages in STAGES.items():
        seconds = best(lambda method=method: md.evolve(devices, voltage, t, state, method=method))
        rate = count * steps / seconds
        print(f"  {method:<6} {rate:10.3e} device-steps/s   {seconds / floor / stages:6.2f} x elementwise per stage")
    seconds = numpy_euler(devices, voltage, np.diff(t).astype(np.float32), state)
    print(f"  numpy  {count * steps / seconds:10.3e} device-steps/s   {seconds / floor:6.2f} x elementwise (Euler)")
    if count <= 1000:
        solve = jax.jit(lambda d, s: md.simulate(d, voltage, t, s, method="diffrax", tolerance=1e-4).state[-1])
        seconds = best(lambda: solve(devices, state))
        print(f"  diffrax {count * steps / seconds:9.3e} device-samples/s, adaptive Tsit5, tolerance 1e-4")


def programming(count: int) -> None:
    """Write-verify of `count` cells."""
    writer = WriteVerify.matched(md.VTEAM.pt_hf_ti(), (0.56, 0.9), (0.52, 0.95))
    key = jax.random.key(1)
    target = jax.random.uniform(key, (count,), minval=5e-4, maxval=9e-3)
    seconds = best(lambda: writer.program(target, key))
    report = writer.program(target, key)
    print(
        f"\nwrite-verify of {count} VTEAM cells to 1 % of the range: {seconds:.2f} s, "
        f"{float(report.pulses.mean()):.1f} pulses and {float(report.energy.mean()):.3g} J per cell, "
        f"{int(report.failed.sum())} failed"
    )


if __name__ == "__main__":
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"jax {jax.__version__} on {jax.devices()[0].device_kind}")
    for cells in [n for n in (1, 1000) if n < largest] + [largest]:
        simulation(cells, steps=1000 if cells <= 1000 else 100)
    programming(largest)
