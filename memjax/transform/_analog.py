"""`crossbarify`: the transformation of a function into one that runs on crossbars."""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check, crossbar
from memjax.crossbar import Hardware, Ready
from memjax.effects import Ageing, acting
from memjax.transform import _calibrate, _chips
from memjax.transform._calibrate import ConverterUse, InputUse
from memjax.transform._fleet import ByName, Fleet, check_hardware, check_patterns, check_some, chosen
from memjax.transform._plan import Plan, make_plan
from memjax.transform._sites import Program, Sites, check_select, check_selected, is_dynamic, parameter_paths

Chip = _chips.Chip


class Analog:
    """A function (params, *args) whose contractions with weights are computed on simulated crossbars.

    Made by `crossbarify`. All methods are pure, and work under `jit`, `vmap` and `grad`; traces are cached by shape,
    and each method is compiled once for each of them.

    A chip belongs to the model, not to one call: a method that needs fewer crossbars than a chip has takes it as it is.
    """

    def __init__(self, fn: Callable, hardware: ByName, select: Callable[[str], bool] | None = None):
        check_hardware(hardware)
        check_select(select)
        self.fn, self.hardware, self.select = fn, hardware, select
        self._sites = Sites(fn, self._selected)
        self._compiled: dict[Any, Callable] = {}

    def plan(self, params: Any, *args: Any, **kwargs: Any) -> Plan:
        """Every crossbar with its tiles, and every product that stays digital and why. `print` it.

        Args:
            params, *args, **kwargs: the arguments of the function, as arrays or `jax.ShapeDtypeStruct`.

        Raises: ValueError for a function without a product of parameters with data.

        Example:
            ```python
            import jax
            import jax.numpy as jnp
            import memjax as mj

            params = {"w": jax.ShapeDtypeStruct((512, 100), jnp.float32)}  # shapes are enough
            x = jax.ShapeDtypeStruct((1, 512), jnp.float32)
            print(mj.crossbarify(lambda params, x: x @ params["w"], mj.Hardware()).plan(params, x))
            ```
        """
        program, _ = self._program(params, args, kwargs)
        _check_weights(program)
        return make_plan(program, self._fleet(program))

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
        _check.key("key", key)
        program, leaves = self._program(params, args, kwargs)
        _check_weights(program)
        _check_finite(params)
        fleet = self._fleet(program)
        weights = self._run(_chips.matrices, program, fleet, program.split(leaves)[0])
        return _chips.program_chip(program, fleet, weights, key)

    def apply(self, chip: Chip, params: Any, *args: Any, key: Array | None = None, **kwargs: Any) -> Any:
        """The function's result, with its crossbars read from `chip`.

        Args:
            chip: from `program`, `calibrate` or `age`, or prepared by `prepare`; crossbars that the function does not
                use are ignored.
            params: the parameters; those that live on the chip are not used.
            *args, **kwargs: the other arguments of the function.
            key: PRNG key of this read, needed where `Hardware.effects` has read noise or `Hardware.adc` noise.
        """
        program, leaves, fleet, chip = self._on(chip, params, args, kwargs)
        for hardware in fleet.kinds:
            crossbar.check_key(hardware, key)
        return jax.tree.unflatten(program.result, self._run(_chips.apply, program, fleet, chip, leaves, key))

    def prepare(self, chip: Chip) -> dict[str, Ready]:
        """Everything of a read that does not depend on data, computed once; `apply` takes it in place of the chip.

        What is prepared is that of the chip as it is: prepare again what was aged, reprogrammed or calibrated.
        """
        _chips.check_dict(chip)
        for name, entry in chip.items():
            crossbar.check_entry(f"chip[{name!r}]", entry)
        return self._run(_chips.prepare, None, self._fleet_of(chip), chip)

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

        Example:
            ```python
            import jax
            import memjax as mj

            params = {"w": jax.random.normal(jax.random.key(0), (64, 10))}
            x = jax.random.normal(jax.random.key(1), (100, 64))
            analog = mj.crossbarify(lambda params, x: x @ params["w"], mj.Hardware(adc=mj.Adc(bits=6)))
            chip = analog.calibrate(analog.program(params, jax.random.key(2), x), params, x)
            print(analog.clipping(chip, params, x))
            ```
        """
        share = jnp.asarray(_check.scalar("percentile", percentile, above=0.0, high=100.0), float)
        program, leaves, fleet, used = self._on(chip, params, args, kwargs, ready=False)
        if not any(any(_calibrate.calibrates(hardware)) for hardware in fleet.kinds):
            raise ValueError("calibrate needs a converter with range=None (and bits) in hardware, got none")
        return _chips.with_part(chip, program, self._run(_calibrate.calibrate, program, fleet, used, leaves, share))

    def clipping(self, chip: Chip, params: Any, *args: Any, **kwargs: Any) -> dict[str, Array]:
        """Fraction of the ADC conversions of each crossbar that clip, on the given data (without read noise)."""
        program, leaves, fleet, chip = self._on(chip, params, args, kwargs, ready=False)
        return self._run(_calibrate.clipping, program, fleet, chip, leaves)

    def converters(self, chip: Chip, params: Any, *args: Any, **kwargs: Any) -> dict[str, ConverterUse]:
        """How much of their range the ADCs of every tile use, and how often they clip, on the given data.

        Crossbars with ideal converters are left out; those of a convolution's groups have an axis of groups in front.
        """
        program, leaves, fleet, chip = self._on(chip, params, args, kwargs, ready=False)
        return self._run(_calibrate.converter_use, program, fleet, chip, leaves)

    def inputs(self, chip: Chip, params: Any, *args: Any, **kwargs: Any) -> dict[str, InputUse]:
        """How the inputs of every crossbar fill the range of its DACs, on the given data (without read noise).

        With it a range can be set to so many standard deviations, `entry | {"dac_range": 3.0 * use.deviation}`, and
        learnt (`memjax.training.recipes.input_ranges`).
        """
        program, leaves, fleet, chip = self._on(chip, params, args, kwargs)
        return self._run(_calibrate.inputs, program, fleet, chip, leaves)

    def errors(self, chip: Chip, params: Any, *args: Any, key: Array | None = None, **kwargs: Any) -> dict[str, Array]:
        """Error of each crossbar against the digital product, on the data that reaches it in this call.

            sqrt(sum (y - W x)^2 / sum (W x)^2)

        Args:
            chip, params, *args, key, **kwargs: as in `apply`.

        Returns: {crossbar name: error [*loops]}.
        """
        program, leaves, fleet, chip = self._on(chip, params, args, kwargs)
        for hardware in fleet.kinds:
            crossbar.check_key(hardware, key)
        return self._run(_calibrate.errors, program, fleet, chip, leaves, key)

    def power(self, chip: Chip, params: Any, *args: Any, **kwargs: Any) -> dict[str, Array]:
        """Electrical power that the cells of each crossbar take in this call, summed over all input planes [W].

        Times the duration of a plane it is an energy: V^2 G T added up over the actual inputs and conductances, with
        those of padding cells and reference columns (see `memjax.crossbar.power`). Wires take nothing, and noise is not
        counted. Of data of which only shapes are given (`jax.ShapeDtypeStruct`) it is what is expected of inputs spread
        evenly over the range of the DAC.

        Args:
            chip, params, *args, **kwargs: as in `apply`; a chip that is not prepared.

        Returns: {crossbar name: power}.
        """
        program, leaves, fleet, chip = self._on(chip, params, args, kwargs, ready=False)
        if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in program.split(leaves)[1]):
            return self._run(_calibrate.mean_power, program, fleet, chip)
        return self._run(_calibrate.power, program, fleet, chip, leaves)

    def weights(self, chip: Chip) -> dict[str, Array]:
        """The weights that the cells of a chip stand for, [*leading, K, N] by crossbar (see `memjax.crossbar.weights`).

        Groups of a convolution share tiles: theirs are as they lie there.
        """
        _chips.check_dict(chip)
        return self._run(_chips.weights, None, self._fleet_of(chip), chip)

    def reprogram(self, chip: Chip, params: Any, key: Array, *args: Any, **kwargs: Any) -> Chip:
        """The chip with the weights of `params` written into it; ranges, faults and wear of its cells stay.

        Args:
            chip: from `program` or `age`.
            params, *args, **kwargs: as in `program`.
            key: PRNG key of the write.

        Raises: ValueError for a chip of another function and for weights that are not finite.
        """
        _check.key("key", key)
        program, leaves, fleet, used = self._on(chip, params, args, kwargs, ready=False)
        _check_finite(params)
        weights = self._run(_chips.matrices, program, fleet, program.split(leaves)[0])
        return _chips.with_part(chip, program, _chips.reprogram_chip(program, fleet, used, weights, key))

    def tune(self, chip: Chip, params: Any, key: Array, *args: Any, **kwargs: Any) -> Chip:
        """The chip with the output of every crossbar scaled to fit the digital one (see `memjax.tune`).

        Args:
            chip: from `program`, `calibrate` or `age`.
            params, *args, **kwargs: as in `program`.
            key: PRNG key of the random inputs and their reads.
        """
        _check.key("key", key)
        program, leaves, fleet, used = self._on(chip, params, args, kwargs, ready=False)
        weights = self._run(_chips.matrices, program, fleet, program.split(leaves)[0])
        tune = lambda hardware, chip, weights: crossbar.tune_all(hardware, chip, weights, key)
        return _chips.with_part(chip, program, _chips.by_kind(fleet, tune, used, weights))

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

        What passes adds up over calls (see `memjax.age`). `cycles` may also be those of each cell, {crossbar: {array:
        numbers}}. Where hardware differs from crossbar to crossbar, those
        without an effect that ages stay as they are.
        """
        _check.key("key", key)
        _chips.check_dict(chip)
        fleet = self._fleet_of(chip)
        some = any(acting(hardware.effects, Ageing) for hardware in fleet.kinds)

        def one(hardware, chip):
            if some and not acting(hardware.effects, Ageing):
                return chip
            return crossbar.age_all(hardware, chip, key, seconds, cycles, temperature, reads)

        return _chips.by_kind(fleet, one, chip)

    def compensate(self, chip: Chip, fresh: Chip, key: Array, *, columns: bool = False) -> Chip:
        """The aged chip with the output of every crossbar scaled as the fresh one's: drift compensation.

        Args:
            chip: from `age`.
            fresh: the chip that it was.
            key: PRNG key of the random inputs and their reads.
            columns: whether every column has a factor of its own (True), or every crossbar one.

        Raises: ValueError for chips of different functions (see also `memjax.compensate`).
        """
        _check.key("key", key)
        _chips.check_dict(chip)
        _check.flag("columns", columns)
        if not isinstance(fresh, dict) or chip.keys() != fresh.keys():
            found = list(fresh) if isinstance(fresh, dict) else _check.shown(fresh)
            raise ValueError(f"fresh must hold the crossbars {list(chip)} of chip, got {found}")
        one = lambda hardware, chip, fresh: crossbar.compensate_all(hardware, chip, fresh, key, columns)
        return _chips.by_kind(self._fleet_of(chip), one, chip, fresh)

    def hardware_of(self, name: str) -> Hardware | None:
        """The hardware of a crossbar of a chip; None: its product stays digital."""
        return chosen(self.hardware, name.partition("#")[0])

    def _selected(self, name: str) -> bool:
        return (self.select is None or self.select(name)) and chosen(self.hardware, name) is not None

    def _program(self, params: Any, args: tuple, kwargs: dict) -> tuple[Program, list[Any]]:
        program, leaves = self._sites.program(params, args, kwargs)
        matrices = (path for path, shape in program.shapes.items() if len(shape) >= 2)
        check_patterns(self.hardware, [*program.record.candidates, *matrices])
        check_some(self.hardware, program.record.candidates)
        check_selected(program, self.select)
        return program, leaves

    def _fleet(self, program: Program) -> Fleet:
        return Fleet.of(self.hardware, {name: found.base for name, found in program.crossbars.items()})

    def _fleet_of(self, chip: Chip) -> Fleet:
        return Fleet.of(self.hardware, {name: name.partition("#")[0] for name in chip})

    def _on(self, chip: Chip, params: Any, args: tuple, kwargs: dict, ready: bool = True):
        """(program, leaves, fleet, the part of the chip that it uses), checked."""
        program, leaves = self._program(params, args, kwargs)
        fleet = self._fleet(program)
        return program, leaves, fleet, _chips.part_of(chip, program, fleet, ready)

    def _run(self, what: Callable, program: Program | None, *args: Any) -> Any:
        """what(program, *args), or what(*args) without one, compiled once for each program."""
        run = self._compiled.get((what, program))
        if run is None:
            run = self._compiled[what, program] = jax.jit(what if program is None else partial(what, program))
        return run(*args)


