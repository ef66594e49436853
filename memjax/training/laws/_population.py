"""What the cells of an array have in common whatever their update law: sizes of a step, bounds, noise, decay."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _check, _random
from memjax._field import Spec, flag, number
from memjax._random import fold_name

Made = dict[str, Array]
"""The fixed numbers of the cells of one array, drawn when it is made; each of the array's shape."""


def spread(key: Array | None, shape: tuple[int, ...], dtype) -> Callable[[str], Array]:
    """Standard normal numbers of a shape for each name; zeros without a key."""
    if key is None:
        return lambda name: jnp.zeros(shape, dtype)
    return lambda name: _random.normal(fold_name(key, name), shape, dtype)


class Population(Spec):
    """Statistics of the cells of an array, in units of the weight.

    With z standard normal numbers drawn once for each cell (every quantity its own), a cell has

        up   = step (gain + min(asymmetry, 0) + asymmetry_spread z_a)
        down = step (gain - max(asymmetry, 0) - asymmetry_spread z_a)
        gain = 1 + step_spread z    (log_normal: exp(step_spread z))
        high = high |1 + high_spread z|,  low = low |1 + low_spread z|

    `up` and `down` are the sizes of its step at the weight where its law has the relative step one. No size is
    negative and the bounds keep their sign and their order: magnitudes are taken, as in the source.

    Args:
        step: size of a step.
        low, high: bounds of the weight.
        step_spread, low_spread, high_spread, asymmetry_spread: device-to-device spreads, relative.
        asymmetry: relative difference of up and down; positive: down is smaller, negative: up is smaller.
        log_normal: whether the gains are log-normal.
        noise: cycle-to-cycle standard deviation of each pulse, relative to the step.
        write_noise: standard deviation of the weight that is seen about the hidden one that is written, in steps, drawn
            anew at every write; None: the weight is seen as it is.
        stuck: probability that a cell does not change; it then stands anywhere within `stuck_range` of zero.
        stuck_range: largest magnitude of the weight of a stuck cell.
        lifetime: updates until a weight has decayed to 1/e towards `reset`; None: it does not.
        lifetime_spread: device-to-device spread, relative.
        reset, reset_spread: mean and standard deviation over the cells of the weight towards which they decay, and to
            which a reset sets them.
        diffusion: standard deviation of the random walk of the weight, per update; None: there is none.

    Raises: ValueError for numbers out of their range.

    Source: the parametrisation is that of the pulsed devices of Rasch et al., "A flexible and fast PyTorch toolkit for
        simulating training and inference on analog crossbar arrays" (AICAS 2021).
    """

    step: Any = number(above=0.0, default=1e-3)
    low: Any = number(default=-1.0)
    high: Any = number(default=1.0)
    step_spread: Any = number(low=0.0, default=0.0)
    low_spread: Any = number(low=0.0, default=0.0)
    high_spread: Any = number(low=0.0, default=0.0)
    asymmetry: Any = number(low=-1.0, high=1.0, default=0.0)
    asymmetry_spread: Any = number(low=0.0, default=0.0)
    log_normal: bool = flag(default=False)
    noise: Any = number(low=0.0, default=0.0)
    write_noise: Any = number(low=0.0, optional=True, default=None)
    stuck: Any = number(low=0.0, high=1.0, optional=True, default=None)
    stuck_range: Any = number(low=0.0, default=0.1)
    lifetime: Any = number(low=1.0, optional=True, default=None)
    lifetime_spread: Any = number(low=0.0, default=0.0)
    reset: Any = number(default=0.0)
    reset_spread: Any = number(low=0.0, default=0.0)
    diffusion: Any = number(low=0.0, optional=True, default=None)

    def check_relations(self) -> None:
        _check.ordered("Population", low=self.low, high=self.high)

    def make(self, key: Array | None, shape: tuple[int, ...], dtype) -> Made:
        """The cells of an array: "up", "down", "low", "high", "reset"; where they decay "stay", the fraction kept.

        Without a key all cells are the nominal one.
        """
        z = spread(key, shape, dtype)
        gain = jnp.exp(self.step_spread * z("gain")) if self.log_normal else 1.0 + self.step_spread * z("gain")
        skew = self.asymmetry_spread * z("asymmetry")
        up = jnp.abs(self.step * (gain + jnp.minimum(self.asymmetry, 0.0) + skew))
        down = jnp.abs(self.step * (gain - jnp.maximum(self.asymmetry, 0.0) - skew))
        low = self.low * jnp.abs(1.0 + self.low_spread * z("low"))
        high = self.high * jnp.abs(1.0 + self.high_spread * z("high"))
        low, high = jnp.minimum(low, high), jnp.maximum(low, high)
        made = {"up": up, "down": down, "low": low, "high": high}
        if self.stuck is not None and key is not None:
            stuck = _random.uniform(fold_name(key, "stuck"), shape, dtype) < self.stuck
            at = self.stuck_range * (2.0 * _random.uniform(fold_name(key, "stuck at"), shape, dtype) - 1.0)
            frozen = {"up": jnp.zeros_like(at), "down": jnp.zeros_like(at), "low": at, "high": at}
            made = {name: jnp.where(stuck, frozen[name], value) for name, value in made.items()}
        if self.lifetime is not None:
            lifetime = jnp.maximum(self.lifetime * (1.0 + self.lifetime_spread * z("lifetime")), 1.0)
            made["stay"] = 1.0 - 1.0 / lifetime
        made["reset"] = self.reset + self.reset_spread * z("reset")
        return {name: jnp.broadcast_to(jnp.asarray(value, dtype), shape) for name, value in made.items()}

    @property
    def relaxes(self) -> bool:
        """Whether weights change between updates."""
        return self.lifetime is not None or self.diffusion is not None

    def relax(self, weight: Array, made: Made, key: Array) -> Array:
        """The weight after the time between two updates: decay, then diffusion."""
        if self.lifetime is not None:
            weight = made["reset"] + (weight - made["reset"]) * made["stay"]
        if self.diffusion is not None:
            weight = weight + self.diffusion * _random.normal(key, weight.shape, weight.dtype)
        return jnp.clip(weight, made["low"], made["high"])
