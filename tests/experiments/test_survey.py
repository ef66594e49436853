"""The comparison of Lammie et al.: their networks and setting, and none of the flaws of the scripts behind it."""

import csv
import dataclasses
import itertools
import pathlib
import runpy
import sys

import _survey as survey
import jax
import jax.numpy as jnp
import networks
import numpy as np
import pytest
from flax import nnx

import memjax as mj

SCRIPT = pathlib.Path(survey.__file__).parent / "survey_inference.py"


def kernels(make) -> list[tuple[int, ...]]:
    state = nnx.state(nnx.eval_shape(lambda: make(nnx.Rngs(0))), nnx.Param)
    return [leaf.shape for path, leaf in jax.tree.leaves_with_path(state) if "kernel" in jax.tree_util.keystr(path)]


def test_vgg8_has_the_layers_of_the_survey():
    channels = (3, 48, 48, 96, 96, 144, 144)
    convolutions = [(3, 3, *pair) for pair in itertools.pairwise(channels)]
    assert kernels(networks.VGG8) == [*convolutions, (2304, 384), (384, 10)]


def test_googlenet_has_the_layers_of_the_survey():
    """A stem of 192, nine blocks of seven convolutions, whose 5 x 5 is two of 3 x 3, and 1024 -> 10."""
    shapes = kernels(networks.GoogLeNet)
    assert len(shapes) == 1 + 9 * 7 + 1
    assert sum(shape[:2] == (3, 3) for shape in shapes) == 1 + 9 * 3
    assert (3, 3, 3, 192) in shapes
    assert (1024, 10) in shapes
    state = nnx.state(nnx.eval_shape(lambda: networks.GoogLeNet(nnx.Rngs(0))), nnx.Param)
    assert sum(leaf.size for leaf in jax.tree.leaves(state)) == 6_166_250  # of the public PyTorch network for CIFAR


@pytest.fixture(scope="module")
def small():
    """A thin VGG-8 as a function and parameters, and images."""
    model = networks.VGG8(nnx.Rngs(0), channels=(4, 4, 4, 4, 8, 8), hidden=16)
    model.eval()
    graphdef, state = nnx.split(model)
    return lambda state, x: nnx.merge(graphdef, state)(x), state, jax.random.uniform(jax.random.key(0), (4, 32, 32, 3))


def test_six_states_change_what_is_computed(small):
    forward, state, x = small
    hardware = survey.hardware(16)
    many = dataclasses.replace(hardware, cell=mj.Cell(r_on=survey.R_ON, r_off=survey.R_OFF))
    read = lambda hardware: (analog := mj.crossbarify(forward, hardware)).apply(
        analog.program(state, jax.random.key(1), x), state, x
    )
    six, all_ = read(hardware), read(many)
    assert abs(six - all_).max() > 0.01 * abs(all_).max()
    chip = mj.crossbarify(forward, dataclasses.replace(hardware, effects=())).program(state, jax.random.key(1), x)
    cells = np.concatenate([np.ravel(one["conductance"][side]) for one in chip.values() for side in ("pos", "neg")])
    assert len(np.unique(np.round(cells * survey.R_ON, 5))) == survey.STATES


def test_every_layer_learns_through_a_converter_of_six_bits(small):
    """aihwkit with the `out_res` of the survey's script has 7 levels: all but the last layer's gradients are zero."""
    forward, state, x = small
    analog = mj.crossbarify(forward, survey.hardware(16))
    chip = analog.program(state, jax.random.key(1), x)
    loss = lambda chip: -jax.nn.log_softmax(analog.apply(chip, state, x))[:, 0].mean()
    slopes = jax.jit(jax.grad(loss, allow_int=True))(chip)
    assert len(slopes) == 8
    for name, one in slopes.items():
        assert float(jnp.abs(one["conductance"]["pos"]).max()) > 0, name


def test_quick_run_counts_every_image_and_goes_on_where_it_was(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--quick", "--out", str(tmp_path)])
    found = []
    for _ in range(2):
        runpy.run_path(str(SCRIPT), run_name="__main__")
        rows = list(csv.DictReader((tmp_path / "survey_inference.csv").read_text().splitlines()))
        found.append([(row["tile"], row["programmed"], row["tuned"], row["memory"]) for row in rows])
    assert found[0] == found[1]
    assert [row["tile"] for row in rows] == ["16", "64"]
    assert all(float(row["programmed"]) > 0.9 for row in rows)
    assert (tmp_path / "survey_inference.png").read_bytes().startswith(b"\x89PNG")
    assert "no results" in capsys.readouterr().out
