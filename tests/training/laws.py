"""The table of update laws: small cells without spread, and what a pulse does to them, written again in NumPy."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

import memjax as mj

T = mj.training
P = T.Population


class Case(NamedTuple):
    """A law, the weight after one pulse (before the bounds), and after n of them where there is a closed form."""

    make: Callable[[], T.AbstractLaw]
    up: Callable[[np.ndarray], np.ndarray]
    down: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    many: Callable[[np.ndarray, np.ndarray, bool], np.ndarray] | None = None


def approach(end, rate):
    """n steps, each of which covers the fraction `rate` of the way to `end`."""
    return lambda w, n: end + (w - end) * (1 - rate) ** n


def both(up, down):
    return lambda w, n, rises: up(w, n) if rises else down(w, n)


# G(p) of NeuroSim with labels 1.75 and -1.46 on 20 and 25 pulses, low -0.5, high 1; constants of A_n from the notes on
# the tool: A_n(1.75) = 0.702081, A_n(1.46) = 0.848677.
A_UP, A_DOWN = 20 * 0.702081, -25 * 0.848677


def neurosim(w, n, a, pulses):
    """p from G, G from p + n; the downward curve with its own A < 0."""
    b = 1.5 / (1 - np.exp(-pulses / a))
    p = -a * np.log(1 - (w + 0.5) / b)
    return b * (1 - np.exp(-(p + n) / a)) - 0.5


def exponential(sign, step, a_up, a_down, gamma, a, b, width):
    depth = a_up if sign > 0 else a_down
    return lambda w: w + sign * step * np.maximum(1 - depth * np.exp(sign * gamma * (2 * a * w / width + b)), 0)


def vteam(sign):
    """The device of `DevicePulse` below: x to x + rate t, 1/G linear in x from 1 to 10 kOhm, w linear in G."""
    rate = -80.0 * (1.2 / 1.0 - 1) ** 2 / 10e-9 if sign > 0 else 40.0 * (1.5 / 1.0 - 1) ** 1 / 10e-9

    def step(w, n=1):
        g = 1e-4 + (w + 1) / 2 * (1e-3 - 1e-4)
        x = np.clip((1 / g - 1e3) / 9e3 + n * rate * 1e-11, 0, 1)
        return (1 / (1e3 + 9e3 * x) - 1e-4) / (1e-3 - 1e-4) * 2 - 1

    return step


def vteam_law():
    device = mj.devices.VTEAM(
        k_off=40.0, k_on=-80.0, v_off=1.0, v_on=-1.0, alpha_off=1.0, alpha_on=2.0, r_on=1e3, r_off=1e4
    )
    return T.DevicePulse(device, set_voltage=1.2, reset_voltage=1.5, width=1e-11)


PMAX = dict(top=-1 + 2 / (1 - np.exp(-1.2)), rate=1 - np.exp(-0.03))

CASES = {
    "constant": Case(
        lambda: T.ConstantStep(P(step=0.05, low=-0.8, asymmetry=0.2)),
        lambda w: w + 0.05,
        lambda w: w - 0.04,
        -0.8,
        1.0,
        both(lambda w, n: w + 0.05 * n, lambda w, n: w - 0.04 * n),
    ),
    "linear": Case(
        lambda: T.LinearStep(P(step=0.04, asymmetry=-0.1, low=-0.6, high=0.9), gamma_up=0.3, gamma_down=0.7),
        lambda w: w + 0.036 * (1 - 0.3 * w / 0.9),
        lambda w: w - 0.04 * (1 - 0.7 * w / -0.6),
        -0.6,
        0.9,
        both(approach(3.0, 0.036 / 3.0), approach(-0.6 / 0.7, 0.04 * 0.7 / 0.6)),
    ),
    "soft bounds": Case(
        lambda: T.SoftBounds(P(step=0.08, asymmetry=0.25, low=-0.75, high=1.25)),
        lambda w: w + 0.08 * (1 - w / 1.25),
        lambda w: w - 0.06 * (1 + w / 0.75),
        -0.75,
        1.25,
        both(approach(1.25, 0.08 / 1.25), approach(-0.75, 0.08)),
    ),
    "soft bounds by pulses": Case(
        lambda: T.SoftBounds.pmax(pulses=40, alpha=0.03),
        lambda w: w + PMAX["rate"] * (PMAX["top"] - w),
        lambda w: w - PMAX["rate"] * (w + 1),
        -1.0,
        PMAX["top"],
        both(approach(PMAX["top"], PMAX["rate"]), approach(-1.0, PMAX["rate"])),
    ),
    "exponential": Case(
        lambda: T.ExponentialStep(P(step=0.05)),
        lambda w: w + 0.05 * np.maximum(1 - 0.00081 * np.exp(12.44625 * (0.244 * w + 0.2425)), 0),
        lambda w: w - 0.05 * np.maximum(1 - 0.36833 * np.exp(-12.78785 * (0.244 * w + 0.2425)), 0),
        -1.0,
        1.0,
    ),
    "exponential, growing": Case(
        lambda: T.ExponentialStep(
            P(step=0.01, asymmetry=0.25, high=1.5), -1.2, -0.1, gamma_up=5.0, gamma_down=5.0, a=-0.5, b=-0.5
        ),
        exponential(+1, 0.01, -1.2, -0.1, 5.0, -0.5, -0.5, 2.5),
        exponential(-1, 0.0075, -1.2, -0.1, 5.0, -0.5, -0.5, 2.5),
        -1.0,
        1.5,
    ),
    "power": Case(
        lambda: T.PowerStep(P(step=0.1, asymmetry=-0.2, low=-0.5), gamma_up=1.5, gamma_down=0.7),
        lambda w: w + 0.08 * ((1 - w) / 1.5) ** 1.5,
        lambda w: w - 0.1 * ((w + 0.5) / 1.5) ** 0.7,
        -0.5,
        1.0,
    ),
    "piecewise": Case(
        lambda: T.PiecewiseStep(P(step=0.06, asymmetry=0.5, low=-0.5), (1.0, 0.5, 0.2), (0.3, 0.6, 1.0, 1.2)),
        lambda w: w + 0.06 * np.interp(w, [-0.5, 0.25, 1.0], [1.0, 0.5, 0.2]),
        lambda w: w - 0.03 * np.interp(w, [-0.5, 0.0, 0.5, 1.0], [0.3, 0.6, 1.0, 1.2]),
        -0.5,
        1.0,
    ),
    "NeuroSim": Case(
        lambda: T.NeuroSimStep(P(low=-0.5), levels_up=20, levels_down=25, ltp=1.75, ltd=-1.46),
        lambda w: neurosim(w, 1, A_UP, 20),
        lambda w: neurosim(w, -1, A_DOWN, 25),
        -0.5,
        1.0,
        both(lambda w, n: neurosim(w, n, A_UP, 20), lambda w, n: neurosim(w, -n, A_DOWN, 25)),
    ),
    "referenced": Case(
        lambda: T.Referenced(T.SoftBounds(P(step=0.1, asymmetry=0.5)), mean=0.1, zero_shift=False),
        lambda w: w + 0.1 * (1 - (w + 0.1)),
        lambda w: w - 0.05 * (1 + (w + 0.1)),
        -1.1,
        0.9,
        both(approach(0.9, 0.1), approach(-1.1, 0.05)),
    ),
    "device": Case(vteam_law, vteam(+1), vteam(-1), -1.0, 1.0, both(vteam(+1), vteam(-1))),
}


def each():
    """All cases for parametrize."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])


def after(case, weight, pulses):
    """The weights after each of the pulses, one after another, in NumPy."""
    weights = []
    for sign in pulses:
        if sign:
            weight = np.clip((case.up if sign > 0 else case.down)(weight), case.low, case.high)
        weights.append(weight)
    return np.array(weights)
