"""The kernel that does all row tiles of a matrix gives the numbers of the other schedules."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.crossbar import _fused

# JAX says so from 0.11.2 on, wherever the kernel is written for a GPU.
pytestmark = pytest.mark.filterwarnings("ignore:The Pallas Triton backend is deprecated:DeprecationWarning")

KEY = jax.random.key(0)
SPREAD = (mj.effects.DeviceVariation(r_on_std=1e3, r_off_std=1e4),)
# (word lines, bit lines), inputs, outputs, vectors; more than a block, less than one, tiles of no power of two
SHAPES = {
    "small tiles": ((16, 16), 70, 20, 10),
    "large tiles": ((128, 128), 300, 150, 70),
    "odd tiles": ((100, 30), 250, 33, 3),
    "tiny tiles": ((5, 3), 33, 7, 65),
    "one tile": ((64, 64), 27, 10, 1),
}
CONVERTERS = {
    "usual": (mj.Dac(bits=8), mj.Adc(bits=6)),
    "more than one piece": (mj.Dac(bits=12), mj.Adc(bits=6, rounding="half_up")),
    "no DAC, two's complement": (mj.Dac(), mj.Adc(bits=5, codes="twos_complement")),
    "mid-rise, subtracted digitally": (mj.Dac(bits=4), mj.Adc(bits=4, codes="mid_rise", subtract="digital")),
    "bit-serial": (mj.Dac(bits=4, encoding=mj.converters.BitSerial(3)), mj.Adc(bits=6, range=2e-5)),
}

SURVEY = mj.Adc(bits=6, range=mj.Dynamic(power_of_two=True), rounding="half_up", codes="twos_complement")
# A full scale of each vector and tile: some tiles of columns in a block, one, a part of one, more than one block
DYNAMIC_SHAPES = {
    "several tiles of columns in a block": ((16, 16), 70, 40, 10),
    "more than one block": ((40, 32), 90, 150, 70),
    "tiles as wide as a block": ((128, 128), 300, 150, 70),
    "one tile": ((64, 64), 27, 10, 1),
    "less than an odd tile": ((100, 100), 250, 70, 3),
}
DYNAMIC = {
    "largest value": mj.Adc(bits=5, range=mj.Dynamic(signed=True)),
    "power of two": SURVEY,
    "largest magnitude": mj.Adc(bits=6, range=mj.Dynamic()),
    "at least": mj.Adc(bits=6, range=mj.Dynamic(at_least=3e-5)),
    "mid-rise, subtracted digitally": mj.Adc(bits=4, range=mj.Dynamic(), codes="mid_rise", subtract="digital"),
}

PAIRS = list(zip(SHAPES, CONVERTERS, strict=True))
DYNAMIC_PAIRS = list(zip(DYNAMIC_SHAPES, DYNAMIC, strict=True))


def operands(shape):
    tile, inputs, outputs, vectors = (SHAPES | DYNAMIC_SHAPES)[shape]
    weights, x = jax.random.split(jax.random.key(1))
    return tile, jax.random.normal(weights, (inputs, outputs)), jax.random.normal(x, (vectors, inputs))


def product(schedule, tile, dac, adc, effects=SPREAD, **others):
    hardware = mj.Hardware(tile=tile, dac=dac, adc=adc, effects=effects, schedule=schedule, **others)
    return lambda weights, x: mj.matmul(hardware, mj.program(hardware, weights, KEY), x, KEY)


def uses_kernel(f, *args) -> bool:
    return "sum_of_codes" in str(jax.make_jaxpr(f)(*args))


def same(one, other, share=0.995):
    """Equal but for currents at the edge of two codes, which another order of sums rounds the other way."""
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape
    assert (np.abs(one - other) <= 1e-5 * np.abs(one).max()).mean() >= share


@pytest.mark.parametrize(("shape", "converters"), PAIRS)
def test_same_codes_as_tile_by_tile(shape, converters):
    tile, weights, x = operands(shape)
    fused, scanned = (product(schedule, tile, *CONVERTERS[converters]) for schedule in ("fused", "scan"))
    assert uses_kernel(fused, weights, x)
    assert not uses_kernel(scanned, weights, x)
    same(jax.jit(fused)(weights, x), jax.jit(scanned)(weights, x))


@pytest.mark.parametrize(("shape", "adc"), DYNAMIC_PAIRS)
def test_same_codes_in_the_range_of_each_vector_and_tile(shape, adc):
    tile, weights, x = operands(shape)
    fused, scanned = (product(schedule, tile, mj.Dac(), DYNAMIC[adc]) for schedule in ("fused", "scan"))
    assert uses_kernel(fused, weights, x)
    same(jax.jit(fused)(weights, x), jax.jit(scanned)(weights, x))


def test_full_scales_are_exact_powers_of_two():
    """Where all numbers are multiples of one power of two, many of them half-way between codes, no code differs."""
    cell = mj.Cell(r_on=2.0**14, r_off=2.0**15)
    weights = np.random.default_rng(0).integers(-8, 9, (45, 40))
    weights[0, 0] = 8
    x = np.random.default_rng(1).integers(-15, 16, (30, 45))
    dac = mj.Dac(bits=5, v_max=15 / 64, range=15.0)

    def run(schedule):
        hardware = mj.Hardware(cell=cell, tile=(18, 16), dac=dac, adc=SURVEY, schedule=schedule)
        return mj.matmul(hardware, mj.program(hardware, weights, KEY), x)

    fused = run("fused")
    np.testing.assert_array_equal(fused, run("scan"))
    assert np.any(np.rint(fused) != x @ weights)


WITHOUT_CURRENT = [mj.Adc(bits=6, range=mj.Dynamic()), SURVEY, mj.Adc(bits=4, range=mj.Dynamic(), codes="mid_rise")]


@pytest.mark.parametrize("adc", WITHOUT_CURRENT)
def test_a_tile_without_current_gives_zero(adc):
    weights = jax.random.normal(KEY, (40, 40)).at[:20, 16:32].set(0.0)
    x = jax.random.normal(jax.random.key(1), (5, 40)).at[:, 20:].set(0.0)
    fused, scanned = (product(s, (20, 16), mj.Dac(bits=8), adc, ()) for s in ("fused", "scan"))
    y = fused(weights, x)
    assert not jnp.any(y[:, 16:32])
    same(y, scanned(weights, x))


GRADIENTS = {
    "clipped": mj.Adc(bits=6, range=2e-6),
    "not clipped": mj.Adc(bits=6, range=1e-3),
    "largest magnitude": mj.Adc(bits=6, range=mj.Dynamic()),
    "power of two": SURVEY,
}


@pytest.mark.parametrize("adc", GRADIENTS)
def test_same_gradients_whether_currents_clip_or_not(adc):
    tile, weights, x = operands("small tiles")
    converters = mj.Dac(bits=8), GRADIENTS[adc]

    def gradients(schedule):
        f = product(schedule, tile, *converters)
        return jax.jit(jax.grad(lambda w, x: (f(w, x) ** 2).sum(), (0, 1)))(weights, x)

    for fused, scanned in zip(gradients("fused"), gradients("scan"), strict=True):
        same(fused, scanned, 0.98)


def test_integers_are_exact():
    """With an LSB of one unit, the product of integers."""
    step = 1e-6
    cell = mj.Cell(1 / (8 * step), 1 / step, levels=8)
    weights = np.random.default_rng(0).integers(-7, 8, (45, 20))
    weights[0, 0] = 7
    x = np.random.default_rng(1).integers(-15, 16, (9, 45))
    full_scale = 0.15 / 15 * step / 2 * (2**12 - 1)
    converters = mj.Dac(bits=5, v_max=0.15, range=15.0), mj.Adc(bits=13, range=full_scale)
    hardware = mj.Hardware(cell=cell, tile=(18, 4), dac=converters[0], adc=converters[1], schedule="fused")
    y = mj.matmul(hardware, mj.program(hardware, weights, KEY), x)
    np.testing.assert_array_equal(np.rint(y), x @ weights)


@pytest.mark.parametrize("full_scale", [None, mj.Dynamic(power_of_two=True)])
def test_chips_side_by_side_and_traced_converters(full_scale):
    tile, weights, x = operands("small tiles")

    def of(schedule, key, bits):
        dac, adc = mj.Dac(bits=bits), mj.Adc(bits=bits, range=full_scale)
        hardware = mj.Hardware(tile=tile, dac=dac, adc=adc, effects=SPREAD, schedule=schedule)
        return mj.matmul(hardware, mj.program(hardware, weights, key), x)

    keys, bits = jax.random.split(KEY, 3), jnp.array([4.0, 6.0, 8.0])
    fused, scanned = (jax.vmap(lambda k, b, s=s: of(s, k, b))(keys, bits) for s in ("fused", "scan"))
    same(fused, scanned)


@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions(groups):
    kernel = jax.random.normal(KEY, (3, 3, 8 // groups, 6))
    images = jax.random.normal(jax.random.key(1), (5, 6, 6, 8))

    def convolved(kernel, x):
        numbers = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=numbers, feature_group_count=groups
        )

    def run(schedule):
        analog = mj.crossbarify(convolved, mj.Hardware(tile=(16, 16), adc=mj.Adc(bits=6), schedule=schedule))
        return analog.apply(analog.program(kernel, KEY, images), kernel, images)

    same(run("fused"), run("scan"))


OTHERS = {
    "noise": {"adc": mj.Adc(bits=6), "effects": (mj.effects.ReadNoise(0.01),)},
    "a full scale by the average": {"adc": mj.Adc(bits=6, range=mj.Dynamic(mean=3.0))},
    "a full scale that some exceed": {"adc": mj.Adc(bits=6, range=mj.Dynamic(overflow=0.1))},
    "a full scale of no power of two columns": {"adc": mj.Adc(bits=6, range=mj.Dynamic()), "tile": (16, 18)},
    "a full scale of narrow tiles": {"adc": mj.Adc(bits=6, range=mj.Dynamic()), "tile": (16, 8)},
    "errors of converters": {"adc": mj.Adc(bits=6, errors=(mj.converters.Offset(0.5),))},
    "codes by floor": {"adc": mj.Adc(bits=6, rounding="floor")},
    "logarithmic": {"adc": mj.LogAdc(bits=6)},
    "groups of word lines": {"adc": mj.Adc(bits=6), "rows_at_once": 4},
    "ideal": {"adc": mj.Adc()},
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_the_kernel_cannot_do_is_batched(other):
    tile, weights, x = operands("small tiles")
    setting = {"tile": tile, "dac": mj.Dac(bits=8), "effects": ()} | OTHERS[other]
    fused, batched = (product(schedule, **setting) for schedule in ("fused", "batched"))
    assert str(jax.make_jaxpr(fused)(weights, x)) == str(jax.make_jaxpr(batched)(weights, x))


@pytest.mark.parametrize("adc", DYNAMIC)
def test_kernel_is_written_for_a_gpu_without_one(adc):
    tile, weights, x = operands("several tiles of columns in a block")
    run = jax.jit(product("fused", tile, mj.Dac(), DYNAMIC[adc]))
    device = jax.sharding.AbstractDevice(device_kind="NVIDIA H100 80GB HBM3", num_cores=132, platform="gpu")
    with jax.sharding.use_abstract_mesh(jax.sharding.AbstractMesh((), (), abstract_device=device)):
        assert "xla.gpu.triton" in run.trace(weights, x).lower(lowering_platforms=("cuda",)).as_text()


@pytest.mark.parametrize("interpret", [True, False])
def test_pieces_add_up_to_a_float(interpret):
    x = jnp.concatenate([jax.random.normal(KEY, (1000,)) * 10.0**e for e in (-20, 0, 20)])
    pieces = _fused._split(x, _fused.PIECES, interpret)
    assert all(piece.dtype == jnp.bfloat16 for piece in pieces)
    np.testing.assert_array_equal(sum(piece.astype(jnp.float32) for piece in pieces), x)


@pytest.mark.parametrize(("bits", "single"), [(9, True), (10, False)])
def test_codes_of_few_bits_are_one_piece(bits, single):
    steps = mj.Dac(bits=bits).steps()
    codes = jnp.arange(-steps, steps + 1)
    assert bool(jnp.array_equal(_fused._rounded(codes), codes)) == single


@pytest.mark.parametrize(("capability", "there"), [("9.0", True), ("8.0", True), ("7.5", False), ("gfx90a", False)])
def test_which_gpus_have_the_units(capability, there, monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda: [types.SimpleNamespace(compute_capability=capability)])
    assert _fused.available() is there


def test_a_cpu_has_not():
    if jax.default_backend() == "cpu":
        assert not _fused.available()


@pytest.mark.parametrize("adc", [mj.Adc(bits=6), SURVEY])
def test_what_is_no_number_stays_none(adc):
    """A NaN in one vector makes its outputs NaN, not codes, and those of no other."""
    tile, weights, x = operands("small tiles")
    y = jax.jit(product("fused", tile, mj.Dac(bits=8), adc))(weights, x.at[3, 5].set(jnp.nan))
    assert jnp.isnan(y[3]).all()
    assert jnp.isfinite(jnp.delete(y, 3, axis=0)).all()


@pytest.mark.gpu
@pytest.mark.parametrize("adc", [mj.Adc(bits=6), SURVEY])
def test_compiled_kernel_keeps_what_is_no_number(adc):
    assert _fused.available()
    test_what_is_no_number_stays_none(adc)


@pytest.mark.gpu
@pytest.mark.parametrize("converters", CONVERTERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_compiled_kernel_on_a_gpu(shape, converters):
    assert _fused.available()
    test_same_codes_as_tile_by_tile(shape, converters)


@pytest.mark.gpu
@pytest.mark.parametrize("adc", DYNAMIC)
@pytest.mark.parametrize("shape", DYNAMIC_SHAPES)
def test_compiled_kernel_in_the_range_of_each_vector_and_tile(shape, adc):
    assert _fused.available()
    test_same_codes_in_the_range_of_each_vector_and_tile(shape, adc)


@pytest.mark.gpu
def test_compiled_kernel_has_exact_powers_of_two():
    assert _fused.available()
    test_full_scales_are_exact_powers_of_two()


@pytest.mark.gpu
@pytest.mark.parametrize("adc", WITHOUT_CURRENT)
def test_compiled_kernel_gives_zero_without_current(adc):
    assert _fused.available()
    test_a_tile_without_current_gives_zero(adc)
