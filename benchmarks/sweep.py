"""Time and memory of `memjax.sweep`, beside the compiled function alone and a plain Python loop.

    python benchmarks/sweep.py                             # 10 x 10 points, 100 chips each: some minutes on two cores
    python benchmarks/sweep.py --sigmas 3 --bits 2 --chips 20 --images 200

A LeNet on crossbars of 64 x 64 cells, chips of random devices, over device variability and ADC bits. Every part runs
in a process of its own. Prints

- the sweep's wall time after its one compilation, relative to the number of chips x the cost of a chip in one vmap;
- the same with a zarr store and progress, relative to the sweep without;
- a Python loop over jitted calls of one chip, relative to the sweep;
- a sweep over variability on the MNIST network of Souto Garnelo et al., and the same point by point, a sweep and so a
  compilation each, relative to it;
- the speed-up by two host devices of one core each;
- peak memory and rate of 100 000 chips of a small perceptron.
"""

import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import memjax as mj


def hardware(sigma, bits) -> mj.Hardware:
    """Tiles of 64 x 64 cells with a spread of their resistances; numbers may be traced."""
    spread = mj.effects.DeviceVariation(r_on_std=sigma * 10e3, r_off_std=sigma * 100e3)
    return mj.Hardware(cell=mj.Cell(r_on=10e3, r_off=100e3), tile=(64, 64), adc=mj.Adc(bits=bits), effects=(spread,))


def lenet(images: int):
    """`fn(key, sigma, bits)`: the mean output of a LeNet on one chip."""
    from _networks import LeNet
    from flax import nnx

    forward, state = mj.study.as_function(LeNet(nnx.Rngs(0)))
    x = jax.random.normal(jax.random.key(1), (images, 28, 28, 1))

    def fn(key, sigma, bits):
        analog = mj.crossbarify(forward, hardware(sigma, bits))
        logits = analog.apply(analog.program(state, key, x), state, x)
        return {"class": jnp.mean(logits.argmax(-1) == 0)}

    return fn


def perceptron():
    """`fn(key, sigma)`: a small perceptron on one chip."""
    weights = [jax.random.normal(jax.random.key(i), shape) for i, shape in enumerate(((64, 32), (32, 10)))]
    x = jax.random.normal(jax.random.key(9), (32, 64))

    def fn(key, sigma):
        hardware = mj.Hardware(effects=(mj.effects.DeviceVariation(r_on_std=sigma * 10e3, r_off_std=sigma * 100e3),))
        analog = mj.crossbarify(lambda w, x: jax.nn.relu(x @ w[0]) @ w[1], hardware)
        return {"mean": jnp.mean(analog.apply(analog.program(weights, key, x), weights, x))}

    return fn


def grid(args) -> dict:
    """Variability and bits."""
    return {"sigma": np.linspace(0, 0.5, args.sigmas), "bits": np.linspace(3, 10, args.bits).round()}


def sweep(args, fn, **options):
    """The sweep over the grid."""
    return mj.sweep(fn, grid(args), key=jax.random.key(0), samples=args.chips, batch_size=args.batch, **options)


def seconds_of(args, fn, **options) -> float:
    """Seconds that its evaluations took."""
    return sweep(args, fn, **options).attrs["seconds_evaluating"]


def compiled(fn, *example):
    """jit, with the arrays that the function closes over as arguments: XLA would compute with constants for minutes."""
    run = eqx.filter_jit(eqx.filter_closure_convert(fn, *map(jnp.asarray, example)))
    return lambda *args: run(*map(jnp.asarray, args))


