"""The two I-V relations shared by the ion-drift family: resistance as a function of u in [0, 1], u = 1 at R_off."""

import jax.numpy as jnp
from jax import Array

from memjax.devices._base import Numeric

IV_KINDS = ("linear", "exponential")


def resistance(iv: str, u: Numeric, r_on: Numeric, r_off: Numeric) -> Array:
    """R = R_on + (R_off - R_on) u, or R_on (R_off/R_on)^u [ohm]."""
    if iv == "linear":
        return r_on + (r_off - r_on) * u
    return r_on * jnp.exp(u * jnp.log(r_off / r_on))


def position(iv: str, resistance: Numeric, r_on: Numeric, r_off: Numeric) -> Array:
    """The inverse of `resistance`: u of a resistance [ohm]."""
    if iv == "linear":
        return (resistance - r_on) / (r_off - r_on)
    return jnp.log(resistance / r_on) / jnp.log(r_off / r_on)
