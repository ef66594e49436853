"""Lines of cells between a terminal and an open end, solved without a subtraction.

Node j of a line has the conductance G_j to the other lines and the resistance r_j to node j-1; r_0 leads to the
terminal. With y_j the conductance of all that lies beyond link j, and a_j = 1 / (1 + r_j y_j):

    y_j = G_j + a_(j+1) y_(j+1)      Norton conductance, once for each array
    J_j = c_j + a_(j+1) J_(j+1)      Norton current of injected currents c, towards the terminal
    x_j = a_j (x_(j-1) + r_j J_j)    voltage, from the terminal on; a_0 J_0 flows into a terminal at 0 V

Only sums of equal signs, products and 1 / (1 + positive): accurate in every component in float32, and exact for r = 0
and G = 0 (an assembled nodal matrix loses 2 to 4 digits in 2/r + G).
"""

import equinox as eqx
import jax.numpy as jnp
from jax import Array, lax


class Ladder(eqx.Module):
    """Lines ready to be solved, along axis 0 of [nodes, lines].

    attenuation: a; resistance: r; far: conductance of a second terminal at the other end [lines], or None; inward: the
    conductance a_0 y_0 that the terminal sees [lines]; closed: 0 where the terminal is cut off (r_0 infinite), else 1;
    from_end: the terminal is at the last node of the axis instead of the first.

    A line that is cut off is solved as x_0 = J_0 / y_0, by a_0 = 1 / y_0 and r_0 = 1 beside a terminal at 0 V.
    """

    attenuation: Array
    resistance: Array
    far: Array | None
    inward: Array
    closed: Array
    from_end: bool = eqx.field(static=True)


def factor(conductance: Array, resistance: Array, far: Array | None, *, from_end: bool) -> Ladder:
    """Lines of the given conductances [nodes, lines] and link resistances ([nodes, lines or 1], `far` [lines or 1])."""
    cut = jnp.isinf(resistance)
    resistance = jnp.where(cut, 1.0, resistance)
    if far is not None:
        # A short is 1 / eps^2 times the largest cell: the same voltages to rounding, without an infinity.
        far = jnp.where(jnp.isinf(far), 0.0, 1.0 / jnp.maximum(far, jnp.finfo(far.dtype).eps ** 2))
    beyond = jnp.zeros_like(conductance[0]) if far is None else jnp.broadcast_to(far, conductance[0].shape)

    def step(beyond, node):
        g, r = node
        y = g + beyond
        return y / (1.0 + r * y), y

    _, y = lax.scan(step, beyond, (conductance, resistance), reverse=not from_end)
    floating = jnp.where(y > 0, 1.0 / jnp.where(y > 0, y, 1.0), 0.0)
    attenuation = jnp.where(cut, floating, 1.0 / (1.0 + resistance * y))
    terminal = -1 if from_end else 0
    closed = jnp.where(cut[terminal], 0.0, 1.0).astype(y.dtype)
    return Ladder(attenuation, resistance, far, closed * attenuation[terminal] * y[terminal], closed, from_end)


def voltages(ladder: Ladder, injected: Array | None, terminal: Array | None = None, far: Array | None = None):
    """Voltages [nodes, lines] for injected currents, and the current that these send into the terminal [lines].

    `terminal` and `far` are the voltages of the terminals [lines]; None is zero.
    """
    a, r = ladder.attenuation, ladder.resistance
    zero = jnp.zeros_like(a[0] if injected is None else injected[0])
    start = zero if terminal is None else zero + ladder.closed * terminal
    if injected is None and (ladder.far is None or far is None):
        _, x = lax.scan(lambda x, a: (a * x, a * x), start, a, reverse=ladder.from_end)
        return x, zero

    def towards(flow, node):
        c, a = node
        norton = c + flow
        return a * norton, norton

    def away(x, node):
        norton, a, r = node
        x = a * (x + r * norton)
        return x, x

    injected = jnp.zeros_like(a) if injected is None else injected
    flow = zero if ladder.far is None or far is None else zero + ladder.far * far
    flow, norton = lax.scan(towards, flow, (injected, a), reverse=not ladder.from_end)
    _, x = lax.scan(away, start, (norton, a, r), reverse=ladder.from_end)
    return x, ladder.closed * flow


def link_currents(cells: Array, resistance: Array, far: Array | None, *, from_end: bool) -> tuple[Array, Array | None]:
    """Currents of the links [nodes, lines] and of the far link [lines], from the terminals into the lines.

    cells: current that leaves each node [nodes, lines]. Both terminals of a line are at one voltage, so that its wire
    divides each current by resistance alone.
    """
    beyond = lax.cumsum(cells, reverse=not from_end)
    if far is None:
        return beyond, None
    far = jnp.broadcast_to(far, cells[0].shape)
    closed = jnp.isfinite(far)
    resistance = jnp.where(jnp.isinf(resistance), 0.0, resistance)
    near = lax.cumsum(jnp.broadcast_to(resistance, cells.shape), reverse=from_end)
    total = jnp.where(closed, far, 0.0) + near[0 if from_end else -1]
    share = jnp.where(total > 0, near / jnp.where(total > 0, total, 1.0), 0.5)
    other = jnp.where(closed, jnp.sum(share * cells, axis=0), 0.0)
    return beyond - other, other