def lenet_part(args) -> None:
    fn, chips = lenet(args.images), args.sigmas * args.bits * args.chips
    key = jax.random.key(0)

    def batch(samples, sigma, bits):
        return jax.vmap(lambda s, a, b: fn(jax.random.fold_in(key, s), a, b))(samples, sigma, bits)

    inputs = np.arange(args.batch), np.full(args.batch, 0.2), np.full(args.batch, 6.0)
    batch = compiled(batch, *inputs)
    jax.block_until_ready(batch(*inputs))

    def call() -> float:
        start = time.perf_counter()
        jax.block_until_ready(batch(*inputs))
        return (time.perf_counter() - start) / args.batch

    before = [call() for _ in range(10)]
    found = sweep(args, fn).attrs
    seconds, compilations = found["seconds_evaluating"], found["compilations"]
    each = statistics.median(before + [call() for _ in range(10)])
    print(
        f"{chips} chips of a LeNet on {args.images} images, batches of {args.batch}: {seconds:.1f} s, "
        f"{compilations} compilation, {seconds / (chips * each):.2f} x the chips in one vmap"
    )
    single = compiled(lambda s, a, b: fn(jax.random.fold_in(key, s), a, b), 0, 0.2, 6.0)
    jax.block_until_ready(single(0, 0.2, 6.0))
    count = min(chips, 50)
    start = time.perf_counter()
    for s in range(count):
        float(single(s, 0.2, 6.0)["class"])
    loop = (time.perf_counter() - start) / count * chips
    print(f"Python loop over jitted calls of one chip ({count} timed): {loop / seconds:.2f} x the sweep")


def points_part(args) -> None:
    sys.path.append(str(pathlib.Path(__file__).parent.parent / "experiments"))
    import networks

    forward, state = mj.study.as_function(networks.load("mnist")[0])
    x = jax.random.uniform(jax.random.key(1), (args.images, 28, 28, 1))

    def fn(key, sigma):
        analog = mj.crossbarify(forward, hardware(sigma, 8))
        logits = analog.apply(analog.program(state, key, x), state, x)
        return {"class": jnp.mean(logits.argmax(-1) == 0)}

    def seconds(sigmas) -> float:
        start = time.perf_counter()
        mj.sweep(fn, {"sigma": sigmas}, key=jax.random.key(0), samples=args.chips, batch_size=args.batch)
        return time.perf_counter() - start

    sigmas = np.linspace(0, 0.5, args.sigmas)
    whole = seconds(sigmas)
    apart = sum(seconds(sigmas[i : i + 1]) for i in range(args.sigmas))
    print(
        f"{args.sigmas} sigmas x {args.chips} chips of the MNIST network of Souto Garnelo et al. on {args.images} "
        f"images: {whole:.1f} s with its one compilation; point by point {apart / whole:.2f} x as long"
    )


def store_part(args) -> None:
    args.sigmas, args.bits, args.chips = 3, 3, max(args.chips // 4, 8)
    fn, ratios = lenet(args.images), []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            stored = seconds_of(args, fn, store=pathlib.Path(folder) / "sweep.zarr")
        plain = seconds_of(args, fn, progress=False)
        ratios.append(stored / plain)
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    print(f"with store and progress: {statistics.median(ratios):.3f} x the sweep without ({spread})")


def devices_part(args) -> None:
    args.sigmas, args.bits, args.chips = 2, 2, max(args.chips // 4, 8)
    devices = int(os.environ["DEVICES"])
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:devices]))  # a core for each
    mesh = jax.make_mesh((devices,), ("chips",), axis_types=(jax.sharding.AxisType.Auto,)) if devices > 1 else None
    print(seconds_of(args, lenet(args.images), mesh=mesh))


def memory_part(args) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    mj.sweep(perceptron(), {"sigma": [0.1]}, key=jax.random.key(0), samples=100_000, batch_size=1000)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"100000 chips of a perceptron: {seconds:.1f} s, peak memory {after:.0f} MiB ({before:.0f} MiB before)")


PARTS = {
    "lenet": lenet_part,
    "points": points_part,
    "store": store_part,
    "devices": devices_part,
    "memory": memory_part,
}


def alone(part: str, **environment: str) -> str:
    """One part in a process of its own."""
    command = [sys.executable, *sys.argv, "--part", part]
    done = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigmas", type=int, default=10)
    parser.add_argument("--bits", type=int, default=10)
    parser.add_argument("--chips", type=int, default=100, help="chips at each point")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=8, help="chips in one call")
    parser.add_argument("--part", choices=PARTS, help="only this part, in this process")
    args = parser.parse_args()
    if args.part:
        PARTS[args.part](args)
        return
    for part in ("lenet", "points", "store", "memory"):
        print(alone(part), flush=True)
    flags = "--xla_force_host_platform_device_count={}"
    one, two = (float(alone("devices", DEVICES=str(n), XLA_FLAGS=flags.format(n), JAX_PLATFORMS="cpu")) for n in (1, 2))
    print(f"two host devices of one core each: {one / two:.2f} x as fast as one")


if __name__ == "__main__":
    main()
