"""What the experiments on in-situ training share: algorithms by name, which parameters are devices, progress, files."""

import contextlib
import dataclasses
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import memjax as mj

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "benchmarks"))  # its timing

T = mj.training


class Algorithm(NamedTuple):
    """How devices are trained.

    Attributes:
        make: (law, key of the chip, learning rate) -> the last transformation of the devices' chain.
        outer: whether it takes gradients as outer products, straight, so that the optimiser before it is left out.
    """

    make: Callable[[T.AbstractLaw, jax.Array, Any], optax.GradientTransformationExtraArgs]
    outer: bool = False


def _symmetric(law: T.AbstractLaw) -> T.AbstractLaw:
    """The law read against the symmetry point of each cell."""
    return law if isinstance(law, T.Referenced) else T.Referenced(law)


def _coincidence(fidelity: str) -> Algorithm:
    return Algorithm(lambda law, key, rate: T.coincidence(law, key, rate, fidelity=fidelity), outer=True)


ALGORITHMS = {
    "deterministic": Algorithm(lambda law, key, rate: T.pulsed(law, key)),
    "sign": Algorithm(lambda law, key, rate: T.pulsed(law, key, rule=T.Sign())),
    "stochastic": Algorithm(lambda law, key, rate: T.pulsed(law, key, rule=T.Stochastic())),
    "coincidence": _coincidence("moments"),
    "coincidence_batch": _coincidence("batch"),
    "coincidence_sequential": _coincidence("sequential"),
    "tiki_taka": Algorithm(lambda law, key, rate: T.tiki_taka(_symmetric(law), key, transfer=T.Direct(0.1))),
    "tiki_taka_v2": Algorithm(lambda law, key, rate: T.tiki_taka_v2(_symmetric(law), key)),
    "chopped_tiki_taka": Algorithm(lambda law, key, rate: T.chopped_tiki_taka(_symmetric(law), key)),
    "agad": Algorithm(lambda law, key, rate: T.agad(law, key)),
    "mixed_precision": Algorithm(lambda law, key, rate: T.mixed_precision(law, key)),
    "one_sided": Algorithm(lambda law, key, rate: T.one_sided(law, key)),
}

ONE_SIDED = ("pcm",)
"""Presets whose weight only grows gradually: they make sense in pairs only."""


def excuse(preset: str, algorithm: str) -> str | None:
    """Why a preset is not trained by an algorithm; None if it is."""
    if preset in ONE_SIDED and algorithm != "one_sided":
        return f"{preset} is left out for {algorithm}: its weights are never negative, it needs one_sided pairs"
    if preset not in ONE_SIDED and algorithm == "one_sided":
        return f"{preset} is left out for one_sided: it is pulsed in both directions"
    return None


def roles(params: Any) -> Any:
    """ "device" for every kernel, "digital" for biases and for the parameters of normalisations."""
    return jax.tree.map_with_path(lambda path, _: "device" if _last(path) == "kernel" else "digital", params)


def _last(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/value").split("/")[-1]


def in_situ(
    law: T.AbstractLaw | None, key: jax.Array, algorithm: str, rate: Any, momentum: float, params: Any
) -> optax.GradientTransformation:
    """SGD whose updates of the devices are written by pulses; without a law all of it is digital."""
    sgd = lambda: optax.sgd(rate, momentum=momentum or None)
    if law is None:
        return sgd()
    chosen = ALGORITHMS[algorithm]
    end = chosen.make(law, key, rate)
    devices = end if chosen.outer else optax.chain(sgd(), end)
    return optax.partition({"device": devices, "digital": sgd()}, roles(params))


def factors(params: Any, omega: float) -> Any:
    """What the weight of each device is multiplied with, so that the largest of its kernel is `omega` on the devices.

    1 where the parameter is digital, and everywhere if `omega` is 0.
    """
    of = lambda role, w: jnp.max(jnp.abs(w)) / omega if role == "device" and omega else jnp.ones(())
    return jax.tree.map(of, roles(params), params)


def step(gradient: Callable[..., Any], tx: optax.GradientTransformation, scale: Any) -> Callable[..., Any]:
    """One step of training, (carry, *args) -> (carry, loss), with carry (params on the devices, rest, opt_state).

    Args:
        gradient: (weights, rest, *args) -> ((loss, rest), slope), from `differentiated`.
        tx: from `in_situ`.
        scale: from `factors`; the network sees params * scale, and learning rates are those of what it sees.
    """

    def one(carry, *args):
        params, rest, opt_state = carry
        weights = jax.tree.map(jnp.multiply, params, scale)
        (value, rest), slope = gradient(weights, rest, *args)
        updates, opt_state = tx.update(_per_device(slope, scale), opt_state, params)
        return (optax.apply_updates(params, updates), rest, opt_state), value

    return one


def differentiated(loss: Callable[..., Any], algorithm: str | None) -> Callable[..., Any]:
    """Value and gradient of (weights, rest, *args) -> (loss, rest), in the form that the algorithm takes."""
    outer = algorithm is not None and ALGORITHMS[algorithm].outer
    return mj.value_and_outer(loss, has_aux=True) if outer else jax.value_and_grad(loss, has_aux=True)


def _per_device(slope: Any, scale: Any) -> Any:
    is_outer = lambda node: isinstance(node, T.Outer)
    divide = lambda g, by: dataclasses.replace(g, d=g.d / by) if is_outer(g) else g / by
    return jax.tree.map(divide, slope, scale, is_leaf=is_outer)


class Functional(NamedTuple):
    """A network as a pure function, and its start."""

    params: Any
    rest: Any
    apply: Callable[..., Any]
    """(params, rest, images, train) -> (logits, rest)."""


def functional(network: nnx.Module) -> Functional:
    """A Flax NNX network with batch statistics as plain nested dicts and a pure function."""
    graphdefs, params, rest = {}, None, None
    for train in (False, True):
        network.train() if train else network.eval()
        graphdefs[train], params, rest = nnx.split(network, nnx.Param, ...)

    def apply(params, rest, x, train: bool):
        model: Any = nnx.merge(graphdefs[train], params, rest, copy=True)
        logits = model(x)
        return logits, nnx.as_pure(nnx.state(model, nnx.Not(nnx.Param)))

    return Functional(nnx.as_pure(params), nnx.as_pure(rest), apply)


def order(seed: int, epoch: int, images: int, batch: int) -> np.ndarray:
    """Which images are in each step of an epoch `[steps, batch]`: a function of seed and epoch alone."""
    steps = images // batch
    return np.random.default_rng([seed, epoch]).permutation(images)[: steps * batch].reshape(steps, batch)


def console() -> Console:
    """Where tables are printed; wide enough for them where it is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=110)


@contextlib.contextmanager
def progress(text: str, total: int, done: int = 0) -> Iterator[Callable[..., None]]:
    """A function to call after steps, `advance(text, steps)`: a bar with the time left, on terminals only."""
    terminal = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal) as bar:
        task = bar.add_task(text, total=total, completed=done)

        def advance(text: str | None = None, steps: int = 1) -> None:
            bar.update(task, advance=steps, **({} if text is None else {"description": text}))

        yield advance
