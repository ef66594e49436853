"""The tiled forward pass on an accelerator: which order of the tiles, which precision, what bounds it.

    python benchmarks/accelerator.py --out results/accelerator            # minutes on one GPU
    python benchmarks/accelerator.py --out results/accelerator --trace results/trace   # and a profile of each program
    python benchmarks/accelerator.py --quick --out results/quick          # a small network, also on a CPU; no results

GoogLeNet and VGG-8 in the survey's setting (6 levels, 6-bit ADC, 8-bit DAC, pairs of columns), tiles of 16 and 128, all
schedules ("fused" on a CPU shows no more than that it runs: the kernel is interpreted there), products in float32 (the
default of memjax) and in TF32 (but for the fused kernel, whose products are of float32 in both). Each is timed in turn
with the digital network in float32; its ratio to the digital network in the same precision is given too. Memory is told
by the compiler; the rate of the digital network's operations that follows from the time is to be held against that of
the device; what a program waits for is told by its profile. Then 10 000 images, batch after batch. Rows are written as
they are measured; what does not fit into memory is a row that says so.
"""

import argparse
import contextlib
import dataclasses
import json
import pathlib
from typing import Any, NamedTuple

import jax
from _networks import DEEP, NETWORKS
from _peer_report import machine
from _timing import compare, seconds
from inference import as_function, hardware

import memjax as mj

PRECISIONS = ("float32", "tensorfloat32")
SCHEDULES = ("scan", "batched", "fused")
NAMED = {"GoogLeNet": DEEP["GoogLeNet"], "VGG-8": NETWORKS["VGG-8"], "LeNet": NETWORKS["LeNet"]}
IMAGES = 10_000


class Program(NamedTuple):
    """A compiled function and its arguments."""

    compiled: Any
    arguments: tuple

    def __call__(self):
        return self.compiled(*self.arguments)

    @property
    def memory(self) -> int:
        """Bytes held at once, by the compiler."""
        held = self.compiled.memory_analysis()
        return held.argument_size_in_bytes + held.output_size_in_bytes + held.temp_size_in_bytes


def compiled(precision: str, function, *arguments) -> Program:
    with jax.default_matmul_precision(precision):
        return Program(jax.jit(function).lower(*arguments).compile(), arguments)


def tiled(fn, state, x, tile: int, schedule: str, precision: str) -> Program:
    analog = mj.crossbarify(fn, dataclasses.replace(hardware(tile), schedule=schedule))
    return compiled(precision, analog.apply, analog.program(state, jax.random.key(1), x), state, x)


def measure(network: str, batch: int, tiles, schedules, precisions, repeats: int, trace: pathlib.Path | None):
    """Rows of one network, as they are measured."""
    fn, state = as_function(NAMED[network])
    x = jax.random.normal(jax.random.key(0), (batch, *NAMED[network].shape))
    digital = {
        precision: compiled(precision, fn, state, x) for precision in {"float32": None, **dict.fromkeys(precisions)}
    }
    exact = digital["float32"]
    operations = exact.compiled.cost_analysis()["flops"]

    def row(tile, schedule, precision, time, same: float, program: Program) -> dict[str, Any]:
        return {
            "network": network, "batch": batch, "tile": tile, "schedule": schedule, "precision": precision,
            "seconds": time.seconds, "to_float32": time.ratio, "quartiles": time.spread, "to_same_precision": same,
            "memory": program.memory, "operations_per_second": operations / time.seconds,
        }  # fmt: skip

    for precision, program in digital.items():
        time = compare(program, exact, repeats)
        yield row(None, "digital", precision, time, time.ratio, program)
    for tile in tiles:
        for schedule in schedules:
            for precision in precisions:
                about = {"network": network, "batch": batch, "tile": tile, "schedule": schedule, "precision": precision}
                try:
                    program = tiled(fn, state, x, tile, schedule, precision)
                    with jax.profiler.trace(str(trace)) if trace else contextlib.nullcontext():
                        seconds(program)
                    time, same = (compare(program, digital[name], repeats) for name in ("float32", precision))
                except jax.errors.JaxRuntimeError as error:
                    if "RESOURCE_EXHAUSTED" not in str(error):
                        raise
                    yield about | {"failed": "does not fit into memory"}
                    continue
                yield row(tile, schedule, precision, time, same.ratio, program)


def whole_set(network: str, batch: int, tile: int, images: int) -> dict[str, Any]:
    """Time of so many images on one chip, batch after batch, with the default schedule, in float32."""
    fn, state = as_function(NAMED[network])
    x = jax.random.normal(jax.random.key(0), (-(-images // batch), batch, *NAMED[network].shape))
    analog = mj.crossbarify(fn, hardware(tile))
    chip, run = analog.program(state, jax.random.key(1), x[0]), jax.jit(analog.apply)
    jax.block_until_ready(run(chip, state, x[0]))
    taken = seconds(lambda: [run(chip, state, part) for part in x])
    return {"network": network, "batch": batch, "tile": tile, "images": images, "seconds": taken}


def described(found: dict[str, Any]) -> str:
    name = f"{found['network']:10} batch {found['batch']:4}"
    if "images" in found:
        return f"{name}  {found['images']} images on tiles of {found['tile']}: {found['seconds']:.2f} s"
    name += (
        f"  {'digital' if found['tile'] is None else found['tile']!s:8} {found['schedule']:8} {found['precision']:14}"
    )
    if "failed" in found:
        return f"{name} {found['failed']}"
    low, high = found["quartiles"]
    return (
        f"{name} {1e3 * found['seconds']:9.2f} ms  {found['to_float32']:6.2f}x float32 [{low:.2f}-{high:.2f}]  "
        f"{found['to_same_precision']:6.2f}x same  {found['memory'] / 2**20:7.0f} MiB  "
        f"{found['operations_per_second'] / 1e12:.3f} Top/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NAMED, default=["GoogLeNet", "VGG-8"])
    parser.add_argument("--tiles", nargs="+", type=int, default=[16, 128])
    parser.add_argument("--schedules", nargs="+", choices=SCHEDULES, default=SCHEDULES)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--images", type=int, default=IMAGES, help="of the run over a whole test set")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--trace", type=pathlib.Path, help="folder for profiles (TensorBoard, Perfetto)")
    parser.add_argument("--quick", action="store_true", help="LeNet, batch 8: that it runs")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder of accelerator.json")
    args = parser.parse_args()
    if args.quick:
        args.networks, args.batch, args.images, args.repeats = ["LeNet"], 8, 16, 3
    for name, least in (("batch", 1), ("images", 1), ("repeats", 2)):
        if (given := getattr(args, name)) < least:
            parser.error(f"--{name} must be at least {least}, got {given}")
    args.out.mkdir(parents=True, exist_ok=True)
    device = jax.devices()[0]
    about = {"device": device.device_kind, "jax": jax.__version__, "quick": args.quick, **machine()}
    rows: list[dict[str, Any]] = []

    def keep(found: dict[str, Any]) -> None:
        rows.append(found)
        print(described(found), flush=True)
        path = args.out / "accelerator.json"
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n")
        partial.replace(path)

    print(f"jax {jax.__version__} on {device.device_kind}")
    for network in args.networks:
        for found in measure(
            network, args.batch, args.tiles, args.schedules, args.precisions, args.repeats, args.trace
        ):
            keep(found)
        keep(whole_set(network, args.batch, args.tiles[0], args.images))
    print(f"Written: {args.out / 'accelerator.json'}")


if __name__ == "__main__":
    main()
