"""Time and memory of training steps in situ, as ratios to the digital step in plain jitted JAX.

    python benchmarks/training.py                                  # everything
    python benchmarks/training.py --only vgg8 mlp --repeats 15

Whole steps: forward, backward, optimiser, update. Trainings go on from step to step, all on the same images with the
same learning rate, since the cost of coincidences depends on how large gradients are (MNIST where it is prepared, else
random images). Prints a table of medians over paired runs (quartiles of the ratio in brackets) and writes it as CSV
with --out. Memory: bytes of parameters and of the state of the devices, and the peak of a fresh process that makes two
steps.

Groups: vgg8 (VGG-8, batch 128), mlp (784-256-128-10), chips (16 trainings of 8 steps in one program against
as many single steps), memory. aihwkit's steps are timed beside these by `peers.py`.
"""

import argparse
import csv
import functools
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from _networks import MLP, VGG8
from _timing import Comparison, compare
from flax import nnx

import memjax as mj

GROUPS = ("vgg8", "mlp", "chips", "memory")
CHIPS, STEPS = 16, 8
T = mj.training


class Algorithm(NamedTuple):
    """The end of the devices' chain: (law, key, rate) -> transformation; `outer`: takes outer products."""

    make: Callable[..., Any]
    outer: bool = False


def coincident(fidelity: str) -> Algorithm:
    return Algorithm(lambda law, key, rate: T.coincidence(law, key, rate, fidelity=fidelity), outer=True)


def tiki_taka_v2(rows: int | None, fidelity: str | None = None) -> Algorithm:
    """Reads `rows` rows of each array in every step; its fast array takes coincidences of a fidelity, or gradients."""

    def make(law, key, rate):
        how = {} if fidelity is None else {"fast_rate": rate, "fidelity": fidelity}
        return T.tiki_taka_v2(T.Referenced(law), key, transfer=T.Buffered(), rows=rows, **how)

    return Algorithm(make, outer=fidelity is not None)


ALGORITHMS = {
    "deterministic": Algorithm(lambda law, key, rate: T.pulsed(law, key)),
    "moments": coincident("moments"),
    "batch": coincident("batch"),
    "sequential": coincident("sequential"),
    "tiki_taka_v2": tiki_taka_v2(None),
    "tiki_taka_v2, 64 rows": tiki_taka_v2(64),  # a row for each sample of a batch of 64, as aihwkit's presets
    "tiki_taka_v2, 64 rows, moments": tiki_taka_v2(64, "moments"),
    "tiki_taka_v2, 64 rows, sequential": tiki_taka_v2(64, "sequential"),
}


class Task(NamedTuple):
    """What is trained: network, images, batch."""

    network: str
    batch: int
    rate: float
    momentum: float


class Training(NamedTuple):
    """A training as functions: `init(key)` its state, `step(state, x, y)` the next one."""

    init: Callable[[jax.Array], Any]
    step: Callable[..., Any]


def network(name: str) -> nnx.Module:
    return {"VGG-8": VGG8, "MLP": MLP}[name](nnx.Rngs(0))


@functools.cache
def images(name: str) -> tuple[np.ndarray, np.ndarray]:
    """(images, labels), the same for everyone."""
    data_set, shape = {"VGG-8": ("cifar10", VGG8.shape), "MLP": ("mnist", MLP.shape)}[name]
    try:
        data = mj.data.load(data_set)
        return data.train_images[:8192] - (0.5 if name == "VGG-8" else 0.0), data.train_labels[:8192]
    except (FileNotFoundError, ImportError):
        rng = np.random.default_rng(0)
        return rng.uniform(size=(1024, *shape)).astype(np.float32), rng.integers(0, 10, 1024).astype(np.int32)


