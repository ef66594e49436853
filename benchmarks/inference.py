"""Time of networks on simulated crossbars, as a ratio to the same network in plain jitted JAX.

    python benchmarks/inference.py                        # forward and backward, all networks and tiles
    python benchmarks/inference.py --networks VGG-8 --tiles 16 128 --repeats 15
    python benchmarks/inference.py --networks --chips 0   # deep networks alone: how fast they start

6-bit ADC, 6 levels, 8-bit DAC, double columns. Prints a table of medians over paired runs (quartiles of the ratio in
brackets) and writes it as CSV with --out. Of deep networks it prints the time of the first call and of the next of
everything that makes and reads a chip of 16x16 tiles with device variation and drift, as ratios to the digital network.
"""

import argparse
import csv
import dataclasses
import pathlib
import time
from collections.abc import Callable

import jax
from _networks import DEEP, NETWORKS
from _timing import Comparison, compare, seconds
from flax import nnx

import memjax as mj

BATCHES = {"linear 512x512": (128,), "LeNet": (128,), "VGG-8": (32, 128)}


def hardware(tile: int, clip_gradient: bool = True) -> mj.Hardware:
    """The survey's setting."""
    return mj.Hardware(
        cell=mj.Cell(r_on=10e3, r_off=100e3, levels=6),
        tile=(tile, tile),
        dac=mj.Dac(bits=8),
        adc=mj.Adc(bits=6, clip_gradient=clip_gradient),
    )


def as_function(network: Callable[[nnx.Rngs], nnx.Module]):
    """(pure function, its parameters) of a network."""
    model = network(nnx.Rngs(0))
    model.eval()
    graphdef, state = nnx.split(model)
    return lambda state, x: nnx.merge(graphdef, state)(x), state


def forward(fn, state, x, tile: int, repeats: int) -> tuple[Comparison, float]:
    """(analog against digital forward pass, seconds to compile it)."""
    analog = mj.crossbarify(fn, hardware(tile))
    chip = analog.program(state, jax.random.key(1), x)
    run, digital = jax.jit(analog.apply), jax.jit(fn)
    compiling = seconds(lambda: run(chip, state, x))
    return compare(lambda: run(chip, state, x), lambda: digital(state, x), repeats), compiling


def training(fn, state, x, tile: int, clip_gradient: bool, repeats: int) -> tuple[Comparison, float]:
    """(gradient by conductances and inputs against that of the digital network, seconds to compile it)."""
    analog = mj.crossbarify(fn, hardware(tile, clip_gradient))
    chip = analog.program(state, jax.random.key(1), x)
    run = jax.jit(jax.grad(lambda chip, state, x: (analog.apply(chip, state, x) ** 2).sum(), argnums=(0, 2)))
    digital = jax.jit(jax.grad(lambda state, x: (fn(state, x) ** 2).sum(), argnums=(0, 1)))
    compiling = seconds(lambda: run(chip, state, x))
    return compare(lambda: run(chip, state, x), lambda: digital(state, x), repeats), compiling


def many_chips(fn, state, x, tile: int, chips: int, at_once: int, repeats: int) -> Comparison:
    """Chips by `lax.map`, `at_once` of them in a vmap, against the same number of calls for one chip."""
    analog = mj.crossbarify(fn, hardware(tile))
    keys = jax.random.split(jax.random.key(1), chips)
    programmed = jax.vmap(lambda key: analog.program(state, key, x))(keys)
    one = jax.tree.map(lambda array: array[0], programmed)
    every = jax.jit(lambda chips: jax.lax.map(lambda chip: analog.apply(chip, state, x), chips, batch_size=at_once))
    single = jax.jit(lambda chip: analog.apply(chip, state, x))

    def one_by_one():
        for _ in range(chips):
            result = single(one)
        return result

    return compare(lambda: every(programmed), one_by_one, repeats)


