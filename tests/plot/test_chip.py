import jax
import numpy as np
import pytest

import memjax as mj
from memjax import plot

KEY = jax.random.key(0)
W = np.asarray(jax.random.normal(KEY, (5, 4)))
HARDWARE = mj.Hardware(tile=(4, 3), effects=(mj.effects.DeviceVariation(r_on_std=1e3),))
ENTRY = mj.program(HARDWARE, W, KEY)


def test_every_cell_is_counted_once_and_no_padding():
    axes = plot.conductances({"params/first/kernel": ENTRY, "second": ENTRY}, HARDWARE, bins=10)
    assert [ax.get_title(loc="left") for ax in axes] == ["first", "second"]
    assert [ax.get_xlabel() for ax in axes] == ["Conductance (µS)"] * 2
    for ax in axes:
        curves = {patch.get_label(): patch.get_data() for patch in ax.patches if patch.get_label()}
        assert list(curves) == ["positive cells", "negative cells"]
        for name, curve in curves.items():
            inside = np.asarray(ENTRY["conductance"][name[:3]]).reshape(8, 6)[:5, :4]
            np.testing.assert_array_equal(curve.values, np.histogram(inside, curve.edges)[0])
            assert curve.values.sum() == 20
        marks = [line.get_xdata()[0] for line in ax.lines]
        np.testing.assert_allclose(marks, [1e-5, 1e-4])


def test_one_matrix_without_hardware_and_many_chips():
    many = jax.vmap(lambda key: mj.program(HARDWARE, W, key))(jax.random.split(KEY, 3))
    (ax,) = plot.conductances(many)
    assert not ax.lines
    assert {patch.get_data().values.sum() for patch in ax.patches} == {60}


def test_bad_input():
    with pytest.raises(ValueError, match="chip must hold at least one crossbar, got {}"):
        plot.conductances({})
    with pytest.raises(TypeError, match=r"chip\['a'\] must be a dict with conductance, scale and drive"):
        plot.conductances({"a": np.ones(3)})
    with pytest.raises(TypeError, match="hardware must be a Hardware or None, got Cell"):
        plot.conductances(ENTRY, mj.Cell())
    with pytest.raises(ValueError, match="chip must hold concrete conductances, got traced ones"):
        jax.eval_shape(plot.conductances, ENTRY)
