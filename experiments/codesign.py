"""Hardware designed by gradient: accuracy against energy per inference, beside a grid and a random search.

    python experiments/codesign.py [--out DIR] [--quick]

A perceptron of three layers on digits. Free are the bits of the ADCs and of the DACs of every layer, the read voltage,
R_on and the columns that share an ADC; every tile shape is a search of its own. An inference may take 0.45 us. A
descent minimises ln(energy) + w loss over new chips (variation, errors of reads, noise of drivers and cells) and new
images in each step, with bits as real numbers (see `_codesign.py`): for several w, and with w driven by an allowed loss
or energy. All descents of a tile run in one `vmap`.

The others are one `memjax.sweep` for each tile, in one compilation: a grid (the same bits in all layers, as a designer
would lay it) and designs drawn at random (bits for each layer). Each has the same compute, in images shown to chips; an
image of a descent counts for six, so that a grid runs no shorter. Columns per ADC change no accuracy: these two get
them for nothing, the best of all whole numbers. Each method then names as many designs as there are descents, its best
by energy and loss on the images of the search (which no weights were trained on), and these are measured with whole
bits on other images and other chips. Writes designs.csv, codesign.json and codesign.png. Six minutes on two cores that
did other work too.
"""

import argparse
import itertools
import json
import pathlib
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from _codesign import (
    HIGH,
    LOW,
    Design,
    Goal,
    Search,
    descend,
    forward,
    front,
    measured,
    numbers,
    population,
    start,
)

import memjax as mj
from memjax.plot import look

TRAINED = 1000  # images that weights are trained on; the rest of the training images is for the search
GRADIENT = 6  # images of the grid that take as long as one of a descent: a gradient, and new chips for fewer images
POINT = (4, 256)  # chips and images of a point of the grid and of the random search
VOLTS, OHMS = (0.08, 1.0), (3e3, 100e3)  # of the grid and of the random search
COLUMNS = np.arange(LOW.columns, HIGH.columns + 1)
WEIGHTS = np.log([1.0, 2.0, 4.0, 8.0, 12.0, 18.0, 27.0, 40.0])
LOSSES, ENERGIES = (0.08, 0.12), (1.7e-9, 2.1e-9)
LEAST = 0.9  # accuracy below which a design is of no interest
ACCURACIES = (0.9, 0.92, 0.94, 0.95, 0.96, 0.965, 0.97)
BITS = np.arange(2.5, 7.1, 0.5)
KINDS = ("adc", "dac")
METHODS = ("descent", "grid", "random")
LABELS = {"descent": "gradient descent", "grid": "grid, same bits in all layers", "random": "random, bits by layer"}
SHOWN = 16  # images whose energy is counted at the end


class Size(NamedTuple):
    """How much is computed: network, descents of a tile and their settings, values of the grid, chips of the end."""

    hidden: tuple[int, ...] = (48, 32)
    tiles: tuple[tuple[int, int], ...] = ((32, 32), (64, 32), (64, 64))
    goals: int = len(WEIGHTS) + len(LOSSES) + len(ENERGIES)
    search: Search = Search()
    adc: tuple[int, ...] = (3, 4, 5, 6, 7, 8)
    dac: tuple[int, ...] = (2, 3, 4, 5, 6)
    volts: int = 8
    ohms: int = 8
    chips: int = 16
    least: float = LEAST

    @property
    def work(self) -> dict[str, int]:
        """Images shown to chips in the search of one tile, by method."""
        gradients = self.search.steps * self.search.chips * self.search.images
        descent = self.goals * (gradients * GRADIENT + POINT[0] * POINT[1])
        grid = len(self.adc) * len(self.dac) * self.volts * self.ohms * POINT[0] * POINT[1]
        return {"descent": descent, "grid": grid, "random": grid}


QUICK = Size(
    hidden=(16,), tiles=((32, 32),), goals=4, search=Search(steps=16, chips=2), adc=(4, 6), dac=(3, 5), volts=2, ohms=3,
    chips=2, least=0.5,
)  # fmt: skip


