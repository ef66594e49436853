"""How codes are sent: planes and durations in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.converters import Amplitude, BitSerial, PulseWidth


@pytest.mark.parametrize(("bits", "planes"), [(1, 1), (2, 1), (5, 4), (5, 7), (8, 7), (13, 12)])
def test_planes_add_up_to_the_code(bits, planes):
    largest = max(2 ** (bits - 1) - 1, 1)
    codes = jnp.arange(-largest, largest + 1.0).reshape(-1, 1)
    encoding = BitSerial(planes)
    drives = encoding.drives(codes, jnp.float32(largest))
    assert set(np.unique(drives)) == {-1.0, 0.0, 1.0}
    np.testing.assert_array_equal(encoding.collect(drives), codes)
    # The binary digits of the last code, lowest first, with its sign.
    assert drives[-planes:, 0].tolist() == [(largest >> p) & 1 for p in range(planes)]
    assert drives[:planes, 0].tolist() == [-((largest >> p) & 1) for p in range(planes)]


@pytest.mark.parametrize("encoding", [Amplitude(), PulseWidth(), BitSerial(4), BitSerial(9)])
def test_voltage_and_gradient(encoding):
    """v_max is the largest drive; the gradient of codes sent and collected is 1."""
    dac = mj.Dac(bits=5, v_max=0.3, encoding=encoding)
    assert float(dac.volts()) == pytest.approx(0.3 / (1 if isinstance(encoding, BitSerial) else 15))
    codes = jnp.array([[3.0, -15.0, 0.0]])
    jacobian = jax.jacrev(lambda c: encoding.collect(encoding.drives(c, jnp.float32(15.0))))(codes)
    np.testing.assert_allclose(jacobian.reshape(3, 3), np.eye(3), rtol=1e-6)


def test_too_few_planes():
    with pytest.raises(ValueError, match=r"BitSerial\.planes must be at least 7 for Dac\.bits=8 .*, got 6"):
        mj.Dac(bits=8, encoding=BitSerial(6))
    with pytest.raises(ValueError, match=r"at least 9 for Dac\.bits=10 .*, got 7"):
        mj.Dac(bits=np.array([4, 10]), encoding=BitSerial())
    traced = jax.jit(lambda bits: mj.Dac(bits=bits, encoding=BitSerial(3)).encoding.drives(jnp.ones((1, 1)), bits))
    assert np.isfinite(traced(7.0)).all()
    assert np.isnan(traced(8.0)).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: BitSerial(0), ValueError, r"BitSerial\.planes must be in \[1, 24\], got 0"),
        (lambda: BitSerial(25), ValueError, r"BitSerial\.planes must be in \[1, 24\], got 25"),
        (lambda: BitSerial(4.0), TypeError, r"BitSerial\.planes must be an integer in \[1, 24\], got 4\.0"),
        (lambda: mj.Dac(encoding=BitSerial()), ValueError, r"Dac\.bits must be a number .* BitSerial, got None"),
        (lambda: mj.Dac(encoding="serial"), TypeError, r"Dac\.encoding must be an Encoding such as .*, got 'serial'"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
