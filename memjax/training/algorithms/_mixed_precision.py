"""Mixed-precision training: a digital accumulator, and pulses for its whole steps."""

from typing import Any

import optax
from jax import Array

from memjax.training.algorithms._pulsed import pulsed
from memjax.training.laws import AbstractLaw, Range
from memjax.training.pulses import Deterministic


def mixed_precision(
    law: AbstractLaw, key: Array, *, every: int = 1, most: Any = 31, range: Range | None = None, counted: bool = False
) -> optax.GradientTransformationExtraArgs:
    """Add updates up in high precision and send a pulse for every whole step of the cells.

        chi <- chi + update;   every `every` updates:   n = trunc(chi / step),   n pulses,   chi <- chi - n step

    Args:
        law, key, range, counted: as in `pulsed`.
        every: updates from one write to the next.
        most: largest number of pulses in one write.

    Source: Nandakumar et al., "Mixed-precision deep learning based on computational memory" (Front. Neurosci. 14:406,
        2020).
    """
    return pulsed(law, key, rule=Deterministic(most, truncate=True), every=every, range=range, counted=counted)
