"""Stochastic coincidence updates as an optax transformation."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import optax
from jax import Array

from memjax import _check
from memjax._field import check_scalars
from memjax.contraction import Outer
from memjax.training.algorithms._cells import Cells, fabricate
from memjax.training.algorithms._in_situ import Turn, in_situ
from memjax.training.laws import AbstractLaw
from memjax.training.pulses import PulseTrains, coincide


class Step(eqx.Module):
    """w <- w + pulses of -rate d x^T, sample by sample."""

    law: AbstractLaw
    trains: PulseTrains
    fidelity: str = eqx.field(static=True)

    def __call__(self, value: Array, want: Outer, own: Cells, turn: Turn) -> tuple[Array, Cells]:
        writer = coincide(self.law, want, turn.rate, self.trains, self.fidelity)
        after, cells = own.write(self.law, value, turn.key, writer)
        return (after - value).astype(value.dtype), cells


def coincidence(
    law: AbstractLaw,
    key: Array,
    rate: float | Callable[[Array], Array],
    *,
    length: Any = 31,
    management: bool = True,
    shorten: bool | None = None,
    form: str = "stochastic",
    resolution: Any = None,
    fidelity: str = "moments",
    counted: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """Write gradients by coincidences of pulse trains: the parallel rank-one update of a crossbar.

    Every sample (for a convolution every patch) changes the weight by -rate d x^T on average, while nothing is clipped.
    Updates are those of `memjax.value_and_outer`, straight from the gradient: word lines and bit lines carry x and d,
    so that no optimiser can act on the product. Parameters are weights in units of the law; those whose gradient is no
    outer product belong elsewhere (`optax.partition`).

    Args:
        law: the update law of the cells.
        key: PRNG key of the cells and of all draws.
        rate: learning rate, or a schedule of the number of updates.
        length, management, form, resolution: of the trains, see `PulseTrains`.
        shorten: as there; None: as `management`.
        fidelity: "sequential": sample after sample, slots drawn bit by bit: the reference, and the fastest for dense
            layers with few pulses; its time grows with the samples, which for a convolution are its patches. "batch":
            the pulses of a mini-batch drawn bit by bit and added up in each direction, then applied together.
            "moments": their numbers drawn from distributions of the same mean and variance, from three matrix products
            (deterministic trains, which have no distribution: as "batch").
        counted: as in `pulsed`.

    Returns: an optax transformation with the state `InSituState`.

    Raises: ValueError for numbers out of their range, and for updates that are no outer products; TypeError for
        arguments of the wrong kind.

    Source: Gokmen and Vlasov (Front. Neurosci. 10:333, 2016).
    """
    _check.part("law", law, AbstractLaw, example="SoftBounds()")
    _check.flag("counted", counted)
    if not callable(rate):
        rate = _check.scalar("rate", rate, above=0.0)
    trains = PulseTrains(length, management, management if shorten is None else shorten, form, resolution)
    check_scalars("PulseTrains", trains)
    trains.check_fidelity(fidelity)
    start = lambda leaf: fabricate(law, key, leaf, counted=counted)
    return in_situ(key, start, Step(law, trains, fidelity), rate=rate, takes=(Outer,))
