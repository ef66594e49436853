"""Every ODE model against SciPy: the equations written a second time in NumPy, solved to tight tolerance."""

import jart_reference
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from memjax import devices as md

K = 8.617333e-5


def linear_drift_joglekar(x, v):
    i = v / (100 * x + 16e3 * (1 - x))
    return 1e-14 * 100 / 1e-16 * i * (1 - (2 * x - 1) ** 20)


def team(u, v):
    i = v / (50 * 20**u)
    if i > 115e-6:
        return 1.46e-9 / 3e-9 * (i / 115e-6 - 1) ** 10
    if i < -8.9e-6:
        return -4.68e-13 / 3e-9 * (i / -8.9e-6 - 1) ** 10
    return 0.0


def simmons(u, v):
    i, x = v / (50 * 20**u), 3e-9 * u
    if i > 0:
        return 3.5e-6 / 3e-9 * np.sinh(i / 115e-6) * np.exp(-np.exp((x - 1.2e-9) / 107e-12 - i / 5e-4) - x / 107e-12)
    return 40e-6 / 3e-9 * np.sinh(i / 8.9e-6) * np.exp(-np.exp(-(x - 1.8e-9) / 107e-12 + i / 5e-4) - x / 107e-12)


def vteam_kvatinsky(u, v):
    if v > 1.4:
        return 1e-4 / 10e-9 * (v / 1.4 - 1) ** 5 * np.exp(-np.exp((u - 0.8) / 0.05))
    if v < -5.7:
        return -30 / 10e-9 * (v / -5.7 - 1) ** 5 * np.exp(-np.exp((0.2 - u) / 0.05))
    return 0.0


def yakopcic(x, v):
    if v > 0.16:
        slow = np.exp(-(x - 0.3)) * ((0.3 - x) / 0.7 + 1) if x >= 0.3 else 1.0
        return 4e3 * (np.exp(v) - np.exp(0.16)) * slow
    if v < -0.15:
        slow = np.exp(5 * (x + 0.5 - 1)) * x / 0.5 if x <= 0.5 else 1.0
        return -4e3 * (np.exp(-v) - np.exp(0.15)) * slow
    return 0.0


def stanford(u, v):
    gap = 0.2e-9 + 1.5e-9 * u
    i = 1e-3 * np.exp(-gap / 0.25e-9) * np.sinh(v / 0.25)
    kt = K * (298 + abs(v * i) * 2.1e3)
    gamma = 16 - 0.8 * (gap / 1e-9) ** 3
    return -10 / 1.5e-9 * np.exp(-0.6 / kt) * np.sinh(gamma * 0.25 / 12 * v / kt)


def stanford_behind_resistor(u, v, resistance=1e3):
    def excess(inner):
        gap = 0.2e-9 + 1.5e-9 * u
        return inner + resistance * 1e-3 * np.exp(-gap / 0.25e-9) * np.sinh(inner / 0.25) - v

    inner = brentq(excess, min(v, 0), max(v, 0), xtol=1e-15) if v else 0.0
    return stanford(u, inner)


def data_driven(u, v):
    r = 10e3 + 7e3 * u
    if v > 0 and r < 16.71e3:
        return 743.47 * np.expm1(6.51 * v) * np.expm1(5.11e-4 * (16.71e3 - r)) / 7e3
    if v < 0 and r > 29.30e3 + 23.69e3 * v:
        return -6.80e4 * np.expm1(-0.31 * v) * np.expm1(1.17e-3 * (r - 29.30e3 - 23.69e3 * v)) / 7e3
    return 0.0


def memdiode(h, v):
    scale, slope = 2e-6 + 1.98e-4 * h, 6.19 - 0.97 * h
    inner = brentq(lambda w: w + 2 * scale * np.sinh(slope * w / 2) - v, min(v, 0), max(v, 0), xtol=1e-15) if v else 0.0
    if v >= 0:
        return (1 - h) * np.exp(15 * (inner - 0.8))
    return -h * np.exp(-4 * h**0.9 * (inner + 1.3))


