"""What the experiments say of the mean of many chips."""

import numpy as np
from scipy import stats


def interval(values) -> tuple[float, float, float]:
    """(mean, low, high) of the 95 % interval of the mean, mean ∓ t std / √n by Student; without ends for one value."""
    values = np.asarray(values, float).ravel()
    count = len(values)
    half = np.inf if count < 2 else stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / count**0.5
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)
