"""Defaults of mappings, factors of the noise of their conversions, levels that digits take."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

M = mj.mapping
CELL = mj.Cell(10e3, 100e3)
DEFAULTS = [
    (mj.Cell(), mj.Cell(r_on=10e3, r_off=100e3, levels=None)),
    (M.DoubleColumn(), M.DoubleColumn("matrix", None)),
    (M.DualRow(), M.DualRow("matrix", None)),
    (M.Offset(), M.Offset("matrix", None, centred=False)),
    (M.Pairs(), M.Pairs((1.0, 1.0), "matrix", None)),
    (M.CurrentMirror(), M.CurrentMirror(0.0, "matrix", None)),
    (M.BitSliced(), M.BitSliced(4, 2, "matrix", None)),
]


@pytest.mark.parametrize(("short", "whole"), DEFAULTS, ids=lambda value: type(value).__name__)
def test_defaults(short, whole):
    assert eqx.tree_equal(short, whole)


def test_noise_of_what_meets_before_a_converter():
    """Variances go with the squares of the factors; a shared column is a source of its own."""
    (pair,) = M.DoubleColumn().conversions(CELL)
    assert pair.noise_sources == [{"pos": 1.0, "neg": 1.0}]
    (mirror,) = M.CurrentMirror(gain_error=0.2).conversions(CELL)
    own, shared = mirror.noise_sources
    assert own == {"cell": 1.0}
    assert shared["reference"] == pytest.approx(1.44)
    apart = mirror.apart()
    assert [conversion.name for conversion in apart] == ["cell", "reference"]
    np.testing.assert_allclose([conversion.factor for conversion in apart], [1.0, -1.2])
    assert [conversion.noise_sources[0] for conversion in apart] == [{"cell": 1.0}, {"reference": 1.0}]


def test_factors_of_digits():
    """b^k (b - 1) / (b^K - 1), over the part of the range that digits use."""
    cell = mj.Cell(10e3, 100e3, levels=6)  # every state of six that four levels need: 3 of 5 steps
    factors = [float(c.factor) for c in M.BitSliced(3, 2).conversions(cell)]
    np.testing.assert_allclose(factors, np.array([1, 4, 16]) * 3 / 63 / 0.6, rtol=1e-6)


@pytest.mark.parametrize(
    ("levels", "states", "span"), [(4, 4, 1.0), (6, 4, 0.6), (7, 4, 1.0), (16, 4, 1.0), (15, 4, 12 / 14), (257, 2, 1.0)]
)
def test_every_other_level(levels, states, span):
    """Every floor((levels - 1) / (states - 1))-th of the programmable states."""
    np.testing.assert_allclose(mj.Cell(levels=levels).span(jnp.asarray(states)), span, rtol=1e-6)


def test_reference_and_gain():
    (offset,) = M.Offset().conversions(CELL)
    assert float(offset.reference) == pytest.approx(5.5e-5)
    assert [m.gain for m in (M.DoubleColumn(), M.DualRow(), M.Offset(), M.CurrentMirror(), M.BitSliced())] == [
        1.0, 1.0, 2.0, 2.0, 1.0,
    ]  # fmt: skip
    doubled = offset.referred(lambda g: 2 * g)
    signed = doubled.signed({"cell": jnp.full((2, 3), 2e-4)})
    np.testing.assert_allclose(signed, 2e-4 - 1.1e-4, rtol=1e-5)


@pytest.mark.parametrize("scaling", ["matrix", "column"])
@pytest.mark.parametrize("percentile", [None, 50.0])
def test_scale_of_weights(scaling, percentile):
    """Largest magnitude, or a percentile of them; one where all are zero."""
    weights = jnp.array([[1.0, -4.0, 0.0], [-3.0, 0.5, 0.0], [2.0, 8.0, 0.0]])
    found = M.weight_scale(M.DoubleColumn(scaling, percentile), weights)
    expected = {
        ("matrix", None): [8, 8, 8], ("column", None): [3, 8, 1], ("matrix", 50.0): [1, 1, 1],
        ("column", 50.0): [2, 4, 1],
    }  # fmt: skip
    np.testing.assert_allclose(found, expected[scaling, percentile])


def test_a_device_may_fall_short_of_the_cell_by_a_ten_thousandth():
    device = mj.devices.VTEAM.pt_hf_ti(r_on=1e3, r_off=1e4)
    mj.Cell(1e3 * (1 - 0.9e-4), 1e4 * (1 + 0.9e-4)).check_within("device", device)
    for r_on, r_off in ((1e3 * (1 - 2e-4), 1e4), (1e3, 1e4 * (1 + 2e-4))):
        with pytest.raises(ValueError, match="Hardware.cell must lie within the range of VTEAM"):
            mj.Cell(r_on, r_off).check_within("device", device)
