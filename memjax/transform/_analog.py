"""`crossbarify`: the transformation of a function into one that runs on crossbars."""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check, crossbar
from memjax._random import fold_name
from memjax.crossbar import Hardware, Ready
from memjax.effects import Ageing, acting
from memjax.transform import _calibrate
from memjax.transform._fleet import ByName, Fleet, check_hardware, check_patterns, chosen, prepared
from memjax.transform._plan import Plan, make_plan
from memjax.transform._sites import Program, Sites, is_dynamic, parameter_paths

Chip = dict[str, Any]


class Analog:
    """A function (params, *args) whose contractions with weights are computed on simulated crossbars.

    Made by `crossbarify`. All methods are pure, and work under `jit`, `vmap` and `grad`; traces are cached by shape,
    and each method is compiled once for each of them.

    A chip belongs to the model, not to one call: a method that needs fewer crossbars than a chip has takes it as it is.
    """

    def __init__(self, fn: Callable, hardware: ByName, select: Callable[[str], bool] | None = None):
        check_hardware(hardware)
        self._sites = Sites(fn, select)  # checks both
        self.fn, self.hardware, self.select = fn, hardware, select
        self._sites.select = self._selected
        self._compiled: dict[Any, Callable] = {}

    def plan(self, params: Any, *args: Any, **kwargs: Any) -> Plan:
        """Every crossbar with its tiles, and every product that stays digital and why. `print` it.

        Args:
            params, *args, **kwargs: the arguments of the function, as arrays or `jax.ShapeDtypeStruct`.

        Raises: ValueError for a function without a product of parameters with data.
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
        return self._run(program_crossbars, program, self._fleet(program), program.split(leaves)[0], key)

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
        return jax.tree.unflatten(program.result, self._run(_applied, program, fleet, chip, leaves, key))

    def prepare(self, chip: Chip) -> dict[str, Ready]:
        """Everything of a read that does not depend on data, computed once; `apply` takes it in place of the chip.

        What is prepared is that of the chip as it is: prepare again what was aged, reprogrammed or calibrated.
        """
        _check_chip(chip)
        for name, entry in chip.items():
            crossbar.check_entry(f"chip[{name!r}]", entry)
        return self._run(_prepared, None, self._fleet_of(chip), chip)

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
        program, leaves, fleet, used = self._on(chip, params, args, kwargs, ready=False)
        if not any(any(_calibrate.calibrates(hardware)) for hardware in fleet.kinds):
            raise ValueError("calibrate needs a converter with range=None (and bits) in hardware, got none")
        share = jnp.asarray(percentile, float)
        return {**chip, **self._run(_calibrate.calibrate, program, fleet, used, leaves, share)}

    def clipping(self, chip: Chip, params: Any, *args: Any, **kwargs: Any) -> dict[str, Array]:
        """Fraction of the ADC conversions of each crossbar that clip, on the given data (without read noise)."""
        program, leaves, fleet, chip = self._on(chip, params, args, kwargs, ready=False)
        return self._run(_calibrate.clipping, program, fleet, chip, leaves)

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
        return self._run(_errors, program, fleet, chip, leaves, key)

    def weights(self, chip: Chip) -> dict[str, Array]:
        """The weights that the cells of a chip stand for, [*leading, K, N] by crossbar."""
        _check_chip(chip)
        return self._run(_weights, None, self._fleet_of(chip), chip)

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
        return {**chip, **self._run(_reprogrammed, program, fleet, used, program.split(leaves)[0], key)}

    def tune(self, chip: Chip, params: Any, key: Array, *args: Any, **kwargs: Any) -> Chip:
        """The chip with the output of every crossbar scaled to fit the digital one (see `memjax.tune`).

        Args:
            chip: from `program`, `calibrate` or `age`.
            params, *args, **kwargs: as in `program`.
            key: PRNG key of the random inputs and their reads.
        """
        _check.key("key", key)
        program, leaves, fleet, used = self._on(chip, params, args, kwargs, ready=False)
        return {**chip, **self._run(_tuned, program, fleet, used, program.split(leaves)[0], key)}

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

        What passes adds up over calls (see `memjax.age`). Where hardware differs from crossbar to crossbar, those
        without an effect that ages stay as they are.
        """
        _check.key("key", key)
        _check_chip(chip)
        fleet, stress = self._fleet_of(chip), dict(seconds=seconds, cycles=cycles, temperature=temperature, reads=reads)
        ages = {name: entry for name, entry in chip.items() if acting(fleet[name].effects, Ageing)} or chip
        one = lambda hardware: partial(crossbar.age, hardware, **stress)
        return {**chip, **_over_fleet(one, fleet, key, ages)}

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
        _check_chip(chip)
        if not isinstance(fresh, dict) or chip.keys() != fresh.keys():
            raise ValueError(f"fresh must hold the crossbars {list(chip)} of chip, got {list(fresh)}")
        one = lambda hardware: partial(crossbar.compensate, hardware, columns=columns)
        return _over_fleet(one, self._fleet_of(chip), key, chip, fresh)

    def hardware_of(self, name: str) -> Hardware | None:
        """The hardware of a crossbar of a chip; None: its product stays digital."""
        return chosen(self.hardware, name.partition("#")[0])

    def _selected(self, name: str) -> bool:
        return (self.select is None or self.select(name)) and chosen(self.hardware, name) is not None

    def _program(self, params: Any, args: tuple, kwargs: dict) -> tuple[Program, list[Any]]:
        program, leaves = self._sites.program(params, args, kwargs)
        matrices = (path for path, shape in program.shapes.items() if len(shape) >= 2)
        check_patterns(self.hardware, [*program.record.candidates, *matrices])
        return program, leaves

    def _fleet(self, program: Program) -> Fleet:
        return Fleet.of(self.hardware, {name: found.base for name, found in program.crossbars.items()})

    def _fleet_of(self, chip: Chip) -> Fleet:
        return Fleet.of(self.hardware, {name: name.partition("#")[0] for name in chip})

    def _on(self, chip: Chip, params: Any, args: tuple, kwargs: dict, ready: bool = True):
        """(program, leaves, fleet, the part of the chip that it uses), checked."""
        program, leaves = self._program(params, args, kwargs)
        fleet = self._fleet(program)
        return program, leaves, fleet, _part_of(chip, program, fleet, ready)

    def _run(self, what: Callable, program: Program | None, *args: Any) -> Any:
        """what(program, *args), compiled once for each program."""
        run = self._compiled.get((what, program))
        if run is None:
            run = self._compiled[what, program] = jax.jit(partial(what, program))
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

    Returns: an `Analog` with `plan`, `program`, `apply`, `prepare`, `calibrate`, `clipping`, `errors`, `weights`,
        `reprogram`, `tune`, `age` and `compensate`.

    Raises: TypeError for arguments of the wrong kind; ValueError, when first traced, for a `select` or a pattern that
        matches nothing.

    Warns: UserWarning, once for each matrix that is multiplied with data digitally although it was not deselected.
    """
    return Analog(fn, hardware, select)


def program_crossbars(program: Program, fleet: Fleet, own: list[Array], key: Array) -> Chip:
    """The chip for the parameters `own`."""
    return _over_fleet(lambda hardware: partial(crossbar.program, hardware), fleet, key, program.matrices(own))


def _reprogrammed(program: Program, fleet: Fleet, chip: Chip, own: list[Array], key: Array) -> Chip:
    def one(hardware):
        return lambda matrix, entry, key: crossbar.reprogram(hardware, entry, matrix, key)

    return _over_fleet(one, fleet, key, program.matrices(own), chip)


def _tuned(program: Program, fleet: Fleet, chip: Chip, own: list[Array], key: Array) -> Chip:
    def one(hardware):
        return lambda matrix, entry, key: crossbar.tune(hardware, entry, matrix, key)

    return _over_fleet(one, fleet, key, program.matrices(own), chip)


def _prepared(_: None, fleet: Fleet, chip: Chip) -> dict[str, Ready]:
    return {name: prepared(fleet[name], entry) for name, entry in chip.items()}


def _applied(program: Program, fleet: Fleet, chip: Chip, leaves: list[Array], key: Array | None) -> list[Array]:
    def read(site, entry, x, key):
        return crossbar.read(fleet[site.crossbar], site.contraction, entry, x, key)

    def weights(name, entry):
        return crossbar.weights_of(fleet[name], entry, program.crossbars[name].contraction.shape[0])

    return program.run(leaves, _prepared(None, fleet, chip), key, read, weights)[0]


def _errors(program: Program, fleet: Fleet, chip: Chip, leaves: list[Array], key: Array | None) -> dict[str, Array]:
    return _calibrate.errors(program, fleet, _prepared(None, fleet, chip), leaves, key)


def _weights(_: None, fleet: Fleet, chip: Chip) -> dict[str, Array]:
    return {name: crossbar.weights(fleet[name], entry) for name, entry in chip.items()}


def _over_fleet(one: Callable, fleet: Fleet, key: Array, first: dict[str, Any], *others: dict[str, Any]) -> Chip:
    """one(hardware)(*entries, key=) of every crossbar; each element of leading axes (loops, groups) has its own key."""

    def over(run, leading, entries, key):
        if not leading:
            return run(*entries, key=key)
        keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(leading[0]))
        return jax.vmap(partial(over, run, leading[1:]))(entries, keys)

    def leading(entry):
        return entry["scale"].shape[:-1] if isinstance(entry, dict) else entry.shape[:-2]

    return {
        name: over(one(fleet[name]), leading(entry), (entry, *(chip[name] for chip in others)), fold_name(key, name))
        for name, entry in first.items()
    }


def _part_of(chip: Chip, program: Program, fleet: Fleet, ready: bool) -> Chip:
    """The crossbars of a chip that a program uses.

    Raises: TypeError or ValueError where some are missing, or are those of another function or hardware.
    """
    if not isinstance(chip, dict) or not chip.keys() >= program.crossbars.keys():
        found = list(chip) if isinstance(chip, dict) else chip
        raise ValueError(f"chip must hold the crossbars {list(program.crossbars)} of this function, got {found}")
    for name, expected in program.crossbars.items():
        entry = chip[name]
        if isinstance(entry, Ready):
            if not ready:
                raise TypeError(f"chip[{name!r}] must be as made by program, got what `prepare` makes of it")
            shape, leading = (None, entry.gains[0].shape[-1]), entry.gains[0].shape[:-1]
        else:
            crossbar.check_entry(f"chip[{name!r}]", entry)
            shape, leading = (entry["drive"].shape[-1], entry["scale"].shape[-1]), entry["scale"].shape[:-1]
        if shape[0] not in (None, expected.contraction.shape[0]) or shape[1] != expected.contraction.shape[1]:
            raise ValueError(f"chip[{name!r}] must hold a matrix of shape {expected.contraction.shape}, got {shape}")
        if leading != expected.leading:
            raise ValueError(
                f"chip[{name!r}] must have the leading axes {expected.leading}, one for each loop and one for "
                f"groups, got {leading}: read many chips with jax.vmap"
            )
        if not isinstance(entry, Ready):
            crossbar.check_chip(fleet[name], entry)
    _check_twins(chip, program)
    return {name: chip[name] for name in program.crossbars}


def _check_twins(chip: Chip, program: Program) -> None:
    """Raise where a chip has several matrices of one parameter (a weight and its transpose), and not all are used.

    They are numbered in the order of a program, so that the same number can be another matrix in a part of it.
    """
    twins: dict[Any, list[str]] = {}
    for name, entry in chip.items():
        twins.setdefault((name.partition("#")[0], _shape(entry)), []).append(name)
    for (base, _), alike in twins.items():
        used = [name for name in alike if name in program.crossbars]
        if used and used != alike:
            raise ValueError(
                f"chip must have one matrix of {base!r} for this function, or the function use all of {alike}, got "
                f"{used}: which of them it needs cannot be told"
            )


def _shape(entry: Any) -> tuple[int, ...]:
    """[*leading, K, N] of what a chip holds of a crossbar; of a prepared one without K."""
    return entry.gains[0].shape if isinstance(entry, Ready) else (*entry["drive"].shape, entry["scale"].shape[-1])


def _check_chip(chip: Any) -> None:
    if not isinstance(chip, dict):
        raise TypeError(f"chip must be a dict of crossbars, as made by program, got {type(chip).__name__}")


def _check_weights(program: Program) -> None:
    if not (program.record.candidates or program.products or program.shapes):
        raise ValueError(
            f"params must hold the weights that fn multiplies with data, got no array; fn closes over "
            f"{len(program.record.constants)} matrices, which stay digital: pass them in params"
        )


def _check_finite(params: Any) -> None:
    for path, leaf in zip(parameter_paths(params), jax.tree.leaves(eqx.filter(params, is_dynamic)), strict=True):
        _check.finite("params", leaf, f" in {path}")
