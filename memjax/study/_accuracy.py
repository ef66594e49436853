"""Fraction of images that a chip, or the network itself, classifies correctly."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax.study._case import Case
from memjax.transform import Analog, crossbarify


def accuracy(
    case: Case,
    hardware: Any,
    key: Array,
    *,
    then: Callable[[Analog, Any], Any] | None = None,
    read: Array | None = None,
) -> Array:
    """Fraction of the images of a case that one simulated chip classifies correctly.

    Pure, for `jax.jit`, `jax.vmap` and `memjax.sweep`, which makes many chips of it; the numbers of the hardware may be
    traced. Images are read part by part, so that memory does not grow with their number.

    Args:
        case: network and images.
        hardware: a `memjax.Hardware`, or one for each crossbar by name, as `memjax.crossbarify` takes it.
        key: PRNG key of the chip.
        then: `then(analog, chip)` gives the chip that is read: programmed, then aged, tuned, compensated.
        read: PRNG key of the reads, needed where they are noisy; every part has a key of its own, split from it.

    Returns: in [0, 1], a scalar.

    Raises: TypeError and ValueError naming the argument.

    Example:
        >>> import memjax as mj
        >>> import jax
        >>> digits = mj.data.load("digits")
        >>> model = mj.study.train(digits, network="mlp", steps=300)
        >>> case = mj.study.Case(*mj.study.as_function(model), digits.test_images, digits.test_labels)
        >>> spread = mj.effects.DeviceVariation(r_on_std=1e3, r_off_std=1e4)
        >>> one = lambda key: mj.study.accuracy(case, mj.Hardware(effects=(spread,)), key)
        >>> bool(jax.vmap(one)(jax.random.split(jax.random.key(0), 3)).mean() > 0.8)
        True
    """
    _check.part("case", case, Case)
    if then is not None and not callable(then):
        raise TypeError(f"then must be a function of analog and chip, or None, got {_check.shown(then)}")
    if read is not None:
        _check.key("read", read)
    analog = crossbarify(case.fn, hardware)
    images, labels = case.parts
    chip = analog.program(case.params, key, images[0])
    if then is not None:
        chip = then(analog, chip)

    def correct(part):
        shown, answers, key = part
        return analog.apply(chip, case.params, shown, key=key).argmax(-1) == answers

    keys = None if read is None else jax.random.split(read, len(labels))
    return jnp.sum(jax.lax.map(correct, (images, labels, keys))) / len(case.labels)


def digital_accuracy(case: Case) -> float:
    """Fraction of the images of a case that the network itself classifies correctly, in [0, 1].

    Raises: TypeError for what is no case.

    Example:
        >>> import memjax as mj
        >>> digits = mj.data.load("digits")
        >>> model = mj.study.train(digits, network="mlp", steps=300)
        >>> case = mj.study.Case(*mj.study.as_function(model), digits.test_images, digits.test_labels)
        >>> mj.study.digital_accuracy(case) > 0.9
        True
    """
    _check.part("case", case, Case)
    correct = jax.jit(lambda params, x, answers: jnp.sum(case.fn(params, x).argmax(-1) == answers))
    return sum(int(correct(case.params, *part)) for part in zip(*case.parts, strict=True)) / len(case.labels)
