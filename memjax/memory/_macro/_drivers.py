"""Chains of inverters that drive a load, sized by logical effort (Sutherland, Sproull and Harris, 1999)."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from memjax.memory._macro._delay import horowitz
from memjax.memory._macro._gates import NARROWEST, gate_cap, inverter, resistance, slope_factor
from memjax.memory._macro._process import Process

BUFFERS = ("latency", "balanced", "area")
STAGES = 9  # of the longest chain
EFFORT = 4.0  # of one stage at best


class Driver(NamedTuple):
    """A chain; `taus` [..., STAGES] from the last stage to the first, those beyond `stages` unused."""

    stages: Any
    taus: Any
    beta: Any
    cap_in: Any
    cap_out: Any  # of the first stage
    energy: Any
    leakage: Any
    height: Any
    width: Any
    valid: Any

    def delay(self, before: Any) -> tuple[Any, Any]:
        """Delay of the chain and of its last stage, after a stage of the delay `before`."""
        total = jnp.zeros_like(before)
        for stage in reversed(range(STAGES)):
            active = stage < self.stages
            one = horowitz(self.taus[..., stage], self.beta, before)
            total, before = total + jnp.where(active, one, 0.0), jnp.where(active, one, before)
        return total, before


def driver(
    process: Process,
    buffers: str,
    widest: Any,
    effort: Any,
    cap_in: Any,
    cap_load: Any,
    res_load: Any = 0.0,
    current: Any = 0.0,
) -> Driver:
    """A chain that inverts, behind a gate of this logical effort and input capacitance.

    Args:
        buffers: "latency" for stages of equal effort near 4; "balanced" with a last stage just wide enough for
            `current`; "area" with that stage alone.
        widest: NMOS of all [F].
        cap_load, res_load: at the end of the chain [F, ohm].
        current: that the last stage must carry [A]; where the one for least latency cannot, the chain is balanced.
    """
    effort, cap_in, cap_load, current = jnp.broadcast_arrays(effort, cap_in, cap_load, current)
    per_width = gate_cap(process, 1.0)
    least = jnp.maximum(NARROWEST, current / (process.on_n * process.node))
    if buffers == "area":
        stages, ratio, last = jnp.ones_like(least), jnp.ones_like(least), least
    else:
        stages, ratio, last = _balanced(process, effort, cap_in, per_width, least)
        if buffers == "latency":
            fast = _fastest(process, effort, cap_in, per_width, cap_load, widest)
            weak = fast[2] < least
            stages, ratio, last = (
                jnp.where(weak, slow, quick) for slow, quick in zip((stages, ratio, last), fast, strict=True)
            )
    stage = jnp.arange(STAGES)
    used = stage < stages[..., None]
    widths = jnp.maximum(NARROWEST, last[..., None] * jnp.exp(-stage * jnp.log(ratio)[..., None]))
    gates = inverter(process, widths)
    charged = gates.cap_out + jnp.concatenate([cap_load[..., None], gates.cap_in[..., :-1]], -1)
    taus = resistance(process, widths) * charged
    first = stage == stages[..., None] - 1.0
    return Driver(
        stages=stages,
        taus=taus.at[..., 0].add(cap_load * res_load / 2.0),
        beta=slope_factor(process),
        cap_in=jnp.sum(jnp.where(first, gates.cap_in, 0.0), -1),
        cap_out=jnp.sum(jnp.where(first, gates.cap_out, 0.0), -1),
        energy=process.vdd**2 * jnp.sum(jnp.where(used, charged, 0.0), -1),
        leakage=process.vdd * jnp.sum(jnp.where(used, gates.leakage, 0.0), -1),
        height=jnp.max(jnp.where(used, gates.height, 0.0), -1),
        width=jnp.sum(jnp.where(used, gates.width, 0.0), -1),
        valid=least <= widest,
    )


def _stages(effort: Any) -> Any:
    """How many inverters bring the effort of each stage nearest to 4, none below zero."""
    return jnp.maximum(0.0, jnp.floor(jnp.log(effort) / jnp.log(EFFORT) + 0.5) - 1.0)


def _fastest(process: Process, effort: Any, cap_in: Any, per_width: Any, cap_load: Any, widest: Any) -> tuple:
    """Stages, ratio of neighbours and last NMOS for the least delay."""
    total = jnp.maximum(1.0, effort * cap_load / cap_in)
    stages = _stages(total)
    stages = jnp.minimum(stages + (stages + 1.0) % 2.0, STAGES)
    ratio = jnp.exp(jnp.log(total) / (stages + 1.0))
    last = jnp.maximum(NARROWEST, cap_load / ratio / per_width / (1.0 + process.pn_ratio))
    clipped = effort * per_width * (1.0 + process.pn_ratio) * widest / cap_in
    ratio = jnp.where(last > widest, jnp.exp(jnp.log(clipped) / stages), ratio)
    return stages, ratio, jnp.minimum(last, widest)


def _balanced(process: Process, effort: Any, cap_in: Any, per_width: Any, least: Any) -> tuple:
    """The same with the last stage given."""
    total = jnp.maximum(1.0, effort * per_width * (1.0 + process.pn_ratio) * least / cap_in)
    stages = _stages(total)
    stages = jnp.minimum(stages + stages % 2.0, STAGES - 1) + 1.0
    return stages, jnp.exp(jnp.log(total) / stages), least
