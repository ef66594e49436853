"""What `compress.py` does with one network: prune it in two ways, count its tiles, run it on chips."""

import itertools
import pathlib
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import networks
import numpy as np
import optax
from flax import nnx

import memjax as mj
from memjax import compress

TILE, CELL_LEVELS = 32, 4
CELL = mj.Cell(r_on=10e3, r_off=100e3)
HARDWARE = mj.Hardware(CELL, tile=(TILE, TILE))
LEVELS = partial(compress.project_levels, hardware=mj.Hardware(mj.Cell(levels=CELL_LEVELS)))
# What is constrained, and by what function of (weight, keep).
GROUPS: dict[str, Callable[..., Any]] = {
    "filters": lambda keep: partial(compress.project_filters, keep=keep),
    "rows": lambda keep: partial(compress.project_rows, keep=keep),
    "blocks": lambda keep: partial(compress.project_blocks, hardware=HARDWARE, keep=keep),
}


class Setting(NamedTuple):
    """Of one data set: fractions kept by constraint, and lengths of the trainings in steps."""

    keep: dict[str, float]
    admm: int = 400
    retrain: int = 150
    levels: int = 150
    settle: int = 40
    batch: int = 32
    rate: float = 3e-3
    rho: float = 0.1
    every: int = 50
    images: int = 10_000  # of the test set, digitally
    on_chips: int = 500
    chips: int = 20
    spread: float = 0.1  # relative standard deviation of both resistances


class Pruned(NamedTuple):
    """A network: trained parameters, statistics, what may not change, and the last primal residual of its ADMM."""

    params: Any
    rest: Any
    masks: Any
    primal: float = np.nan


class Task:
    """A trained network, its data, and what is done with it."""

    def __init__(self, dataset: str, setting: Setting, weights: pathlib.Path | None = None):
        self.graph, params, rest = nnx.split(networks.load(dataset, weights)[0], nnx.Param, ...)
        self.trained = Pruned(params, rest, jax.tree.map(jnp.ones_like, params))
        self.data, self.setting = mj.data.load(dataset), setting
        self.kernels = {name: leaf for name, leaf in self.named(params).items() if name.endswith("kernel")}
        self.analog = mj.crossbarify(self.forward, self._hardware(setting.spread))
        self._correct = jax.jit(lambda state, x, y: self.forward(state, x).argmax(-1) == y)
        self._on_chip, self._seen = jax.jit(self._accuracy), jax.jit(self._statistics)

    @staticmethod
    def named(params: Any) -> dict[str, Any]:
        name = lambda path: jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/value")
        return {name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}

    @staticmethod
    def _hardware(spread: float) -> mj.Hardware:
        variation = mj.effects.DeviceVariation(spread * CELL.r_on, spread * CELL.r_off)
        return mj.Hardware(CELL, tile=(TILE, TILE), effects=(variation,))

    def forward(self, state: tuple[Any, Any], x: Any) -> Any:
        return nnx.merge(self.graph, *state)(x)

    def loss(self, rest: Any) -> Callable[..., Any]:
        """Cross-entropy as a function of (parameters, images, labels), for some statistics."""

        def loss(params, x, y):
            return optax.softmax_cross_entropy_with_integer_labels(self.forward((params, rest), x), y).mean()

        return loss

    def settled(self, found: Pruned) -> Pruned:
        """The network with the statistics that its normalisations, which are digital, have by now."""
        rest = found.rest
        for x, _ in itertools.islice(self.batches(2), self.setting.settle):
            rest = self._seen(found.params, rest, x)
        return found._replace(rest=rest)

    def _statistics(self, params: Any, rest: Any, x: Any) -> Any:
        model = nnx.merge(self.graph, params, rest, copy=True)
        model.train()
        model(x, rngs=nnx.Rngs(0))
        return nnx.state(model, nnx.Not(nnx.Param))

    def batches(self, seed: int) -> Any:
        """Random batches of the training images without end, the same for the same seed."""
        random, count = np.random.default_rng(seed), len(self.data.train_labels)
        while True:
            pick = random.integers(0, count, self.setting.batch)
            yield jnp.asarray(self.data.train_images[pick]), jnp.asarray(self.data.train_labels[pick])

    def constraint(self, name: str) -> dict[str, Any]:
        """Filters of all layers but the last; rows and blocks of all but the first."""
        first, *middle, last = self.kernels
        chosen = [first, *middle] if name == "filters" else [*middle, last]
        return dict.fromkeys(chosen, GROUPS[name](self.setting.keep[name]))

    def correct(self, found: Pruned) -> np.ndarray:
        """Of each test image whether it is recognised, digitally."""
        x, y = (part[: self.setting.images] for part in (self.data.test_images, self.data.test_labels))
        state = found[:2]
        return np.concatenate([self._correct(state, x[i : i + 500], y[i : i + 500]) for i in range(0, len(y), 500)])

    def _accuracy(self, state: Any, key: Any, x: Any, y: Any) -> Any:
        return jnp.mean(self.analog.apply(self.analog.program(state, key, x), state, x).argmax(-1) == y)

    def on_chips(self, found: Pruned) -> np.ndarray:
        """Accuracy on chips of cells with variation, [chips]."""
        x, y = (part[: self.setting.on_chips] for part in (self.data.test_images, self.data.test_labels))
        keys = jax.random.split(jax.random.key(0), self.setting.chips)
        return np.array([self._on_chip(found[:2], key, x, y) for key in keys])


