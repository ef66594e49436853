"""Wear by write cycles: endurance failure of the two states."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax._field import choice, number, numbers
from memjax.effects._base import Memory, Stress, Wear

MODES = ("sudden", "gradual")
T_THRESHOLD = 298.0
"""Temperature [K] above which the model is temperature dependent."""


class Endurance(Wear):
    """After x_th cycles a state fails: at once, or by a power law of the cycles.

        x_th = p_0 exp(p_1 S + p_2 tau),  tau = min(298 K / T, 1),  S = cell_size / nm
        "sudden":  R -> r_lrs or r_hrs,   "gradual":  R -> R (x / x_th)^(p_3 (p_1 S + p_2 tau)),   for x > x_th

    Cells below `split` (in resistance) count as LRS, the others as HRS, as they were written; each state has constants
    of its own. The range of a cell wears as its two states do, so that later writes end in the worn range. Cycles of
    several calls add up; the threshold is that of the temperature of the last.

    Args:
        lrs: (p_0, p_1, p_2, p_3) of the low-resistance state; p_0 in cycles.
        hrs: (p_0, p_1, p_2, p_3) of the high-resistance state.
        mode: "sudden" or "gradual".
        r_lrs: resistance at which a failed LRS is stable [ohm] ("sudden"); None: it stays as it is.
        r_hrs: resistance at which a failed HRS is stable [ohm] ("sudden"); None: it stays as it is.
        split: resistance between LRS and HRS [ohm]; None: the middle of each cell's own range, in resistance.
        cell_size: S [m].

    Raises: ValueError for a value out of its range.

    Source: Lammie et al., "Empirical metal-oxide RRAM device endurance and retention model for deep learning
    simulations" (2021), as implemented in MemTorch; whose split, R_on + R_off / 2, is its middle with a bracket lost.
    """

    lrs: tuple[Any, ...] = numbers(count=4)
    hrs: tuple[Any, ...] = numbers(count=4)
    mode: str = choice(*MODES, default="sudden")
    r_lrs: Any = number(above=0.0, unit="ohm", optional=True, default=None)
    r_hrs: Any = number(above=0.0, unit="ohm", optional=True, default=None)
    split: Any = number(above=0.0, unit="ohm", optional=True, default=None)
    cell_size: Any = number(above=0.0, unit="m", default=10e-9)

    def check_relations(self) -> None:
        for name in ("lrs", "hrs"):
            _check.real(f"Endurance.{name}[0]", getattr(self, name)[0], above=0.0)

    def start(self, conductance: Array, low: Array, high: Array, key: Array, before: Memory | None) -> Memory:
        del key
        # The middle in resistance, (1/low + 1/high) / 2, as a conductance that is zero for low = 0.
        middle = 2.0 * low * high / (low + high) if self.split is None else 1.0 / self.split
        cycles = jnp.zeros((), conductance.dtype) if before is None else before["cycles"]
        return {"cycles": cycles, "lrs": (conductance > middle).astype(conductance.dtype)}

    def age(self, conductance: Array, memory: Memory, key: Array, stress: Stress) -> tuple[Array, Memory]:
        del key
        worn = [self._worn(conductance, state, memory, stress) for state in ("lrs", "hrs")]
        cycles = memory["cycles"] + jnp.asarray(stress.cycles, conductance.dtype)
        return jnp.where(memory["lrs"] > 0, *worn), memory | {"cycles": cycles}

    def wear(self, low: Array, high: Array, memory: Memory, stress: Stress) -> tuple[Array, Array]:
        ends = self._worn(low, "hrs", memory, stress), self._worn(high, "lrs", memory, stress)
        return jnp.minimum(*ends), jnp.maximum(*ends)

    def _worn(self, conductance: Array, state: str, memory: Memory, stress: Stress) -> Array:
        """Conductance [S] of cells in a state after `stress`."""
        p_0, p_1, p_2, p_3 = getattr(self, state)
        inner = p_1 * self.cell_size * 1e9 + p_2 * jnp.minimum(T_THRESHOLD / stress.temperature, 1.0)
        threshold = p_0 * jnp.exp(inner)
        before = jnp.maximum(memory["cycles"], threshold)
        after = jnp.maximum(memory["cycles"] + stress.cycles, threshold)
        if self.mode == "gradual":
            return conductance * (after / before) ** (-p_3 * inner)
        stable = getattr(self, f"r_{state}")
        return conductance if stable is None else jnp.where(after > threshold, 1.0 / stable, conductance)


class RangeCollapse(Wear):
    """The window between the states closes with the cycles n: its width in log R shrinks by (1 + n / n_0)^-p.

    Both states and everything between them move towards the geometric middle of the cell's range.

    Args:
        cycles: n_0, the number of cycles after which the window is 2^-p of its width.
        exponent: p.

    Raises: ValueError for a value out of its range.

    Source: none is fitted; the power law of the cycles is that of `Endurance`, applied to both states at once.
    """

    cycles: Any = number(above=0.0)
    exponent: Any = number(low=0.0, default=0.5)

    def start(self, conductance: Array, low: Array, high: Array, key: Array, before: Memory | None) -> Memory:
        del key
        middle = jnp.sqrt(low) * jnp.sqrt(high)
        cycles = jnp.zeros((), conductance.dtype) if before is None else before["cycles"]
        return {"cycles": cycles, "middle": middle}

    def age(self, conductance: Array, memory: Memory, key: Array, stress: Stress) -> tuple[Array, Memory]:
        del key
        cycles = memory["cycles"] + jnp.asarray(stress.cycles, conductance.dtype)
        return self._nearer(conductance, memory, stress), memory | {"cycles": cycles}

    def wear(self, low: Array, high: Array, memory: Memory, stress: Stress) -> tuple[Array, Array]:
        return self._nearer(low, memory, stress), self._nearer(high, memory, stress)

    def _nearer(self, conductance: Array, memory: Memory, stress: Stress) -> Array:
        passed = jnp.log1p(stress.cycles / (self.cycles + memory["cycles"]))
        closed = -jnp.expm1(-self.exponent * passed)  # part of the remaining way to the middle
        positive = (conductance > 0) & (memory["middle"] > 0)
        ratio = jnp.where(positive, memory["middle"], 1.0) / jnp.where(positive, conductance, 1.0)
        return conductance * ratio**closed