def trained(data, hidden: tuple[int, ...], steps: int = 2000) -> dict[str, jax.Array]:
    """Weights that stand noise: trained with noise of the images and of the weights."""
    images, labels = jnp.asarray(data.train_images[:TRAINED]), jnp.asarray(data.train_labels[:TRAINED])
    sizes = (images[0].size, *hidden, len(data.classes))
    keys, params = jax.random.split(jax.random.key(0), len(sizes)), {}
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        params[f"w{layer}"] = (2.0 / inputs) ** 0.5 * jax.random.normal(keys[layer], (inputs, outputs))
        params[f"b{layer}"] = jnp.zeros(outputs)
    tx = optax.adam(optax.cosine_decay_schedule(3e-3, steps))

    def step(state, key):
        params, moments = state
        choice, noise, error = jax.random.split(key, 3)
        pick = jax.random.randint(choice, (128,), 0, len(labels))
        x = images[pick] + 0.15 * jax.random.normal(noise, (128, *images.shape[1:]))
        errors = optax.tree.random_like(error, params, jax.random.normal)

        def loss(params):
            noisy = jax.tree.map(lambda w, e: w + 0.05 * jnp.max(jnp.abs(w)) * e if w.ndim > 1 else w, params, errors)
            return optax.softmax_cross_entropy_with_integer_labels(forward(noisy, x), labels[pick]).mean()

        updates, moments = tx.update(jax.grad(loss)(params), moments, params)
        return (optax.apply_updates(params, updates), moments), None

    state = (params, tx.init(params))
    return jax.jit(lambda state, keys: jax.lax.scan(step, state, keys)[0][0])(
        state, jax.random.split(jax.random.key(1), steps)
    )


def goals(count: int) -> Goal:
    """The goals of the descents, as arrays."""
    every = [Goal(w) for w in WEIGHTS] + [Goal(np.log(8.0), loss=loss) for loss in LOSSES]
    every += [Goal(np.log(8.0), energy=energy) for energy in ENERGIES]
    return Goal(*(jnp.asarray(values, float) for values in zip(*every[-count:], strict=True)))


def found_by_descent(params, tile, images, labels, size: Size) -> tuple[list[Design], dict[str, Any]]:
    """(whole designs, seconds of compilation and of the descents)."""
    run = lambda key, goal: descend(params, tile, images, labels, key, size.search, goal)
    keys, wanted = jax.random.split(jax.random.key(2), size.goals), goals(size.goals)
    begin = time.perf_counter()
    compiled = jax.jit(jax.vmap(run)).lower(keys, wanted).compile()
    middle = time.perf_counter()
    designs, _ = jax.tree.map(np.asarray, compiled(keys, wanted))
    seconds = {"compiling": middle - begin, "running": time.perf_counter() - middle}
    return [Design(*one) for one in zip(*designs, strict=True)], seconds


def swept(params, tile, images, labels, designs: list[Design], chips: int, key: jax.Array, shown: Any) -> Any:
    """Loss, accuracy and cost of designs on chips, as a dataset [design, sample]: one compilation."""
    layers = len(params) // 2

    def of_chip(key, adc, dac, v_max, r_on, columns):
        every = lambda bits: jnp.broadcast_to(bits, (layers,))
        design = Design(every(adc), every(dac), v_max, r_on, columns)
        return measured(params, tile, images, labels, shown, key, design)

    return mj.sweep(of_chip, {Design._fields: designs}, key=key, samples=chips, batch_size=16, progress=False)


def grid(size: Size, layers: int) -> list[Design]:
    """The same bits in all layers; voltages and resistances evenly spaced in their logarithm."""
    volts, ohms = np.geomspace(*VOLTS, size.volts), np.geomspace(*OHMS, size.ohms)
    points = itertools.product(size.adc, size.dac, volts, ohms)
    return [Design(np.full(layers, float(a)), np.full(layers, float(d)), v, r, COLUMNS) for a, d, v, r in points]


def random(size: Size, layers: int, count: int) -> list[Design]:
    """Designs from the ranges of the grid, each layer with bits of its own."""
    rng = np.random.default_rng(0)
    bits = lambda values: rng.integers(values[0], values[-1], layers, endpoint=True).astype(float)
    even = lambda low, high: float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return [Design(bits(size.adc), bits(size.dac), even(*VOLTS), even(*OHMS), COLUMNS) for _ in range(count)]


class Found(NamedTuple):
    """A design that a method chose, with the mean loss and energy [J] that it saw in the search."""

    method: str
    tile: tuple[int, int]
    design: Design
    loss: float
    energy: float


def chosen(found: list[Found], count: int) -> list[Found]:
    """The best designs of a method: its front, the front of the rest, and so on; of the last evenly many are taken."""
    best: list[Found] = []
    while found and len(best) < count:
        energy, loss = (np.array([getattr(one, name) for one in found]) for name in ("energy", "loss"))
        indices = front(energy, -loss)
        taken = np.linspace(0, len(indices) - 1, min(len(indices), count - len(best))).round().astype(int)
        best += [found[index] for index in indices[taken]]
        found = [one for index, one in enumerate(found) if index not in indices]
    return best


