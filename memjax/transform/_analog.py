"""`crossbarify`: the transformation of a function into one that runs on crossbars."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import Array
from jax.core import Tracer

from memjax import _check, crossbar
from memjax.crossbar import Hardware, Ready
from memjax.transform._calibrate import calibrated, clipping_rates
from memjax.transform._interpret import MISSING, Reader, apply, matrices
from memjax.transform._jaxpr import Body
from memjax.transform._plan import Plan, make_plan
from memjax.transform._trace import Analysis, Crossbar, Node, Site, Weight, analyse

Chip = dict[str, Any]


@dataclass(eq=False)
class Trace:
    """A function traced for one set of shapes, and what was found in it.

    Attributes:
        node: the analysed program; its inputs are the array leaves of the parameters, then of the other arguments.
        crossbars: every crossbar by name.
        digital: for every matrix parameter on no crossbar, why.
        partly: for every matrix parameter on a crossbar that also meets data elsewhere, how.
        parameters: number of inputs that are parameters.
        result: tree structure of the result.
    """

    node: Node
    crossbars: dict[str, Crossbar]
    digital: dict[str, tuple[tuple[int, ...], str]]
    partly: dict[str, str]
    parameters: int
    result: Any

    @cached_property
    def weights(self) -> Callable:
        """`matrices`, compiled once."""
        return jax.jit(self.matrices)

    @cached_property
    def applied(self) -> Callable:
        """`apply`, compiled once for each kind of hardware."""
        return jax.jit(self.apply)

    def matrices(self, leaves: list[Array]) -> dict[str, Array]:
        """The matrix of every crossbar, [*leading, K, N], from the parameters `leaves`."""
        data = [MISSING] * (len(self.node.body.jaxpr.invars) - self.parameters)
        found, _ = matrices(self.node, self.crossbars, [*leaves, *data])
        return {name: found[name] for name in self.crossbars}

    def program(self, hardware: Hardware, leaves: list[Array], key: Array) -> Chip:
        """The chip for the parameters `leaves`."""
        return crossbar.program_all(hardware, self.weights(leaves), key)

    def reprogram(self, hardware: Hardware, chip: Chip, leaves: list[Array], key: Array) -> Chip:
        """The chip with the parameters `leaves` written into it."""
        return crossbar.reprogram_all(hardware, chip, self.weights(leaves), key)

    def tune(self, hardware: Hardware, chip: Chip, leaves: list[Array], key: Array) -> Chip:
        """The chip with its outputs scaled to fit the parameters `leaves`."""
        return crossbar.tune_all(hardware, chip, self.weights(leaves), key)

    def apply(self, hardware: Hardware, chip: Chip, leaves: list[Array], key: Array | None) -> list[Array]:
        """Results for all arguments `leaves`, read from the chip."""

        def read(site: Site, entry: Ready, x: Array, key: Array | None):
            return crossbar.read(hardware, site.contraction, entry, x, key)

        return self.evaluate(hardware, chip, leaves, key, read)[0]

    def evaluate(self, hardware: Hardware, chip: Chip, leaves: list[Array], key: Array | None, read: Reader):
        """(results, what `read` watched by crossbar)."""
        ready = {name: self.ready(hardware, name, entry) for name, entry in chip.items()}
        return apply(self.node, self.crossbars, leaves, ready, key, read)

    def ready(self, hardware: Hardware, name: str, entry: Chip) -> Ready:
        """A crossbar's entry prepared for reading, over the axes of its loops and of its stack."""
        prepare = partial(crossbar.prepare, hardware)
        for _ in self.crossbars[name].leading:
            prepare = jax.vmap(prepare)
        return prepare(entry)


