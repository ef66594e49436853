"""Conductances between drivers and sense terminals, through the wires."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax.circuit._solve import solve
from memjax.circuit._wires import Wires


def transfer_matrix(conductance: Any, wires: Wires) -> Array:
    """The effective conductances of arrays of ohmic cells: current = voltage @ transfer, exactly.

    Args:
        conductance: cells [..., m, n] [S].
        wires: resistances [ohm].

    Returns: [..., m, n] [S]. Without wires the conductances themselves.

    Raises: as `solve`.
    """
    conductance = jnp.asarray(conductance)
    unit = jnp.eye(conductance.shape[-2], dtype=conductance.dtype)
    return solve(conductance[..., None, :, :], unit, wires).current
