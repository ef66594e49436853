"""Rectangular pulses: laws that hold for any state, voltage and width."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memjax import devices as md

MODELS = {
    "VTEAM": md.VTEAM.pt_hf_ti,
    "VTEAM ferroelectric": lambda: md.VTEAM.ferroelectric(iv="exponential"),
    "linear drift": lambda: md.LinearIonDrift.biolek_soft(window=None),
    "data-driven": md.DataDriven.tiox,
    "CBRAM": md.CBRAM.yu_wong,
}
states = st.floats(0, 1, width=32)
volts = st.floats(-10, 10, width=32)
widths = st.floats(-12, 3).map(lambda exponent: 10.0**exponent)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(state=states, voltage=volts, width=widths)
def test_exact_pulses_are_physical(make, state, voltage, width):
    """Bounded, finite, in the direction of the polarity, longer pulses go farther, and none goes nowhere."""
    device = make()
    after, longer = (float(md.apply_pulse(device, state, voltage, w)) for w in (width, 2 * width))
    assert 0 <= after <= 1
    # Conductance rises with SET: a positive step of it has the sign of polarity times voltage.
    sign = np.sign(voltage) * float(device.set_polarity)
    before = float(device.conductance(state))
    change, further = (float(device.conductance(x)) - before for x in (after, longer))
    slack = 1e-5 * before
    assert sign * change >= -slack
    assert sign * (further - change) >= -slack
    assert float(md.apply_pulse(device, state, voltage, 0.0)) == pytest.approx(state, abs=1e-6)
    assert float(md.apply_pulse(device, state, 0.0, width)) == pytest.approx(state, abs=1e-6)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(state=states, voltage=volts, width=widths, share=st.floats(0.01, 0.99))
def test_two_pulses_make_one(make, state, voltage, width, share):
    """Semigroup: a pulse split in two at any point ends where the whole one does."""
    device = make()
    first = md.apply_pulse(device, state, voltage, share * width)
    second = md.apply_pulse(device, first, voltage, (1 - share) * width)
    np.testing.assert_allclose(second, md.apply_pulse(device, state, voltage, width), atol=2e-5)
