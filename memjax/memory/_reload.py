"""Weights that are brought to crossbars from a main memory, for networks that do not fit their chip."""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from memjax import _check
from memjax.memory._trace import LINE, MemoryTrace
from memjax.transform import Plan


class Reload(NamedTuple):
    """Tiles that are written before one product of the program.

    Attributes:
        inference: number of the call of the network.
        site: number of the product in the order of the program.
        crossbar: its name.
        tiles: how many of its tiles are brought.
        lines: first line and number of lines of the main memory that hold their weights.
    """

    inference: int
    site: int
    crossbar: str
    tiles: int
    lines: tuple[int, int]


def reloads(plan: Plan, tiles: int, *, bits: int = 8, inferences: int = 1) -> tuple[Reload, ...]:
    """Which tiles a chip of `tiles` tiles brings from main memory, and when, to compute a network.

    The order of the products is known, so room is made by giving up tiles of the crossbar that is needed again last
    (Belady, IBM Systems Journal 5, 1966), and of a crossbar the last tiles first. A crossbar of more tiles than the
    chip has passes through it in pieces. A product inside a loop is computed in all the steps of the loop at once.

    Args:
        plan: of the network (`Analog.plan`).
        tiles: of the chip.
        bits: of a weight in the main memory, where every crossbar begins at a line.
        inferences: calls of the network, one after the other; the chip is empty at first.

    Raises: TypeError and ValueError for wrong arguments, as a plan without crossbars.
    """
    _check.part("plan", plan, Plan, example="analog.plan(x)")
    for name, value, high in (("tiles", tiles, 2**31 - 1), ("bits", bits, 64), ("inferences", inferences, 2**20)):
        _check.integer(name, value, low=1, high=high)
    if not plan.crossbars:
        raise ValueError("plan must have a crossbar, got none")
    start = _addresses(plan, bits)
    needs = {one.name: one.tiles for one in plan.crossbars}
    order = [(call, site, row.crossbar) for call in range(inferences) for site, row in enumerate(plan.sites)]
    held: dict[str, int] = {}
    found: list[Reload] = []
    for now, (call, site, name) in enumerate(order):
        missing = needs[name] - held.get(name, 0)
        if not missing:
            continue
        free = tiles - sum(held.values())
        for other in _by_next_use(order, now, held, name):
            given = min(held[other], max(0, missing - free))
            held[other], free = held[other] - given, free + given
        # Of a crossbar larger than the room the last tiles pass through it; the first ones stay.
        first, last, size = held.get(name, 0), needs[name], start[name][1]
        held[name] = min(needs[name], first + free)
        begin, end = (size * tile // needs[name] for tile in (first, last))
        found.append(Reload(call, site, name, missing, (start[name][0] + begin, end - begin)))
    return tuple(found)


def _addresses(plan: Plan, bits: int) -> dict[str, tuple[int, int]]:
    """First line and number of lines of the weights of each crossbar, one after the other."""
    places, line = {}, 0
    for one in plan.crossbars:
        count = math.ceil(one.copies * math.prod(one.matrix) * bits / (8 * LINE))
        places[one.name], line = (line, count), line + count
    return places


def _by_next_use(order: list[tuple[int, int, str]], now: int, held: dict[str, int], needed: str) -> list[str]:
    """Crossbars on the chip, the one that is needed again last first; the present one is kept."""

    def next_use(name: str) -> int:
        return next((at for at in range(now + 1, len(order)) if order[at][2] == name), len(order))

    return sorted((name for name in held if name != needed), key=next_use, reverse=True)


def trace_of(
    plan: Plan, tiles: int | None = None, *, bits: int = 8, inferences: int = 1, compute: Any = 0
) -> MemoryTrace:
    """The reads of a main memory by a network whose weights do not fit its crossbars.

    The tiles of a product are asked for, all lines at once, when the product before it begins: they are brought while
    that one computes. Stalls are not in the trace, as in every trace: where the memory is the slower one, its queue
    says so.

    Args:
        plan: of the network (`Analog.plan`).
        tiles: of the chip; None: all that the network needs, so that each weight is brought once.
        bits: of a weight in the main memory.
        inferences: calls of the network, one after the other.
        compute: clocks of the processor that a product takes: one number, or one for each of `plan.sites`.

    Raises: TypeError and ValueError for wrong arguments.
    """
    _check.part("plan", plan, Plan, example="analog.plan(x)")
    found = reloads(plan, max(1, plan.tiles) if tiles is None else tiles, bits=bits, inferences=inferences)
    clocks = _check.host("compute", compute)
    _check.real("compute", clocks, low=0, whole=True)
    if clocks.shape not in ((), (len(plan.sites),)):
        raise ValueError(
            f"compute must be one number or one for each of {len(plan.sites)} products, got {clocks.shape}"
        )
    clocks = np.broadcast_to(clocks, (len(plan.sites),))
    begins = np.concatenate([[0], np.cumsum(np.tile(clocks, inferences))]).astype(np.int64)
    asked = [max(0, reload.inference * len(plan.sites) + reload.site - 1) for reload in found]
    cycle = np.repeat(begins[asked], [reload.lines[1] for reload in found])
    if cycle[-1] >= 2**31:
        raise ValueError(f"compute must keep all cycles below 2**31, got {cycle[-1]}")
    line = np.concatenate([np.arange(first, first + count) for first, count in (reload.lines for reload in found)])
    count = jnp.asarray(line.size, jnp.int32)
    return MemoryTrace(
        jnp.asarray(cycle, jnp.int32), jnp.zeros(line.size, bool), jnp.asarray(line, jnp.int32), None, None, count
    )
