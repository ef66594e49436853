"""Device-to-device variability: populations drawn from distributions over any parameter."""

import zlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from memjax._check import key as check_key
from memjax._check import ordered, real, shown
from memjax._check import shape as array_shape
from memjax._names import check_names, name_of
from memjax.devices._base import AbstractDevice, Numeric, check_device

Distribution = Callable[[Array, Array, tuple[int, ...]], Array]
"""(key, nominal value, shape) -> values of that shape."""


def normal(std: Numeric) -> Distribution:
    """Gaussian of standard deviation `std`, in the parameter's unit, about its nominal value.

    Truncated where the sign would change (redrawn, not folded), so that a resistance stays positive.
    """
    real("std", std, low=0.0)

    def draw(key, value, shape):
        edge = -jnp.abs(value) / jnp.where(std > 0, std, jnp.inf)
        return value + jnp.sign(value) * std * jax.random.truncated_normal(key, edge, jnp.inf, shape)

    return draw


def lognormal(sigma: Numeric) -> Distribution:
    """Nominal value times exp(sigma z), z standard normal: the nominal value is the median."""
    real("sigma", sigma, low=0.0)
    return lambda key, value, shape: value * jnp.exp(sigma * jax.random.normal(key, shape))


def uniform(low: Numeric, high: Numeric) -> Distribution:
    """Uniform between two values in the parameter's unit, whatever the nominal one."""
    real("low", low)
    real("high", high)
    ordered("uniform", low=low, high=high)
    return lambda key, value, shape: jax.random.uniform(key, shape, minval=low, maxval=high)


def population(
    device: AbstractDevice, key: Array, shape: int | tuple[int, ...], **distributions: Distribution
) -> AbstractDevice:
    """Many devices like `device`, with the named parameters drawn for each.

    The result is the same model with every parameter of the given shape: hand it to `simulate` or `apply_pulse` with
    states of that shape, or `jax.vmap` over it. Parameters of parts are named by path, as in `window__p`. Each
    parameter has its own key, so that adding one leaves the draws of the others as they were.

        cells = population(VTEAM.pt_hf_ti(), key, (1000,), r_on=lognormal(0.1), v_off=normal(0.02))

    Raises ValueError for a name the model does not have.

    Example:
        ```python
        import jax
        import jax.numpy as jnp
        import memjax as mj

        device = mj.devices.VTEAM.pt_hf_ti()
        cells = mj.devices.population(device, jax.random.key(0), (100,), v_on=mj.devices.lognormal(0.05))
        states = mj.apply_pulse(cells, jnp.ones(100), -0.6, 1e-10)
        ```
    """
    check_device("population", device)
    check_key("key", key)
    shape = array_shape("shape", shape)
    check_names("population", device, distributions)
    for name, distribution in distributions.items():
        if not callable(distribution):
            raise TypeError(f"{name} must be a distribution such as lognormal(0.1), got {shown(distribution)}")

    def spread(path, value):
        name = name_of(path)
        if name not in distributions:
            return jnp.broadcast_to(value, shape)
        return distributions[name](jax.random.fold_in(key, zlib.crc32(name.encode())), value, shape)

    return jax.tree_util.tree_map_with_path(spread, device)
