"""Power of the cells: V^2 G by hand, for every encoding and mapping, convolutions, groups, stacks and curved cells."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import effects as E
from memjax.converters import BitSerial, PulseWidth

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(2), (5, 10))
W = jax.random.normal(jax.random.key(1), (10, 6))
V_MAX, BITS = 0.2, 8
LARGEST = 127
ENCODINGS = {
    "amplitude": (None, lambda codes: (codes / LARGEST) ** 2),
    "bit-serial": (BitSerial(7), lambda codes: sum((np.abs(codes).astype(int) >> k) & 1 for k in range(7))),
    "pulse width": (PulseWidth(), lambda codes: np.abs(codes) / LARGEST),
}
MAPPINGS = {
    "double column": mj.mapping.DoubleColumn(),
    "dual row": mj.mapping.DualRow(),
    "offset": mj.mapping.Offset(),
    "current mirror": mj.mapping.CurrentMirror(),
    "slices": mj.mapping.BitSliced(bits=4),
}


def dac(name="amplitude"):
    encoding = ENCODINGS[name][0]
    return mj.Dac(BITS, v_max=V_MAX) if encoding is None else mj.Dac(BITS, v_max=V_MAX, encoding=encoding)


def codes(x, axis):
    return np.round(np.asarray(x, np.float64) / np.abs(x).max(axis, keepdims=True) * LARGEST)


def on_lines(chip, inputs):
    """Conductance on every word line."""
    return sum(np.asarray(g, np.float64).sum(-1).reshape(-1)[:inputs] for g in chip["conductance"].values())


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("mapping", MAPPINGS)
def test_dense(encoding, mapping):
    cell = mj.Cell(levels=16) if mapping == "slices" else mj.Cell()
    hardware = mj.Hardware(cell=cell, tile=(4, 4), mapping=MAPPINGS[mapping], dac=dac(encoding))
    analog = mj.crossbarify(lambda params, x: x @ params["w"], hardware)
    chip = analog.program({"w": W}, KEY, X)
    wanted = V_MAX**2 * (ENCODINGS[encoding][1](codes(X, 1)) @ on_lines(chip["w"], 10)).sum()
    np.testing.assert_allclose(analog.power(chip, {"w": W}, X)["w"], wanted, rtol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
def test_convolution(groups):
    """Windows overlap: each drives its word lines again. Groups in one tile load each other's bit lines."""
    x = jax.random.normal(KEY, (2, 5, 5, 4))
    kernel = jax.random.normal(jax.random.key(3), (3, 3, 4 // groups, 6))
    numbers = ("NHWC", "HWIO", "NHWC")
    model = lambda params, x: jax.lax.conv_general_dilated(
        x, params["w"], (1, 1), "SAME", dimension_numbers=numbers, feature_group_count=groups
    )
    hardware = mj.Hardware(tile=(64, 8), dac=dac())
    analog = mj.crossbarify(model, hardware)
    chip = analog.program({"w": kernel}, KEY, x)
    drives = np.pad(codes(x, (1, 2, 3)) / LARGEST * V_MAX, ((0, 0), (1, 1), (1, 1), (0, 0)))
    lines = on_lines(chip["w"], chip["w"]["drive"].shape[-1])
    each = 4 // groups
    # Two groups of 18 rows and 3 columns stand side by side in the tile of 64 x 8.
    assert lines.shape == (9 * each,)
    wanted = 0.0
    for i in range(5):
        for j in range(5):
            for group in range(groups):
                window = drives[:, i : i + 3, j : j + 3, group * each : (group + 1) * each].reshape(2, -1)
                wanted += (window**2 @ lines).sum()
    np.testing.assert_allclose(analog.power(chip, {"w": kernel}, x)["w"], wanted, rtol=1e-5)


def test_curved_cells_take_their_own_current():
    law = E.SinhConduction(10.0)
    hardware = mj.Hardware(tile=(4, 4), dac=dac(), effects=(law,))
    analog = mj.crossbarify(lambda params, x: x @ params["w"], hardware)
    chip = analog.program({"w": W}, KEY, X)
    v = codes(X, 1) / LARGEST * V_MAX
    current = V_MAX * np.sinh(10.0 * v) / np.sinh(10.0 * V_MAX)
    wanted = ((v * current) @ on_lines(chip["w"], 10)).sum()
    np.testing.assert_allclose(analog.power(chip, {"w": W}, X)["w"], wanted, rtol=1e-5)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_expected_of_inputs_spread_evenly(encoding):
    """Within five standard errors of that of 4000 random vectors, whose largest element is nearly full scale."""
    x = jax.random.uniform(KEY, (4000, 10), minval=-1.0, maxval=1.0)
    hardware = mj.Hardware(tile=(4, 4), dac=mj.Dac(BITS, range=1.0, encoding=dac(encoding).encoding))
    analog = mj.crossbarify(lambda params, x: x @ params["w"], hardware)
    chip = analog.program({"w": W}, KEY, x)
    found = analog.power(chip, {"w": W}, x)["w"]
    expected = analog.power(chip, {"w": W}, jax.ShapeDtypeStruct(x.shape, x.dtype))["w"]
    np.testing.assert_allclose(found, expected, rtol=5 * 0.5 / np.sqrt(40_000) + 1 / LARGEST)


def test_loops_and_stacks_add_up():
    """A weight for each step of a scan, a stack of matrices: as each by itself."""
    stack = jax.random.normal(KEY, (3, 10, 10)) * 0.3
    scanned = lambda params, x: jax.lax.scan(lambda h, w: (jnp.tanh(h @ w), None), x, params["w"])[0]
    hardware = mj.Hardware(tile=(4, 4), dac=dac())
    analog = mj.crossbarify(scanned, hardware)
    chip = analog.program({"w": stack}, KEY, X)
    wanted, h = 0.0, X
    one = mj.crossbarify(lambda params, x: jnp.tanh(x @ params["w"]), hardware)
    for step in range(3):
        part = {"w": jax.tree.map(lambda leaf, step=step: leaf[step], chip["w"])}
        wanted += one.power(part, {"w": stack[step]}, h)["w"]
        h = one.apply(part, {"w": stack[step]}, h)
    np.testing.assert_allclose(analog.power(chip, {"w": stack}, X)["w"], wanted, rtol=1e-5)
