"""Train the networks of Souto Garnelo et al. with a fixed seed, or cross-validate the recipe.

    python experiments/souto_garnelo/train.py --dataset mnist [--epochs N] [--folds 5]

Adam with decoupled weight decay, a cosine schedule after a warm-up of one epoch, and for CIFAR random shifts of up to
four pixels and flips: an assumption, the paper does not give its recipe. Writes weights/DATASET.npz. The state of the
training is kept after every epoch: the same command goes on from there.

--folds trains on all folds but one in turn, from the same seed, and prints mean and standard deviation of the accuracy
on the one left out; nothing is written.
"""

import argparse
import pathlib
import time
from typing import NamedTuple

import cnns as networks
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import memjax as mj
from memjax.cli import _files, _leaves

BATCH = 128
SHIFT = 4  # pixels
WEIGHT_DECAY = 5e-3
SEED = 0


class Recipe(NamedTuple):
    epochs: int
    rate: float  # largest step
    augment: bool


RECIPES = {
    "digits": Recipe(25, 5e-3, False),
    "mnist": Recipe(5, 4e-3, False),
    "cifar10": Recipe(18, 4e-3, True),
    "cifar100": Recipe(40, 3e-3, True),
}


def augmented(images, key):
    """Each image flipped or not, and shifted with zeros moving in."""
    flip, shift = jax.random.split(key)
    count, height, width, colours = images.shape
    images = jnp.where(jax.random.bernoulli(flip, 0.5, (count, 1, 1, 1)), images[:, :, ::-1], images)
    padded = jnp.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
    corner = jax.random.randint(shift, (count, 2), 0, 2 * SHIFT + 1)
    cut = lambda image, at: jax.lax.dynamic_slice(image, (at[0], at[1], 0), (height, width, colours))
    return jax.vmap(cut)(padded, corner)


def train(dataset: str, images, labels, recipe: Recipe, seed: int = SEED, checkpoint: pathlib.Path | None = None):
    """The network after `recipe.epochs` epochs.

    Args:
        checkpoint: file that holds the state after every epoch, to go on from; None: nothing is kept.
    """
    graphdef, params, rest = nnx.split(networks.untrained(dataset, seed), nnx.Param, ...)
    per_epoch = len(labels) // BATCH
    rate = optax.warmup_cosine_decay_schedule(0.0, recipe.rate, per_epoch, recipe.epochs * per_epoch)
    tx = optax.adamw(rate, weight_decay=WEIGHT_DECAY)
    carry = (params, rest, tx.init(params))
    images, labels = jnp.asarray(images), jnp.asarray(labels)

    # One compiled step in a Python loop: inside a scan XLA's CPU convolutions are several times slower.
    @jax.jit
    def step(carry, pick, key):
        params, rest, opt_state = carry
        shift, drop = jax.random.split(key)
        x = augmented(images[pick], shift) if recipe.augment else images[pick]

        def loss(params):
            model = nnx.merge(graphdef, params, rest, copy=True)
            logits = model(x, rngs=nnx.Rngs(drop))
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels[pick]).mean(), nnx.state(
                model, nnx.Not(nnx.Param)
            )

        (value, rest), slope = jax.value_and_grad(loss, has_aux=True)(params)
        updates, opt_state = tx.update(slope, opt_state, params)
        return (optax.apply_updates(params, updates), rest, opt_state), value

    first, made_by = 0, {"dataset": dataset, "recipe": recipe._asdict(), "seed": seed}
    if checkpoint is not None and checkpoint.exists():
        carry, first = _restored(checkpoint, made_by, carry)
    key = jax.random.key(seed)
    for epoch in range(first, recipe.epochs):
        start, losses = time.perf_counter(), []
        order = np.random.default_rng([seed, epoch]).permutation(len(labels))[: per_epoch * BATCH]
        for index, pick in enumerate(order.reshape(-1, BATCH)):
            carry, value = step(carry, pick, jax.random.fold_in(key, epoch * per_epoch + index))
            losses.append(value)
        print(
            f"epoch {epoch + 1} of {recipe.epochs}: loss {float(np.mean(losses)):.4f}, "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )
        if checkpoint is not None:
            content = _leaves.packed(made_by | {"epochs": epoch + 1}, carry)
            _files.write(checkpoint.parent, {checkpoint.name: content})
    model = nnx.merge(graphdef, *carry[:2])
    model.eval()
    return model


