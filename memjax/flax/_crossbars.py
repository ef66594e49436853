"""Flax NNX: a module that runs another one on crossbars."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from memjax import _check
from memjax.crossbar import Hardware
from memjax.transform import Plan, crossbarify


class Conductance(nnx.Variable):
    """Conductances of the cells [S]: what a write changes.

    Its metadata "range" is (G_off, G_on) [S] of the cell, by which `memjax.training` knows what its steps are; None
    where the hardware was traced.
    """


class Periphery(nnx.Variable):
    """Everything else that belongs to a chip: cell ranges, scales, converter ranges."""


def _call(params: Any, graphdef: Any, rest: Any, *args: Any, **kwargs: Any) -> Any:
    model = nnx.merge(graphdef, params, rest)
    result = model(*args, **kwargs)
    return result, nnx.as_pure(nnx.state(model, nnx.Not(nnx.Param)))


def _periphery(chip: dict[str, Any]) -> Any:
    rest = {name: {k: v for k, v in entry.items() if k != "conductance"} for name, entry in chip.items()}
    return nnx.data(jax.tree.map(Periphery, rest))


def _range(hardware: Hardware) -> tuple[float, float] | None:
    low, high = (_check.concrete(g) for g in (hardware.cell.g_off, hardware.cell.g_on))
    if low is None or high is None or low.ndim or high.ndim:
        return None
    return float(low), float(high)


def _held(conductance: dict[str, Any], periphery: dict[str, Any]) -> dict[str, Any]:
    """Conductances with stuck cells where they are stuck, whatever an optimiser wrote."""
    if "low" not in periphery:
        return conductance
    low, high = periphery["low"], periphery["high"]
    return jax.tree.map(lambda g, low, high: jnp.where(low < high, g, low), conductance, low, high)


class Crossbars(nnx.Module):
    """An NNX model whose contractions with weights are read on a simulated chip.

    Calls go through the chip; everything else (batch-norm statistics, dropout keys, `train()` and `eval()`) works on
    the wrapped model as before. `nnx.state(module, Conductance)` is the chip, and
    `nnx.Optimizer(module, tx, wrt=Conductance)` trains it.

    Args:
        model: the model; its parameters on crossbars are programmed once, here.
        hardware: the specification of the crossbars.
        key: PRNG key of the chip.
        *example: sample arguments of the model (only their shapes matter).
        select: which crossbars to use, by name; None: all.
        **flags: keyword arguments of the call.
    """

    def __init__(
        self,
        model: nnx.Module,
        hardware: Hardware,
        key: Array,
        *example: Any,
        select: Callable[[str], bool] | None = None,
        **flags: Any,
    ):
        self.model = model
        self.analog = nnx.static(crossbarify(_call, hardware, select))
        chip = self.analog.program(*self._split(key), *example, **flags)
        variable = partial(Conductance, range=_range(hardware))
        self.conductance = nnx.data(
            {name: jax.tree.map(variable, entry["conductance"]) for name, entry in chip.items()}
        )
        self.periphery = _periphery(chip)

    def _split(self, *between: Any) -> tuple:
        graphdef, params, rest = nnx.split(self.model, nnx.Param, ...)
        return (nnx.as_pure(params), *between, graphdef, nnx.as_pure(rest))

    @property
    def chip(self) -> dict[str, Any]:
        """The chip as plain arrays, as in `memjax.Analog`."""
        conductance, periphery = nnx.as_pure((self.conductance, self.periphery))
        return {
            name: {"conductance": _held(conductance[name], periphery[name])} | periphery[name] for name in conductance
        }

    def plan(self, *example: Any, **flags: Any) -> Plan:
        """Every crossbar with its tiles, and every matrix that stays digital and why."""
        return self.analog.plan(*self._split(), *example, **flags)

    def calibrate(self, *sample: Any, percentile: float = 99.99, **flags: Any) -> None:
        """Set the converter ranges from sample data (see `memjax.Analog.calibrate`)."""
        chip = self.analog.calibrate(self.chip, *self._split(), *sample, percentile=percentile, **flags)
        self.periphery = _periphery(chip)

    def __call__(self, *args: Any, key: Array | None = None, **flags: Any) -> Any:
        """The model's result, read from the chip; `key` is that of the read noise, if there is any."""
        result, rest = self.analog.apply(self.chip, *self._split(), *args, key=key, **flags)
        nnx.update(self.model, rest)
        return result
