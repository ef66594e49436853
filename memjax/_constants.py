"""Constants of nature in the units of the models."""

from scipy.constants import Boltzmann, elementary_charge

BOLTZMANN = Boltzmann / elementary_charge
"""k/e [eV/K], 8.617333262145...e-5: both numbers are exact by definition of the SI."""