def stt_mram(p, v):
    up, down = 1e9 * np.exp(-10 * (1 - v / 0.5)), 1e9 * np.exp(-10 * (1 + v / 0.5))
    return up * (1 - p) - down * p


def cbram(_, v):
    return 3.5e-3 / 50e-9 * np.exp(-0.5 / (K * 290)) * np.sinh(2.4 * v / (2 * K * 290))


# (model, its equation again, start, amplitude [V], period [s], tolerance at 400 RK4 steps of 5 substeps[, periods])
# TEAM, Simmons, JART run through RESET only: their SET is so abrupt that the bound, which SciPy does not know, ends it.
TABLE = {
    "linear drift": (lambda: md.LinearIonDrift.biolek_soft(), linear_drift_joglekar, 0.3, 0.6, 1.0, 1e-8),
    "TEAM": (lambda: md.TEAM.simmons_fit(), team, 0.5, 0.07, 20.0, 1e-6, 0.5),
    "Simmons": (lambda: md.Simmons.pickett(), simmons, 0.4, 0.15, 20.0, 1e-6, 0.5),
    "VTEAM": (
        lambda: md.VTEAM.ferroelectric(window=md.windows.Kvatinsky()), vteam_kvatinsky, 0.5, 6.0, 1e-6, 1e-6),
    "Yakopcic": (lambda: md.Yakopcic.oblea(), yakopcic, 0.11, 0.45, 0.01, 5e-6),
    "Stanford-PKU": (lambda: md.StanfordPKU.needs(gate="off"), stanford, 0.8, 1.4, 2e-7, 1e-7),
    "Stanford-PKU in series": (
        lambda: md.Series(md.StanfordPKU.needs(gate="off"), 1e3), stanford_behind_resistor, 0.8, 2.5, 1e-7, 1e-6),
    "data-driven": (lambda: md.DataDriven.tiox(), data_driven, 0.6, 0.9, 0.002, 1e-6),
    "memdiode": (lambda: md.Memdiode.aguirre(), memdiode, 0.3, 1.0, 4.0, 5e-6),
    "STT-MRAM": (lambda: md.STTMRAM(r_p=2e3, delta=10.0), stt_mram, 0.3, 0.3, 1e-7, 1e-8),
    "JART": (lambda: md.JARTVCM.tud(), jart_reference.rate, 0.9, 1.0, 7e-3, 1e-6, 0.5),
    "CBRAM": (lambda: md.CBRAM.yu_wong(), cbram, 0.2, 0.5, 2e-6, 1e-6),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_against_scipy(name, x64):
    make, rate, start, amplitude, period, tolerance, *periods = TABLE[name]
    end = period * (periods[0] if periods else 1)
    time = np.linspace(0, end, 401)
    wave = lambda t: amplitude * np.sin(2 * np.pi * t / period)
    solution = solve_ivp(
        lambda t, x: [rate(x[0], wave(t))], (0, end), [start], "LSODA", time,
        rtol=1e-11, atol=1e-12, max_step=end / 400,
    )  # fmt: skip
    device = make()
    trace = md.simulate(device, lambda t: amplitude * jnp.sin(2 * jnp.pi * t / period), time, start, substeps=5)
    assert np.ptp(solution.y[0]) > 0.02, "the drive must move the state"
    assert np.all((solution.y[0] > 0) & (solution.y[0] < 1)), "the reference knows no bounds"
    np.testing.assert_allclose(trace.state, solution.y[0], atol=tolerance)


@pytest.mark.parametrize("name", [n for n in TABLE if "series" not in n])
def test_rates_agree_in_single_precision(name):
    make, rate, _, amplitude = TABLE[name][:4]
    device = make()
    for u in (0.1, 0.45, 0.8):
        for v in amplitude * np.array([-1, -0.6, 0.6, 1.0]):
            expected = rate(u, v)
            if abs(expected) < 1e20:  # beyond, rates are limited so that float32 does not overflow
                np.testing.assert_allclose(device.derivative(u, v), expected, rtol=3e-3, atol=1e-12)
