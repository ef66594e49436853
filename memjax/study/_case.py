"""A trained network and the images that every chip is shown."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from flax import nnx

from memjax import _check


def as_function(model: nnx.Module) -> tuple[Callable[[Any, Any], Any], Any]:
    """A Flax NNX model as a pure function and its parameters, the form that `memjax.crossbarify` takes.

    Args:
        model: called with one argument; put it into evaluation mode first (`model.eval()`) where it knows one.

    Returns: (fn, params) with fn(params, x) = model(x).

    Raises: TypeError for what is no NNX module.

    Example:
        >>> import memjax as mj
        >>> import jax.numpy as jnp
        >>> from flax import nnx
        >>> fn, params = mj.study.as_function(nnx.Linear(4, 2, rngs=nnx.Rngs(0)))
        >>> fn(params, jnp.ones((3, 4))).shape
        (3, 2)
    """
    _check.part("model", model, nnx.Module, example="nnx.Linear(4, 2, rngs=nnx.Rngs(0))")
    graphdef, params = nnx.split(model)
    return lambda params, x: nnx.merge(graphdef, params)(x), params


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A trained network and the labelled images that every chip is shown.

    Attributes:
        fn: fn(params, images) gives logits `[..., classes]`.
        params: its parameters, as a pytree.
        images: `[N, ...]`, such as `[N, height, width, channels]`.
        labels: index of the right class of each `[N]`.
        batch: images in one call at most, which bounds the memory.

    Raises: TypeError and ValueError naming the argument.

    Example:
        >>> import memjax as mj
        >>> digits = mj.data.load("digits")
        >>> model = mj.study.untrained(digits, network="mlp")
        >>> mj.study.Case(*mj.study.as_function(model), digits.test_images, digits.test_labels)
        Case(360 images of 8×8×1)
    """

    fn: Callable[[Any, Any], Any]
    params: Any
    images: np.ndarray
    labels: np.ndarray
    batch: int = 500

    def __post_init__(self):
        if not callable(self.fn):
            raise TypeError(f"fn must be a function of parameters and images, got {_check.shown(self.fn)}")
        images, labels = (np.asarray(_check.array(name, getattr(self, name))) for name in ("images", "labels"))
        if images.ndim < 2 or not len(images):
            raise ValueError(f"images must have shape [N, ...] with at least one image, got {images.shape}")
        if labels.dtype.kind not in "iu":
            raise TypeError(f"labels must be integers, got an array of {labels.dtype}")
        if labels.shape != images.shape[:1]:
            raise ValueError(f"labels must have shape {images.shape[:1]}, one for each image, got {labels.shape}")
        _check.integer("batch", self.batch, 1, 2**31 - 1)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels)

    def __repr__(self) -> str:
        return f"Case({len(self.labels)} images of {'×'.join(map(str, self.images.shape[1:]))})"

    @cached_property
    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Images `[P, B, ...]` and labels `[P, B]` in equal parts, B = min(N, batch).

        The last part is filled up with black images of the label -1, which none has.
        """
        size = min(len(self.labels), self.batch)
        fill = -len(self.labels) % size
        images = np.pad(self.images, ((0, fill), *[(0, 0)] * (self.images.ndim - 1)))
        labels = np.pad(self.labels, (0, fill), constant_values=-1)
        return images.reshape(-1, size, *images.shape[1:]), labels.reshape(-1, size)