def starting(fn, state, x, tile: int) -> None:
    """Print seconds of the first and the next call of everything, and their ratios to the digital network's."""
    survey = hardware(tile)
    effects = (mj.effects.DeviceVariation(1e3, 1e4), mj.effects.Drift(0.05, nu_std=0.01))
    analog = mj.crossbarify(fn, dataclasses.replace(survey, effects=effects))
    key = jax.random.key(1)
    jax.block_until_ready(jax.random.normal(key))  # what JAX itself loads first
    made = {}

    def kept(name: str, f: Callable):
        def call():
            made[name] = f()
            return made[name]

        return call

    digital = jax.jit(fn)
    calls = {
        "digital": lambda: digital(state, x),
        "plan": kept("plan", lambda: analog.plan(state, x)),
        "program": kept("chip", lambda: analog.program(state, key, x)),
        "apply": lambda: analog.apply(made["chip"], state, x),
        "reprogram": lambda: analog.reprogram(made["chip"], state, key, x),
        "age": kept("aged", lambda: analog.age(made["chip"], key, seconds=1e3)),
        "compensate": lambda: analog.compensate(made["aged"], made["chip"], key),
        "tune": lambda: analog.tune(made["aged"], state, key, x),
    }
    baseline = None
    for name, call in calls.items():
        first, again = seconds(call), min(seconds(call) for _ in range(3))
        baseline = baseline or (first, again)
        print(
            f"  {name:12} first {first:8.2f} s {first / baseline[0]:8.2f}x   "
            f"again {1e3 * again:9.2f} ms {again / baseline[1]:8.2f}x",
            flush=True,
        )
    print(f"  {made['plan'].tiles} tiles")


def main() -> None:
    """Run the benchmarks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="*", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--deep", nargs="*", choices=DEEP, default=list(DEEP), help="networks whose start is timed")
    parser.add_argument("--tiles", nargs="+", type=int, default=[16, 64, 128])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--chips", type=int, default=256, help="chips in the many-chips comparison (0: leave it out)")
    parser.add_argument("--no-backward", action="store_true")
    parser.add_argument("--out", type=pathlib.Path, help="write the table as CSV")
    options = parser.parse_args()

    rows = []

    def report(what: str, network: str, batch: int, tile: int, result: Comparison, compiling: float = float("nan")):
        low, high = result.spread
        print(
            f"{what:24} {network:15} batch {batch:4} tile {tile:4}  {result.ratio:8.2f}x [{low:.2f}-{high:.2f}]"
            f"  {1e3 * result.seconds:9.2f} ms against {1e3 * result.baseline_seconds:9.2f} ms"
            f"  compile {compiling:5.1f} s",
            flush=True,
        )
        rows.append((what, network, batch, tile, result.ratio, low, high, result.seconds, result.baseline_seconds))

    print(f"jax {jax.__version__} on {jax.devices()[0].device_kind}, {time.strftime('%Y-%m-%d')}")
    for network in options.networks:
        fn, state = as_function(NETWORKS[network])
        for batch in BATCHES[network]:
            x = jax.random.normal(jax.random.key(0), (batch, *NETWORKS[network].shape))
            for tile in options.tiles:
                report("forward", network, batch, tile, *forward(fn, state, x, tile, options.repeats))
                if not options.no_backward:
                    for clip, name in ((False, "passed"), (True, "clipped")):
                        result = training(fn, state, x, tile, clip, options.repeats)
                        report(f"forward+backward, {name}", network, batch, tile, *result)
    if options.chips:
        fn, state = as_function(NETWORKS["LeNet"])
        x = jax.random.normal(jax.random.key(0), (16, *NETWORKS["LeNet"].shape))
        for at_once in (1, 8, options.chips):
            result = many_chips(fn, state, x, 64, options.chips, at_once, max(3, options.repeats // 3))
            report(f"{options.chips} chips, {at_once} at once", "LeNet", 16, 64, result)
    for network in options.deep:
        fn, state = as_function(DEEP[network])
        print(network)
        starting(fn, state, jax.random.normal(jax.random.key(0), (8, *DEEP[network].shape)), 16)
    if options.out:
        with options.out.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("what", "network", "batch", "tile", "ratio", "low", "high", "seconds", "baseline_seconds"))
            writer.writerows(rows)


if __name__ == "__main__":
    main()
