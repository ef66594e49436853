"""Steps by linear interpolation between measured values."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax._field import part, series
from memjax.training.laws._mirrored import AbstractMirroredLaw, Facing
from memjax.training.laws._population import Made, Population


class PiecewiseStep(AbstractMirroredLaw):
    """The relative step at a weight is interpolated between nodes that stand evenly from `low` to `high`.

        w <- w + up   interpolate(w, up_nodes),   w <- w - down interpolate(w, down_nodes)

    Args:
        population: steps, bounds, noise and decay of the cells.
        up_nodes, down_nodes: relative steps, [n] each, from `low` to `high` for both; at least two.

    Raises: ValueError for fewer than two nodes and for negative ones.

    Source: the piecewise-step device of Rasch et al. (AICAS 2021).
    """

    population: Population = part(Population, example="Population(step=1e-3)", default=Population())
    up_nodes: Any = series(least=2, low=0.0, default=(1.0, 1.0))
    down_nodes: Any = series(least=2, low=0.0, default=(1.0, 1.0))

    def forward(self, weight: Array, cell: Facing, made: Made) -> Array:
        width = cell.high - cell.low
        place = (weight - cell.low) / jnp.where(width > 0.0, width, 1.0)
        up = _interpolate(place, jnp.asarray(self.up_nodes, weight.dtype))
        down = _interpolate(place, jnp.asarray(self.down_nodes, weight.dtype)[::-1])
        return cell.step * cell.choose(up, down)


def _interpolate(place: Array, nodes: Array) -> Array:
    """Linear interpolation of evenly spaced nodes at a place in [0, 1], constant beyond.

    The values of `jnp.interp`, whose search of the nodes takes eight times as long: this runs for every pulse.
    """
    at = jnp.clip(place, 0.0, 1.0) * (len(nodes) - 1)
    left = jnp.clip(jnp.floor(at).astype(int), 0, len(nodes) - 2)
    return nodes[left] + (at - left) * (nodes[left + 1] - nodes[left])
