"""Write-verify: pulses of growing amplitude until the read-out meets the target."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax._field import Spec, choice, integer, parameter, part, ruled
from memjax._names import check_names, parameters
from memjax._random import fold_name
from memjax.circuit import Wires
from memjax.converters import replace_value
from memjax.devices import AbstractDevice, Numeric, check_conductance, describe, lognormal
from memjax.programming._cells import Programmed
from memjax.programming._matched import check_analog
from memjax.programming._passive import write_array
from memjax.programming._ramp import Ramp
from memjax.programming._single import write_cells

# Energy that a cell may take, in full transitions to and fro.
_BUDGET = 100.0
SCHEMES = ("1t1r", "v/2", "v/3")


def _check_spread(name: str, value: Any) -> None:
    _check.part(name, value, dict, example='{"v_on": 0.05}')
    for parameter_name, sigma in value.items():
        _check.real(f"{name}[{parameter_name!r}]", sigma, low=0.0)


def _check_fits(name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Raise unless there is one value for all cells of a shape or one for each, broadcast as in NumPy."""
    own = jnp.shape(value)
    if len(own) > len(shape) or any(
        size not in (1, cells) for size, cells in zip(own[::-1], shape[::-1], strict=False)
    ):
        raise ValueError(f"{name} must have a shape that broadcasts to that of the cells, {shape}, got shape {own}")


def _as_arrays(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: 1.0 * jnp.asarray(sigma) if _check.is_number(sigma) else sigma for name, sigma in value.items()}