def training(task: Task, law: T.AbstractLaw | None, algorithm: str = "") -> Training:
    """A training whose kernels are devices of a law; digital without one."""
    graphdef, params, rest = nnx.split(network(task.network), nnx.Param, ...)
    params, rest = nnx.as_pure(params), nnx.as_pure(rest)
    sgd = lambda: optax.sgd(task.rate, momentum=task.momentum or None)
    how = None if law is None else ALGORITHMS[algorithm]

    def tx(key):
        if how is None:
            return sgd()
        end = how.make(law, key, task.rate)
        is_kernel = lambda path, _: "device" if "kernel" in jax.tree_util.keystr(path) else "digital"
        parts = {"device": end if how.outer else optax.chain(sgd(), end), "digital": sgd()}
        return optax.partition(parts, jax.tree.map_with_path(is_kernel, params))

    def loss(params, rest, x, y):
        model: Any = nnx.merge(graphdef, params, rest, copy=True)
        value = optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()
        return value, nnx.as_pure(nnx.state(model, nnx.Not(nnx.Param)))

    gradient = mj.value_and_outer if how is not None and how.outer else jax.value_and_grad

    def step(state, x, y):
        params, rest, opt_state = state
        (_, rest), slope = gradient(loss, has_aux=True)(params, rest, x, y)
        updates, opt_state = tx(jax.random.key(0)).update(slope, opt_state, params)
        return optax.apply_updates(params, updates), rest, opt_state

    return Training(lambda key: (params, rest, tx(key).init(params)), step)


def going_on(task: Task, init: Callable[[], Any], step: Callable[..., Any]) -> Callable[[], Any]:
    """A function that makes the next step of a training."""
    x, y = images(task.network)
    steps = len(y) // task.batch
    parts = [slice(i * task.batch, (i + 1) * task.batch) for i in range(steps)]
    batches = [(jnp.asarray(x[part]), jnp.asarray(y[part])) for part in parts]
    state, index = init(), 0

    def next_step():
        nonlocal state, index
        state = step(state, *batches[index % steps])
        index += 1
        return jax.tree.leaves(state[0])

    return next_step


def one(task: Task, law: T.AbstractLaw | None, algorithm: str = "") -> Callable[[], Any]:
    made = training(task, law, algorithm)
    return going_on(task, lambda: jax.jit(made.init)(jax.random.key(1)), jax.jit(made.step, donate_argnums=0))


