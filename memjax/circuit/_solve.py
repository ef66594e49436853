"""The full solution of arrays with resistive wires, for leading axes of any kind."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from memjax import _check
from memjax.circuit._control import Control, checked_control, warn
from memjax.circuit._network import Nodes, Sources, network
from memjax.circuit._newton import check_conduction, conducted, newton
from memjax.circuit._wires import Wires


class Solution(NamedTuple):
    """Voltages [V] and currents [A] of an array with m word and n bit lines; leading axes as broadcast.

    current: into the sense terminals [..., n] (both, with double_sense); source_current: out of the drivers [..., m];
    word_line_voltage, bit_line_voltage, cell_voltage (their difference) [..., m, n]; iterations of the solver;
    residual, relative; converged: whether the residual is within the tolerance.
    """

    current: Array
    source_current: Array
    word_line_voltage: Array
    bit_line_voltage: Array
    cell_voltage: Array
    iterations: Array
    residual: Array
    converged: Array


def solve(
    conductance: Any,
    voltage: Any,
    wires: Wires,
    *,
    sense_voltage: Any = 0.0,
    conduction: Any = None,
    tolerance: float | None = None,
    max_iterations: int = 500,
    iterations: int | None = None,
) -> Solution:
    """All voltages and currents of arrays whose word and bit lines have resistance.

        sum of the currents into each node = 0,  cell current = G (W - B)

    Differentiable in conductance, voltages and every wire resistance, in forward and reverse mode and to any order;
    jit and vmap over everything. Without wires the current is Ohm's law, voltage @ conductance, exactly.

    With `conduction` the method is Newton's, round solutions for ohmic cells: iterations and residual are Newton's
    then, the residual being the largest mismatch between the current of a cell and that of its tangent.

    Args:
        conductance: cells [..., m, n] [S]; 0 is an open cell.
        voltage: drivers [..., m] [V].
        wires: resistances [ohm].
        sense_voltage: sense terminals, [..., n] or a number [V].
        conduction: relation between conductance, voltage and current of the cells, as a pytree with the methods of
            `memjax.effects.Conduction`, in which the current increases with the voltage, without jumps (a
            `RatioConduction` jumps at 0 V: cells that the wires hold there keep it from converging); None: Ohm's law.
        tolerance: residual at which the iteration stops, relative and in the norm of dissipated power: 1e-6 (float32)
            or 1e-13 (float64) if None.
        max_iterations: where it stops at the latest.
        iterations: do exactly so many, without looking at the residual, as suits training (static).

    Returns: `Solution`.

    Raises: ValueError for shapes that do not match and, before compilation, for values out of their range.
    Warns: UserWarning where the iteration did not converge, outside jit; inside, look at `converged`.

    Source: ladder-preconditioned conjugate gradients; the arrays of badcrossbar (Joksas and Mehonic, SoftwareX 12,
    2020) are Wires(row=r, column=r).

    Example:
        ```python
        import jax.numpy as jnp
        import memjax as mj

        wires = mj.Wires(row=1.0, column=1.0)
        solution = mj.circuit.solve(jnp.full((8, 4), 1e-4), jnp.full(8, 0.2), wires)
        print(solution.current)  # A, below the ideal 8 * 0.2 * 1e-4
        ```
    """
    check_conduction(conduction)
    conductance, voltage, sense = _checked(conductance, voltage, wires, sense_voltage)
    control = checked_control(tolerance, max_iterations, iterations, conductance.dtype)
    solution = _solve(conductance, voltage, sense, wires, conduction, control)
    warn("solve", control, solution.iterations, solution.residual)
    return solution


def checked_array(conductance: Any, wires: Any, *others: Any) -> Array:
    """Conductances as an array of the dtype in which they are solved beside `others`; ValueError unless all is well."""
    _check.part("wires", wires, Wires, example="memjax.Wires(row=1.0)")
    conductance = _check.array("conductance", conductance, low=0.0, unit="S")
    conductance = conductance.astype(jnp.result_type(conductance, *others, jnp.float32))
    if conductance.ndim < 2 or 0 in conductance.shape:
        raise ValueError(f"conductance must have shape [..., word lines, bit lines], got {conductance.shape}")
    wires.check(*conductance.shape[-2:])
    return conductance


def _checked(conductance: Any, voltage: Any, wires: Any, sense: Any) -> tuple[Array, Array, Array | None]:
    """The arguments as arrays of one dtype, and None for sense terminals at 0 V."""
    voltage, sense = _check.array("voltage", voltage), _check.array("sense_voltage", sense)
    zero = _check.concrete(sense)
    grounded = zero is not None and not np.any(zero)
    conductance = checked_array(conductance, wires, voltage, sense)
    voltage, sense = (x.astype(conductance.dtype) for x in (voltage, sense))
    m, n = conductance.shape[-2:]
    if voltage.ndim < 1 or voltage.shape[-1] != m:
        raise ValueError(f"voltage must have shape [..., {m}] for conductance {conductance.shape}, got {voltage.shape}")
    if sense.ndim and sense.shape[-1] != n:
        raise ValueError(
            f"sense_voltage must be a number or [..., {n}] for conductance {conductance.shape}, got {sense.shape}"
        )
    try:
        np.broadcast_shapes(conductance.shape[:-2], voltage.shape[:-1], sense.shape[:-1])
    except ValueError:
        raise ValueError(
            f"leading axes must broadcast, got conductance {conductance.shape}, voltage {voltage.shape} and "
            f"sense_voltage {sense.shape}"
        ) from None
    return conductance, voltage, None if grounded else jnp.broadcast_to(sense, (*sense.shape[:-1], n))


@partial(jax.jit, static_argnames="control")
def _solve(
    conductance: Array, voltage: Array, sense: Array | None, wires: Wires, conduction: Any, control: Control
) -> Solution:
    m, n = conductance.shape[-2:]
    links = wires.links(m, n, conductance.dtype)

    def one(conductance, drive, sense=None):
        sources = Sources(drive, sense)
        if conduction is None:
            nodes = network(conductance, links, sources, control)
            through = conductance * (nodes.word - nodes.bit)
        else:
            parameters = conduction, conduction.conductances(conductance)
            nodes = newton(conducted, parameters, links, sources, control)
            through = conducted(parameters, nodes.word - nodes.bit)
        return solution_of(nodes, through, control)

    arrays = (conductance, voltage) if sense is None else (conductance, voltage, sense)
    axes = ("(m,n)", "(m)", "(n)")[: len(arrays)]
    return Solution(*jnp.vectorize(lambda *x: tuple(one(*x)), signature=f"{','.join(axes)}->{_OUTPUTS}")(*arrays))


def solution_of(nodes: Nodes, through: Array, control: Control) -> Solution:
    """The solution of one array, from the voltages of its nodes and the currents of its cells."""
    cells = nodes.word - nodes.bit
    solved = nodes.residual <= control.tolerance
    source = jnp.sum(through, axis=1)
    return Solution(nodes.current, source, nodes.word, nodes.bit, cells, nodes.iterations, nodes.residual, solved)


_OUTPUTS = "(n),(m),(m,n),(m,n),(m,n),(),(),()"
