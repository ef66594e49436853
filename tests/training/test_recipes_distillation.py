"""Learning from a teacher's logits."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import log_softmax, softmax

from memjax.training.recipes import distillation

LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
TEACHER = np.array([[2.0, 0.1, -0.5], [-1.0, 1.5, 1.0]])
LABELS = np.array([0, 2])


@pytest.mark.parametrize(("temperature", "weight"), [(1.0, 1.0), (4.0, 0.5), (20.0, 0.9)])
def test_it_is_the_sum_of_both_entropies(temperature, weight):
    target = softmax(TEACHER / temperature, -1)
    divergence = (target * (np.log(target) - log_softmax(LOGITS / temperature, -1))).sum(-1)
    right = -log_softmax(LOGITS, -1)[np.arange(2), LABELS]
    found = distillation(LOGITS, TEACHER, LABELS, temperature=temperature, weight=weight)
    np.testing.assert_allclose(found, (1 - weight) * right + weight * temperature**2 * divergence, rtol=1e-4)
    half = distillation(jnp.asarray(LOGITS, jnp.bfloat16), TEACHER, LABELS, temperature=temperature, weight=weight)
    assert half.dtype == jnp.float32
    np.testing.assert_allclose(half, found, rtol=0.05)


def test_limits():
    """Without the teacher it is the cross-entropy; a student with the logits of its teacher has nothing to learn."""
    expected = optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(LOGITS), LABELS)
    np.testing.assert_allclose(distillation(LOGITS, TEACHER, LABELS, weight=0.0), expected, rtol=1e-6)
    same = lambda logits: distillation(logits, TEACHER, LABELS, weight=1.0).sum()
    np.testing.assert_allclose(jax.value_and_grad(same)(jnp.asarray(TEACHER))[0], 0.0, atol=1e-5)
    np.testing.assert_allclose(jax.grad(same)(jnp.asarray(TEACHER)), 0.0, atol=1e-5)


def test_gradients():
    """By the logits in closed form, at any temperature of the same size; none by the teacher."""
    loss = lambda logits, teacher: distillation(logits, teacher, LABELS, temperature=4.0, weight=0.7).sum()
    by_logits, by_teacher = jax.grad(loss, (0, 1))(jnp.asarray(LOGITS), jnp.asarray(TEACHER))
    one_hot = np.eye(3)[LABELS]
    expected = 0.3 * (softmax(LOGITS, -1) - one_hot) + 0.7 * 4 * (softmax(LOGITS / 4, -1) - softmax(TEACHER / 4, -1))
    np.testing.assert_allclose(by_logits, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(by_teacher, 0.0)
    # As the temperature grows it becomes the difference of the logits from their mean, over the number of classes.
    hot = jax.grad(lambda logits: distillation(logits, TEACHER, LABELS, temperature=100.0, weight=1.0).sum())
    apart = lambda logits: logits - logits.mean(-1, keepdims=True)
    np.testing.assert_allclose(hot(jnp.asarray(LOGITS)), (apart(LOGITS) - apart(TEACHER)) / 3, atol=0.03)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"teacher": TEACHER[:1]}, "teacher must have the shape of logits, (2, 3), got (1, 3)"),
        ({"logits": 1.0}, "logits must have an axis of classes"),
        ({"labels": np.array([0, 3])}, "labels must be finite and in [0, 2], got 3 in an array of shape (2,)"),
        ({"labels": np.array([0.0, 1.0])}, "labels must be integers of shape (2,), got float32 array of shape (2,)"),
        ({"labels": np.zeros((2, 1), int)}, "labels must be integers of shape (2,), got"),
        ({"temperature": 0.0}, "temperature must be finite and in [0.01, 100], got 0.0"),
        ({"weight": 1.5}, "weight must be finite and in [0, 1], got 1.5"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        distillation(**({"logits": LOGITS, "teacher": TEACHER, "labels": LABELS} | arguments))
