"""Flax NNX: a module that runs another one on crossbars."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from memjax import _check
from memjax.crossbar import Hardware, check_entry
from memjax.flax._call import Call, Method, Rewritten, context, put_back, run, state_matrices, take_apart
from memjax.transform import ByName, Plan, crossbarify


class Conductance(nnx.Variable):
    """Conductances of the cells [S]: what a write changes.

    Its metadata "range" is (G_off, G_on) [S] of the cell, by which `memjax.training` knows what its steps are; None
    where the hardware was traced.
    """


class Periphery(nnx.Variable):
    """Everything else that belongs to a chip: cell ranges, scales, converter ranges."""


class Crossbars(nnx.Module):
    """An NNX model whose contractions with weights are read on a simulated chip.

    A call goes through the chip; everything else (batch-norm statistics, dropout keys, caches, sown values, variables
    and attributes that the call makes, `train()` and `eval()`) works on the wrapped model as before, also under
    `nnx.jit`, `nnx.grad`, `nnx.vmap`, `nnx.scan`, `nnx.remat` and `nnx.capture`. `nnx.state(module, Conductance)` is
    the chip, and `nnx.Optimizer(module, tx, wrt=Conductance)` trains it.

    Weights are the variables of all kinds (`nnx.Param`, frozen, quantised or low-rank ones, plain arrays) but those
    that calls change: `nnx.BatchStat`, `nnx.Cache`, `nnx.Intermediate`, `nnx.RngState` with their children, and any
    variable other than an `nnx.Param` that a call is seen to rewrite, from then on. These are data, and products with
    them digital; `plan` lists the matrices among them. A parameter that a call rewrites is changed in the model, not on
    the chip, which keeps what was programmed until `reprogram`.

    Each method is compiled once for each set of shapes and flags, also outside of `jit`; a function given as `method`
    once for each function, so define it once.

    Args:
        model: the model; its weights on crossbars are programmed once, here.
        hardware: the specification of the crossbars; by layer, as in `memjax.crossbarify`.
        key: PRNG key of the chip.
        *example: sample arguments of the call (only their shapes matter).
        select: which crossbars to use, by name ("layers/0/kernel"); None: all.
        method: the call that has all crossbars: the name of a method, or a function (model, *args). None: `__call__`.
        **flags: keyword arguments of the call.

    Raises: as `memjax.crossbarify`; TypeError for a model of another kind (Linen needs no module); ValueError for a
        method that the model does not have.

    Example:
        ```python
        import jax
        import memjax as mj
        from flax import nnx

        x = jax.random.normal(jax.random.key(0), (5, 64))
        model = mj.flax.Crossbars(nnx.Linear(64, 10, rngs=nnx.Rngs(0)), mj.Hardware(), jax.random.key(1), x)
        y = model(x)
        print(nnx.state(model, mj.flax.Conductance))
        ```
    """

    def __init__(
        self,
        model: nnx.Module,
        hardware: ByName,
        key: Array,
        *example: Any,
        select: Callable[[str], bool] | None = None,
        method: Method = None,
        **flags: Any,
    ):
        if not isinstance(model, nnx.Module):
            raise TypeError(f"model must be an nnx.Module, got {_check.shown(model)}")
        self.model = model
        self.analog = nnx.static(crossbarify(run, hardware, select))
        self.rewritten: frozenset[str] = frozenset()
        program = lambda weights, call: self.analog.program(weights, key, call)
        self.use(self._with(program, example, flags, method))

    @property
    def chip(self) -> dict[str, Any]:
        """The chip as plain arrays, as in `memjax.Analog`."""
        return _joined(*nnx.as_pure((self.conductance, self.periphery)))

    def use(self, chip: dict[str, Any]) -> None:
        """Hold another chip from now on: one that was loaded, compensated, or made from measured conductances."""
        if not isinstance(chip, dict):
            raise TypeError(f"chip must be a dict of crossbars, as made by program, got {type(chip).__name__}")
        for name, entry in chip.items():
            check_entry(f"chip[{name!r}]", entry)
        self.conductance = nnx.data(
            {
                name: jax.tree.map(
                    partial(Conductance, range=_range(self.analog.hardware_of(name))), entry["conductance"]
                )
                for name, entry in chip.items()
            }
        )
        rest = {name: {k: v for k, v in entry.items() if k != "conductance"} for name, entry in chip.items()}
        self.periphery = nnx.data(jax.tree.map(Periphery, rest))

    def __call__(self, *args: Any, key: Array | None = None, method: Method = None, **flags: Any) -> Any:
        """The model's result, read from the chip.

        Args:
            *args, **flags: the arguments.
            key: PRNG key of the read noise, if there is any.
            method: what is called: the name of a method, or a function (model, *args). None: `__call__`. All methods
                read the same chip.

        Raises: ValueError for a method that needs a crossbar which the chip does not have.
        """

        def read(weights, call):
            return self.analog.apply(self.chip, weights, call, key=key)

        return self._with(read, args, flags, method, put_back)

    def plan(self, *example: Any, method: Method = None, **flags: Any) -> Plan:
        """Every crossbar with its tiles, and every matrix that stays digital and why."""
        plan = self._with(self.analog.plan, example, flags, method)
        return replace(plan, digital=plan.digital | state_matrices(self.model, self.rewritten))

    def calibrate(self, *sample: Any, percentile: float = 99.99, method: Method = None, **flags: Any) -> None:
        """Set the converter ranges from sample data (see `memjax.Analog.calibrate`)."""
        calibrate = partial(self.analog.calibrate, self.chip, percentile=percentile)
        self.use(self._with(calibrate, sample, flags, method))

    def reprogram(self, key: Array, *example: Any, method: Method = None, **flags: Any) -> None:
        """Write the model's weights of now into the chip (see `memjax.Analog.reprogram`)."""
        write = lambda weights, call: self.analog.reprogram(self.chip, weights, key, call)
        self.use(self._with(write, example, flags, method))

    def age(self, key: Array, **stress: Any) -> None:
        """Let time, cycles and reads pass: `age(key, seconds=1e4)` (see `memjax.Analog.age`)."""
        self.use(self.analog.age(self.chip, key, **stress))

    def weights(self) -> dict[str, Array]:
        """The weights that the cells stand for, by crossbar (see `memjax.Analog.weights`)."""
        return self.analog.weights(self.chip)

    def errors(self, *sample: Any, key: Array | None = None, method: Method = None, **flags: Any) -> dict[str, Array]:
        """Error of each crossbar against the digital product on this data (see `memjax.Analog.errors`)."""
        return self._with(partial(self.analog.errors, self.chip, key=key), sample, flags, method)

    def clipping(self, *sample: Any, method: Method = None, **flags: Any) -> dict[str, Array]:
        """Fraction of the ADC conversions of each crossbar that clip on this data."""
        return self._with(partial(self.analog.clipping, self.chip), sample, flags, method)

    def _with(
        self,
        what: Callable[[dict[str, Any], Call], Any],
        args: tuple,
        flags: dict[str, Any],
        method: Method,
        end: Callable[[Any, list[Any]], Any] = lambda result, variables: result,
    ) -> Any:
        """what(weights, call) of a call taken apart; `end` gets its result and the model's variables."""
        with context():
            weights, call, variables = take_apart(self.model, method, args, flags, self.rewritten)
            try:
                return end(what(weights, call), variables)
            except Rewritten as found:
                names = found.names
        self.rewritten |= names
        return self._with(what, args, flags, method, end)


def _range(hardware: Hardware | None) -> tuple[float, float] | None:
    if hardware is None:
        return None
    low, high = (_check.concrete(g) for g in (hardware.cell.g_off, hardware.cell.g_on))
    if low is None or high is None or low.ndim or high.ndim:
        return None
    return float(low), float(high)


@jax.jit
def _joined(conductance: dict[str, Any], periphery: dict[str, Any]) -> dict[str, Any]:
    """The chip, with stuck cells where they are stuck, whatever an optimiser wrote."""
    return {name: {"conductance": _held(conductance[name], periphery[name])} | periphery[name] for name in conductance}


def _held(conductance: dict[str, Array], periphery: dict[str, Any]) -> dict[str, Array]:
    if "low" not in periphery:
        return conductance
    low, high = periphery["low"], periphery["high"]
    return jax.tree.map(lambda g, low, high: jnp.where(low < high, g, low), conductance, low, high)