def crossbarify(fn: Callable, hardware: ByName, select: Callable[[str], bool] | None = None) -> Analog:
    """Transform a function so that its contractions with weights are computed on simulated crossbars.

    Every product of data with a value computed from `params` and constants alone (`dot_general`,
    `conv_general_dilated`, `ragged_dot`, a sparse matrix) is read on a crossbar programmed with that value, through
    calls, loops, branches, rematerialisation and custom derivatives; everything else stays as it is. Integers are
    rounded back to integers.

    Args:
        fn: a pure function of (params, *args, **kwargs): Flax Linen's `model.apply`, an NNX or Equinox model called
            from its state, or plain JAX. Arrays are traced, everything else among the arguments is fixed.
        hardware: the specification of the crossbars; or {pattern of names ("*/Conv_0/*"): Hardware or None}, of which
            the first match counts; or a function of a name that returns one. None, and no match: digital.
        select: which crossbars to use, by name ("params/Dense_0/kernel"); None: all.

    Returns: an `Analog` with `plan`, `program`, `apply`, `prepare`, `calibrate`, `clipping`, `inputs`, `converters`,
        `errors`, `weights`, `reprogram`, `tune`, `age` and `compensate`.

    Raises: TypeError for arguments of the wrong kind; ValueError, when first traced, for a `select` or a pattern that
        matches nothing.

    Warns: UserWarning, once for each matrix that is multiplied with data digitally although it was not deselected.

    Example:
        ```python
        import jax
        import memjax as mj

        params = {"w": jax.random.normal(jax.random.key(0), (64, 10))}
        x = jax.random.normal(jax.random.key(1), (5, 64))
        analog = mj.crossbarify(lambda params, x: jax.nn.softmax(x @ params["w"]), mj.Hardware(adc=mj.Adc(bits=6)))
        chip = analog.program(params, jax.random.key(2), x)
        y = analog.apply(chip, params, x)
        ```
    """
    return Analog(fn, hardware, select)


def _check_weights(program: Program) -> None:
    if not (program.record.candidates or program.products or program.shapes):
        raise ValueError(
            f"params must hold the weights that fn multiplies with data, got no array; fn closes over "
            f"{len(program.record.constants)} matrices, which stay digital: pass them in params"
        )


def _check_finite(params: Any) -> None:
    for path, leaf in zip(parameter_paths(params), jax.tree.leaves(eqx.filter(params, is_dynamic)), strict=True):
        if isinstance(leaf, jax.ShapeDtypeStruct):
            raise TypeError(f"params must be arrays, to be programmed, got the shape {leaf.shape} in {path}")
        _check.finite("params", leaf, f" in {path}")
