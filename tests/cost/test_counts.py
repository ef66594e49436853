"""How often everything acts, against counts by hand."""

import jax
import jax.numpy as jnp
import pytest

import memjax as mj
from memjax.converters import BitSerial

X = jax.ShapeDtypeStruct((5, 10), jnp.float32)
P = {"a": jnp.ones((10, 6)), "b": jnp.ones((6, 3))}


def dense(params, x):
    return jax.nn.relu(x @ params["a"]) @ params["b"]


def counts(fn, params, x, **options):
    hardware = mj.Hardware(**{"cell": mj.Cell(levels=16), "tile": (4, 4), "adc": mj.Adc(8)} | options)
    return mj.cost.report(mj.crossbarify(fn, hardware), params, x, "isaac").counts


def test_two_dense_layers():
    """10 x 6 on tiles of 4 x 4: three row tiles, two column tiles; 6 x 3: two row tiles, one column tile."""
    found = counts(dense, P, X)
    a, b = found["a"], found["b"]
    assert (a.reads, a.planes, a.conversions, a.macs) == (5, 1, 5 * 3 * 6, 5 * 60)
    assert (b.reads, b.planes, b.conversions, b.macs) == (5, 1, 5 * 2 * 3, 5 * 18)
    # A pair: two arrays. Each of its tiles has drivers, one converter column serves both.
    assert (a.tiles, a.cells, a.word_lines, a.columns) == (12, 12 * 16, 12 * 4, 6 * 4)
    assert (b.tiles, b.cells, b.word_lines, b.columns) == (4, 4 * 16, 4 * 4, 2 * 4)
    # Every input drives a word line in both column tiles of both arrays.
    assert (a.driven, b.driven) == (5 * 10 * 2 * 2, 5 * 6 * 1 * 2)
    assert (a.additions, b.additions) == (5 * 6 * 2, 5 * 3 * 1)
    assert (a.inputs, a.outputs, a.delivered, a.partial) == (50, 30, 100, 90)
    assert (a.steps, a.adders, b.adders) == (5, 2, 1)
    assert a["conversions"] == 90
    with pytest.raises(KeyError, match="conversions.*got 'reading'"):
        a["reading"]


# (mapping, subtraction): conversions of a vector and plane by layer, tiles, drives of a word line, converter columns
MAPPINGS = {
    ("double column", "analog"): (18, 12, 40, 24),
    ("double column", "digital"): (36, 12, 40, 48),
    # two inputs to a tile: five row tiles, each input drives two word lines
    ("dual row", "analog"): (30, 10, 40, 40),
    ("offset", "analog"): (18, 6, 20, 24),
    ("offset", "digital"): (18, 6, 20, 24),
    ("current mirror", "analog"): (18, 6, 20, 24),
    # its reference column has a converter in each of the six tiles
    ("current mirror", "digital"): (24, 6, 20, 30),
    # four digits, a pair of arrays each
    ("slices", "analog"): (72, 48, 160, 96),
    ("slices", "digital"): (144, 48, 160, 192),
}
KINDS = {
    "double column": mj.mapping.DoubleColumn(),
    "dual row": mj.mapping.DualRow(),
    "offset": mj.mapping.Offset(),
    "current mirror": mj.mapping.CurrentMirror(),
    "slices": mj.mapping.BitSliced(slices=4, bits=2),
}


@pytest.mark.parametrize("planes", [1, 7])
@pytest.mark.parametrize(("mapping", "subtract"), MAPPINGS)
def test_mappings(mapping, subtract, planes):
    encoding = {"encoding": BitSerial(7)} if planes == 7 else {}
    hardware = mj.Hardware(
        cell=mj.Cell(levels=16),
        tile=(4, 4),
        mapping=KINDS[mapping],
        dac=mj.Dac(8, **encoding),
        adc=mj.Adc(8, subtract=subtract),
    )
    analog = mj.crossbarify(dense, hardware)
    found = mj.cost.count(analog, analog.plan(P, X))["a"]
    conversions, tiles, driven, columns = MAPPINGS[mapping, subtract]
    assert (found.planes, found.conversions) == (planes, 5 * planes * conversions)
    assert (found.tiles, found.driven, found.columns) == (tiles, 5 * planes * driven, columns)
    slices = 4 if mapping == "slices" else 1
    pair = 2 if subtract == "digital" and mapping != "offset" else 1
    down = 5 if mapping == "dual row" else 3
    assert found.additions == 5 * 6 * (planes * down * slices * pair - 1)


