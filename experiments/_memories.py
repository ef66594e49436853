"""The parts of the experiment on memories: how long they last, and networks whose weights are brought from one."""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import memjax as mj

memory = mj.memory

LINES, EXPONENT, INTERVAL = 512, 0.65, 100
ROUNDS = (10, 30, 100, 300, 1000, 3000)  # endurance / interval: how often the gap goes round in an ideal life
CALLS = 7
LEVELLINGS = {
    "none": None,
    "Start-Gap": memory.StartGap(INTERVAL, randomised=False),
    "Start-Gap, randomised": memory.StartGap(INTERVAL),
    "random swaps": memory.RandomSwap(2 * INTERVAL),
}


def neighbours(key: jax.Array, lines: int, count: int) -> memory.MemoryTrace:
    """Writes by Zipf's law whose most used lines lie side by side, as the data of a program do."""
    trace = memory.zipf_trace(key, count, lines, exponent=EXPONENT, write_share=1.0)
    used = jnp.zeros(lines, jnp.int32).at[trace.line].add(1)
    rank = jnp.zeros(lines, jnp.int32).at[jnp.argsort(-used)].set(jnp.arange(lines, dtype=jnp.int32))
    return memory.make_trace(np.arange(count), np.ones(count, bool), 64 * np.asarray(rank[trace.line]).astype(np.int64))


def lives(levelling, rounds: int, seeds: int, lines: int, count: int) -> np.ndarray:
    """Fraction of the ideal life that a memory reaches, for each seed of trace and levelling."""
    found = []
    for seed in range(seeds):
        trace_key, level_key = jax.random.split(jax.random.key(seed))
        trace = neighbours(trace_key, lines, count)
        life = memory.lifetime(
            trace,
            lines,
            float(rounds * INTERVAL),
            levelling=levelling,
            key=level_key,
            limit=2.0 * rounds * INTERVAL * lines,
        )
        if not bool(life.worn):
            raise RuntimeError(f"the memory outlived twice its ideal life at {rounds} rounds")
        found.append(float(life.fraction))
    return np.array(found)


def random_data(key: jax.Array, lines: int, count: int) -> memory.MemoryTrace:
    """Writes of random bits."""
    return memory.with_old(memory.zipf_trace(key, count, lines, exponent=0.0, write_share=1.0, data=True))


def weights_in_training(key: jax.Array, lines: int, count: int) -> memory.MemoryTrace:
    """The weights of a network that learns, each written to memory after every step in 32-bit floating point.

    A perceptron on scikit-learn's digits; of its weights, packed 16 to a line, as many lines as asked for.
    """
    data = mj.data.load("digits")
    images, labels = jnp.asarray(data.train_images).reshape(len(data.train_images), -1), jnp.asarray(data.train_labels)
    hidden = max(8, lines * 16 // images.shape[1])
    first, second = jax.random.split(key)
    weights: Any = {
        "in": 0.1 * jax.random.normal(first, (images.shape[1], hidden)),
        "out": 0.1 * jax.random.normal(second, (hidden, 10)),
    }
    tx = optax.sgd(0.05)

    def step(carry, pick):
        weights, state = carry

        def loss(weights):
            logits = jax.nn.relu(images[pick] @ weights["in"]) @ weights["out"]
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels[pick]).mean()

        updates, state = tx.update(jax.grad(loss)(weights), state)
        weights: Any = optax.apply_updates(weights, updates)
        words = jax.lax.bitcast_convert_type(weights["in"].ravel()[: 16 * lines], jnp.uint32)
        return (weights, state), words.reshape(lines, 16)

    steps = max(2, count // lines)
    picks = jax.random.randint(key, (steps, 32), 0, len(images))
    _, words = jax.lax.scan(step, (weights, tx.init(weights)), picks)
    line = np.tile(np.arange(lines), steps)
    return memory.with_old(
        memory.make_trace(
            np.arange(line.size), np.ones(line.size, bool), 64 * line, np.asarray(words).reshape(line.size, 16)
        )
    )


DATA = {"random bits": random_data, "weights in training": weights_in_training}
ENCODERS = {
    "all bits": None,
    "changed bits": None,
    "Flip-N-Write": memory.FlipNWrite(32),
    "coset, 4 flag bits": memory.Coset(4, 32),
}


class Written(NamedTuple):
    """Cells that a write changes on average, flags included, and rounds until the first cell is worn out, relative to a
    memory that writes all bits."""

    cells: float
    life: float


def written(trace: memory.MemoryTrace, encoder: str, lines: int) -> Written:
    """What an encoder saves. Wear is that of the cells that hold data."""
    writes = int(trace.write.sum())
    all_bits = writes / lines  # wear of every cell where each write writes all
    if encoder == "all bits":
        return Written(512.0, 1.0)
    chosen, flags = trace, 0
    if ENCODERS[encoder] is not None:
        encoded = memory.encode(trace, ENCODERS[encoder])
        chosen, flags = encoded.trace, int(encoded.flag_bits.sum())
    bits = memory.wear(chosen, lines, unit="bit")
    return Written((int(bits.sum()) + flags) / writes, all_bits / int(bits.max()))


class Swapped(NamedTuple):
    """A call of a network whose weights are swapped in: means of six calls after a first one.

    Attributes:
        time: from call to call [s].
        computing: of it, the crossbars' own [s].
        lines: brought from main memory.
        energy: of the main memory [J].
    """

    time: float
    computing: float
    lines: float
    energy: float


def swapped(plan: mj.Plan, seconds: dict[str, float], tiles: int, config: memory.MemoryConfig) -> Swapped:
    """The time and energy of a call; weights come in while the product before computes, one crossbar after the other.

    Args:
        plan: of the network.
        seconds: that each crossbar computes in a call.
        tiles: of the chip.
        config: of the main memory.
    """
    found = memory.reloads(plan, tiles, inferences=CALLS)
    loads = {(reload.inference, reload.site): reload for reload in found}
    ranges = sorted({reload.lines for reload in found})
    served = jax.jit(jax.vmap(lambda trace: memory.simulate_memory(trace, config)))(
        memory.stack_traces([memory.stream_trace(count, interval=0, start=64 * first) for first, count in ranges])
    )
    brought = dict(zip(ranges, zip(np.asarray(served.seconds), np.asarray(served.energy), strict=True), strict=True))
    start = end = loaded = 0.0
    lines, energies, ends = np.zeros(CALLS), np.zeros(CALLS), np.zeros(CALLS)
    for call, (site, row) in itertools.product(range(CALLS), enumerate(plan.sites)):
        reload = loads.get((call, site))
        if reload is not None:
            time, joules = brought[reload.lines]
            loaded = max(loaded, start) + float(time)
            lines[call], energies[call] = lines[call] + reload.lines[1], energies[call] + float(joules)
        start = max(end, loaded)
        ends[call] = end = start + seconds[row.crossbar]
    each = (ends[-1] - ends[0]) / (CALLS - 1)
    computing = sum(seconds[row.crossbar] for row in plan.sites)
    return Swapped(float(each), computing, float(lines[1:].mean()), float(energies[1:].mean()))


def perceptron(key: jax.Array, width: int, layers: int) -> tuple[Any, list[jax.Array]]:
    """A network of dense layers and its weights."""

    def model(weights, x):
        for w in weights:
            x = jax.nn.relu(x @ w)
        return x

    return model, [jax.random.normal(one, (width, width)) / width**0.5 for one in jax.random.split(key, layers)]
