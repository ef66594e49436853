"""Imperfections of converters against their closed forms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.converters import Asymmetry, Compression, Flash, Gain, Noise, Offset, Ramp, Sar

BITS, COLUMNS = 5, 1000
Z = np.arange(-18.0, 18.0, 1 / 16, dtype=np.float32) + 1 / 32  # never on an ideal transition


@partial(jax.jit, static_argnames=("codes", "rounding"))
def convert(error, z, key, codes="symmetric", rounding="half_even", bits=BITS):
    """Codes [len(z), COLUMNS] of many converters with an error, and its numbers."""
    adc = mj.Adc(bits=bits, codes=codes, rounding=rounding, errors=(error,))
    drawn = error.draw(key, COLUMNS, jnp.float32)
    return adc.code(adc.distort(jnp.broadcast_to(z[:, None], (len(z), COLUMNS)), {error.name: drawn})), drawn


@pytest.mark.parametrize(
    ("codes", "rounding"), [("symmetric", "half_even"), ("twos_complement", "floor"), ("mid_rise", "half_even")]
)
def test_no_strength_is_no_error(codes, rounding):
    """Bit for bit, ties and clipped currents included."""
    z = jnp.arange(-20.0, 20.0, 1 / 8)

    @jax.jit
    def convert(errors):
        adc = mj.Adc(bits=BITS, codes=codes, rounding=rounding, errors=errors)
        drawn = {e.name: e.draw(jax.random.key(0), 1, z.dtype) for e in adc.mismatches} | {"Noise": jnp.ones((320, 1))}
        return adc.code(adc.distort(z[:, None], drawn))[:, 0]

    errors = (Noise(), Offset(), Gain(), Asymmetry(), Compression(), Flash(), Sar(), Ramp())
    np.testing.assert_array_equal(convert(errors), convert(()))


def test_offset_and_gain():
    for error, moved in ((Offset(0.7), lambda z, d: z + d), (Gain(0.1), lambda z, d: z * (1 + d))):
        codes, drawn = convert(error, Z, jax.random.key(1))
        np.testing.assert_array_equal(codes, np.clip(np.rint(moved(Z[:, None], np.asarray(drawn))), -15, 15))
        assert float(drawn.std()) == pytest.approx(error.std, rel=5 / np.sqrt(2 * COLUMNS))
        assert abs(float(drawn.mean())) < 5 * error.std / np.sqrt(COLUMNS)


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (Asymmetry(0.3, 0.05), lambda z, a: np.where(z < 0, z * (1 - a), z)),
        (Compression(0.5, 0.1), lambda z, n: z / (1 + np.abs(n * z) / 2 ** (BITS - 1))),
    ],
)
def test_gains_that_depend_on_the_current(error, seen):
    codes, drawn = convert(error, Z, jax.random.key(1))
    wanted = seen(Z[:, None].astype(np.float64), np.asarray(drawn, np.float64))
    sure = np.abs(wanted - np.floor(wanted) - 0.5) > 1e-4  # no tie
    np.testing.assert_array_equal(np.asarray(codes)[sure], np.clip(np.rint(wanted), -15, 15)[sure])
    assert float(drawn.std()) == pytest.approx(error.std, rel=5 / np.sqrt(2 * COLUMNS))
    assert float(drawn.mean()) == pytest.approx(error.mean, abs=5 * error.std / np.sqrt(COLUMNS))
    slope = jax.grad(lambda z: mj.Adc(BITS, errors=(error,)).distort(z[None], {error.name: drawn[:, :1]}).sum())
    for z in (-7.3, 5.1):
        h, of = 1e-4, float(drawn[0, 0])
        difference = (seen(np.float64(z + h), of) - seen(np.float64(z - h), of)) / (2 * h)
        assert float(slope(jnp.asarray(z))) == pytest.approx(difference, rel=1e-4)


def test_noise_of_unequal_converters():
    """Each has std |1 + spread g|; without a spread none has numbers of its own."""
    assert mj.Adc(8, errors=(Noise(1.0),)).mismatches == []
    error = Noise(2.0, spread=0.3)
    (kept,) = mj.Adc(8, errors=(error,)).mismatches
    drawn = kept.draw(jax.random.key(0), 4000, jnp.float32)
    assert drawn.shape == (1, 4000)
    assert float(drawn.min()) >= 0
    assert float(drawn.mean()) == pytest.approx(1.0, abs=5 * 0.3 / np.sqrt(4000))
    assert float(drawn.std()) == pytest.approx(0.3, rel=5 / np.sqrt(2 * 4000))


def test_flash_counts_its_comparators():
    """T_k = k - 1/2 + INL_k, INL independent and normal; DNL has sqrt(2) times its spread."""
    codes, inl = convert(Flash(0.6), Z, jax.random.key(2), "twos_complement")
    inl = np.asarray(inl, np.float64)[: 2**BITS - 1]
    thresholds = np.arange(-15, 16)[:, None] - 0.5 + inl
    expected = (Z[:, None, None] >= thresholds).sum(1) - 16
    assert (np.asarray(codes) == expected).mean() > 0.99999  # rounding of a threshold
    assert (np.diff(codes, axis=0) >= 0).all()
    assert inl.std() == pytest.approx(0.6, rel=5 / np.sqrt(2 * inl.size))
    assert np.diff(inl, axis=0).std() == pytest.approx(0.6 * np.sqrt(2), rel=0.03)


def transitions(codes):
    """Input [LSB from the foot] at which the codes of each converter reach 1, 2, ..."""
    reached = np.asarray(codes)[:, None, :] >= np.arange(-15, 16)[:, None]
    return Z[reached.argmax(0)] + 16.5 - 1 / 32


def test_sar_mismatch():
    """DNL at mid-scale is s sqrt(2^B - 1), the largest of all; INL there is half of it; the ends are fixed."""
    s = 0.05
    codes, drawn = convert(Sar(s), Z, jax.random.key(3), "twos_complement")
    units, e = 2.0 ** np.arange(BITS), np.asarray(drawn, np.float64)
    capacitors, total = units[:, None] + e[1 : BITS + 1], 2**BITS + e[: BITS + 1].sum(0)
    bits_of = (np.arange(1, 2**BITS)[:, None] >> np.arange(BITS)) & 1
    levels = bits_of @ capacitors * 2**BITS / total  # of the codes 1..31
    monotonic = (np.diff(levels, axis=0) > 0).all(0)
    assert 0.5 < monotonic.mean() < 1.0
    found = transitions(codes)
    assert np.abs(found - levels)[:, monotonic].max() <= 1 / 16 + 1e-4
    missing = np.diff(levels, axis=0)[14] < -0.1  # the code below mid-scale never appears
    assert missing.any()
    assert not (np.asarray(codes)[:, missing] == -1).any()
    dnl = np.diff(found, axis=0) - 1
    assert dnl[14][monotonic].size > 500
    dnl = np.diff(levels, axis=0) - 1
    expected = s * np.sqrt(2**BITS - 1)
    assert dnl[14].std() == pytest.approx(expected, rel=5 / np.sqrt(2 * COLUMNS) + s)
    assert dnl.std(1).argmax() == 14
    inl = levels - np.arange(1, 2**BITS)[:, None]
    # The top capacitor against all others: first order in s, and the terminating unit of 1 in 2^B.
    np.testing.assert_allclose(inl[15], dnl[14] / 2, atol=3 * s)


def test_ramp_is_smooth_monotonic_and_shared():
    codes, drawn = convert(Ramp(1.5, 0.8), Z, jax.random.key(4))
    np.testing.assert_array_equal(codes, np.broadcast_to(codes[:, :1], codes.shape))
    assert (np.diff(codes[:, 0]) >= 0).all()
    q, c = np.asarray(drawn)[:, 0]
    u = (Z + 16.5) / 16 - 1
    inl = np.where(abs(u) < 1, q * (1 - u**2) + c * 1.5 * np.sqrt(3) * (u - u**3), 0)
    assert np.abs(inl).max() > 0.3
    expected = np.clip(np.rint(Z - inl), -15, 15)
    assert (np.asarray(codes[:, 0]) == expected).mean() > 0.99
    peaks = jax.vmap(lambda k: Ramp(1.5, 0.8).draw(k, 1, jnp.float32)[:, 0])(jax.random.split(jax.random.key(0), 2000))
    np.testing.assert_allclose(peaks.std(0), [1.5, 0.8], rtol=5 / np.sqrt(4000))


@pytest.mark.parametrize("error", [Flash(0.4, resolution=5), Sar(0.05, resolution=5)])
def test_traced_resolution(error):
    """Bits above the resolution used do not matter; more than can be had is NaN."""
    key = jax.random.key(5)
    few = convert(error, Z, key, bits=4)[0]
    np.testing.assert_array_equal(few, convert(error, Z, key, bits=jnp.asarray(4.0))[0])
    assert np.abs(few).max() == 7
    assert np.isnan(convert(error, Z, key, bits=jnp.asarray(6.0))[0]).all()


@pytest.mark.parametrize("error", [Flash(0.4), Sar(0.05)])
def test_gradient_is_that_of_the_converter(error):
    z = jnp.array([-30.0, -3.2, 0.4, 30.0])
    slope = jax.grad(lambda z: convert(error, z, jax.random.key(0))[0][:, 0].sum())(z)
    np.testing.assert_array_equal(slope, [0, 1, 1, 0])


def test_errors_act_in_order():
    adc = mj.Adc(bits=8, errors=(Offset(), Gain()))
    drawn = {"Offset": jnp.array([[2.0]]), "Gain": jnp.array([[0.5]])}
    assert float(adc.distort(jnp.array([4.0]), drawn)[0]) == 9.0
    assert adc.distort(jnp.array([4.0]), {}).tolist() == [4.0]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Noise(-1.0), ValueError, r"Noise\.std must be finite and in \[0, inf\] LSB, got -1\.0"),
        (lambda: Offset(float("nan")), ValueError, r"Offset\.std must be finite .*, got nan"),
        (lambda: Gain("1"), TypeError, r"Gain\.std must be a number in \[0, inf\], got '1'"),
        (lambda: Ramp(cubic=-1.0), ValueError, r"Ramp\.cubic must be finite and in \[0, inf\] LSB, got -1\.0"),
        (lambda: Flash(0.1, resolution=11), ValueError, r"Flash\.resolution must be in \[1, 10\], got 11"),
        (lambda: Sar(0.1, resolution=8.0), TypeError, r"Sar\.resolution must be an integer in \[1, 16\], got 8\.0"),
        (
            lambda: mj.Adc(bits=7, errors=(Flash(),)),
            ValueError,
            r"Flash\.resolution must be at least Adc\.bits=7,",
        ),
        (lambda: mj.Adc(bits=7, errors=Offset()), TypeError, r"Adc\.errors must be a tuple such as .*, got Offset"),
        (lambda: mj.Adc(bits=7, errors=(0.5,)), TypeError, r"Adc\.errors must be a tuple such as .*, got \(0\.5,\)"),
        (
            lambda: mj.Adc(bits=7, errors=(Gain(), Gain())),
            ValueError,
            r"at most one error of each kind, got Gain",
        ),
        (lambda: mj.Adc(errors=(Noise(),)), ValueError, r"Adc\.bits must be a number .*, got None with Noise"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