def prune(task: Task, name: str, method: str) -> Pruned:
    """The network with some groups left out and the others retrained: as long as after ADMM, or as ADMM and this."""
    setting, found, constraint = task.setting, task.trained, task.constraint(name)
    common = dict(batches=task.batches(0), optimizer=optax.adam(setting.rate))
    steps = setting.retrain
    if method == "ADMM":
        options = dict(rho=setting.rho, every=setting.every, steps=setting.admm)
        solved = compress.admm(task.loss(found.rest), found.params, constraint, **common, **options)
        found = found._replace(params=solved.params, primal=float(solved.primal[-1]))
    else:
        found = found._replace(params=compress.project(found.params, constraint))
        steps += setting.admm if method == "one-shot, as long" else 0
    if name == "filters":
        found = purified(task, found)
    found = task.settled(found._replace(masks=jax.tree.map(lambda leaf: leaf != 0, found.params)))
    params, _ = compress.retrain(task.loss(found.rest), found.params, found.masks, **common, steps=steps)
    return task.settled(found._replace(params=params))


def purified(task: Task, found: Pruned) -> Pruned:
    """The network without all that belongs to a zero filter: its shift, and what reads it."""
    pure = compress.purify(nnx.merge(task.graph, *found[:2]), task.data.test_images[:1], 0.0)
    return found._replace(params=nnx.state(pure, nnx.Param))


def to_levels(task: Task, found: Pruned, method: str) -> Pruned:
    """The network with every kernel on the levels of cells, what is zero staying so: by ADMM, or rounded."""
    constraint = dict.fromkeys(task.kernels, LEVELS)
    if method != "ADMM":
        return task.settled(found._replace(params=compress.project(found.params, constraint), primal=np.nan))
    setting = task.setting
    optimizer = optax.chain(optax.adam(setting.rate), compress.keep_zeros(found.masks))
    options = dict(rho=setting.rho, every=setting.every, steps=setting.levels)
    loss, batches = task.loss(found.rest), task.batches(1)
    solved = compress.admm(loss, found.params, constraint, batches=batches, optimizer=optimizer, **options)
    return task.settled(found._replace(params=solved.params, primal=float(solved.primal[-1])))


def packed(matrix: np.ndarray, aligned: bool = False) -> list[np.ndarray]:
    """A matrix [K, N] as what tiles have to hold: of the columns of each tile the lines that are not zero.

    `aligned`: columns stay in the tiles that they are in, as blocks do; otherwise those that are left move together.
    """
    live = matrix if aligned else matrix[:, matrix.any(0)]
    pieces = (live[:, n : n + TILE] for n in range(0, live.shape[1], TILE))
    return [piece[piece.any(1)][:, piece.any(0)] for piece in pieces if piece.any()]


def cost(task: Task, found: Pruned, pack: Callable[[np.ndarray], list[np.ndarray]]) -> dict[str, float]:
    """Tiles, area and energy of an image of all kernels, cut into what `pack` makes of their matrices.

    A product of each piece with as many vectors as the layer reads stands for the layer; the energy of cells is that of
    inputs spread evenly. Digital parts (pooling, adding, gathering of the inputs that are left) are not in it.
    """
    image = jax.ShapeDtypeStruct((1, *task.data.test_images.shape[1:]), jnp.float32)
    reads = {entry.name.removeprefix("0/"): entry.reads for entry in task.analog.plan(found[:2], image).crossbars}
    named = task.named(found.params)
    pieces = {
        f"{name}/{i}": piece
        for name in task.kernels
        for i, piece in enumerate(pack(np.asarray(named[name]).reshape(-1, named[name].shape[-1])))
    }
    inputs = {
        name: jax.ShapeDtypeStruct((reads[name.rpartition("/")[0]], len(piece)), jnp.float32)
        for name, piece in pieces.items()
    }
    analog = mj.crossbarify(lambda w, x: {name: x[name] @ w[name] for name in w}, HARDWARE)
    report = mj.cost.report(analog, pieces, inputs)
    total = report.total
    return {
        "tiles": analog.plan(pieces, inputs).tiles,
        "area_mm2": float(total.area) * 1e6,
        "energy_uJ": float(total.energy) * 1e6,
    }


def compacted(task: Task, found: Pruned) -> tuple[int, float]:
    """(tiles of the network rebuilt without its zero filters, largest difference of its logits, relative)."""
    x = jnp.asarray(task.data.test_images[:100])
    model = nnx.merge(task.graph, *found[:2])
    smaller = compress.compact(model, x[:1]).model
    graph, state = nnx.split(smaller)
    plan = mj.crossbarify(lambda state, x: nnx.merge(graph, state)(x), HARDWARE).plan(state, x[:1])
    wanted = model(x)
    return plan.tiles, float(jnp.abs(smaller(x) - wanted).max() / jnp.abs(wanted).max())
