"""The text and the training of the character model (experiments/language_model.py)."""

import functools
import hashlib
import pathlib
import sysconfig
import time
from typing import NamedTuple

import jax
import numpy as np
import optax
from _checkpoints import Checkpoints
from flax import nnx
from networks import CharacterTransformer

import memjax as mj

R = mj.training.recipes
WEIGHTS = pathlib.Path(__file__).parent / "networks" / "weights" / "language_model"
CHARACTERS = "\n" + "".join(map(chr, range(32, 127)))
# Tests, what other people installed, code in other languages' or Python 2's words, and tables.
LEFT_OUT = frozenset(
    ["test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3", "encodings", "ensurepip", "pydoc_data"]
)
HELD_OUT_FROM = "u"  # files from unittest to zoneinfo
CONTEXT = 128


class Text(NamedTuple):
    """Codes (places in CHARACTERS) of the files for training and of those held out, and what they are of."""

    train: np.ndarray
    held_out: np.ndarray
    about: dict


class Recipe(NamedTuple):
    steps: int
    rate: float  # largest step of AdamW
    warmup: int
    noise: float = 0.0  # standard deviation of what every weight is off by, relative to the largest of its matrix
    batch: int = 8
    weight_decay: float = 0.1


class Size(NamedTuple):
    width: int = 128
    heads: int = 4
    layers: int = 4


RECIPES = {
    "trained": Recipe(steps=4000, rate=2e-3, warmup=200),
    "aware": Recipe(steps=500, rate=1e-3, warmup=20, noise=0.06),  # starts from "trained"
}


def untrained(size: Size, seed: int = 0) -> CharacterTransformer:
    return CharacterTransformer(nnx.Rngs(seed), len(CHARACTERS), *size)


def encoded(text: str) -> np.ndarray:
    """Codes; tabs are four spaces and characters that are not in CHARACTERS question marks."""
    table = np.full(256, CHARACTERS.index("?"), np.uint8)
    table[[ord(c) for c in CHARACTERS]] = np.arange(len(CHARACTERS))
    return table[np.frombuffer(text.expandtabs(4).encode("latin-1", "replace"), np.uint8)]


def decoded(codes) -> str:
    return "".join(CHARACTERS[code] for code in codes)


def sources() -> list[pathlib.PurePosixPath]:
    """The modules of this Python's standard library, by name, without those of a platform."""
    root = pathlib.Path(sysconfig.get_path("stdlib"))
    found = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py"))
    kept = lambda name: not LEFT_OUT & set(name.split("/")) and not name.startswith("_sysconfigdata")
    return [pathlib.PurePosixPath(name) for name in found if kept(name)]


@functools.cache
def load_text(largest: int | None = None) -> Text:
    """The standard library's source text, of which files from HELD_OUT_FROM on are held out.

    Args:
        largest: characters of either part at most; None: all.
    """
    root, parts, names = pathlib.Path(sysconfig.get_path("stdlib")), ([], []), sources()
    for name in names:
        content = (root / name).read_text(encoding="utf-8", errors="replace")
        parts[name.as_posix() >= HELD_OUT_FROM].append(content)
    train, held_out = (encoded("".join(part))[:largest] for part in parts)
    about = {
        "python": sysconfig.get_python_version(),
        "files": len(names),
        "train_characters": len(train),
        "train_sha256": hashlib.sha256(train.tobytes()).hexdigest(),
        "held_out_characters": len(held_out),
        "held_out_sha256": hashlib.sha256(held_out.tobytes()).hexdigest(),
    }
    return Text(train, held_out, about)


def windows(codes: np.ndarray, count: int, length: int = CONTEXT) -> np.ndarray:
    """`count` pieces [count, length + 1], evenly spread over a text."""
    starts = np.linspace(0, len(codes) - length - 1, count).astype(int)
    return codes[starts[:, None] + np.arange(length + 1)].astype(np.int32)


def as_function(model: CharacterTransformer):
    """(pure function (params, *args, method=) of a model, params)."""
    graphdef, params = nnx.split(model)

    def call(params, *args, method: str = "__call__"):
        return getattr(nnx.merge(graphdef, params, copy=True), method)(*args)

    return call, params


def surprise(logits, pieces):
    """Bits that each next character takes [B, T]: -log2 of its probability."""
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, pieces[:, 1:])
    return nats / np.log(2.0)


def optimiser(recipe: Recipe) -> optax.GradientTransformation:
    """AdamW with a cosine schedule; with noise, weights within 2.5 standard deviations as Joshi et al. (2020)."""
    rate = optax.warmup_cosine_decay_schedule(0.0, recipe.rate, recipe.warmup, recipe.steps)
    is_matrix = lambda params: jax.tree.map_with_path(lambda path, _: "scale" not in jax.tree_util.keystr(path), params)
    adamw = optax.adamw(rate, b2=0.95, weight_decay=recipe.weight_decay, mask=is_matrix)
    # The gains of the norms, stacked over layers, have two axes as well.
    limit = (optax.masked(R.clipped(2.5), is_matrix),) if recipe.noise else ()
    return optax.chain(optax.clip_by_global_norm(1.0), adamw, *limit)


def train(
    model: CharacterTransformer, text: Text, recipe: Recipe, folder: pathlib.Path | None = None, every: int = 100
):
    """The model after `recipe.steps` steps; seeds are fixed.

    Args:
        folder: of the checkpoints, from whose last one it goes on; None: nothing is kept.
    """
    call, params = as_function(model)
    tx, key = optimiser(recipe), jax.random.key(0)
    modifiers = (R.AdditiveNoise(optax.linear_schedule(0.0, recipe.noise, recipe.steps // 2)),) if recipe.noise else ()

    @jax.jit
    def step(carry, pieces, index):
        params, state = carry

        def loss(params):
            seen = R.noisy(params, modifiers, key, index, select=lambda name: "scale" not in name)
            return surprise(call(seen, pieces[:, :-1]), pieces).mean()

        value, slope = jax.value_and_grad(loss)(params)
        updates, state = tx.update(slope, state, params)
        return (optax.apply_updates(params, updates), state), value

    carry, first, start = (params, tx.init(params)), 0, time.perf_counter()
    setting = recipe._asdict() | {"text": text.about["train_sha256"]}
    kept = None if folder is None else Checkpoints(folder, setting)
    if kept is not None and (found := kept.latest(carry)) is not None:
        carry, first = found[0], found[1]["step"]
    values = []
    for index in range(first, recipe.steps):
        starts = np.random.default_rng([0, index]).integers(0, len(text.train) - CONTEXT - 1, recipe.batch)
        pieces = text.train[starts[:, None] + np.arange(CONTEXT + 1)].astype(np.int32)
        carry, value = step(carry, pieces, index)
        values.append(value)
        if (index + 1) % every == 0 or index + 1 == recipe.steps:
            seconds, recent = time.perf_counter() - start, float(np.mean(values[-every:]))
            print(f"step {index + 1} of {recipe.steps}: {recent:.3f} bits per character, {seconds:.0f} s", flush=True)
            if kept is not None:
                kept.save(index + 1, carry, {"step": index + 1})
    if kept is not None:
        kept.__exit__()
    nnx.update(model, carry[0])
    return model
