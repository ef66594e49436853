"""The matrix of any hardware, measured on chips."""

import dataclasses

import jax
import numpy as np
from scipy.stats import binom

import memjax as mj
from memjax.reliability import hardware_confusion, sop_confusion_exact, sop_hardware

SAMPLES = 4000
DEVICE = {"rows": 6, "r_on": 10e3, "r_off": 1e6, "sigma": 0.25}


def assert_close(found, expected):
    """Every entry within 5 standard errors, and rare ones within two samples."""
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-5)
    assert (np.abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / SAMPLES) + 2 / SAMPLES).all()


def test_lognormal_cells_in_closed_form():
    """More columns than a tile has bit lines; three word lines of the tile are in no group that is driven."""
    hardware = sop_hardware(tile=(9, 4), **DEVICE)
    found = np.asarray(hardware_confusion(hardware, jax.random.key(0), SAMPLES))
    assert_close(found, sop_confusion_exact(**DEVICE))


def test_stuck_cells_are_binomial():
    """Ones that are stuck off with probability q: P[d | k] is that of d of k cells that are not."""
    effects = (mj.effects.StuckAt(hrs=0.2),)
    hardware = dataclasses.replace(sop_hardware(tile=(6, 8), **DEVICE | {"sigma": 0.0}), effects=effects)
    found = np.asarray(hardware_confusion(hardware, jax.random.key(1), SAMPLES))
    k, d = np.mgrid[:7, :7]
    assert_close(found, binom.pmf(d, k, 0.8))