def searched(params, images, labels, size: Size) -> tuple[list[Found], dict[str, Any]]:
    """As many designs of each method as there are descents, its best in the search, and the time of each tile."""
    layers, found, took = len(params) // 2, [], {}
    x, y, shown = images[: POINT[1]], labels[: POINT[1]], jax.ShapeDtypeStruct((1, *images.shape[1:]), images.dtype)
    laid = grid(size, layers)
    drawn = random(size, layers, len(laid))
    for tile in size.tiles:
        ends, seconds = found_by_descent(params, tile, images, labels, size)
        free = [design._replace(columns=COLUMNS) for design in ends]
        seen = swept(params, tile, x, y, free + laid + drawn, POINT[0], jax.random.key(3), shown)
        took[f"{tile[0]}x{tile[1]}"] = {"descents": seconds} | {
            name: seen.attrs[name] for name in ("compilations", "seconds_compiling", "seconds_evaluating")
        }
        mean = {name: np.asarray(seen[name].mean("sample")) for name in ("loss", "accuracy", "energy", "latency")}
        in_time = np.where(mean["latency"] <= size.search.budget, mean["energy"], np.inf)
        columns = [*(COLUMNS.tolist().index(one.columns) for one in ends), *in_time[len(ends) :].argmin(1)]
        methods = ["descent"] * len(ends) + ["grid"] * len(laid) + ["random"] * len(drawn)
        for index, (method, at) in enumerate(zip(methods, columns, strict=True)):
            if np.isfinite(in_time[index, at]) and mean["accuracy"][index] >= size.least:
                design = (ends + laid + drawn)[index]._replace(columns=COLUMNS[at])
                found.append(Found(method, tile, design, mean["loss"][index], in_time[index, at]))
        print(f"  {tile[0]} × {tile[1]}: {took[f'{tile[0]}x{tile[1]}']}", flush=True)
    count = size.goals * len(size.tiles)
    return [one for name in METHODS for one in chosen([f for f in found if f.method == name], count)], took


def held_out(params, images, labels, found: list[Found], size: Size) -> list[dict[str, Any]]:
    """What the chosen designs do on other images and other chips: rows of a table, by rising energy."""
    rows = []
    for tile in dict.fromkeys(one.tile for one in found):
        own = [one for one in found if one.tile == tile]
        designs = [one.design for one in own]
        seen = swept(params, tile, images, labels, designs, size.chips, jax.random.key(4), images[:SHOWN])
        for index, one in enumerate(own):
            here = seen.isel({"_".join(Design._fields): index})
            adc, dac = ("-".join(f"{bits:g}" for bits in kind) for kind in (one.design.adc, one.design.dac))
            rows.append({
                "method": one.method, "tile": f"{tile[0]}x{tile[1]}", "adc": adc, "dac": dac,
                "v_max": float(one.design.v_max), "r_on": float(one.design.r_on), "columns": int(one.design.columns),
                "energy": float(here.energy.mean()), "accuracy": float(here.accuracy.mean()),
                "accuracy_std": float(here.accuracy.std()), "latency": float(here.latency.mean()),
                "area": float(here.area.mean()), "search_energy": float(one.energy), "search_loss": float(one.loss),
            })  # fmt: skip
    rows = sorted(rows, key=lambda row: (row["method"], row["energy"]))
    for method in METHODS:
        own = [row for row in rows if row["method"] == method]
        best = front(*(np.array([row[name] for row in own]) for name in ("energy", "accuracy")))
        for index, row in enumerate(own):
            row["front"] = bool(np.isin(index, best))
    return rows


def cheapest(rows: list[dict[str, Any]], method: str, accuracy: float) -> float | None:
    """Energy [J] of the cheapest design of a method that is at least so accurate; None: none is."""
    return min((r["energy"] for r in rows if r["method"] == method and r["accuracy"] >= accuracy), default=None)


