"""Stochastic pulse trains: how inputs and errors become pulses on word lines and bit lines.

An update -rate d x^T is made by a train of random pulses on every word line, of the rate |x|, and one on every bit
line, of the rate |d|. Where both fire in the same slot the cell changes by one step, upwards where x d < 0.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax._field import Spec, choice, flag, number

SLOTS = 32  # most slots of a train: the bits of a word
FORMS = ("stochastic", "mean_count", "implicit")
FIDELITIES = ("moments", "batch", "sequential")


class PulseTrains(Spec):
    """The pulse trains that make the update -rate d x^T of a sample.

    With k = rate max|x| max|d| / step, slots B and probabilities of a pulse p_x = gain_x |x|, p_d = gain_d |d|:

    | option       | on                                                   | off                             |
    |--------------|------------------------------------------------------|---------------------------------|
    | `management` | gains sqrt(rate / (step B)) (max|x| / max|d|)^(-+1/2)| both gains sqrt(rate / (step B)) |
    | `shorten`    | B = min(ceil(k), length)                             | B = length                      |

    (management limits |d| at max|d| min(1, length / k) first, so that no probability exceeds one).

    | form           | pulses of a cell                                                              |
    |----------------|-------------------------------------------------------------------------------|
    | "stochastic"   | coincidences of two random trains, B p_x p_d on average                       |
    | "mean_count"   | round(n_x n_d / B) of trains of n = round(B p) pulses                         |
    | "implicit"     | round(B p_x p_d)                                                              |

    The last two have no chance in them; what they round off is lost, sample by sample.

    Args:
        length: most slots of a train.
        management: whether word lines and bit lines are balanced to the largest |x| and |d| of the sample.
        shorten: whether a train has no more slots than the sample needs.
        form: see above.
        resolution: steps of the probabilities, as a fraction of one; None: they are continuous.

    Raises: ValueError for numbers out of their range.

    Source: Gokmen and Vlasov (Front. Neurosci. 10:333, 2016); update management by Gokmen, Onen and Haensch (Front.
        Neurosci. 11:538, 2017); the deterministic forms are those of aihwkit 1.2 (MeanCount, DeterministicImplicit).
    """

    length: Any = number(low=1.0, high=SLOTS, default=31)
    management: bool = flag(default=True)
    shorten: bool = flag(default=True)
    form: str = choice(*FORMS, default="stochastic")
    resolution: Any = number(above=0.0, high=1.0, optional=True, default=None)

    def check_fidelity(self, fidelity: str) -> None:
        """Raise for trains whose moments are not known."""
        _check.choice("fidelity", fidelity, FIDELITIES)
        alone = self.shorten and not self.management
        if fidelity == "moments" and self.form == "stochastic" and (alone or self.resolution is not None):
            what = "shorten without management" if alone else "resolution"
            raise ValueError(
                f"fidelity must be 'batch' or 'sequential' for PulseTrains with {what}, whose moments are those of "
                "single samples, got 'moments'"
            )


class Trains(NamedTuple):
    """Pulse trains of many samples.

    Attributes:
        x: probability of a pulse on each word line, signed, [S, K].
        d: the same for each bit line, [S, N].
        length: slots of each sample, [S].
    """

    x: Array
    d: Array
    length: Array


class Management(NamedTuple):
    """How the trains of a sample are scaled. Everything broadcasts against the samples.

    Attributes:
        length: slots in use.
        limit: largest |d| that is not clipped.
        x_gain, d_gain: probability per unit of x and d.
    """

    length: Array
    limit: Array
    x_gain: Array
    d_gain: Array


def manage(x_peak: Array, d_peak: Array, rate: Array, step: Array, how: PulseTrains) -> Management:
    """Scales of the trains of a sample from the largest |x| and |d| in it (see `PulseTrains`).

    With management no probability exceeds one, and the mean of all pulses is rate x d / step for what was not clipped.

    Source: Gokmen and Vlasov (Front. Neurosci. 10:333, 2016); update management by Gokmen, Onen and Haensch (Front.
        Neurosci. 11:538, 2017); the order of the clipping is that of aihwkit 1.2.
    """
    length = how.length
    k = rate * x_peak * d_peak / step
    slots = jnp.clip(jnp.ceil(k), 1.0, length) if how.shorten else length + 0.0 * k
    both = jnp.sqrt(rate / (step * slots))
    if not how.management:
        return Management(slots, 1.0 / both, both, both)
    limit = d_peak * jnp.minimum(1.0, length / jnp.maximum(k, 1e-30))
    silent = (x_peak <= 0.0) | (limit <= 0.0)
    balance = jnp.sqrt(jnp.where(silent, 1.0, limit) / jnp.where(silent, 1.0, x_peak))
    return Management(slots, limit, both * balance, both / balance)


def trains(x: Array, d: Array, rate: Array, step: Array, how: PulseTrains) -> Trains:
    """Trains of the samples x [S, K], d [S, N]."""
    peak = lambda a: jnp.max(jnp.abs(a), axis=-1, keepdims=True)
    scale = manage(peak(x), peak(d), rate, step, how)

    def probability(a, gain):
        p = jnp.clip(a * gain, -1.0, 1.0)
        return p if how.resolution is None else how.resolution * jnp.round(p / how.resolution)

    d = jnp.clip(d, -scale.limit, scale.limit)
    return Trains(probability(x, scale.x_gain), probability(d, scale.d_gain), scale.length[:, 0])
