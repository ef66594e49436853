"""A network trained to classify images, digitally: resumable after every epoch, cross-validated, its accuracy."""

import pathlib
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from networks import StudyCNN

import memjax as mj

BATCH = 128
SHIFT = 4  # pixels
SEED = 0
OPTIMIZERS = ("adamw", "sgd")


class Recipe(NamedTuple):
    epochs: int
    rate: float  # largest step: reached after a warm-up of one epoch, then down to zero as a cosine
    augment: bool  # random flips, and shifts of up to four pixels
    optimizer: str = "adamw"
    weight_decay: float = 5e-3


def augmented(images, key):
    """Each image flipped or not, and shifted with zeros moving in."""
    flip, shift = jax.random.split(key)
    count, height, width, colours = images.shape
    images = jnp.where(jax.random.bernoulli(flip, 0.5, (count, 1, 1, 1)), images[:, :, ::-1], images)
    padded = jnp.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
    corner = jax.random.randint(shift, (count, 2), 0, 2 * SHIFT + 1)
    cut = lambda image, at: jax.lax.dynamic_slice(image, (at[0], at[1], 0), (height, width, colours))
    return jax.vmap(cut)(padded, corner)


def optimizer(recipe: Recipe, per_epoch: int) -> optax.GradientTransformation:
    rate = optax.warmup_cosine_decay_schedule(0.0, recipe.rate, per_epoch, recipe.epochs * per_epoch)
    if recipe.optimizer == "adamw":
        return optax.adamw(rate, weight_decay=recipe.weight_decay)
    return optax.chain(optax.add_decayed_weights(recipe.weight_decay), optax.sgd(rate, momentum=0.9, nesterov=True))


def train(
    untrained: Callable[[], nnx.Module],
    images,
    labels,
    recipe: Recipe,
    checkpoint: pathlib.Path | None = None,
    seed: int = SEED,
):
    """The network after `recipe.epochs` epochs.

    Args:
        checkpoint: file that holds the state after every epoch, to go on from; None: nothing is kept.
    """
    graphdef, params, rest = nnx.split(untrained(), nnx.Param, ...)
    per_epoch = len(labels) // BATCH
    tx = optimizer(recipe, per_epoch)
    carry = (params, rest, tx.init(params))
    images, labels = jnp.asarray(images), jnp.asarray(labels)

    # One compiled step in a Python loop: inside a scan XLA's CPU convolutions are several times slower.
    @partial(jax.jit, donate_argnums=0)
    def step(carry, images, labels, pick, key):
        params, rest, opt_state = carry
        shift, drop = jax.random.split(key)
        x = augmented(images[pick], shift) if recipe.augment else images[pick]

        def loss(params):
            model = nnx.merge(graphdef, params, rest, copy=True)
            logits = model(x, nnx.Rngs(drop)) if isinstance(model, StudyCNN) else model(x)
            value = optax.softmax_cross_entropy_with_integer_labels(logits, labels[pick]).mean()
            return value, nnx.state(model, nnx.Not(nnx.Param))

        (value, rest), slope = jax.value_and_grad(loss, has_aux=True)(params)
        updates, opt_state = tx.update(slope, opt_state, params)
        return (optax.apply_updates(params, updates), rest, opt_state), value

    first, made_by = 0, {"network": checkpoint and checkpoint.stem, "recipe": recipe._asdict(), "seed": seed}
    if checkpoint is not None and checkpoint.exists():
        carry, first = _restored(checkpoint, made_by, carry)
    key = jax.random.key(seed)
    for epoch in range(first, recipe.epochs):
        start, losses = time.perf_counter(), []
        order = np.random.default_rng([seed, epoch]).permutation(len(labels))[: per_epoch * BATCH]
        for index, pick in enumerate(order.reshape(-1, BATCH)):
            carry, value = step(carry, images, labels, pick, jax.random.fold_in(key, epoch * per_epoch + index))
            losses.append(value)
        print(
            f"epoch {epoch + 1} of {recipe.epochs}: loss {float(np.mean(losses)):.4f}, "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )
        if checkpoint is not None:
            content = mj.study.packed(made_by | {"epochs": epoch + 1}, carry)
            mj.study.write(checkpoint.parent, {checkpoint.name: content})
    model = nnx.merge(graphdef, *carry[:2])
    model.eval()
    return model


def _restored(checkpoint: pathlib.Path, made_by: dict, like):
    """(state, epochs) of a checkpoint."""
    try:
        origin, kept = mj.study.unpacked(checkpoint)
    except ValueError as error:
        raise SystemExit(f"{error}: remove {str(checkpoint)!r} to start again") from None
    epochs = origin.pop("epochs")
    shapes = [leaf.shape for leaf in jax.tree.leaves(like)]
    if origin != made_by or [leaf.shape for leaf in kept] != shapes:
        raise SystemExit(f"{str(checkpoint)!r} is of another recipe, {origin}: go on with that one or remove it")
    return jax.tree.unflatten(jax.tree.structure(like), [jnp.asarray(leaf) for leaf in kept]), epochs


def accuracy(model: nnx.Module, images, labels, batch: int = 500) -> float:
    """Accuracy in percent."""
    graphdef, state = nnx.split(model)
    predict = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x).argmax(-1))
    found = [predict(state, images[i : i + batch]) for i in range(0, len(labels), batch)]
    return 100.0 * float(np.mean(np.concatenate(found) == labels))


def cross_validate(untrained: Callable, images, labels, recipe: Recipe, folds: int, seed: int = SEED) -> np.ndarray:
    """Accuracy in percent on each fold, of the network trained on the others `[folds]`."""
    parts = np.array_split(np.random.default_rng(SEED).permutation(len(labels)), folds)
    found = []
    for index, left_out in enumerate(parts):
        rest = np.concatenate([part for other, part in enumerate(parts) if other != index])
        model = train(untrained, images[rest], labels[rest], recipe, seed=seed)
        found.append(accuracy(model, images[left_out], labels[left_out]))
        print(f"fold {index + 1} of {folds}: {found[-1]:.2f} %", flush=True)
    return np.array(found)
