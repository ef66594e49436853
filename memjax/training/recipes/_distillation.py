"""Learning from the digital model what it thinks of every class."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from memjax import _check


def distillation(logits: Any, teacher: Any, labels: Any, *, temperature: Any = 4.0, weight: Any = 0.5) -> Array:
    """Loss of a network that learns from another's logits as well as from labels.

        (1 - weight) CE(labels, logits) + weight T^2 KL(softmax(teacher / T) || softmax(logits / T))

    T^2 keeps the size of the second gradient where T is changed. The teacher gets no gradient.

    Args:
        logits: of the network in training (on a chip, or with `noisy` weights), [..., classes].
        teacher: logits of the digital network, of the same shape.
        labels: index of the right class, integers [...].
        temperature: T in [0.01, 100], between which rounding costs little; the higher, the more the small probabilities
            count.
        weight: share of the teacher, in [0, 1].

    Returns: loss of each example [...].

    Raises: ValueError for shapes that do not fit, labels that are no classes, and numbers out of their range.

    Source: Hinton, Vinyals and Dean (arXiv 1503.02531, 2015).
    """
    logits, teacher = (
        values.astype(jnp.promote_types(values.dtype, jnp.float32))
        for values in (_check.array("logits", logits), _check.array("teacher", teacher))
    )
    if logits.ndim == 0:
        raise ValueError("logits must have an axis of classes, [..., classes], got one number")
    if teacher.shape != logits.shape:
        raise ValueError(f"teacher must have the shape of logits, {logits.shape}, got {teacher.shape}")
    labels = _check.array("labels", labels, low=0, high=logits.shape[-1] - 1)
    if labels.shape != logits.shape[:-1] or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(f"labels must be integers of shape {logits.shape[:-1]}, got {_check.shown(labels)}")
    temperature = _check.scalar("temperature", temperature, low=0.01, high=100.0)
    weight = _check.scalar("weight", weight, low=0.0, high=1.0)
    soft = jax.nn.log_softmax(logits / temperature)
    target = jax.nn.log_softmax(lax.stop_gradient(teacher) / temperature)
    told = optax.losses.kl_divergence_with_log_targets(soft, target)
    right = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
    return (1.0 - weight) * right + weight * temperature**2 * told