def _restored(checkpoint: pathlib.Path, made_by: dict, like):
    """(state, epochs) of a checkpoint."""
    try:
        origin, kept = _leaves.unpacked(checkpoint)
    except ValueError as error:
        raise SystemExit(f"{error}: remove {str(checkpoint)!r} to start again") from None
    epochs = origin.pop("epochs")
    shapes = [leaf.shape for leaf in jax.tree.leaves(like)]
    if origin != made_by or [leaf.shape for leaf in kept] != shapes:
        raise SystemExit(f"{str(checkpoint)!r} is of another recipe, {origin}: go on with that one or remove it")
    return jax.tree.unflatten(jax.tree.structure(like), [jnp.asarray(leaf) for leaf in kept]), epochs


def accuracy(model: networks.Network, images, labels, batch: int = 500) -> float:
    """Accuracy in percent."""
    graphdef, state = nnx.split(model)
    predict = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x).argmax(-1))
    found = [predict(state, images[i : i + batch]) for i in range(0, len(labels), batch)]
    return 100.0 * float(np.mean(np.concatenate(found) == labels))


def cross_validate(dataset: str, images, labels, recipe: Recipe, folds: int) -> np.ndarray:
    """Accuracy in percent on each fold, of the network trained on the others `[folds]`."""
    parts = np.array_split(np.random.default_rng(SEED).permutation(len(labels)), folds)
    found = []
    for index, left_out in enumerate(parts):
        rest = np.concatenate([part for other, part in enumerate(parts) if other != index])
        model = train(dataset, images[rest], labels[rest], recipe)
        found.append(accuracy(model, images[left_out], labels[left_out]))
        print(f"fold {index + 1} of {folds}: {found[-1]:.2f} %", flush=True)
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=networks.SHAPES, default="mnist")
    parser.add_argument("--epochs", type=int, help="default: that of the recipe")
    parser.add_argument("--folds", type=int, help="cross-validate with so many folds instead")
    parser.add_argument("--out", type=pathlib.Path, default=networks.WEIGHTS)
    args = parser.parse_args()
    if args.epochs is not None and args.epochs < 2:
        parser.error(f"--epochs must be at least 2, since the first warms up; got {args.epochs}")
    if args.folds is not None and args.folds < 2:
        parser.error(f"--folds must be at least 2, got {args.folds}")
    recipe = RECIPES[args.dataset]
    recipe = recipe._replace(epochs=args.epochs or recipe.epochs)
    try:
        _files.check_writable(args.out)
        data = mj.data.load(args.dataset)
    except (OSError, ImportError) as error:
        raise SystemExit(str(error)) from None
    if args.folds:
        found = cross_validate(args.dataset, data.train_images, data.train_labels, recipe, args.folds)
        print(f"{args.dataset}, {args.folds} folds: {found.mean():.2f} ± {found.std(ddof=1):.2f} %")
        return
    checkpoint = args.out / f"{args.dataset}.checkpoint"
    model = train(args.dataset, data.train_images, data.train_labels, recipe, checkpoint=checkpoint)
    digital = accuracy(model, data.test_images, data.test_labels)
    path = args.out / f"{args.dataset}.npz"
    about = recipe._asdict() | {"seed": SEED, "batch": BATCH, "weight_decay": WEIGHT_DECAY, "test_accuracy": digital}
    networks.save(model, path, about)
    stored = accuracy(networks.load(args.dataset, path)[0], data.test_images, data.test_labels)
    checkpoint.unlink()
    print(f"{args.dataset}: test accuracy {digital:.2f} %, {stored:.2f} % as stored in {path}")


if __name__ == "__main__":
    main()
