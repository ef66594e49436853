"""Voltages and currents of an array of cells between resistive word and bit lines.

Conjugate gradients on the bit lines, preconditioned by the exact solution of every line. With T the conductances of
the wires, D the cells, and L_w = (T_w + D)^-1, L_b = (T_b + D)^-1 solved as ladders:

    T_w W + D (W - B) = driver currents,    T_b B + D (B - W) = sense terminal currents

    S B = f,  S = (T_b + D) - D L_w D       the word lines eliminated

The preconditioned S has its spectrum in (0, 1]: few iterations unless the wires rule the array. (T_b + D) p is carried
by recurrence and never applied, so that no wire conductance 1/r is ever formed.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from memjax.circuit._control import Control
from memjax.circuit._ladder import factor, link_currents, voltages
from memjax.circuit._wires import Links


class Sources(NamedTuple):
    """What drives a network: voltages of the drivers [m] and of the sense terminals [n] (None: 0 V), and a current
    source in parallel with each cell, from word to bit line [m, n] (None: none)."""

    drive: Array
    sense: Array | None = None
    cell: Array | None = None


class Nodes(NamedTuple):
    """Solution of a network: voltages of the word and the bit line at each cell [m, n], current into the sense
    terminals [n]; iterations, and the residual that the tolerance is compared with."""

    word: Array
    bit: Array
    current: Array
    iterations: Array
    residual: Array


class _Far(NamedTuple):
    """Voltages of the terminals at the other ends of word lines [m] and bit lines [n], where there are any."""

    word: Array | None
    bit: Array | None


def network(conductance: Array, links: Links, sources: Sources, control: Control) -> Nodes:
    """Voltages and currents of one array of ohmic cells [m, n], with derivatives of any order and in any mode.

    The derivative is another solution of the same network: with v the voltages of the cells and I the currents of the
    links, the sources dG v in parallel with the cells and -dr I in series with the links. In reverse mode it is the
    adjoint (reciprocal) network. The cost of either is that of one more solution.
    """
    # A power of two, so that scaling is exact: conductances up to 1 keep the guards of zero out of the way.
    scale = _power_of_two(conductance)
    links = jax.tree.map(lambda r: r * scale, links)
    cell = None if sources.cell is None else sources.cell / scale
    nodes = _network(conductance / scale, links, sources._replace(cell=cell), control)
    return nodes._replace(current=nodes.current * scale)


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def _network(conductance: Array, links: Links, sources: Sources, control: Control) -> Nodes:
    far = _Far(
        None if links.word_far is None else sources.drive,
        None if links.bit_far is None else sources.sense,
    )
    nodes = _linear(conductance, links, sources, far, control)
    if sources.cell is not None:
        return nodes
    # Ohm's law to the last bit where there are no wires.
    ideal = jnp.stack([jnp.all(r == 0) for r in links if r is not None]).all()
    ohm = jnp.matmul(sources.drive, conductance, precision="highest")
    if sources.sense is not None:
        ohm = ohm - sources.sense * conductance.sum(0)
    return nodes._replace(current=jnp.where(ideal, ohm, nodes.current))


@_network.defjvp
def _tangent(control, primals, tangents):
    conductance, links, sources = primals
    d_conductance, d_links, d_sources = tangents
    nodes = _network(conductance, links, sources, control)
    voltage = nodes.word - nodes.bit
    current = conductance * voltage
    if sources.cell is not None:
        current = current + sources.cell
    # A voltage -dr I in series with a link shifts all that lies beyond it. Without its shift the network has no
    # sources in its wires, but each cell sees the difference of the shifts.
    word, word_far = _shift(current.T, links.word.T, links.word_far, d_links.word.T, d_links.word_far, from_end=False)
    bit, bit_far = _shift(-current, links.bit, links.bit_far, d_links.bit, d_links.bit_far, from_end=True)
    word = word.T
    cell = d_conductance * voltage + conductance * (word - bit)
    if d_sources.cell is not None:
        cell = cell + d_sources.cell
    far = _Far(
        None if word_far is None else d_sources.drive - word_far,
        None if bit_far is None else (-bit_far if d_sources.sense is None else d_sources.sense - bit_far),
    )
    moved = _linear(conductance, links, d_sources._replace(cell=cell), far, control)
    return nodes, moved._replace(
        word=moved.word + word,
        bit=moved.bit + bit,
        iterations=np.zeros(jnp.shape(nodes.iterations), jax.dtypes.float0),
        residual=jnp.zeros_like(nodes.residual),
    )


def _shift(cells, resistance, far, d_resistance, d_far, *, from_end):
    """Voltage that the series voltages -dr I add to each node, and to the far terminal as seen from the line."""
    current, other = link_currents(cells, resistance, far, from_end=from_end)
    shift = lax.cumsum(-d_resistance * current, reverse=from_end)
    return shift, None if far is None else shift[0 if from_end else -1] + d_far * other


def _linear(conductance: Array, links: Links, sources: Sources, far: _Far, control: Control) -> Nodes:
    """The solution, as a function that is linear in sources and far terminals, and seen to be so by JAX."""
    word = factor(conductance.T, links.word.T, links.word_far, from_end=False)
    bit = factor(conductance, links.bit, links.bit_far, from_end=True)

    def word_lines(injected, drive=None, far=None):
        return voltages(word, None if injected is None else injected.T, drive, far)[0].T

    def bit_lines(injected):
        return voltages(bit, injected)[0]

    # The unknown is y, the currents that word lines send into the bit lines: B = L_b y, and y = f + D L_w D L_b y.
    respond = lambda y: y - conductance * word_lines(conductance * bit_lines(y))
    out = None if sources.cell is None else -sources.cell
    held = None
    if sources.sense is not None or far.bit is not None:
        held, _ = voltages(bit, None, sources.sense, far.bit)
        out = conductance * held if out is None else conductance * held + out
    forces = conductance * word_lines(out, sources.drive, far.word)
    if sources.cell is not None:
        forces = forces + sources.cell
    entering, (iterations, residual) = lax.custom_linear_solve(
        respond,
        forces,
        lambda _, f: _conjugate_gradients(conductance, word_lines, bit_lines, f, control),
        lambda _, f: _reciprocal(conductance, word_lines, bit_lines, f, control),
        has_aux=True,
    )
    bit_voltage, current = voltages(bit, entering, sources.sense, far.bit)
    leaving = conductance * bit_voltage
    if sources.cell is not None:
        leaving = leaving - sources.cell
    word_voltage = word_lines(leaving, sources.drive, far.word)
    if links.bit_far is not None:
        current = jnp.sum(conductance * (word_voltage - bit_voltage), axis=0)
        current = current if sources.cell is None else current + jnp.sum(sources.cell, axis=0)
    elif sources.sense is not None:
        current = current - bit.inward * sources.sense
    return Nodes(word_voltage, bit_voltage, current, iterations, residual)


def _conjugate_gradients(conductance, word_lines, bit_lines, forces, control):
    """Currents y = f + D L_w D S^-1 f into the bit lines; iterations and residual."""
    scale = _power_of_two(forces)
    forces = forces / scale
    through = lambda p: word_lines(conductance * p)
    first = bit_lines(forces)
    reached = jnp.vdot(forces, first)
    word = through(first)
    residual = conductance * word
    search = bit_lines(residual)
    start = (jnp.int32(0), word, residual, search, residual, jnp.vdot(residual, search))

    def step(state):
        count, word, residual, search, force, size = state
        change = through(search)
        applied = force - conductance * change
        length = _ratio(size, jnp.vdot(search, applied))
        word = word + length * change
        residual = residual - length * applied
        preconditioned = bit_lines(residual)
        smaller = jnp.vdot(residual, preconditioned)
        turn = _ratio(smaller, size)
        return count + 1, word, residual, preconditioned + turn * search, residual + turn * force, smaller

    if control.iterations is None:
        enough = control.tolerance**2 * reached
        state = lax.while_loop(lambda s: (s[-1] > enough) & (s[0] < control.max_iterations), step, start)
    else:
        state = lax.fori_loop(0, control.iterations, lambda _, s: step(s), start)
    count, word, *_, size = state
    return scale * (forces + conductance * word), (count, jnp.sqrt(_ratio(size, reached)))


def _reciprocal(conductance, word_lines, bit_lines, voltage, control):
    """Solution of the transposed system, z = w + L_b D L_w D z: z = w + S^-1 D L_w D w."""
    forces = conductance * word_lines(conductance * voltage)
    entering, how = _conjugate_gradients(conductance, word_lines, bit_lines, forces, control)
    return voltage + bit_lines(entering), how


def _power_of_two(x: Array) -> Array:
    """The power of two next to the largest magnitude, 1 for zeros; a constant to derivatives."""
    largest = lax.stop_gradient(jnp.max(jnp.abs(x)))
    return jnp.where(largest > 0, jnp.ldexp(jnp.ones_like(largest), jnp.frexp(largest)[1]), 1.0)


def _ratio(a: Array, b: Array) -> Array:
    """a / b, and 0 where b is no longer positive."""
    return jnp.where(b > 0, a / jnp.where(b > 0, b, 1.0), 0.0)
