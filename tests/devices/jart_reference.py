"""JART VCM v1b a second time: plain NumPy in SI units, the loop solved for the current by SciPy."""

import numpy as np
from scipy.constants import Boltzmann as k
from scipy.constants import e, epsilon_0, h, m_e
from scipy.optimize import brentq

N_MIN, N_MAX = 0.004e26, 22e26
Z, T0, RADIUS = 2, 293, 45e-9
AREA = np.pi * RADIUS**2
R_PLUG = 2.6e-9 / (20e26 * e * Z * 4e-6 * AREA)


def disc(n):
    return 0.4e-9 / (n * e * Z * 4e-6 * AREA)


def series(i):
    return 650 + 719.2437 * (1 + 719.2437 * 3.92e-3 * 90471.47 * i**2)


def temperature(n, v, i):
    """Of current and voltage magnitudes; the sign of v chooses the thermal resistance."""
    return T0 + i * (abs(v) - i * series(i)) * 15.72e6 * (0.27 if v > 0 else 1)


def schottky(n, v, i, drop):
    """Magnitude of the current of the contact at a magnitude `drop` of its voltage."""
    t = temperature(n, v, i)
    bending = 0.08 + (drop if v < 0 else -drop)
    lowering = (e**3 * Z * n * max(bending, 0) / (8 * np.pi**2 * (5.5 * epsilon_0) ** 3)) ** 0.25
    phi = max(0.18 - lowering, 0)
    if v > 0:
        return AREA * 6.01e5 * t**2 * np.exp(-e * phi / (k * t)) * np.expm1(e * drop / (k * t))
    w00 = e * h / (4 * np.pi) * np.sqrt(Z * n / (m_e * 17 * epsilon_0))
    x = w00 / (k * t)
    w0, slope = w00 / np.tanh(x), w00 / (x - np.tanh(x))
    emission = np.sqrt(np.pi * w00 * e * (drop + phi / np.cosh(x) ** 2)) * np.exp(-e * phi / w0)
    return AREA * 6.01e5 * t / k * emission * np.expm1(e * drop / slope)


def operating_point(n, v, largest=None):
    """Magnitudes of current and contact voltage, for contact voltages up to `largest`."""
    filament = disc(n) + R_PLUG
    if largest is None:  # for v > 0 the solution below the returning barrier
        largest = min(v, 0.04) if v > 0 else -v

    def current(drop):
        return brentq(lambda i: i * (filament + series(i)) - (abs(v) - drop), 0, abs(v) / filament, xtol=1e-20)

    drop = brentq(lambda u: schottky(n, v, current(u), u) - current(u), 0, largest, xtol=1e-16, rtol=1e-14)
    return current(drop), drop


def rate(state, v):
    """d(state)/dt for the state ln(N/N_min)/ln(N_max/N_min)."""
    if v == 0:
        return 0.0
    n = N_MIN * (N_MAX / N_MIN) ** state
    i, drop = operating_point(n, v)
    t = temperature(n, v, i)
    field = i * disc(n) / 0.4e-9 if v < 0 else (drop + i * (disc(n) + R_PLUG)) / 3e-9
    g = Z * 0.25e-9 * field / (np.pi * 1.35)
    low, high = (1.35 * (np.sqrt(1 - g**2) + s * g * np.pi / 2 + g * np.arcsin(g)) for s in (-1, 1))
    slowed = 1 - (n / N_MAX if v < 0 else N_MIN / n) ** 10
    hops = 0.25e-9 * 2e13 * (20e26 + n) / 2 * (np.exp(-e * low / (k * t)) - np.exp(-e * high / (k * t)))
    return -np.sign(v) * hops * slowed / (0.4e-9 * n * np.log(N_MAX / N_MIN))
