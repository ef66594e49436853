"""Every constant of every model with a value of its own, so that no two can be exchanged; published sets, retyped."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memjax import devices as md
from memjax.devices import windows

W = windows
STATES = np.array([0.0, 0.07, 0.35, 0.6, 0.93, 1.0])


def linear(u, on, off):
    return on + (off - on) * u


def exponential(u, on, off):
    return on * (off / on) ** u


def kvatinsky(u, rising, up=0.7, down=0.15, width=0.06):
    return np.exp(-np.exp((u - up) / width)) if rising else np.exp(-np.exp((down - u) / width))


def vteam(u, v):
    rate = 0.0
    if v > 0.4:
        rate = 2e-6 * (v / 0.4 - 1) ** 1.5
    if v < -0.7:
        rate = -5e-6 * (v / -0.7 - 1) ** 2.5
    return v / exponential(u, 300.0, 7e3), rate / 3e-9 * kvatinsky(u, rate > 0)


def vteam_reversed(u, v):
    rate = 0.0
    if v < -0.4:
        rate = 2e-6 * (v / -0.4 - 1) ** 1.5
    if v > 0.7:
        rate = -5e-6 * (v / 0.7 - 1) ** 2.5
    return v / linear(u, 300.0, 7e3), rate / 3e-9


def team(u, v):
    i = v / linear(u, 300.0, 7e3)
    rate = 0.0
    if i > 1e-4:
        rate = 2e-6 * (i / 1e-4 - 1) ** 1.5
    if i < -3e-4:
        rate = -5e-6 * (i / -3e-4 - 1) ** 2.5
    return i, rate / 3e-9 * kvatinsky(u, rate > 0)


def simmons(u, v):
    i = v / exponential(u, 70.0, 900.0)
    x = 1e-9 + 2e-9 * u
    if i > 0:
        rate = 3e-6 * np.sinh(i / 1.1e-3) * np.exp(-np.exp((x - 1.4e-9) / 2e-10 - i / 7e-4) - x / 2e-10)
    else:
        rate = 5e-5 * np.sinh(i / 8e-4) * np.exp(-np.exp(-(x - 1.7e-9) / 2e-10 + i / 7e-4) - x / 2e-10)
    return i, rate / 2e-9


YAKOPCIC = dict(a_1=0.2, a_2=0.13, b=0.3, v_p=0.2, v_n=0.35, a_p_rate=5e3, a_n_rate=3e3, x_p=0.3, x_n=0.55, a_p=1.2,
                a_n=4.0)  # fmt: skip


def yakopcic(eta):
    def law(x, v):
        speed = 0.0
        if v > 0.2:
            speed = 5e3 * (np.exp(v) - np.exp(0.2))
        if v < -0.35:
            speed = -3e3 * (np.exp(-v) - np.exp(0.35))
        slow = 1.0
        if eta * v >= 0 and x >= 0.3:
            slow = np.exp(-1.2 * (x - 0.3)) * ((0.3 - x) / 0.7 + 1)
        if eta * v < 0 and x <= 0.45:
            slow = np.exp(4.0 * (x + 0.55 - 1)) * x / 0.45
        return (0.2 if v >= 0 else 0.13) * x * np.sinh(0.3 * v), eta * speed * slow

    return law


STANFORD = dict(i_0=2e-3, g_0=0.3e-9, v_0=0.28, velocity=9.0, activation=0.55, a_0=0.23e-9, t_ox=11e-9, gamma_set=15.0,
                gamma_reset=17.0, beta=0.9, alpha=2.5, ambient=305.0, r_th=1.7e3, f_min=0.5e9, gate_width=0.1,
                gap_min=0.3e-9, gap_max=1.5e-9)  # fmt: skip


def stanford(gate):
    def law(u, v):
        gap = 0.3e-9 + 1.2e-9 * u
        i = 2e-3 * np.exp(-gap / 0.3e-9) * np.sinh(v / 0.28)
        kt = 8.617333262e-5 * (305 + abs(v * i) * 1.7e3)
        gamma = (17.0 if v < 0 else 15.0) - 0.9 * (gap / 1e-9) ** 2.5
        share = gamma * abs(v) / 11e-9 / 0.5e9
        open_ = {"off": 1.0, "hard": float(share >= 1), "smooth": 1 / (1 + np.exp(-(share - 1) / 0.1))}[gate]
        return i, -open_ * 9.0 * np.exp(-0.55 / kt) * np.sinh(gamma * 0.23 / 11 * v / kt) / 1.2e-9

    return law


def data_driven(u, v):
    r, rate = 8e3 + 1.1e4 * u, 0.0
    above, below = 1.6e4 + 1.5e3 * v - r, r - 1.3e4 - 2e3 * v
    if v > 0 and above > 0:
        rate = 700.0 * np.expm1(5.0 * v) * np.expm1(4e-4 * above)
    if v < 0 and below > 0:
        rate = -5e4 * np.expm1(0.4 * -v) * np.expm1(9e-4 * below)
    return 0.3 / r * np.sinh(2.5 * v), rate / 1.1e4


MEMDIODE = dict(i_min=3e-6, i_max=2e-4, a_min=6.0, a_max=4.5, r_s=0.0, eta_s=12.0, v_set=0.7, eta_r=5.0, v_res=-1.1,
                v_t=0.2, i_sb=1e-4, gamma=0.8, b=0.35)  # fmt: skip


def memdiode(h, v):
    slope = 6.0 - 1.5 * h
    i = (3e-6 + 1.97e-4 * h) * (np.exp(0.35 * slope * v) - np.exp(-0.65 * slope * v))
    if v >= 0:
        return i, (1 - h) * np.exp(12.0 * (v - (0.2 if i > 1e-4 else 0.7)))
    return i, -h * np.exp(-5.0 * h**0.8 * (v + 1.1))


STT = dict(r_p=3e3, tmr=1.2, v_half=0.6, v_c=0.45, delta=12.0, tau_0=2e-9, tau_p=3e-9, read_voltage=0.15)


def stt(p, v):
    up, down = (np.exp(-12.0 * max(1 - d, 0)) / 2e-9 for d in (v / 0.45, -v / 0.45))
    r_ap = 3e3 * (1 + 1.2 / (1 + (v / 0.6) ** 2))
    return v * ((1 - p) / r_ap + p / 3e3), up * (1 - p) - down * p


def cbram(u, v):
    kt = 8.617333262e-5 * 310.0
    rate = 4e-3 / 40e-9 * np.exp(-0.45 / kt) * np.sinh(2.1 * v / (2 * kt))
    return v * 1500e-18 / (40e-9 * (0.05 * u + 120.0 * (1 - u))), rate


def ion_drift(u, v):
    i = v / (200.0 * u + 9e3 * (1 - u))
    return i, 2e-14 * 200.0 / (12e-9) ** 2 * i * (1 - (u - (0 if v > 0 else 1)) ** 6)


FERRO = dict(k_off=2e-6, k_on=-5e-6, alpha_off=1.5, alpha_on=2.5, r_on=300.0, r_off=7e3)
BARRIER = W.Kvatinsky(0.7, 0.15, 0.06)
LAWS = {
    "VTEAM": (md.VTEAM(**FERRO, v_off=0.4, v_on=-0.7, w_on=1e-9, w_off=4e-9, window=BARRIER, iv="exponential"), vteam),
    "VTEAM, reversed": (md.VTEAM(**FERRO, v_off=-0.4, v_on=0.7, w_on=1e-9, w_off=4e-9), vteam_reversed),
    "TEAM": (md.TEAM(**FERRO, i_off=1e-4, i_on=-3e-4, x_on=1e-9, x_off=4e-9, window=BARRIER), team),
    "Simmons": (
        md.Simmons(3e-6, 5e-5, 1.1e-3, 8e-4, 1.4e-9, 1.7e-9, 2e-10, 7e-4, 70.0, 900.0, x_on=1e-9, x_off=3e-9), simmons),
    "Yakopcic": (md.Yakopcic(**YAKOPCIC), yakopcic(1)),
    "Yakopcic, reversed": (md.Yakopcic(**YAKOPCIC, eta=-1.0), yakopcic(-1)),
    "Stanford-PKU": (md.StanfordPKU(**STANFORD, gate="off"), stanford("off")),
    "Stanford-PKU, hard": (md.StanfordPKU(**STANFORD, gate="hard"), stanford("hard")),
    "Stanford-PKU, smooth": (md.StanfordPKU(**STANFORD, gate="smooth"), stanford("smooth")),
    "data-driven": (
        md.DataDriven(700.0, -5e4, 5.0, 0.4, 4e-4, 9e-4, 1.6e4, 1.5e3, 1.3e4, 2e3, 0.3, 2.5, 8e3, 1.9e4), data_driven),
    "memdiode": (md.Memdiode(**MEMDIODE), memdiode),
    "STT-MRAM": (md.STTMRAM(**STT), stt),
    "CBRAM": (md.CBRAM(4e-3, 0.45, 2.1, 40e-9, 1500e-18, 0.05, 120.0, ambient=310.0), cbram),
    "linear ion drift": (md.LinearIonDrift(200.0, 9e3, 12e-9, 2e-14, window=W.Biolek(3.0)), ion_drift),
}  # fmt: skip


@pytest.mark.parametrize("name", LAWS)
def test_laws_with_constants_that_all_differ(name):
    """Current and rate from both sides of every threshold, at both signs, in every branch of the state."""
    device, law = LAWS[name]
    volts = np.array([-1.3, -0.8, -0.5, -0.25, 0.1, 0.3, 0.55, 0.9, 1.2])
    found = jax.jit(lambda d, x, v: (d.current(x, v), d.derivative(x, v)))(device, STATES[:, None], volts)
    expected = np.array([[law(x, v) for v in volts] for x in STATES]).transpose(2, 0, 1)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)
    slack = 1e-6 * np.abs(expected[1]).max(1, keepdims=True)
    assert (np.abs(found[1] - expected[1]) <= 2e-3 * np.abs(expected[1]) + slack).all()
    assert (expected[1] > 0).any()
    assert (expected[1] < 0).any()


def test_pulses_with_constants_that_all_differ():
    """VTEAM in both directions; STT-MRAM below, at and beyond its critical voltage."""
    device = LAWS["VTEAM, reversed"][0]
    for v, width in ((-0.7, 3e-4), (0.9, 2e-3)):
        np.testing.assert_allclose(
            md.apply_pulse(device, 0.5, v, width), 0.5 + vteam_reversed(0.5, v)[1] * width, rtol=1e-4
        )
    junction = md.STTMRAM(**STT)
    for v in (0.2, -0.3, 0.45):
        up, down = (np.exp(-12.0 * max(1 - d, 0)) / 2e-9 for d in (v / 0.45, -v / 0.45))
        end = up / (up + down)
        expected = end + (0.3 - end) * np.exp(-(up + down) * 1e-9)
        np.testing.assert_allclose(md.apply_pulse(junction, 0.3, v, 1e-9), expected, rtol=1e-4)
    j, tau = 0.9 / 0.45, 4e-9 / 3e-9
    failed = 1 - np.exp(-(np.pi**2) / 4 * (j - 1) * 12.0 / (j * np.exp(2 * (j - 1) * tau) - 1))
    np.testing.assert_allclose(md.apply_pulse(junction, 0.3, 0.9, 4e-9), 1 - 0.7 * failed, rtol=1e-4)
    np.testing.assert_allclose(md.apply_pulse(junction, 0.3, -0.9, 4e-9), 0.3 * failed, rtol=1e-4)
    assert float(junction.switching_probability(0.0, 1e-9)) == pytest.approx(float(junction.pulse(0.0, 0.0, 1e-9)))


def test_conductances_at_the_read_voltage():
    """i(v) / v at the voltage of each model, and the states back."""
    changed = {"Yakopcic": 0.25, "Stanford-PKU": 0.3, "data-driven": 0.7, "memdiode": 0.4, "STT-MRAM": 0.15}
    for name, volts in changed.items():
        device, law = LAWS[name]
        values = {k: getattr(device, k) for k in device.__dataclass_fields__}
        device = type(device)(**values | {"read_voltage": volts})
        expected = np.array([law(x, volts)[0] / volts for x in (0.2, 0.7)])
        found, back = jax.jit(lambda d, x, g: (d.conductance(x), d.state_at(g)))(device, np.array([0.2, 0.7]), expected)
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        np.testing.assert_allclose(back, [0.2, 0.7], rtol=1e-3)


def test_rules_at_equality():
    """At a threshold nothing moves; at the smallest field that moves a gap, it does."""
    for name, at in (("VTEAM", (0.4, -0.7)), ("Yakopcic", (0.2, -0.35))):
        np.testing.assert_array_equal(LAWS[name][0].derivative(0.5, jnp.array(at)), 0.0)
    device = md.StanfordPKU(gamma_set=2.0, gamma_reset=2.0, beta=0.0, t_ox=1.0, f_min=1.0, gate="hard", a_0=0.01)
    assert (np.asarray(device.derivative(0.5, jnp.array([0.5, -0.5]))) != 0).all()
    np.testing.assert_array_equal(device.derivative(0.5, jnp.array([0.49, -0.49])), 0.0)


def test_noise_and_temperature_of_the_gap():
    """delta_g sqrt(1 ns) / (1 + exp((T_crit - T) / T_smooth)), T = T_0 + |v i| R_th; also behind a resistor."""
    device = md.StanfordPKU(**STANFORD, delta_g=0.03, t_crit=420.0, t_smooth=300.0)
    current = stanford("off")(0.2, 0.8)[0]
    kelvin = 305 + 0.8 * current * 1.7e3
    noise = 0.03 * np.sqrt(1e-9) / (1 + np.exp((420 - kelvin) / 300)) / 1.2e-9
    np.testing.assert_allclose(device.temperature(0.2, -0.8), 305 + 0.8 * current * 1.7e3, rtol=1e-5)
    np.testing.assert_allclose(device.diffusion(0.2, 0.8), noise, rtol=1e-4)
    behind = md.Series(device, 2e3)
    whole = 0.8 + 2e3 * current  # so that the device has its 0.8 V
    np.testing.assert_allclose(behind.inner_voltage(0.2, whole), 0.8, rtol=1e-4)
    np.testing.assert_allclose(behind.current(0.2, whole), current, rtol=1e-3)
    np.testing.assert_allclose(behind.temperature(0.2, whole), kelvin, rtol=1e-4)
    np.testing.assert_allclose(behind.diffusion(0.2, whole), noise, rtol=1e-4)
    np.testing.assert_allclose(behind.derivative(0.2, whole), device.derivative(0.2, 0.8), rtol=1e-2)
    inner = float(device.conductance(0.2))
    np.testing.assert_allclose(behind.conductance(0.2), 1 / (2e3 + 1 / inner), rtol=1e-5)
    np.testing.assert_allclose(behind.state_at(behind.conductance(0.2)), 0.2, rtol=1e-4)


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (md.VTEAM.pt_hf_ti(), (1.1 * 0.53, 1.1 * 0.5)),
        (md.VTEAM.pt_hf_ti(v_off=-0.4, v_on=0.7), (1.1 * 0.7, 1.1 * 0.4)),
        (md.Yakopcic(**YAKOPCIC), (1.1 * 0.2, 1.1 * 0.35)),
        (md.Yakopcic(**YAKOPCIC, eta=-1.0), (1.1 * 0.35, 1.1 * 0.2)),
        (md.Memdiode(**MEMDIODE), (0.7, 1.1)),
        (md.StanfordPKU.needs(), (1.6, 1.6)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_voltages_to_begin_programming_with(device, expected):
    np.testing.assert_allclose(device.write_voltages, expected, rtol=1e-6)


JART = dict(n_plug=20.0, richardson=6.01e5, mass=1.0, valence=2.0, ambient=293.0, eps=17.0, eps_phi=5.5, phi_0=0.18,
            phi_n=0.1, mobility=4e-6, hop=0.25e-9, attempts=2e13, activation=1.35, r_th=15.72e6, radius=45e-9,
            l_cell=3e-9, l_disc=0.4e-9, r_tiox=650.0, r_0=719.2437, r_th_line=90471.47, alpha_line=3.92e-3,
            read_voltage=-0.2)  # fmt: skip
OBLEA = dict(a_1=0.17, a_2=0.17, b=0.05, v_p=0.16, v_n=0.15, a_p_rate=4000.0, a_n_rate=4000.0, x_p=0.3, x_n=0.5,
             a_p=1.0, a_n=5.0, eta=1.0, read_voltage=0.1)  # fmt: skip
PUBLISHED = {
    "VTEAM, Pt/Hf/Ti": (md.VTEAM.pt_hf_ti, dict(
        k_off=4.03e-8, k_on=-80.0, v_off=0.5, v_on=-0.53, alpha_off=1, alpha_on=3, r_on=100.0, r_off=2500.0, w_on=0.0,
        w_off=10e-9, initial=1.0)),
    "VTEAM, ferroelectric": (md.VTEAM.ferroelectric, dict(
        k_off=1e-4, k_on=-30.0, v_off=1.4, v_on=-5.7, alpha_off=5, alpha_on=5, r_on=150e3, r_off=50e6, w_on=0.0,
        w_off=10e-9, initial=1.0)),
    "VTEAM, MemTorch": (md.VTEAM.memtorch, dict(
        k_off=5e-4, k_on=-10.0, v_off=0.02, v_on=-0.2, alpha_off=1, alpha_on=3, r_on=50.0, r_off=1000.0, w_on=0.0,
        w_off=3e-9, initial=0.0)),
    "TEAM, Simmons fit": (md.TEAM.simmons_fit, dict(
        k_off=1.46e-9, k_on=-4.68e-13, i_off=115e-6, i_on=-8.9e-6, alpha_off=10, alpha_on=10, r_on=50.0, r_off=1000.0,
        x_on=0.0, x_off=3e-9, initial=1.0)),
    "Simmons, Pickett": (md.Simmons.pickett, dict(
        c_off=3.5e-6, c_on=40e-6, i_off=115e-6, i_on=8.9e-6, a_off=1.2e-9, a_on=1.8e-9, w_c=107e-12, b=500e-6,
        r_on=50.0, r_off=1000.0, x_on=0.0, x_off=3e-9, initial=0.5)),
    "Yakopcic, Oblea": (md.Yakopcic.oblea, OBLEA | dict(initial=0.11)),
    "Yakopcic, Oblea, pulsed": (md.Yakopcic.oblea_pulsed, OBLEA | dict(a_1=0.097, a_2=0.097, initial=0.001)),
    "Yakopcic, Miao": (md.Yakopcic.miao, OBLEA | dict(
        a_1=0.11, a_2=0.11, b=0.5, v_p=0.09, v_n=0.75, a_p_rate=7.5, a_n_rate=2.0, initial=0.11)),
    "Yakopcic, Jo": (md.Yakopcic.jo, OBLEA | dict(
        a_1=3.7e-7, a_2=4.35e-7, b=0.7, v_p=1.5, v_n=0.5, a_p_rate=0.005, a_n_rate=0.08, x_p=0.2, a_p=1.2, a_n=3.0,
        initial=0.1)),
    "data-driven, TiOx": (md.DataDriven.tiox, dict(
        a_p=743.47, a_n=-6.80e4, t_p=6.51, t_n=0.31, k_p=5.11e-4, k_n=1.17e-3, r_p0=16.71e3, r_p1=0.0, r_n0=29.30e3,
        r_n1=23.69e3, a=0.24, b=3.0, r_min=10e3, r_max=17e3, initial=1.0, read_voltage=0.5)),
    "memdiode, Aguirre": (md.Memdiode.aguirre, dict(
        i_min=2e-6, i_max=2e-4, a_min=6.19, a_max=5.22, r_s=1.0, eta_s=15.0, v_set=0.8, eta_r=4.0, v_res=-1.3, v_t=0.1,
        i_sb=1.0, gamma=0.9, b=0.5, initial=0.0, read_voltage=0.1)),
    "ion drift, Biolek, soft": (md.LinearIonDrift.biolek_soft, dict(
        r_on=100.0, r_off=16e3, depth=10e-9, mobility=1e-14, initial=(16e3 - 11e3) / 15.9e3)),
    "ion drift, Biolek, hard": (md.LinearIonDrift.biolek_hard, dict(
        r_on=100.0, r_off=5e3, depth=10e-9, mobility=1e-14, initial=(5e3 - 1e3) / 4.9e3)),
    "ion drift, Technion": (md.LinearIonDrift.technion, dict(
        r_on=100.0, r_off=200e3, depth=3e-9, mobility=1e-15, initial=0.5)),
    "Stanford-PKU, NEEDS": (md.StanfordPKU.needs, dict(
        i_0=1e-3, g_0=0.25e-9, v_0=0.25, velocity=10.0, activation=0.6, a_0=0.25e-9, t_ox=12e-9, gamma_set=16.0,
        gamma_reset=16.0, beta=0.8, alpha=3.0, ambient=298.0, r_th=2.1e3, f_min=1.4e9, gate_width=0.02, gap_min=0.2e-9,
        gap_max=1.7e-9, delta_g=0.02, t_crit=450.0, t_smooth=500.0, initial=1.0, read_voltage=0.1)),
    "STT-MRAM, textbook": (md.STTMRAM.textbook, dict(
        r_p=2e3, tmr=1.5, v_half=0.5, v_c=0.5, delta=60.0, tau_0=1e-9, tau_p=1e-9, initial=0.0, read_voltage=0.1)),
    "CBRAM, Yu and Wong": (md.CBRAM.yu_wong, dict(
        velocity=3.5e-3, activation=0.5, alpha=2.4, length=50e-9, area=1330e-18, rho_on=0.04, rho_off=133.0,
        ambient=290.0, initial=0.0)),
    "PCM, Joshi": (md.PCM.joshi, dict(
        g_max=25e-6, s_0=0.26348e-6, s_1=1.9650e-6, s_2=-1.1731e-6, t_0=20.0, t_read=250e-9, initial=0.0)),
    "JART, TUD": (md.JARTVCM.tud, JART | dict(n_max=22.0, n_min=0.004)),
    "JART, port": (md.JARTVCM.port, JART | dict(n_max=20.0, n_min=1e-4)),
    "window, Kvatinsky": (W.Kvatinsky, dict(a_up=0.8, a_down=0.2, w_c=0.05)),
    "window, Prodromakis": (W.Prodromakis, dict(p=1.0, j=1.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sets(name):
    make, expected = PUBLISHED[name]
    device = make()
    for parameter, value in expected.items():
        np.testing.assert_allclose(getattr(device, parameter), value, rtol=1e-6, err_msg=parameter)


def test_windows_and_relations_of_the_published_sets():
    kinds = {
        md.LinearIonDrift.biolek_soft: W.Joglekar(10.0),
        md.LinearIonDrift.biolek_hard: W.Biolek(10.0),
        md.LinearIonDrift.technion: W.Joglekar(2.0),
    }
    for make, window in kinds.items():
        assert type(make().window) is type(window)
        np.testing.assert_allclose(make().window.p, window.p)
    assert (md.TEAM.simmons_fit().iv, md.VTEAM.pt_hf_ti().iv) == ("exponential", "linear")
    assert md.StanfordPKU.needs().gate == "hard"
    np.testing.assert_array_equal([W.Joglekar().p, W.Biolek().p], 1.0)


def test_statistics_of_phase_change_from_end_to_end():
    """All limits of exponent and noise: mu in [0.049, 0.1], s in [0.008, 0.045], Q at most 0.2."""
    device, count = md.PCM.joshi(), 40_000
    for share in (1e-4, 0.004, 0.01, 0.05, 0.15, 0.3, 1.0):
        mu = np.clip(-0.0155 * np.log(share) + 0.0244, 0.049, 0.1)
        s = np.clip(-0.0125 * np.log(share) - 0.0059, 0.008, 0.045)
        nu = np.asarray(device.drift_exponent(jnp.full(count, share * 25e-6), jax.random.key(0)), np.float64)
        folded = np.abs(mu + s * np.asarray(jax.random.normal(jax.random.key(1), (count,)), np.float64))
        assert abs(nu.mean() - folded.mean()) < 7 * s / np.sqrt(count)
        assert nu.std() == pytest.approx(folded.std(), rel=0.03)
        np.testing.assert_allclose(device.noise_quality(share * 25e-6), min(0.0088 / share**0.65, 0.2), rtol=1e-4)
    seconds = np.array([1e-7, 250e-9, 1e-3, 20.0, 1e7])
    expected = np.sqrt(np.maximum(np.log((seconds + 250e-9) / 500e-9), 0))
    np.testing.assert_allclose(device.noise_growth(jnp.asarray(seconds)), expected, rtol=1e-4, atol=1e-3)