def chips(task: Task, law: T.AbstractLaw, algorithm: str, at_once: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Every chip some steps: (compiled, `at_once` chips in a vmap, which make all their steps before the next ones;
    step by step, one chip after the other)."""
    made = training(task, law, algorithm)
    keys = jax.random.split(jax.random.key(1), CHIPS)
    x, y = (jnp.asarray(a[: STEPS * task.batch]) for a in images(task.network))
    batches = tuple(a.reshape(STEPS, task.batch, *a.shape[1:]) for a in (x, y))

    @functools.partial(jax.jit, donate_argnums=0)
    def every(states):
        one = lambda state: jax.lax.scan(lambda state, batch: (made.step(state, *batch), None), state, batches)[0]
        return jax.vmap(one)(states) if at_once == CHIPS else jax.lax.map(one, states, batch_size=at_once)

    single = jax.jit(made.step, donate_argnums=0)
    together = jax.jit(jax.vmap(made.init))(keys)
    apart = [jax.jit(made.init)(key) for key in keys]
    parts = [(batches[0][i], batches[1][i]) for i in range(STEPS)]

    def compiled():
        nonlocal together
        together = every(together)
        return jax.tree.leaves(together[0])

    def by_steps():
        for index, state in enumerate(apart):
            for part in parts:
                state = single(state, *part)
            apart[index] = state
        return [jax.tree.leaves(state[0]) for state in apart]

    return compiled, by_steps


def sizes(state: Any) -> dict[str, int]:
    """Bytes of parameters and of the state of the optimiser, of which devices."""
    count = lambda tree: sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree) if _plain(leaf))
    params, _, opt_state = state
    return {"parameters": count(params), "state of optimiser and devices": count(opt_state)}


def _plain(leaf: Any) -> bool:
    return not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def peak_of(task: Task, preset: str, algorithm: str) -> dict[str, int]:
    """Sizes, and the largest memory of this process [B] before and after two steps."""
    made = training(task, None if preset == "digital" else T.presets.named(preset), algorithm)
    x = jnp.zeros((task.batch, *{"VGG-8": VGG8, "MLP": MLP}[task.network].shape))
    y = jnp.zeros(task.batch, jnp.int32)
    found = sizes(jax.eval_shape(made.init, jax.random.key(0)))
    peak = lambda: 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = peak()
    state, step = jax.jit(made.init)(jax.random.key(1)), jax.jit(made.step, donate_argnums=0)
    for _ in range(2):
        state = jax.block_until_ready(step(state, x, y))
    return found | {"peak before": before, "peak": peak()}


def memory(task: Task, presets: list[str], algorithms: list[str]) -> None:
    """Print memory of processes of their own."""
    cases = [("digital", "")] + [(preset, algorithm) for preset in presets for algorithm in algorithms]
    for preset, algorithm in cases:
        command = [sys.executable, __file__, "--peak-of", json.dumps([task, preset, algorithm])]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        mib = ", ".join(f"{name} {size / 2**20:.1f}" for name, size in found.items())
        print(f"memory {task.network} batch {task.batch} {preset} {algorithm}: {mib} MiB", flush=True)


def main() -> None:
    """Run the benchmarks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--presets", nargs="+", choices=list(T.presets.ALL), default=["gokmen_vlasov", "reram_es"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 10, 64], help="of the MLP")
    parser.add_argument("--algorithms", nargs="+", choices=list(ALGORITHMS), default=list(ALGORITHMS))
    parser.add_argument("--rate", type=float, default=0.05, help="learning rate")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=pathlib.Path, help="write the table as CSV")
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        task, preset, algorithm = json.loads(options.peak_of)
        print(json.dumps(peak_of(Task(*task), preset, algorithm)))
        return

    rows = []

    def report(what: str, task: Task, preset: str, found: Comparison) -> None:
        low, high = found.spread
        print(
            f"{what:36} {task.network:6} batch {task.batch:4} {preset:14} {found.ratio:8.2f}x [{low:.2f}-{high:.2f}]"
            f"  {1e3 * found.seconds:9.2f} ms against {1e3 * found.baseline_seconds:9.2f} ms",
            flush=True,
        )
        rows.append(
            (what, task.network, task.batch, preset, found.ratio, low, high, found.seconds, found.baseline_seconds)
        )

    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    device = jax.devices()[0].device_kind
    print(f"jax {jax.__version__} on {device}, {threads} CPU cores, {time.strftime('%Y-%m-%d')}, rate {options.rate}")
    laws = {name: T.presets.named(name) for name in options.presets}
    vgg = Task("VGG-8", 128, options.rate, 0.9)
    if "vgg8" in options.only:
        for algorithm in [name for name in ("deterministic", "moments") if name in options.algorithms]:
            for preset, law in laws.items():
                report(algorithm, vgg, preset, compare(one(vgg, law, algorithm), one(vgg, None), options.repeats))
    mlps = [Task("MLP", batch, options.rate, 0.0) for batch in options.batches]
    if "mlp" in options.only:
        for task in mlps:
            for algorithm in options.algorithms:
                for preset, law in laws.items():
                    report(
                        algorithm, task, preset, compare(one(task, law, algorithm), one(task, None), options.repeats)
                    )
    if "chips" in options.only:
        for task in mlps[-1:]:
            for algorithm in [name for name in ("deterministic", "moments") if name in options.algorithms]:
                for preset, law in laws.items():
                    for at_once in (1, 4, CHIPS):
                        found = compare(*chips(task, law, algorithm, at_once), options.repeats)
                        report(f"{CHIPS} chips, {at_once} at once, {algorithm}", task, preset, found)
    if "memory" in options.only:
        memory(vgg, options.presets, [name for name in ("deterministic", "moments") if name in options.algorithms])
    if options.out:
        with options.out.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                ("what", "network", "batch", "preset", "ratio", "low", "high", "seconds", "baseline_seconds")
            )
            writer.writerows(rows)


if __name__ == "__main__":
    main()