class WriteVerify(Spec):
    """Closed-loop programming of cells of one device model.

    Read; stop if |G - G_target| <= tolerance (G_max - G_min); else apply one SET or RESET pulse, of an amplitude and
    duration that grow while the cell stays on the same side of the target and fall back to the start when it has
    crossed it (incremental step pulse programming with verify; reset of the ramp as in Wan et al., Nature 608, 504,
    2022). How much they grow or shrink follows from how far the last pulse moved the cell: the next is to move it by
    half the way left, and by no more than over what it speeds up; each crossing narrows the last steps. A cell that the
    strongest pulses of its ramp do not move, or whose pulses took `max_energy`, is given up before `max_pulses`.

    A state at a bound that no pulse leaves, where the window of the model vanishes, is taken to be beside it: by a
    thousandth of the range, or by what changes the conductance by a quarter of the tolerance, if that is less.

    `scheme`: "1t1r" pulses the selected cells alone, all at once. "v/2" and "v/3" write the last two axes [word line,
    bit line] of the target cell by cell in row-major order, and disturb the rest of the array at each pulse: cells
    sharing a line with the selected one see V/2 (others nothing), or V/3 (others -V/3). What earlier cells suffer
    from later writes is in the result, and counts as failure when it exceeds the tolerance.

    Raises: TypeError for what is no device; ValueError for numbers out of their range, for names that the device does
        not have, and for devices that pulses cannot write: binary ones, and those that no voltage moves.
    """

    device: AbstractDevice = part(AbstractDevice, example="memjax.devices.VTEAM.pt_hf_ti()")
    """The cell; parameters are scalars, or (with "1t1r") arrays of the shape of the targets."""
    set_ramp: Ramp = part(Ramp, example="Ramp.matched(device, 1)")
    """Pulses that raise the conductance; `Ramp.matched(device, +1, move=tolerance / 4)` if None is given."""
    reset_ramp: Ramp = part(Ramp, example="Ramp.matched(device, -1)")
    """Pulses that lower it; likewise."""
    spread: Mapping[str, Array] = ruled(_check_spread, converter=_as_arrays)
    """Device-to-device variation: standard deviation of the logarithm of named parameters of the device [1], such as
    {"v_on": 0.05}; parameters of parts are named by path, as in `window__p`. Every cell is drawn by the key of the
    write, or with the chip that it belongs to. Ramps, tolerance and range stay those of `device`: no controller knows
    a cell."""
    tolerance: Numeric = parameter(above=0.0)
    """Accepted error, as a fraction of the conductance range [1]."""
    write_noise: Numeric | None = parameter(low=0.0, optional=True)
    """Cycle-to-cycle noise: standard deviation of G per pulse as a fraction of the range [1]; None for none."""
    read_noise: Numeric | None = parameter(low=0.0, optional=True)
    """Standard deviation of a read, as a fraction of the conductance read [1]; None for none."""
    max_energy: Numeric = parameter(low=0.0, unit="J", infinite=True)
    """Energy of its pulses [J] after which a cell is given up and reported; if None is given, 100 times that of a full
    SET and a full RESET by the gentlest pulses of the ramps."""
    max_pulses: int = integer(1, 2**31 - 1, default=300)
    """Pulses after which a cell is given up and reported."""
    scheme: str = choice(*SCHEMES, default="1t1r")
    """Array: "1t1r", "v/2" or "v/3"."""

    def __init__(
        self,
        device: AbstractDevice,
        set_ramp: Ramp | None = None,
        reset_ramp: Ramp | None = None,
        tolerance: Numeric = 0.01,
        write_noise: Numeric | None = None,
        read_noise: Numeric | None = None,
        spread: Mapping[str, Numeric] | None = None,
        max_energy: Numeric | None = None,
        max_pulses: int = 300,
        scheme: str = "1t1r",
    ):
        _check.part("WriteVerify.device", device, AbstractDevice, example="memjax.devices.VTEAM.pt_hf_ti()")
        check_analog(device)
        check_tolerance = _check.scalar if set_ramp is None or reset_ramp is None else _check.real
        check_tolerance("WriteVerify.tolerance", tolerance, above=0.0)
        for name, ramp in (("set_ramp", set_ramp), ("reset_ramp", reset_ramp)):
            if ramp is not None:
                _check.part(f"WriteVerify.{name}", ramp, Ramp, optional=True)
        self.device = device
        self.set_ramp = Ramp.matched(device, 1, move=0.25 * tolerance) if set_ramp is None else set_ramp
        self.reset_ramp = Ramp.matched(device, -1, move=0.25 * tolerance) if reset_ramp is None else reset_ramp
        self.tolerance, self.write_noise, self.read_noise = tolerance, write_noise, read_noise
        self.spread = {} if spread is None else spread
        if max_energy is None:
            max_energy = _BUDGET * (self.set_ramp.transition + self.reset_ramp.transition)
        self.max_energy, self.max_pulses, self.scheme = max_energy, max_pulses, scheme

    def check_relations(self) -> None:
        check_names("WriteVerify.spread", self.device, self.spread)
        if self.scheme != "1t1r" and self.shape:
            raise ValueError(
                f"WriteVerify.device must have scalar parameters for scheme {self.scheme!r}, got arrays of shape "
                f"{self.shape}: give cells their own by spread="
            )

    def __repr__(self) -> str:
        return describe(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the cells that have parameters or ramps of their own; () where one serves all."""
        numbers = (self.device, self.tolerance, self.write_noise, self.read_noise, self.max_energy)
        return jnp.broadcast_shapes(
            *map(jnp.shape, jax.tree.leaves(numbers)), self.set_ramp.shape, self.reset_ramp.shape
        )

    def draw(self, key: Array, shape: tuple[int, ...]) -> dict[str, Array]:
        """The parameters named in `spread` for each of many cells: the nominal one times exp(sigma z), z normal."""
        _check.key("key", key)
        shape = _check.shape("shape", shape)
        for name, sigma in self.spread.items():
            _check_fits(f"WriteVerify.spread[{name!r}]", sigma, shape)
        nominal = parameters(self.device)
        return {
            name: lognormal(sigma)(fold_name(key, name), nominal[name], shape) for name, sigma in self.spread.items()
        }

    def program(
        self,
        target: Numeric,
        key: Array,
        state: Numeric | None = None,
        wires: Wires | None = None,
        cells: Mapping[str, Array] | None = None,
    ) -> Programmed:
        """Write `target` conductances [S] of any shape, from `state` (the HRS if None).

        Behind `wires` (None: ideal) the last two axes of the target are the array [word line, bit line], and each pulse
        meets the cells at the voltages that their network has at its beginning: with transistors a cell has the
        resistance of its own lines in series; "v/2" and "v/3" solve the whole array, with its sneak currents. Energy
        then includes the losses of the wires. Reads are of the cell alone.

        `cells` are the parameters of cells that `spread` makes differ, from `draw`; None draws them with `key`.

        Gradients pass straight through: the achieved conductance follows its target one to one, since the number of
        pulses is discrete. Raises ValueError for a concrete target outside the device's range.
        """
        target = _check.array("target", target)
        if target.size == 0:
            raise ValueError(f"target must hold at least one conductance, got shape {target.shape}")
        target = target if jnp.issubdtype(target.dtype, jnp.floating) else target.astype(float)
        _check_fits("parameters of WriteVerify", jnp.empty(self.shape), target.shape)
        check_conductance(self.device, target, "target")
        _check.key("key", key)
        if state is None:
            state = self.device.state_at(self.device.conductance_bounds[0])
        else:
            state = _check.array("state", state, low=0.0, high=1.0)
            _check_fits("state", state, target.shape)
        if (self.scheme != "1t1r" or wires is not None) and target.ndim < 2:
            what = f"scheme {self.scheme!r}" if self.scheme != "1t1r" else "wires"
            raise ValueError(f"WriteVerify: {what} needs targets [..., row, column], got {target.shape}")
        if wires is not None:
            _check.part("wires", wires, Wires, example="Wires(row=2.0, column=2.0)", optional=True)
            wires.check(*target.shape[-2:])
        if cells is None:
            cells = self.draw(fold_name(key, "cells"), target.shape) if self.spread else {}
        else:
            check_names("cells", self.device, cells)
            cells = {name: _check.array(f"cells[{name!r}]", value) for name, value in cells.items()}
            for name, value in cells.items():
                _check_fits(f"cells[{name!r}]", value, target.shape)
        state = jnp.broadcast_to(state, target.shape).astype(target.dtype)
        achieved = _program(*jax.lax.stop_gradient((self, target, key, state, cells, wires)))
        return achieved._replace(conductance=replace_value(target, achieved.conductance))


def write_verify(
    device: AbstractDevice, target: Numeric, key: Array, state: Numeric | None = None, **options: Any
) -> Programmed:
    """Write conductances [S] of any shape into cells of `device`: `WriteVerify(device, **options).program(...)`.

    Args:
        device: the cell.
        target: conductances [S].
        key: of the read and write noise.
        state: where the cells begin, in [0, 1]; the HRS if None.
        options: the other fields of `WriteVerify`, such as `tolerance`, `max_pulses`, `scheme`, `set_ramp`.

    Raises: ValueError for a concrete target outside the device's range; see `WriteVerify` and `Ramp.matched`.

    Example:
        ```python
        import jax
        import jax.numpy as jnp
        import memjax as mj

        device, targets = mj.devices.VTEAM.pt_hf_ti(), jnp.linspace(5e-4, 9e-3, 20)  # S
        done = mj.programming.write_verify(device, targets, jax.random.key(0), tolerance=0.01)
        print(done.pulses.mean(), done.energy.sum(), done.failed.sum())
        ```
    """
    return WriteVerify(device, **options).program(target, key, state)


@jax.jit
def _program(spec: WriteVerify, target, key, state, cells, wires) -> Programmed:
    write = write_cells if spec.scheme == "1t1r" else write_array
    return write(spec, target, key, state, cells, wires)