def convolution(groups):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lambda params, x: jax.lax.conv_general_dilated(
        x, params["w"], (2, 2), "SAME", dimension_numbers=numbers, feature_group_count=groups
    )


def test_convolution():
    """3 x 3 windows of 4 channels on 8 x 8 images, stride 2: 16 positions, 36 inputs in nine row tiles."""
    x = jax.ShapeDtypeStruct((2, 8, 8, 4), jnp.float32)
    found = counts(convolution(1), {"w": jnp.ones((3, 3, 4, 6))}, x)["w"]
    assert (found.reads, found.conversions, found.macs) == (32, 32 * 9 * 6, 32 * 36 * 6)
    assert (found.inputs, found.outputs, found.steps, found.tiles) == (32 * 36, 32 * 6, 32, 9 * 2 * 2)


@pytest.mark.parametrize("planes", [1, 7])
def test_groups_of_word_lines(planes):
    """Row tiles of 4, 4 and 2 inputs in groups of at most three: 2 + 2 + 1 conversions of a column and plane."""
    encoding = {"encoding": BitSerial(7)} if planes == 7 else {}
    whole, parts = (counts(dense, P, X, dac=mj.Dac(8, **encoding), rows_at_once=n)["a"] for n in (None, 3))
    assert (whole.groups, parts.groups) == (1, 2)
    assert (whole.conversions, parts.conversions) == (5 * 3 * 6 * planes, 5 * 5 * 6 * planes)
    assert (whole.additions, parts.additions) == (5 * 6 * (3 * planes - 1), 5 * 6 * (5 * planes - 1))
    alike = ("reads", "macs", "driven", "inputs", "partial", "steps", "tiles", "cells", "columns")
    assert [whole[name] for name in alike] == [parts[name] for name in alike]


def test_groups_of_word_lines_take_time_and_energy():
    """Each is driven, settles and is converted by itself: both stages take as often as long, cells the same energy."""
    hardware = mj.Hardware(tile=(4, 4), rows_at_once=2)
    reports = [mj.cost.report(mj.crossbarify(dense, h), P, X, "isaac") for h in (mj.Hardware(tile=(4, 4)), hardware)]
    whole, parts = (one.parts["b"] for one in reports)  # row tiles of 4 and 2 inputs
    for stage in ("cells", "adc"):
        assert float(parts[stage].latency) == pytest.approx(2 * float(whole[stage].latency))
    assert float(parts["adc"].energy) == pytest.approx(1.5 * float(whole["adc"].energy))
    assert float(parts["cells"].energy) == pytest.approx(float(whole["cells"].energy))
    assert float(parts["adc"].area) == pytest.approx(float(whole["adc"].area))


def test_groups_share_tiles_and_are_read_one_after_another():
    """Two groups of 18 inputs and 3 outputs side by side in a tile of 32 x 8; four would need two tiles."""
    x = jax.ShapeDtypeStruct((2, 8, 8, 4), jnp.float32)
    found = counts(convolution(2), {"w": jnp.ones((3, 3, 2, 6))}, x, tile=(32, 8))["w"]
    assert (found.reads, found.steps, found.tiles) == (2 * 32, 2 * 32, 2)
    assert (found.conversions, found.macs) == (64 * 3, 64 * 18 * 3)
    # Depthwise: four groups of 9 inputs; three stand above one another, eight beside one another.
    found = counts(convolution(4), {"w": jnp.ones((3, 3, 1, 8))}, x, tile=(32, 2))["w"]
    assert (found.reads, found.tiles) == (4 * 32, 2 * 2)
    assert found.steps == 2 * 32


def test_a_stack_is_read_at_the_same_time_and_steps_of_a_loop_are_not():
    stack = {"w": jnp.ones((3, 4, 4))}
    together = counts(
        lambda p, x: jnp.einsum("ebk,ekn->ebn", x, p["w"]), stack, jax.ShapeDtypeStruct((3, 5, 4), jnp.float32)
    )["w"]
    assert (together.reads, together.macs, together.steps, together.vectors) == (15, 15 * 16, 5, 3)
    in_turn = lambda p, x: jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, p["w"])[0]
    found = counts(in_turn, stack, jax.ShapeDtypeStruct((5, 4), jnp.float32))["w"]
    assert (found.reads, found.steps, found.tiles) == (15, 15, 3 * 2)
