"""What is particular to single models: closed forms, reference values, reductions, bad parameters."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax
from memjax import devices as md
from memjax._constants import BOLTZMANN


@pytest.mark.parametrize("direction", [True, False])
def test_windows(direction, x64):
    x = np.linspace(0, 1, 11)
    w = md.windows
    np.testing.assert_allclose(w.Joglekar(1.0)(x, direction), 4 * x * (1 - x), atol=1e-14)
    np.testing.assert_allclose(w.Joglekar(3.0)(x, direction), 1 - (2 * x - 1) ** 6, atol=1e-14)
    np.testing.assert_allclose(w.Biolek(2.0)(x, direction), 1 - (x if direction else 1 - x) ** 4, atol=1e-14)
    np.testing.assert_allclose(w.Prodromakis(1.0)(x, direction), x * (1 - x), atol=1e-14)
    np.testing.assert_allclose(w.Prodromakis(3.0, 2.0)(0.5, direction), 2 * (1 - 0.75**3))
    depth = (x - 0.8) / 0.05 if direction else (0.2 - x) / 0.05
    np.testing.assert_allclose(w.Kvatinsky()(x, direction), np.exp(-np.exp(depth)), atol=1e-14)


@pytest.mark.parametrize("window", ["Joglekar", "Biolek", "Prodromakis", "Kvatinsky"])
def test_window_gradients_are_finite(window):
    window = getattr(md.windows, window)()
    for direction in (True, False):
        for x in (0.0, 0.5, 1.0):
            gradient = jax.grad(lambda w, x, d=direction: w(x, d), argnums=(0, 1))(window, x)
            assert all(jnp.isfinite(leaf) for leaf in jax.tree.leaves(gradient))


def test_biolek_leaves_its_bound_and_joglekar_does_not(x64):
    for window, moves in ((md.windows.Biolek(), True), (md.windows.Joglekar(), False)):
        device = md.LinearIonDrift.biolek_hard(window=window)
        assert (md.apply_pulse(device, 1.0, -1.0, 0.1) < 1) == moves


def test_vteam_pulse_is_its_closed_form(x64):
    device = md.VTEAM.ferroelectric()
    volts = np.array([-6.0, -5.0, 1.0, 1.5, 2.0])
    rate = np.array([-30 * (6 / 5.7 - 1) ** 5, 0, 0, 1e-4 * (1.5 / 1.4 - 1) ** 5, 1e-4 * (2 / 1.4 - 1) ** 5]) / 10e-9
    width = 1e-5
    np.testing.assert_allclose(md.apply_pulse(device, 0.5, volts, width), np.clip(0.5 + rate * width, 0, 1), rtol=1e-12)


def test_pulses_broadcast_over_an_array():
    device = md.VTEAM.pt_hf_ti()
    state = jnp.full((4, 3), 0.5)
    amplitude = jnp.array([[0.0], [0.4], [0.8], [1.0]])
    after = md.apply_pulse(device, state, amplitude, jnp.array([1e-3, 2e-3, 3e-3]))
    assert after.shape == (4, 3)
    np.testing.assert_array_equal(after[:2], state[:2])
    np.testing.assert_allclose(after[3], md.apply_pulse(device, 0.5, 1.0, np.array([1e-3, 2e-3, 3e-3])), rtol=1e-6)


@pytest.mark.parametrize("make", [md.DataDriven.tiox, lambda: md.LinearIonDrift.biolek_soft(window=None)])
def test_closed_form_pulses_match_integration(make, x64):
    device = make()
    for amplitude, width in ((0.9, 1e-3), (-0.9, 1e-3), (0.5, 1e-2)):
        time = np.linspace(0, width, 201)
        trace = md.simulate(device, np.full(201, amplitude), time, 0.5)
        np.testing.assert_allclose(md.apply_pulse(device, 0.5, amplitude, width), trace.state[-1], atol=1e-9)


def test_short_pulses_keep_their_digits_in_single_precision():
    """A train of pulses far below the resolution of R moves the state by their sum."""
    device = md.LinearIonDrift.biolek_soft(window=None)
    step = md.apply_pulse(device, 0.0, 1e-4, 1e-4) - 0.0
    np.testing.assert_allclose(step, 1e4 * 1e-8 / 16e3, rtol=1e-5)


def test_memdiode_relaxes_exponentially(x64):
    """No series resistance, no snapforward: exponential steps are the closed form."""
    device = md.Memdiode.aguirre(r_s=0.0, gamma=0.0)
    for start, v, end in (
        (0.2, 0.9, 1 - 0.8 * np.exp(-0.3 * np.exp(15 * 0.1))),
        (0.7, -1.4, 0.7 * np.exp(-0.3 * np.exp(4 * 0.1))),
    ):
        np.testing.assert_allclose(md.apply_pulse(device, start, v, 0.3), end, rtol=1e-10)


def test_memdiode_snapback_speeds_up_the_set(x64):
    device = md.Memdiode.aguirre(i_sb=1e-5)
    assert device.derivative(0.5, 0.7) > 1e3 * md.Memdiode.aguirre().derivative(0.5, 0.7)


def test_team_reduces_to_linear_drift(x64):
    """k = mu R_on i_th/D, alpha = 1, i_th -> 0, x = D - w."""
    tiny = 1e-12
    k = 1e-14 * 100 / 10e-9 * tiny
    team = md.TEAM(
        k_off=k,
        k_on=-k,
        i_off=tiny,
        i_on=-tiny,
        alpha_off=1,
        alpha_on=1,
        r_on=100.0,
        r_off=16e3,
        x_off=10e-9,
        initial=0.6,
    )
    drift = md.LinearIonDrift(r_on=100.0, r_off=16e3, depth=10e-9, mobility=1e-14, initial=0.4)
    time = np.linspace(0, 1, 401)
    voltage = np.sin(2 * np.pi * time)
    a, b = md.simulate(team, -voltage, time), md.simulate(drift, voltage, time)
    np.testing.assert_allclose(1 - a.state, b.state, atol=1e-6)


def test_team_fit_agrees_with_the_barrier_it_was_fitted_to(x64):
    """Same rate within 10 % at 200 uA and 1.2 nm, which settles the unit of the printed constants."""
    barrier, fit = md.Simmons.pickett(), md.TEAM.simmons_fit()
    volts = 200e-6 / barrier.conductance(0.4)
    np.testing.assert_allclose(barrier.derivative(0.4, volts), fit.derivative(0.4, volts), rtol=0.1)


@pytest.mark.parametrize(("state", "threshold"), [(0.0, 1.06), (1.0, 1.39)])
def test_stanford_threshold(state, threshold, x64):
    """|V| = F_min t_ox/gamma: 1.05 V for a closed gap to 1.39 V at 1.7 nm."""
    device = md.StanfordPKU.needs()
    assert device.derivative(state, threshold - 0.01) == 0
    assert device.derivative(state, threshold + 0.01) < 0
    smooth = md.StanfordPKU.needs(gate="smooth")
    np.testing.assert_allclose(smooth.derivative(state, 1.8), device.derivative(state, 1.8), rtol=1e-3)


def test_stanford_reset_stops_at_the_cut_off_gap(x64):
    """g_cut = ((gamma_0 - F_min t_ox/|V|)/beta)^(1/3) nm."""
    device = md.StanfordPKU.needs()
    voltage = -1.2
    cut = ((16 - 1.4e9 * 12e-9 / 1.2) / 0.8) ** (1 / 3) * 1e-9
    final = md.apply_pulse(device, 0.3, voltage, 1e-3)
    np.testing.assert_allclose(0.2e-9 + 1.5e-9 * final, cut, rtol=1e-5)


def test_stanford_without_cut_off_returns_after_a_period(x64):
    """dg/dt is odd in V, so a sine brings the gap back to where it was."""
    device = md.StanfordPKU.needs(gate="off")
    time = np.linspace(0, 1e-7, 2001)
    trace = md.simulate(device, 1.4 * np.sin(2 * np.pi * time / 1e-7), time, 0.8)
    assert np.ptp(trace.state) > 0.01
    np.testing.assert_allclose(trace.state[-1], 0.8, atol=1e-9)
    assert trace.temperature.max() > 298


def test_series_divides_the_voltage_and_limits_the_current(x64):
    inner = md.VTEAM.pt_hf_ti()
    divided = md.Series(inner, 1e3)
    np.testing.assert_allclose(divided.inner_voltage(0.5, 1.0), 1300 / 2300, rtol=1e-12)
    np.testing.assert_allclose(divided.current(0.5, -1.0), -1 / 2300, rtol=1e-12)
    np.testing.assert_allclose(1 / divided.conductance(0.5), 2300, rtol=1e-12)
    limited = md.Series(inner, 0.0, compliance=1e-4)
    np.testing.assert_allclose(
        limited.current(0.5, jnp.array([0.05, 0.5, -2.0])), [0.05 / 1300, 1e-4, -1e-4], rtol=1e-9
    )
    gradient = jax.grad(lambda r: md.Series(inner, r).current(0.5, 1.0))(1e3)
    np.testing.assert_allclose(gradient, -1 / 2300**2, rtol=1e-9)


def test_yakopcic_negative_eta_reverses():
    device = md.Yakopcic.oblea(eta=-1.0)
    assert device.derivative(0.4, 0.4) < 0 < device.derivative(0.4, -0.4)


def test_stt_thermal_switching(x64):
    """1 - exp(-t/tau), tau = tau_0 exp(Delta (1 - i)), and retention decays to one half."""
    device = md.STTMRAM(r_p=2e3, delta=40.0)
    tau = 1e-9 * np.exp(40 * 0.5)
    np.testing.assert_allclose(device.switching_probability(0.25, 0.3 * tau), 1 - np.exp(-0.3), rtol=1e-8)
    np.testing.assert_allclose(device.switching_probability(-0.25, 0.3 * tau), 1 - np.exp(-0.3), rtol=1e-8)
    np.testing.assert_allclose(device.pulse(1.0, 0.0, 1e3 * np.exp(40) * 1e-9), 0.5)


def test_stt_precessional_errors(x64):
    """The written formula, and its tail exp(-2 (i - 1) tau)."""
    device = md.STTMRAM(r_p=2e3, delta=60.0)
    i, tau = 2.0, 4.0
    expected = 1 - np.exp(-(np.pi**2 / 4) * (i - 1) * 60 / (i * np.exp(2 * (i - 1) * tau) - 1))
    np.testing.assert_allclose(1 - device.switching_probability(1.0, tau * 1e-9), expected, rtol=1e-10)
    errors = 1 - device.switching_probability(1.0, np.array([8e-9, 9e-9]))
    np.testing.assert_allclose(errors[1] / errors[0], np.exp(-2), rtol=1e-2)


def test_stt_samples_have_the_probability():
    device = md.STTMRAM(r_p=2e3, delta=40.0)
    width = 0.5 * 1e-9 * np.exp(20)
    drawn = device.sample(jnp.zeros(20000, bool), 0.25, width, jax.random.key(0))
    p = 1 - np.exp(-0.5)
    assert abs(drawn.mean() - p) < 5 * np.sqrt(p * (1 - p) / 20000)


def test_stt_magnetoresistance(x64):
    device = md.STTMRAM(r_p=2e3, tmr=1.5, v_half=0.5, read_voltage=0.5)
    np.testing.assert_allclose(1 / device.conductance(0.0), 2e3 * 1.75)
    np.testing.assert_allclose(1 / device.conductance(1.0), 2e3)


def test_pcm_reference_values(x64):
    device = md.PCM()
    np.testing.assert_allclose(
        device.programming_error(np.array([25e-6, 6.25e-6])), [1.05538e-6, 0.68141e-6], rtol=1e-4
    )
    np.testing.assert_allclose(device.drift(1.0, 0.053, 86400.0), (86420 / 20) ** -0.053)
    np.testing.assert_allclose(device.read(10e-6, 250e-9, jax.random.key(0)), 10e-6)


def test_pcm_statistics():
    device = md.PCM()
    count = 20000
    target = jnp.full(count, 12.5e-6)
    written = device.program(target, jax.random.key(0))
    sigma = float(device.programming_error(12.5e-6))
    assert abs(written.mean() - 12.5e-6) < 5 * sigma / np.sqrt(count)
    assert abs(written.std() / sigma - 1) < 5 / np.sqrt(2 * count)
    exponent = device.drift_exponent(target, jax.random.key(1))
    assert abs(exponent.mean() - 0.049) < 1e-3
    assert jnp.all(device.drift(target, exponent, 1e4) < target)
    spread = device.read(target, 1.0, jax.random.key(2)).std() / 12.5e-6
    expected = 0.0088 / 0.5**0.65 * np.sqrt(np.log((1 + 250e-9) / 500e-9))
    assert abs(spread / expected - 1) < 5 / np.sqrt(2 * count)
    with pytest.raises(ValueError, match="target must be in"):
        device.program(30e-6, jax.random.key(0))


def test_reads_of_drifted_cells_have_the_noise_of_the_written(x64):
    """Half of G_max after a year, by hand: Q of the programmed conductance, not of what is left of it."""
    device, count, year = md.PCM(), 20000, 365.25 * 86400.0
    written = jnp.full(count, 6.25e-6)
    left = device.drift(written, 0.1, year)
    spread = device.read(left, year, jax.random.key(0), programmed=written).std() / left[0]
    expected = 0.0088 / 0.25**0.65 * np.sqrt(np.log((year + 250e-9) / 500e-9))
    assert abs(spread / expected - 1) < 5 / np.sqrt(2 * count)


@pytest.mark.parametrize(
    ("devices", "g", "written", "mean", "spread", "quality"),
    [
        (1, 0.05, 0.2687, -0.0387 * np.log(0.05) - 0.0182, -0.0120 * np.log(0.05) - 0.0023, 0.0271665),
        (1, 0.5, 0.86530, 0.0564, 0.012075, 0.0217),
        (1, 1.0, 1.00757, 0.0174, 0.0055, 0.0168),
        (2, 0.05, 0.38133, -0.0387 * np.log(0.05) - 0.0182, -0.0117 * np.log(0.05) - 0.0057, 0.0281502),
        (2, 0.5, 0.99102, 0.0564, 0.009, 0.0167125),
        (2, 1.0, 1.09190, 0.0174, 0.0048, 0.0123),
    ],
)
def test_hermes_reference_values(devices, g, written, mean, spread, quality, x64):
    """Both pieces of every polynomial of the published fits, evaluated by hand."""
    device = md.PCM.hermes(devices)
    conductance = g * device.g_max
    np.testing.assert_allclose(device.programming_error(conductance), written * 1e-6, rtol=1e-3)
    np.testing.assert_allclose(device.drift_mean(np.log(g)), mean, rtol=1e-6)
    np.testing.assert_allclose(device.drift_spread(np.log(g)), spread, rtol=1e-6)
    np.testing.assert_allclose(device.noise_quality(conductance), quality, rtol=1e-5)
    with pytest.raises(ValueError, match="devices must be one of 1, 2, got 3"):
        md.PCM.hermes(3)


def test_one_constant_of_boltzmann():
    """k/e to all digits, and in one place."""
    assert pytest.approx(8.617333262145179e-5, rel=1e-12) == BOLTZMANN
    for path in pathlib.Path(memjax.__file__).parent.rglob("*.py"):
        assert "8.617" not in path.read_text() or path.name == "_constants.py"


def test_devices_print_their_numbers():
    text = repr(md.VTEAM.pt_hf_ti(window=md.windows.Biolek(2.0)))
    assert "k_off=4.03e-08" in text
    assert "window=Biolek(p=2.0)" in text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: md.VTEAM.pt_hf_ti(v_on=0.5), "v_on and v_off must have opposite signs"),
        (lambda: md.VTEAM.pt_hf_ti(k_on=80.0), r"k_on must be finite and in \[-inf, 0\) m/s, got -?80"),
        (lambda: md.VTEAM.pt_hf_ti(k_off=-1.0), r"VTEAM.k_off must be finite and in \(0, inf\] m/s, got -1"),
        (lambda: md.VTEAM.pt_hf_ti(r_on=1e4), "VTEAM.r_on must be smaller than VTEAM.r_off"),
        (lambda: md.VTEAM.pt_hf_ti(iv="cubic"), "iv must be one of"),
        (lambda: md.VTEAM.pt_hf_ti(initial=2.0), r"initial must be finite and in \[0, 1\], got 2"),
        (lambda: md.VTEAM.pt_hf_ti(alpha_on=np.nan), "alpha_on must be finite"),
        (lambda: md.LinearIonDrift.technion(depth=0.0), "depth must be finite and in"),
        (lambda: md.TEAM.simmons_fit(i_on=1e-6), r"i_on must be finite and in \[-inf, 0\) A, got 1e-06"),
        (lambda: md.Simmons.pickett(w_c=0.0), "w_c must be finite and in"),
        (lambda: md.Yakopcic.oblea(eta=0.5), "eta must be"),
        (lambda: md.Yakopcic.oblea(x_p=1.0), r"x_p must be finite and in \[0, 1\), got 1"),
        (lambda: md.StanfordPKU.needs(gap_min=2e-9), "gap_min must be smaller than StanfordPKU.gap_max"),
        (lambda: md.StanfordPKU.needs(gate="soft"), "gate must be one of"),
        (lambda: md.DataDriven.tiox(a_n=1.0), r"a_n must be finite and in \[-inf, 0\) ohm/s"),
        (lambda: md.Memdiode.aguirre(b=1.0), r"b must be finite and in \(0, 1\)"),
        (lambda: md.Series(md.VTEAM.pt_hf_ti(), -1.0), r"Series.resistance must be finite and in \[0, inf\]"),
        (lambda: md.STTMRAM(r_p=0.0), "STTMRAM.r_p must be finite and in"),
        (lambda: md.PCM(g_max=-1.0), "g_max must be finite and in"),
        (lambda: md.windows.Joglekar(0.0), "Joglekar.p must be finite and in"),
        (lambda: md.VTEAM.pt_hf_ti().state_at(1.0), r"conductance must be in \[0.0004, 0.01\] S, got 1 S"),
    ],
)
def test_bad_parameters_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_traced_parameters_are_not_looked_at():
    """The same bad numbers pass inside jit, where nothing can be known about them."""
    jax.jit(lambda r: md.VTEAM.pt_hf_ti(r_on=r).conductance(0.5))(1e6)
