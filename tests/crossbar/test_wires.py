"""Reads through resistive wires, against the nodal equations of physical tiles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nodal import nodal

import memjax as mj
from memjax.mapping import BitSliced, CurrentMirror, DoubleColumn, DualRow, Offset

K, N, ROWS, COLUMNS = 11, 7, 8, 5
WIRES = mj.Wires(row=15.0, column=25.0, source=60.0, sense=40.0)
W = jax.random.normal(jax.random.key(0), (K, N))
X = np.asarray(jax.random.uniform(jax.random.key(1), (3, K), minval=-1.0))
MAPPINGS = [DoubleColumn(), DualRow(), Offset(), CurrentMirror(gain_error=0.1), BitSliced(slices=2)]


def those(mappings, *, slow):
    """Mappings for parametrize; those named in `slow` run with the slow tests, since each compiles for seconds."""
    marks = lambda m: [pytest.mark.slow] * (type(m).__name__ in slow)
    return pytest.mark.parametrize("mapping", [pytest.param(m, id=type(m).__name__, marks=marks(m)) for m in mappings])


IDEAL = {"dac": mj.Dac(bits=None), "adc": mj.Adc(bits=None)}


def hardware(mapping=MAPPINGS[0], wires=WIRES, **options):
    options = IDEAL | options
    return mj.Hardware(mj.Cell(r_on=5e3, r_off=1e5), mapping, (ROWS, COLUMNS), wires=wires, **options)


def by_hand(hardware, chip, x, solve):
    """The read of one vector from the currents of each physical tile, solved on its own."""
    mapping, cell = hardware.mapping, hardware.cell
    cells = {name: np.asarray(g, np.float64) for name, g in chip["conductance"].items()}
    down, rows, width = next(iter(cells.values())).shape
    volts = np.zeros(down * rows)
    volts[:K] = 0.2 * x
    total = np.zeros(width)
    for t in range(down):
        v = volts[t * rows : (t + 1) * rows]
        for c in range(width // COLUMNS):
            at = slice(c * COLUMNS, (c + 1) * COLUMNS)
            tile = {name: g[t][:, at if g.shape[-1] == width else slice(c, c + 1)] for name, g in cells.items()}
            if isinstance(mapping, DualRow):
                lines = np.stack([tile["pos"], tile["neg"]], 1).reshape(2 * rows, -1)
                current = solve(lines, np.stack([v, -v], 1).ravel())
            elif isinstance(mapping, CurrentMirror):
                both = solve(np.concatenate([tile["cell"], tile["reference"]], 1), v)
                current = both[:-1] - 1.1 * both[-1]
            elif isinstance(mapping, Offset):
                current = solve(tile["cell"], v) - (cell.g_on + cell.g_off) / 2 * v.sum()
            elif isinstance(mapping, BitSliced):
                digit = lambda k, v=v, tile=tile: solve(tile[f"pos_{k}"], v) - solve(tile[f"neg_{k}"], v)
                current = (digit(0) + 4 * digit(1)) / 5
            else:
                current = solve(tile["pos"], v) - solve(tile["neg"], v)
            total[at] += current
    return mapping.gain * np.asarray(chip["scale"]) * total[:N] / (cell.g_on - cell.g_off) / 0.2


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda m: type(m).__name__)
def test_a_read_is_that_of_the_nodal_equations(mapping):
    spec = hardware(mapping)
    chip = mj.program(spec, W, jax.random.key(2))
    found = mj.matmul(spec, chip, X)
    wanted = [by_hand(spec, chip, x, lambda g, v: nodal(g, v, WIRES).current) for x in X]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())
    without = mj.matmul(hardware(mapping, None), chip, X)
    assert np.linalg.norm(without - found) > 0.05 * np.linalg.norm(found)
    np.testing.assert_allclose(found, X @ mj.weights(spec, chip), atol=2e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda m: type(m).__name__)
def test_without_resistance_it_is_the_read_without_wires_bit_for_bit(mapping):
    options = {"dac": mj.Dac(bits=6), "adc": mj.Adc(bits=5)}
    ideal, zero = hardware(mapping, None, **options), hardware(mapping, mj.Wires(), **options)
    one, other = (mj.program(h, W, jax.random.key(2)) for h in (ideal, zero))
    jax.tree.map(np.testing.assert_array_equal, one["conductance"], other["conductance"])
    np.testing.assert_allclose(one["adc_range"], other["adc_range"], rtol=1e-6)  # sums in another order
    np.testing.assert_array_equal(mj.matmul(ideal, one, X), mj.matmul(zero, one, X))


def test_the_range_of_the_converter_is_for_the_currents_behind_the_wires():
    positive = jnp.ones((ROWS, COLUMNS))
    reads = {}
    for wires in (None, WIRES, mj.Wires(row=200.0, column=200.0)):
        spec = hardware(wires=wires, adc=mj.Adc(bits=8))
        chip = mj.program(spec, positive, jax.random.key(0))
        tile = {name: np.asarray(g[0], np.float64) for name, g in chip["conductance"].items()}
        signed = lambda g, w=wires: nodal(g, np.full(ROWS, 0.2), w or mj.Wires()).current
        top = (signed(tile["pos"]) - signed(tile["neg"])).max()
        np.testing.assert_allclose(chip["adc_range"], top, rtol=1e-4)
        reads[wires] = float(chip["adc_range"])
    assert reads[None] > 1.2 * reads[WIRES]


def test_the_transposed_read_has_the_same_wires():
    backward = mj.Backward(dac=mj.Dac(bits=None), adc=mj.Adc(bits=None))
    spec = hardware()
    chip = mj.program(spec, W, jax.random.key(2))
    loss = lambda x, h: jnp.sum(jnp.sin(mj.matmul(h, chip, x)))
    np.testing.assert_allclose(
        jax.grad(loss)(jnp.asarray(X), hardware(backward=backward)), jax.grad(loss)(jnp.asarray(X), spec), atol=1e-5
    )


def test_gradients_by_resistance_and_conductance():
    def loss(row, factor):
        spec = hardware(wires=mj.Wires(row=row, column=25.0, source=60.0, sense=40.0))
        cells = jax.tree.map(lambda g: g * factor, chip["conductance"])
        return jnp.sum(mj.matmul(spec, chip | {"conductance": cells}, x) ** 2)

    with jax.enable_x64(True):
        chip = mj.program(hardware(), jnp.asarray(W, jnp.float64), jax.random.key(2))
        x = jnp.asarray(X, jnp.float64)
        by_row, by_cells = jax.grad(loss, (0, 1))(15.0, 1.0)
        h = 1e-4
        np.testing.assert_allclose(by_row, (loss(15.0 + h, 1.0) - loss(15.0 - h, 1.0)) / (2 * h), rtol=1e-6)
        np.testing.assert_allclose(by_cells, (loss(15.0, 1.0 + h) - loss(15.0, 1.0 - h)) / (2 * h), rtol=1e-6)


def test_resistances_are_swept_in_one_vmap():
    chip = mj.program(hardware(), W, jax.random.key(2))
    rows = jnp.array([0.0, 3.0, 300.0])
    swept = jax.vmap(lambda row: mj.matmul(hardware(wires=mj.Wires(row=row, column=2.0)), chip, X))(rows)
    for row, found in zip(rows, swept, strict=True):
        one = mj.matmul(hardware(wires=mj.Wires(row=row, column=2.0)), chip, X)
        np.testing.assert_allclose(found, one, rtol=1e-4, atol=1e-5)


def test_an_aged_chip_is_read_through_the_same_wires():
    spec = hardware(effects=(mj.effects.Drift(0.1),))
    chip = mj.age(spec, mj.program(spec, W, jax.random.key(2)), jax.random.key(3), seconds=1e4)
    wanted = [by_hand(spec, chip, x, lambda g, v: nodal(g, v, WIRES).current) for x in X]
    np.testing.assert_allclose(mj.matmul(spec, chip, X), wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())


def test_noise_goes_through_the_wires_as_the_signal():
    effect = mj.effects.ReadNoise(0.05)
    x = jnp.full((4000, K), 0.5)
    spread = {}
    for wires in (None, WIRES):
        spec = hardware(wires=wires, effects=(effect,))
        chip = mj.program(spec, W, jax.random.key(2))
        spread[wires] = np.std(mj.matmul(spec, chip, x, jax.random.key(4)), axis=0)
    assert (spread[WIRES] < spread[None]).all()
    assert (spread[WIRES] > 0.5 * spread[None]).all()


def test_groups_of_a_convolution_share_the_wires_of_their_tile():
    fn = lambda w, x: lax.conv_general_dilated(
        x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=4
    )
    w, x = jax.random.normal(jax.random.key(0), (2, 2, 1, 4)), jax.random.uniform(jax.random.key(1), (2, 4, 4, 4))
    spec = mj.Hardware(tile=(16, 4), wires=mj.Wires(row=100.0, column=100.0), **IDEAL)
    analog = mj.crossbarify(fn, spec)
    chip = analog.program(w, jax.random.key(2), x)
    (tiles,) = chip.values()
    pos, neg = (np.asarray(tiles["conductance"][name][0], np.float64) for name in ("pos", "neg"))
    # Group g drives word lines 4 b + (0..3) of its block and takes the bit line of its slot.
    patch = np.asarray(x[0, :2, :2])
    y = analog.apply(chip, w, x)[0, 0, 0]
    cell = spec.cell
    for group in range(4):
        block, slot = divmod(group, 4)
        volts = np.zeros(len(pos))
        volts[4 * block : 4 * block + 4] = patch[..., group].ravel()
        current = (nodal(pos, volts, spec.wires).current - nodal(neg, volts, spec.wires).current)[slot]
        np.testing.assert_allclose(y[group], current * tiles["scale"][slot] / (cell.g_on - cell.g_off), rtol=2e-4)


@pytest.mark.parametrize("wires", [2.0, {"row": 1.0}, (1.0, 1.0)])
def test_wires_of_another_kind(wires):
    with pytest.raises(TypeError, match="Hardware.wires must be a Wires such as .* or None"):
        mj.Hardware(wires=wires)


def test_segments_must_fit_the_tile():
    spec = hardware(wires=mj.Wires(row=np.ones(COLUMNS + 1)))
    with pytest.raises(ValueError, match="Wires.row must have shape"):
        mj.program(spec, W, jax.random.key(0)) and mj.matmul(spec, mj.program(spec, W, jax.random.key(0)), X)


@those([*MAPPINGS[:3], CurrentMirror(), MAPPINGS[4]], slow=("Offset", "BitSliced"))
def test_predistorted_cells_show_the_wanted_weights(mapping):
    """Also where two arrays share a tile; scales are those of the part of the range that is used."""
    small = mj.Wires(row=3.0, column=4.0, source=5.0, sense=5.0)
    ideal = hardware(mapping, None)
    wanted = mj.matmul(ideal, mj.program(ideal, W, jax.random.key(2)), X)
    error = {}
    for effects in ((), (mj.effects.Predistortion(small, headroom=0.7, steps=3),)):
        spec = hardware(mapping, small, effects=effects)
        chip = mj.program(spec, W, jax.random.key(2))
        error[effects] = np.linalg.norm(mj.matmul(spec, chip, X) - wanted) / np.linalg.norm(wanted)
    plain, corrected = error.values()
    assert plain > 0.01
    assert corrected < 1e-3 * plain


def test_headroom_alone_scales_nothing():
    """Without wires the read is the same, at a smaller signal."""
    spec = hardware(wires=None, effects=(mj.effects.Predistortion(mj.Wires(), headroom=0.5),), adc=mj.Adc(bits=8))
    chip = mj.program(spec, W, jax.random.key(2))
    full = mj.program(hardware(wires=None, adc=mj.Adc(bits=8)), W, jax.random.key(2))
    np.testing.assert_allclose(chip["scale"], 2.0 * full["scale"])
    np.testing.assert_allclose(chip["adc_range"], 0.5 * full["adc_range"], rtol=1e-5)
    np.testing.assert_allclose(mj.matmul(spec, chip, X), X @ W, atol=0.1)


CURVED = (mj.effects.SinhConduction(6.0),)


@those(MAPPINGS, slow=("BitSliced",))
@pytest.mark.parametrize(
    "encoding", [mj.converters.Amplitude(), mj.converters.BitSerial(planes=5)], ids=["all", "bits"]
)
def test_cells_with_a_curved_relation_are_solved_at_each_read(mapping, encoding):
    """Every read is the network's; bit-serial planes are read at the largest voltage, and add up by their weight."""
    spec = hardware(mapping, effects=CURVED, dac=mj.Dac(bits=6, range=1.0, encoding=encoding))
    chip = mj.program(spec, W, jax.random.key(2))
    solve = lambda g, v: np.asarray(mj.circuit.solve(g, v, WIRES, conduction=CURVED[0]).current, np.float64)
    codes = np.round(X[0] * 31)
    if isinstance(encoding, mj.converters.Amplitude):
        planes, weights = [codes / 31], [1.0]
    else:
        planes = [np.sign(codes) * (np.abs(codes) // 2**p % 2) for p in range(5)]
        weights = [2**p / 31 for p in range(5)]
    wanted = sum(w * by_hand(spec, chip, x, solve) for x, w in zip(planes, weights, strict=True))
    if isinstance(mapping, Offset):  # the exact reference has the same relation
        reference = (spec.cell.g_on + spec.cell.g_off) / 2
        gap = lambda x: np.sum(x * (np.sinh(6.0 * 0.2 * x) / np.where(x == 0, 1.0, x) / np.sinh(1.2) - 1.0) * (x != 0))
        off = sum(w * gap(x) for x, w in zip(planes, weights, strict=True))
        wanted = wanted - 2 * np.asarray(chip["scale"]) * off * reference / (spec.cell.g_on - spec.cell.g_off)
    np.testing.assert_allclose(mj.matmul(spec, chip, X[0]), wanted, rtol=0, atol=5e-5 * np.abs(wanted).max())


def test_curved_cells_become_ohmic():
    spec, flat = hardware(), hardware(effects=(mj.effects.SinhConduction(1e-3),))
    chip = mj.program(spec, W, jax.random.key(2))
    np.testing.assert_allclose(mj.matmul(flat, chip, X), mj.matmul(spec, chip, X), atol=1e-5)


def test_gradients_of_a_network():
    def loss(x, row):
        dac = mj.Dac(bits=None, range=1.0)
        spec = hardware(wires=mj.Wires(row=row, column=25.0), effects=CURVED, dac=dac)
        return jnp.sum(mj.matmul(spec, chip, x) ** 2)

    with jax.enable_x64(True):
        chip = mj.program(hardware(effects=CURVED), jnp.asarray(W[:6, :4], jnp.float64), jax.random.key(2))
        x, along = jnp.asarray(X[0, :6], jnp.float64), jnp.arange(6.0) - 2.0
        by_x, by_row = jax.grad(loss, (0, 1))(x, 15.0)
        h = 1e-5
        slope = lambda f: (f(h) - f(-h)) / (2 * h)
        np.testing.assert_allclose(by_x @ along, slope(lambda s: loss(x + s * along, 15.0)), rtol=1e-6)
        np.testing.assert_allclose(by_row, slope(lambda s: loss(x, 15.0 + s)), rtol=1e-5)


def test_pulses_of_different_lengths_through_curved_cells():
    with pytest.raises(ValueError, match="Dac.encoding must not be PulseWidth"):
        hardware(effects=CURVED, dac=mj.Dac(bits=4, encoding=mj.converters.PulseWidth()))


@pytest.mark.parametrize(
    ("mapping", "effects"),
    [
        pytest.param(DoubleColumn(), CURVED, id="DoubleColumn, curved"),
        pytest.param(CurrentMirror(gain_error=0.1), (), id="CurrentMirror, ohmic"),
        pytest.param(DoubleColumn(), (), id="DoubleColumn, ohmic", marks=pytest.mark.slow),
        pytest.param(CurrentMirror(gain_error=0.1), CURVED, id="CurrentMirror, curved", marks=pytest.mark.slow),
    ],
)
def test_a_converter_for_each_array_sees_the_same_tile(mapping, effects):
    """Arrays subtracted digitally are read from the tile that they share."""
    analog = hardware(mapping, effects=effects)
    digital = hardware(mapping, effects=effects, adc=mj.Adc(subtract="digital"))
    chip = mj.program(analog, W, jax.random.key(2))
    np.testing.assert_allclose(mj.matmul(digital, chip, X), mj.matmul(analog, chip, X), rtol=1e-4, atol=1e-4)
