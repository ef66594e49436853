"""The table of models: what every invariant is tested on."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memjax import devices as md


class Case(NamedTuple):
    """A model and a drive under which its state visibly moves in both directions."""

    make: object
    amplitude: float  # V
    period: float  # s
    polarity: int
    pinched: bool = True


CASES = {
    "linear drift": Case(lambda: md.LinearIonDrift.biolek_soft(window=None), 1.2, 1.0, +1),
    "linear drift, Joglekar": Case(md.LinearIonDrift.biolek_soft, 1.2, 1.0, +1),
    "linear drift, Biolek": Case(md.LinearIonDrift.biolek_hard, 2.0, 1.0, +1),
    "linear drift, Prodromakis": Case(
        lambda: md.LinearIonDrift.biolek_soft(window=md.windows.Prodromakis(2.0)), 1.2, 1.0, +1
    ),
    "VTEAM": Case(md.VTEAM.pt_hf_ti, 1.0, 1.0, -1),
    "VTEAM, exponential, Kvatinsky": Case(
        lambda: md.VTEAM.ferroelectric(iv="exponential", window=md.windows.Kvatinsky()), 7.0, 1e-6, -1
    ),
    "VTEAM, reversed": Case(lambda: md.VTEAM.pt_hf_ti(v_off=-0.5, v_on=0.53, initial=1.0), 1.0, 1.0, +1),
    "TEAM": Case(md.TEAM.simmons_fit, 0.3, 10.0, -1),
    "TEAM, linear, window": Case(
        lambda: md.TEAM.simmons_fit(iv="linear", alpha_off=1, alpha_on=1, k_on=-1e-9, window=md.windows.Biolek(2.0)),
        0.3,
        10.0,
        -1,
    ),
    "Simmons": Case(lambda: md.Simmons.pickett(initial=0.45), 0.15, 1.0, -1),
    "Yakopcic": Case(md.Yakopcic.oblea, 0.45, 0.01, +1),
    "Yakopcic, CBRAM": Case(md.Yakopcic.jo, 2.5, 5.0, +1),
    "Stanford-PKU": Case(lambda: md.Series(md.StanfordPKU.needs(), 1e3), 2.5, 2e-8, +1),
    "Stanford-PKU, smooth gate": Case(lambda: md.StanfordPKU.needs(gate="smooth", f_min=1.2e9), 1.2, 2e-6, +1),
    "data-driven": Case(md.DataDriven.tiox, 1.0, 0.05, -1),
    "memdiode": Case(md.Memdiode.aguirre, 1.5, 4.0, +1),
    "STT-MRAM": Case(lambda: md.STTMRAM(r_p=2e3, delta=10.0), 0.45, 1e-8, +1),
    "JART VCM": Case(md.JARTVCM.tud, 1.0, 2e-6, -1),
    "CBRAM": Case(lambda: md.CBRAM.yu_wong(initial=0.2), 0.5, 1e-6, +1),
}


def all_cases(*, slow=()):
    """All cases for parametrize; those named in `slow` take long to compile here, and run with the slow tests."""
    return {
        "argnames": "case",
        "argvalues": [pytest.param(c, id=n, marks=[pytest.mark.slow] * (n in slow)) for n, c in CASES.items()],
    }


def sine(case, periods=1, samples=400):
    """Time and voltage of a sine drive of a case."""
    time = np.linspace(0, periods * case.period, periods * samples + 1)
    return time, case.amplitude * np.sin(2 * np.pi * time / case.period)


def perturbed(device, key, sigma=0.1):
    """The same model with every non-zero parameter but the state bounds multiplied by a lognormal factor."""
    leaves, structure = jax.tree.flatten(device)
    keys = jax.random.split(key, len(leaves))
    factors = [jnp.exp(sigma * jax.random.truncated_normal(k, -2.0, 2.0)) for k in keys]
    return jax.tree.unflatten(structure, [leaf * f for leaf, f in zip(leaves, factors, strict=True)])