class Analog:
    """A function (params, *args) whose contractions with weights are computed on simulated crossbars.

    Made by `crossbarify`. All methods are pure, and work under `jit`, `vmap` and `grad`; traces are cached by shape.
    """

    def __init__(self, fn: Callable, hardware: Hardware, select: Callable[[str], bool] | None = None):
        if not callable(fn):
            raise TypeError(f"fn must be a function of (params, *args), got {fn!r}")
        if not isinstance(hardware, Hardware):
            raise TypeError(f"hardware must be a Hardware, got {hardware!r}")
        if select is not None and not callable(select):
            raise TypeError(f"select must be a function of a crossbar's name, or None, got {select!r}")
        self.fn, self.hardware, self.select = fn, hardware, select
        self._traces: dict[Any, Trace] = {}

    def plan(self, params: Any, *args: Any, **kwargs: Any) -> Plan:
        """Every crossbar with its tiles, and every matrix that stays digital and why. `print` it.

        Args:
            params, *args, **kwargs: the arguments of the function, as arrays or `jax.ShapeDtypeStruct`.
        """
        trace, _ = self.trace(params, args, kwargs)
        return make_plan(self.hardware, trace.crossbars, trace.digital, trace.partly)

    def program(self, params: Any, key: Array, *args: Any, **kwargs: Any) -> Chip:
        """Program the weights of `params` into a new chip.

        Args:
            params: the parameters of the function.
            key: PRNG key of the chip.
            *args, **kwargs: the other arguments of the function, as arrays or `jax.ShapeDtypeStruct`; only their shapes
                matter.

        Returns: {crossbar name: arrays as described in `memjax.program`}, with a leading axis for every scan whose
            steps have weights of their own, and one for groups.

        Raises: ValueError for NaN or infinite weights, naming the parameter.
        """
        _check_key(key)
        trace, leaves = self.trace(params, args, kwargs)
        _check_finite(params)
        return trace.program(self.hardware, leaves[: trace.parameters], key)

    def apply(self, chip: Chip, params: Any, *args: Any, key: Array | None = None, **kwargs: Any) -> Any:
        """The function's result, with its crossbars read from `chip`.

        Args:
            chip: from `program`, `calibrate` or `age`.
            params: the parameters; those that live on the chip are not used.
            *args, **kwargs: the other arguments of the function.
            key: PRNG key of this read, needed where `Hardware.effects` has read noise or `Hardware.adc` noise.
        """
        trace, leaves = self.trace(params, args, kwargs)
        self._check(trace, chip)
        crossbar.check_key(self.hardware, key)
        results = trace.applied(self.hardware, chip, leaves, key)
        return jax.tree.unflatten(trace.result, results)

    def calibrate(self, chip: Chip, params: Any, *args: Any, percentile: float = 99.99, **kwargs: Any) -> Chip:
        """The chip with converter ranges set from sample data.

        With ideal converters, the range of every DAC whose range is None becomes the given percentile of the magnitude
        of its inputs, and that of every such ADC the same percentile of the magnitude of its currents [A], over all
        samples, tiles and columns of the crossbar (to within 0.3 %; 100 is the exact maximum). They are stored in the
        chip as "dac_range" and "adc_range".

        Args:
            chip, params, *args, **kwargs: as in `apply`, with sample data.
            percentile: in (0, 100].

        Raises: ValueError where the hardware has no range to calibrate.
        """
        _check.number("percentile", percentile, 0.0, 100.0, open_low=True)
        trace, leaves = self.trace(params, args, kwargs)
        self._check(trace, chip)
        return calibrated(trace, self.hardware, chip, leaves, percentile)

    def clipping(self, chip: Chip, params: Any, *args: Any, **kwargs: Any) -> dict[str, Array]:
        """Fraction of the ADC conversions of each crossbar that clip, on the given data (without read noise)."""
        trace, leaves = self.trace(params, args, kwargs)
        self._check(trace, chip)
        return clipping_rates(trace, self.hardware, chip, leaves)

    def reprogram(self, chip: Chip, params: Any, key: Array, *args: Any, **kwargs: Any) -> Chip:
        """The chip with the weights of `params` written into it; ranges, faults and wear of its cells stay.

        Args:
            chip: from `program` or `age`.
            params, *args, **kwargs: as in `program`.
            key: PRNG key of the write.

        Raises: ValueError for a chip of another function and for weights that are not finite.
        """
        _check_key(key)
        trace, leaves = self.trace(params, args, kwargs)
        self._check(trace, chip)
        _check_finite(params)
        return trace.reprogram(self.hardware, chip, leaves[: trace.parameters], key)

    def tune(self, chip: Chip, params: Any, key: Array, *args: Any, **kwargs: Any) -> Chip:
        """The chip with the output of every crossbar scaled to fit the digital one (see `memjax.tune`).

        Args:
            chip: from `program`, `calibrate` or `age`.
            params, *args, **kwargs: as in `program`.
            key: PRNG key of the random inputs and their reads.
        """
        _check_key(key)
        trace, leaves = self.trace(params, args, kwargs)
        self._check(trace, chip)
        return trace.tune(self.hardware, chip, leaves[: trace.parameters], key)

    def age(
        self,
        chip: Chip,
        key: Array,
        *,
        seconds: Any = 0.0,
        cycles: Any = 0,
        temperature: Any = 300.0,
        reads: Any = 0,
    ) -> Chip:
        """The chip after `seconds` [s] at `temperature` [K], `cycles` write cycles and `reads` reads of every cell.

        What passes adds up over calls (see `memjax.age`).
        """
        _check_key(key)
        return crossbar.age_all(self.hardware, chip, key, seconds, cycles, temperature, reads)

    def compensate(self, chip: Chip, fresh: Chip, key: Array, *, columns: bool = False) -> Chip:
        """The aged chip with the output of every crossbar scaled as the fresh one's: drift compensation.

        Args:
            chip: from `age`.
            fresh: the chip that it was.
            key: PRNG key of the random inputs and their reads.
            columns: whether every column has a factor of its own (True), or every crossbar one.

        Raises: ValueError for chips of different functions (see also `memjax.compensate`).
        """
        _check_key(key)
        if chip.keys() != fresh.keys():
            raise ValueError(f"fresh must hold the crossbars {list(chip)} of chip, got {list(fresh)}")
        return crossbar.compensate_all(self.hardware, chip, fresh, key, columns)

    def _check(self, trace: Trace, chip: Chip) -> None:
        if not isinstance(chip, dict) or chip.keys() != trace.crossbars.keys():
            names = list(chip) if isinstance(chip, dict) else chip
            raise ValueError(f"chip must hold the crossbars {list(trace.crossbars)} of this function, got {names}")
        for name, entry in chip.items():
            crossbar.check_entry(f"chip[{name!r}]", entry)
            expected = trace.crossbars[name]
            matrix, leading = (entry["drive"].shape[-1], entry["scale"].shape[-1]), entry["scale"].shape[:-1]
            if matrix != expected.contraction.shape:
                raise ValueError(
                    f"chip[{name!r}] must hold a matrix of shape {expected.contraction.shape}, got {matrix}"
                )
            if leading != expected.leading:
                raise ValueError(
                    f"chip[{name!r}] must have the leading axes {expected.leading}, one for each loop and one for "
                    f"groups, got {leading}: read many chips with jax.vmap"
                )
            crossbar.check_chip(self.hardware, entry)

    def trace(self, params: Any, args: tuple, kwargs: dict) -> tuple[Trace, list[Any]]:
        """The function traced for these arguments, and their array leaves in the order of its inputs."""
        dynamic, static = eqx.partition((params, args, kwargs), is_dynamic)
        leaves, treedef = jax.tree.flatten(dynamic)
        avals = tuple(map(_abstract, leaves))
        key = (treedef, static, tuple((a.shape, a.dtype, a.weak_type) for a in avals))
        try:
            known = self._traces.get(key := _hashable(key))
        except TypeError:  # an argument that cannot be hashed: traced anew each time
            known, key = None, None
        if known is None:
            known = self._make_trace(params, static, treedef, avals)
            holds_tracer = any(isinstance(const, Tracer) for const in known.node.body.consts)
            if key is not None and not holds_tracer:
                self._traces[key] = known
        return known, leaves

    def _make_trace(self, params: Any, static: Any, treedef: Any, avals: tuple) -> Trace:
        def flat(*leaves):
            params, args, kwargs = eqx.combine(jax.tree.unflatten(treedef, leaves), static)
            return self.fn(params, *args, **kwargs)

        closed, result = jax.make_jaxpr(flat, return_shape=True)(*avals)
        paths = parameter_paths(params)
        ranks = {path: len(aval.shape) for path, aval in zip(paths, avals[: len(paths)], strict=True)}
        analysis = Analysis(self.select, ranks)
        weights: list[Weight | None] = [Weight(analysis.number(("parameter", p)), (p,), ()) for p in paths]
        data = [None] * (len(avals) - len(paths))
        node, _ = analyse(analysis, Body(closed.jaxpr, closed.consts), [*weights, *data])
        if self.select is not None and analysis.candidates and not analysis.crossbars:
            raise ValueError(f"select must choose at least one of the crossbars {analysis.candidates}, got none")
        reached = {path for found in analysis.crossbars.values() for path in found.paths}
        digital = {
            path: (aval.shape, "; ".join(analysis.digital.get(path, ["meets no data"])))
            for path, aval in zip(paths, avals, strict=False)
            if len(aval.shape) >= 2 and path not in reached
        }
        partly = {
            path: "; ".join(analysis.digital[path])
            for path in paths
            if ranks[path] >= 2 and path in reached and path in analysis.digital
        }
        return Trace(node, analysis.crossbars, digital, partly, len(paths), jax.tree.structure(result))


