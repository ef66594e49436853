"""Delay of a stage with an input that rises slowly."""

from typing import Any

import jax.numpy as jnp

LN2 = 0.6931471805599453
STEP = 0.0  # the delay that stands for an input that rises at once
_SCALE = 1e12  # keeps squares of picoseconds within single precision


def horowitz(tau: Any, beta: Any, before: Any) -> Any:
    """Horowitz's delay of a stage of the time constant tau [s]: sqrt((tau ln 2)^2 + 2 tau beta before).

    `before` is the delay of the stage before [s], whose output rises by 1/2 in it (M. Horowitz, Timing models for MOS
    circuits, PhD thesis, Stanford 1983); beta = 1/(R gm).
    """
    tau, before = _SCALE * tau, _SCALE * before
    square = (LN2 * tau) ** 2 + 2.0 * tau * beta * before
    root = jnp.sqrt(jnp.where(square > 0.0, square, 1.0))
    return jnp.where(square > 0.0, root, 0.0) / _SCALE
