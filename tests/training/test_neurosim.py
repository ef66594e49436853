"""NeuroSim's curve: anchors of its nonlinearity labels, its equality with soft bounds, extreme labels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from laws import P, T

curvature = jax.jit(T.curvature)
response = jax.jit(T.response)

# Values of the tool's own tables and runs.
SPOTS = {0.5: 2.519877, 1: 1.251653, 1.46: 0.848677, 1.75: 0.702081, 2: 0.609035, 3: 0.386830,
         4: 0.269089, 5: 0.192406, 6: 0.135619, 8: 0.052781}  # fmt: skip
ANCHORS = {1.75: (-1, -0.210921, 0.341760, 0.728866, 1), 1.46: (-1, -0.262777, 0.286341, 0.695351, 1)}


def test_labels(precision):
    labels = np.array(list(SPOTS))
    np.testing.assert_allclose(curvature(labels), list(SPOTS.values()), rtol=3e-5)
    np.testing.assert_allclose(curvature(-labels), -np.asarray(curvature(labels)))


def test_curvature_of_small_labels():
    """Nearly straight curves in float32, where the deviation is a difference of nearly equal numbers: A = 1.2627/NL."""
    with jax.enable_x64(True):
        exact = np.asarray(T.curvature(np.array([0.01, 0.03, 0.1, 0.4, 2.0, 7.0])))
    found = curvature(np.array([0.01, 0.03, 0.1, 0.4, 2.0, 7.0], np.float32))
    np.testing.assert_allclose(found, exact, rtol=2e-6)
    assert float(found[0]) == pytest.approx(126.269, abs=1e-3)


def test_label_is_the_deviation_from_a_straight_line(x64):
    """Its definition, by sampling the curve densely."""
    x = np.linspace(0, 1, 200_001)
    for label in (0.05, 0.7, 2.4, 4.88, 8.5):
        a = float(curvature(label))
        deviation = (np.expm1(-x / a) / np.expm1(-1 / a) - x).max()
        assert 10.101526 * deviation == pytest.approx(label, rel=1e-6)


def test_extreme_labels_are_clipped(x64):
    """A label of zero is a straight line to 0.1 %, not a division by zero."""
    np.testing.assert_allclose(curvature(np.array([0.0, 0.001, 20.0])), curvature(np.array([0.01, 0.01, 9.0])))
    law = T.NeuroSimStep(P(), levels_up=20, levels_down=20, ltp=0.0, ltd=0.0)
    pulses = np.array([1] * 20 + [-1] * 20)
    curve = response(law, pulses, -1.0, law.make(None, (), jnp.float64))
    straight = np.concatenate([np.linspace(-0.9, 1, 20), np.linspace(0.9, -1, 20)])
    np.testing.assert_allclose(curve, straight, atol=2.1e-3)


@pytest.mark.parametrize("label", [1.75, 1.46])
def test_anchors(label, precision):
    """32 pulses from -1 to 1, and 32 back along the same curve where both labels are positive."""
    law = T.NeuroSimStep(P(), levels_up=32, levels_down=32, ltp=label, ltd=label)
    curve = response(law, np.array([1] * 32 + [-1] * 32), -1.0, law.make(None, ()))
    np.testing.assert_allclose(curve[np.array([7, 15, 23, 31])], ANCHORS[label][1:], atol=3e-5)
    np.testing.assert_allclose(curve[np.array([39, 47, 55, 63])], ANCHORS[label][3::-1], atol=1e-4)


def test_soft_bounds_are_the_same_family(x64):
    """w(p) = low + B (1 - exp(-alpha p)) is the curve with A = 1 / alpha."""
    pulses, label = 50, 2.0
    alpha = 1 / (pulses * float(curvature(label)))
    soft = T.SoftBounds.pmax(pulses=pulses, alpha=alpha, low=-0.7, high=1.2)
    neurosim = T.NeuroSimStep(P(low=-0.7, high=1.2), levels_up=pulses, levels_down=pulses, ltp=label, ltd=-label)
    p = np.arange(1, pulses + 1)
    expected = -0.7 + 1.9 / -np.expm1(-alpha * pulses) * -np.expm1(-alpha * p)
    up = np.ones(pulses)
    for law in (soft, neurosim):
        curve = response(law, up, -0.7, law.make(None, (), jnp.float64))
        np.testing.assert_allclose(curve, expected, rtol=0, atol=1e-10)


def test_labels_spread_together(x64):
    """Cells have labels of their own, off by the same number in both directions."""
    law = T.NeuroSimStep(P(), levels_up=32, levels_down=40, ltp=2.0, ltd=-3.0, label_spread=0.2)
    made = law.make(jax.random.key(0), (2000,), jnp.float64)

    def labels(bend, levels):
        a = np.asarray(bend) / levels
        q = -np.expm1(-1 / a)
        return 10.101526 * ((1 - a * q) / q + a * np.log(a * q))

    up, down = labels(made["bend_up"], 32), -labels(made["bend_down"], 40)
    assert abs(up.mean() - 2.0) < 5 * 0.2 / np.sqrt(2000)
    assert up.std() == pytest.approx(0.2, rel=5 / np.sqrt(4000))
    np.testing.assert_allclose(up - 2.0, down + 3.0, atol=1e-6)