def crossbarify(fn: Callable, hardware: Hardware, select: Callable[[str], bool] | None = None) -> Analog:
    """Transform a function so that its contractions with weights are computed on simulated crossbars.

    Every `dot_general` and `conv_general_dilated` of data with a value computed from `params` and constants alone is
    read on a crossbar programmed with that value; everything else stays as it is.

    Args:
        fn: a pure function of (params, *args, **kwargs): Flax Linen's `model.apply`, an NNX or Equinox model called
            from its state, or plain JAX.
        hardware: the specification of the crossbars.
        select: which crossbars to use, by name ("params/Dense_0/kernel"); None: all.

    Returns: an `Analog` with `plan`, `program`, `apply`, `calibrate`, `clipping` and `age`.

    Raises: TypeError for arguments of the wrong kind; ValueError, when first traced, for a `select` that matches
        nothing.
    """
    return Analog(fn, hardware, select)


def is_dynamic(leaf: Any) -> bool:
    """Whether a leaf of the arguments is traced (numbers and arrays) rather than fixed (flags, names, functions)."""
    number = isinstance(leaf, int | float | complex) and not isinstance(leaf, bool)
    return number or isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct)


def _abstract(leaf: Any) -> jax.ShapeDtypeStruct:
    """Shape and type of an array, a number, or a `ShapeDtypeStruct`."""
    aval = leaf if isinstance(leaf, jax.ShapeDtypeStruct) else jax.typeof(leaf)
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)


def _hashable(key: tuple) -> tuple:
    treedef, static, avals = key
    leaves, structure = jax.tree.flatten(static)
    key = (treedef, structure, tuple((type(leaf), leaf) for leaf in leaves), avals)
    hash(key)
    return key


def parameter_paths(params: Any) -> list[str]:
    """Name of every array leaf of the parameters, in order: "params/Dense_0/kernel"."""
    leaves = jax.tree_util.tree_flatten_with_path(eqx.filter(params, is_dynamic))[0]
    return [jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/value") for path, _ in leaves]


def _check_key(key: Any) -> None:
    if not isinstance(key, jax.Array):
        raise TypeError(f"key must be a PRNG key, got {key!r}")


def _check_finite(params: Any) -> None:
    for path, leaf in zip(parameter_paths(params), jax.tree.leaves(eqx.filter(params, is_dynamic)), strict=True):
        values = _check.concrete(leaf)
        if values is not None and not np.isfinite(values).all():
            raise ValueError(
                f"params must be finite, got {(~np.isfinite(values)).sum()} NaN or infinite values in {path}"
            )
