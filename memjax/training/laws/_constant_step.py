"""Constant steps between hard bounds."""

from jax import Array

from memjax._field import part
from memjax.training.laws._mirrored import AbstractMirroredLaw, Facing
from memjax.training.laws._population import Made, Population


class ConstantStep(AbstractMirroredLaw):
    """Every pulse changes the weight by the same step, until the bound stops it.

        w <- w + up,  w <- w - down

    Args:
        population: steps, bounds, noise and decay of the cells.

    Source: the resistive processing unit of Gokmen and Vlasov (Front. Neurosci. 10:333, 2016).
    """

    population: Population = part(Population, example="Population(step=1e-3)", default=Population())

    def forward(self, weight: Array, cell: Facing, made: Made) -> Array:
        return cell.step

    def forward_many(self, weight: Array, count: Array, cell: Facing, made: Made) -> Array:
        return weight + count * cell.step
