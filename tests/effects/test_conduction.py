"""Current-voltage relations of the cells: what a crossbar reads is their sum over the word lines."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

E = mj.effects
V_MAX, SCALE = 0.4, 3.0
K, N = 7, 5
W = np.random.default_rng(0).normal(size=(K, N)).astype(np.float32)
X = np.random.default_rng(1).uniform(-SCALE, SCALE, (6, K)).astype(np.float32)
LAWS = {
    "sinh": (E.SinhConduction(3.0, 0.2), lambda g, v: g * 0.2 * np.sinh(3 * v) / np.sinh(0.6)),
    "ratio": (
        E.RatioConduction(10.0, 0.2, 2.0),
        lambda g, v: g * 0.2 * 10 ** ((np.abs(v) - 0.2) / 1.0) * np.sign(v),
    ),
    "cubic": (
        E.CubicConduction(),
        lambda g, v: (
            g * v
            + np.polyval([1.388e-4, 1.541e-3, 5.711e-3, 7.063e-3], np.log10(g)) * v**2
            + np.polyval([8.871e-5, 6.7919e-4, 1.2968e-3], np.log10(g)) * v**3
        ),
    ),
}


def hardware(effect, **fields):
    fields = {"tile": (3, 2), "dac": mj.Dac(v_max=V_MAX, range=SCALE), "adc": mj.Adc()} | fields
    return mj.Hardware(effects=(effect,), **fields)


@jax.jit
def program_and_read(hardware, x):
    chip = mj.program(hardware, W, jax.random.key(0))
    return chip, mj.matmul(hardware, chip, x, jax.random.key(1))


def currents(chip, law, x, signed):
    """Sum over the word lines of each cell's current [A], pairs subtracted."""
    v = np.asarray(x, np.float64)[:, :, None] * V_MAX / SCALE
    flat = {n: np.asarray(g, np.float64).reshape(-1, g.shape[-1])[:K, :N] for n, g in chip["conductance"].items()}
    return signed(lambda name: law(flat[name][None], v).sum(1))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("subtract", ["analog", "digital"])
def test_closed_form(law, subtract):
    effect, formula = LAWS[law]
    chip, y = program_and_read(hardware(effect, adc=mj.Adc(subtract=subtract)), X)
    expected = currents(chip, formula, X, lambda i: i("pos") - i("neg"))
    expected *= np.asarray(chip["scale"]) / 9e-5 * SCALE / V_MAX
    np.testing.assert_allclose(y, expected, rtol=2e-4, atol=2e-4 * np.abs(expected).max())


def test_the_reference_of_offset_columns_conducts_as_the_cells_do():
    effect, formula = LAWS["cubic"]
    chip, y = program_and_read(hardware(effect, mapping=mj.mapping.Offset()), X)
    v = np.asarray(X, np.float64)[:, :, None] * V_MAX / SCALE
    middle = formula(np.array(5.5e-5), v).sum(1)
    expected = 2 * currents(chip, formula, X, lambda i: i("cell") - middle)
    expected *= np.asarray(chip["scale"]) / 9e-5 * SCALE / V_MAX
    np.testing.assert_allclose(y, expected, rtol=2e-4, atol=4e-4 * np.abs(expected).max())


def test_ohmic_at_the_read_voltage_and_for_small_k():
    _, at_v_read = program_and_read(hardware(E.SinhConduction(5.0, V_MAX)), SCALE * np.sign(X))
    np.testing.assert_allclose(at_v_read, SCALE * np.sign(X) @ W, rtol=1e-4, atol=1e-4)
    _, weak = program_and_read(hardware(E.SinhConduction(1e-3, 0.2)), X)
    np.testing.assert_allclose(weak, X @ W, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("bits", [None, 20])
def test_gradients(law, bits):
    """With respect to inputs and to the constants of the relation, against finite differences."""
    effect, _ = LAWS[law]
    adc = mj.Adc(bits, range=None if bits is None else 4e-4)
    cotangent = jnp.asarray(np.random.default_rng(2).normal(size=(6, N)), jnp.float32)

    def loss(factor, x):
        scaled = jax.tree.map(lambda leaf: leaf * factor, effect)
        specification = hardware(scaled, adc=adc)
        chip = mj.program(specification, W, jax.random.key(0))
        return jnp.sum(mj.matmul(specification, chip, x) * cotangent)

    f, slopes = jax.jit(loss), jax.jit(jax.grad(loss, (0, 1)))(1.0, X)
    tolerance = 3e-2
    step = 2e-2
    numeric = (f(1 + step, X) - f(1 - step, X)) / (2 * step)
    assert float(slopes[0]) == pytest.approx(float(numeric), rel=tolerance, abs=tolerance)
    direction = np.sign(X)  # away from the kink of the ratio law at zero
    numeric = (f(1.0, X + step * direction) - f(1.0, X - step * direction)) / (2 * step)
    assert float(jnp.sum(slopes[1] * direction)) == pytest.approx(float(numeric), rel=2 * tolerance, abs=tolerance)


def test_only_one_relation():
    with pytest.raises(ValueError, match=r"Hardware\.effects must hold at most one current-voltage relation"):
        mj.Hardware(effects=(E.SinhConduction(1.0), E.RatioConduction()))


@pytest.mark.parametrize("encoding", [mj.converters.PulseWidth(), mj.converters.BitSerial(7)])
def test_inputs_of_full_swing_meet_cells_at_one_voltage(encoding):
    """Pulses and bits are at +-v_max: verified there, a curved relation is not seen; and elsewhere it is a factor."""
    dac = mj.Dac(8, v_max=V_MAX, range=SCALE)
    _, ohmic = program_and_read(mj.Hardware(tile=(3, 2), dac=dac, adc=mj.Adc()), X)
    for v_read, factor in ((V_MAX, 1.0), (0.2, 0.2 * np.sinh(1.2) / np.sinh(0.6) / V_MAX)):
        specification = hardware(E.SinhConduction(3.0, v_read), dac=mj.Dac(8, V_MAX, SCALE, encoding=encoding))
        _, y = program_and_read(specification, X)
        np.testing.assert_allclose(y, factor * ohmic, rtol=1e-4, atol=1e-4)
