"""Write-verify: pulses of growing amplitude until the read-out meets the target."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from memjax._check import choice, not_negative, number, positive
from memjax._check import key as check_key
from memjax.circuit import Wires
from memjax.converters import replace_value
from memjax.devices import AbstractDevice, Numeric, check_conductance, describe, parameter
from memjax.programming._cells import Programmed
from memjax.programming._passive import write_array
from memjax.programming._ramp import Ramp
from memjax.programming._single import write_cells

SCHEMES = ("1t1r", "v/2", "v/3")


class WriteVerify(eqx.Module):
    """Closed-loop programming of cells of one device model.

    Read; stop if |G - G_target| <= tolerance (G_max - G_min); else apply one SET or RESET pulse, of an amplitude and
    duration that grow while the cell stays on the same side of the target and fall back to the start when it has
    crossed it (incremental step pulse programming with verify; reset of the ramp as in Wan et al., Nature 608, 504,
    2022). They stay or shrink where the last two reads foretell a move of more than half the way left, or of half the
    conductance: a cell that speeds up as it goes is not shot into a bound where its window may hold it. A cell that
    the strongest pulses of its ramp do not move is given up before `max_pulses`.

    `scheme`: "1t1r" pulses the selected cells alone, all at once. "v/2" and "v/3" write the last two axes [word line,
    bit line] of the target cell by cell in row-major order, and disturb the rest of the array at each pulse: cells
    sharing a line with the selected one see V/2 (others nothing), or V/3 (others -V/3). What earlier cells suffer
    from later writes is in the result, and counts as failure when it exceeds the tolerance.
    """

    device: AbstractDevice
    """The cell; parameters are scalars, or arrays of the shape of the targets."""
    set_ramp: Ramp
    """Pulses that raise the conductance; `Ramp.matched(device, +1, move=tolerance / 2)` if None is given."""
    reset_ramp: Ramp
    """Pulses that lower it; likewise."""
    tolerance: Numeric = parameter()
    """Accepted error, as a fraction of the conductance range [1]."""
    write_noise: Numeric | None = parameter()
    """Cycle-to-cycle noise: standard deviation of G per pulse as a fraction of the range [1]; None for none."""
    read_noise: Numeric | None = parameter()
    """Standard deviation of a read, as a fraction of the conductance read [1]; None for none."""
    max_pulses: int = eqx.field(static=True, default=300)
    """Pulses after which a cell is given up and reported."""
    scheme: str = eqx.field(static=True, default="1t1r")
    """Array: "1t1r", "v/2" or "v/3"."""

    def __init__(
        self,
        device: AbstractDevice,
        set_ramp: Ramp | None = None,
        reset_ramp: Ramp | None = None,
        tolerance: Numeric = 0.01,
        write_noise: Numeric | None = None,
        read_noise: Numeric | None = None,
        max_pulses: int = 300,
        scheme: str = "1t1r",
    ):
        if not isinstance(device, AbstractDevice):
            raise TypeError(f"WriteVerify.device must be a device of memjax.devices, got {device!r}")
        positive("WriteVerify", tolerance=tolerance)
        self.device = device
        self.set_ramp = Ramp.matched(device, 1, move=0.5 * tolerance) if set_ramp is None else set_ramp
        self.reset_ramp = Ramp.matched(device, -1, move=0.5 * tolerance) if reset_ramp is None else reset_ramp
        self.tolerance, self.write_noise, self.read_noise = tolerance, write_noise, read_noise
        self.max_pulses, self.scheme = max_pulses, scheme

    def __check_init__(self):
        for name in ("write_noise", "read_noise"):
            if getattr(self, name) is not None:
                not_negative("WriteVerify", **{name: getattr(self, name)})
        if self.max_pulses < 1:
            raise ValueError(f"WriteVerify.max_pulses must be at least 1, got {self.max_pulses}")
        choice("WriteVerify.scheme", self.scheme, SCHEMES)

    def __repr__(self) -> str:
        return describe(self)

    def program(
        self, target: Numeric, key: Array, state: Numeric | None = None, wires: Wires | None = None
    ) -> Programmed:
        """Write `target` conductances [S] of any shape, from `state` (the HRS if None).

        Behind `wires` (None: ideal) the last two axes of the target are the array [word line, bit line], and each pulse
        meets the cells at the voltages that their network has at its beginning: with transistors a cell has the
        resistance of its own lines in series; "v/2" and "v/3" solve the whole array, with its sneak currents. Energy
        then includes the losses of the wires. Reads are of the cell alone.

        Gradients pass straight through: the achieved conductance follows its target one to one, since the number of
        pulses is discrete. Raises ValueError for a concrete target outside the device's range.
        """
        check_conductance(self.device, target, "target")
        check_key("key", key)
        target = jnp.asarray(target)
        if state is None:
            state = self.device.state_at(self.device.conductance_bounds[0])
        else:
            number("state", state, 0.0, 1.0)
        if (self.scheme != "1t1r" or wires is not None) and target.ndim < 2:
            what = f"scheme {self.scheme!r}" if self.scheme != "1t1r" else "wires"
            raise ValueError(f"WriteVerify: {what} needs targets [..., row, column], got {target.shape}")
        if wires is not None:
            wires.check(*target.shape[-2:])
        state = jnp.broadcast_to(state, target.shape).astype(target.dtype)
        spec, wanted, start, lines = jax.lax.stop_gradient((self, target, state, wires))
        achieved = _program(spec, wanted, key, start, lines)
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
    """
    return WriteVerify(device, **options).program(target, key, state)


@jax.jit
def _program(spec: WriteVerify, target, key, state, wires) -> Programmed:
    write = write_cells if spec.scheme == "1t1r" else write_array
    return write(spec, target, key, state, wires)