def slopes(params, tile, images, labels) -> list[dict[str, float]]:
    """The derivative of the loss by all ADC bits, or all DAC bits, beside its change over one bit, on eight chips."""
    design = numbers(start(len(params) // 2))

    def loss(by, kind, bits):
        moved = {name: jnp.where(kind == index, bits + by, getattr(design, name)) for index, name in enumerate(KINDS)}
        return population(params, tile, images, labels, jax.random.key(5), 8, design._replace(**moved))["loss"]

    value_and_slope = jax.jit(jax.value_and_grad(loss))
    rows = []
    for index, kind in enumerate(KINDS):
        at = lambda bits, index=index: [float(number) for number in value_and_slope(0.0, index, bits)]
        for bits in BITS:
            value, slope = at(bits)
            change = at(bits + 0.5)[0] - at(bits - 0.5)[0]
            rows.append({"converter": kind, "bits": float(bits), "loss": value, "slope": slope, "change": change})
    return rows


def figure(rows: list[dict[str, Any]], digital: float, note: str):
    """Accuracy against energy: every chosen design, and the front of each method."""
    with look.axes(6.4, 4.0) as (new, ax):
        for index, method in enumerate(METHODS):
            own = [row for row in rows if row["method"] == method]
            energy, accuracy, std = (
                np.array([r[name] for r in own]) for name in ("energy", "accuracy", "accuracy_std")
            )
            best, colour = [row["front"] for row in own], look.COLOURS[index]
            ax.errorbar(
                1e9 * energy, 100 * accuracy, 100 * std, fmt=look.MARKERS[index], color=colour, alpha=0.45,
                elinewidth=0.7, label=LABELS[method],
            )  # fmt: skip
            ax.step(1e9 * energy[best], 100 * accuracy[best], where="post", color=colour)
        ax.axhline(
            100 * digital, color=look.INK, linestyle="--", linewidth=0.9, label=f"digital ({100 * digital:.2f} %)"
        )
        ax.set(xlabel="Energy per inference (nJ)", ylabel="Accuracy on held-out images and chips (%)", xscale="log")
        ax.set_ylim(max(50.0, 100 * min(row["accuracy"] for row in rows) - 2), 101)
        least = 1e9 * min(row["energy"] for row in rows)
        ax.set_xlim(0.95 * least, 4.0 * least)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("{x:g}")
        ax.legend(loc="lower right")
        ax.set_title(note, loc="left")
    return new


def table(rows: list[dict[str, Any]]) -> str:
    """The designs of the fronts, as they are printed."""
    lines = [
        f"{'method':8} {'tile':6} {'ADC':6} {'DAC':6} {'V':>6} {'kohm':>6} {'cols':>5} {'nJ':>7} {'accuracy %':>14}"
    ]
    for r in (row for row in rows if row["front"]):
        lines.append(
            f"{r['method']:8} {r['tile']:6} {r['adc']:6} {r['dac']:6} {r['v_max']:6.3f} {1e-3 * r['r_on']:6.1f} "
            f"{r['columns']:5d} {1e9 * r['energy']:7.3f} {100 * r['accuracy']:7.2f} ± {100 * r['accuracy_std']:.2f}"
        )
    return "\n".join(lines)


def run(size: Size, out: pathlib.Path) -> None:
    data = mj.data.load("digits")
    params = trained(data, size.hidden)
    images, labels = jnp.asarray(data.train_images[TRAINED:]), jnp.asarray(data.train_labels[TRAINED:])
    test, answers = jnp.asarray(data.test_images), jnp.asarray(data.test_labels)
    digital = float(jnp.mean(forward(params, test).argmax(-1) == answers))
    print(f"digital {100 * digital:.2f} %; images shown to chips in the search of a tile: {size.work}", flush=True)
    found, took = searched(params, images, labels, size)
    rows = held_out(params, test, answers, found, size)
    print(table(rows))
    levels = {
        f"{100 * level:g} %": {method: cheapest(rows, method, level) for method in METHODS} for level in ACCURACIES
    }
    print("Energy (nJ) of the cheapest design of at least so much accuracy:")
    shown = lambda joules: "none" if joules is None else f"{1e9 * joules:.3f}"
    for level, energies in levels.items():
        print(f"  {level:7}", *(f"{method} {shown(energies[method])}" for method in METHODS), sep="  ")
    slope = slopes(params, size.tiles[len(size.tiles) // 2], images[: POINT[1]], labels[: POINT[1]])
    print("Loss against bits of all layers: straight-through derivative, and change over one bit:")
    for r in slope:
        print(f"  {r['converter']} {r['bits']:.1f} bits: {r['slope']:9.4f} {r['change']:9.4f} (loss {r['loss']:.3f})")
    note = f"Equal compute, {len(size.tiles)} tile shapes, {size.chips} held-out chips"
    summary = {"digital": digital, "work": size.work, "took": took, "cheapest": levels, "slopes": slope}
    files = {"designs.csv": rows, "codesign.json": json.dumps(summary, indent=2)}
    print("Written:", *mj.study.write(out, files | {"codesign.png": figure(rows, digital, note)}), sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/codesign"))
    parser.add_argument("--quick", action="store_true", help="a smaller network, few steps: that it runs; no results")
    args = parser.parse_args()
    mj.study.check_writable(args.out)
    run(QUICK if args.quick else Size(), args.out)


if __name__ == "__main__":
    main()
