"""`training`: what one step of training costs, phase by phase."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from memjax import _check, crossbar
from memjax._field import Spec, number
from memjax.cost._component import Component
from memjax.cost._counts import Counts, of_crossbar
from memjax.cost._layer import CELLS, parts_of
from memjax.cost._report import Report, excluded, hardware_of, report
from memjax.cost._technology import Technology
from memjax.cost._technology import technology as named
from memjax.cost._used import Cost, Totals, used
from memjax.crossbar import Hardware
from memjax.transform import Analog, CrossbarPlan

FORWARD, BACKWARD, GRADIENT, UPDATE = PHASES = ("forward", "backward", "gradient", "update")


class Pulse(Spec):
    """A write pulse.

    Args:
        voltage: [V].
        width: [s].
    """

    voltage: Any = number(unit="V")
    width: Any = number(above=0.0, unit="s")


class Training(Totals):
    """What one step of training costs. `print` it.

    Attributes:
        phases: the `Report` of "forward", "backward" (errors through the transposed arrays), "gradient" (of the
            weights) and "update". Areas are those that a phase adds.
    """

    phases: dict[str, Report]

    @property
    def by_layer(self) -> dict[str, Cost]:
        """The `Cost` of every layer, all phases together."""
        return {layer: self._of(lambda one, layer=layer: one.by_layer[layer]) for layer in self.phases[FORWARD].parts}

    @property
    def by_component(self) -> dict[str, Cost]:
        """The `Cost` of every component, all phases together."""
        names = dict.fromkeys(name for one in self.phases.values() for name in one.sources)
        return {name: self._of(lambda one, name=name: one.by_component.get(name, Cost())) for name in names}

    def _of(self, cost: Any) -> Cost:
        return sum((cost(one) for one in self.phases.values()), start=Cost())

    def __str__(self) -> str:
        return "\n\n".join(f"{phase}\n{one}" for phase, one in self.phases.items())


def training(
    analog: Analog,
    params: Any,
    x: Any,
    technology: Technology | str | float = "generic",
    *,
    pulse: Pulse,
    pulses: Any = 1.0,
    most: Any = None,
    units: int = 1024,
    chip: dict[str, Any] | None = None,
) -> Training:
    """What one step of training on a mini-batch costs.

    Forward as by `report`. Backward the errors of each layer that has a layer before it are driven into the bit lines
    and read at the word lines, by converters of their own. The gradient of the weights is computed digitally, from
    activations and errors that were kept off the chip where the technology has such a memory. The update writes row
    after row: pulses that all cells of a row get at the same time, the rows of different tiles too.

        E_update = pulses V^2 G_mean T for each cell that holds a weight;   t_update = most T for each row of a tile

    Args:
        analog, params, x, technology, chip: as in `report`; x is the mini-batch.
        pulse: a write pulse.
        pulses: mean number of pulses of a cell in a step; or {layer: number}, as counted in training.
        most: number of pulses of a row, for the time; None: as `pulses`.
        units: multiply-accumulate units, which all layers share.

    Returns: a `Training`.

    Raises: as `report`; ValueError for numbers out of their range and for layers that are not there.
    """
    technology = named(technology)
    _check.part("pulse", pulse, Pulse, example="Pulse(voltage=2.0, width=1e-7)")
    _check.integer("units", units, 1, 2**31 - 1)
    args = x if isinstance(x, tuple) else (x,)
    forward = report(analog, params, x, technology, chip=chip)
    if chip is None:
        chip = analog.program(params, jax.random.key(0), *args)
    plan = analog.plan(params, *args)
    pulses = _by_layer("pulses", pulses, forward)
    most = pulses if most is None else _by_layer("most", most, forward)
    phases: dict[str, dict[str, dict[str, Cost]]] = {BACKWARD: {}, GRADIENT: {}, UPDATE: {}}
    for one in plan.crossbars:
        name, hardware = one.name, hardware_of(analog, one.name)
        sites = [(site.reads, site.stack) for site in plan.sites if site.crossbar == name]
        counts = forward.counts[name]
        phases[BACKWARD][name] = _backward(hardware, one, sites, technology, chip[name]) if one.after else {}
        phases[GRADIENT][name] = _gradient(one, counts, technology, units, len(plan.crossbars))
        phases[UPDATE][name] = _update(hardware, one, pulse, pulses[name], most[name], chip[name])
    sources = {n: technology.source_of(n) for n in ("mac", "dram", *forward.sources) if n != "dram" or technology.dram}
    kinds = {name: hardware_of(analog, name) for name in forward.counts}
    without = tuple(n for n in excluded(plan, technology, kinds, technology.dram is not None))
    others = {
        phase: dataclasses.replace(
            forward, parts=_filled(parts), writes={}, sources_=_sources(parts, sources), excluded=without
        )
        for phase, parts in phases.items()
    }
    return Training({FORWARD: forward} | others)


def _by_layer(name: str, value: Any, forward: Report) -> dict[str, Any]:
    layers = list(forward.parts)
    if not isinstance(value, Mapping):
        value = dict.fromkeys(layers, value)
    if set(value) != set(layers):
        raise ValueError(f"{name} must be a number or have the layers {layers}, got {list(value)}")
    return {layer: _check.scalar(f"{name}[{layer!r}]", value[layer], low=0.0) for layer in layers}


def _backward(
    hardware: Hardware, one: CrossbarPlan, sites: list, technology: Technology, entry: dict[str, Any]
) -> dict[str, Cost]:
    """Errors through the transposed arrays: cells and network are there already, converters are not."""
    back = hardware.backward
    turned = Hardware(
        hardware.cell,
        hardware.mapping,
        (hardware.tile[1] * hardware.mapping.word_lines, hardware.rows),
        hardware.dac if back is None else back.dac,
        hardware.adc if back is None else back.adc,
    )
    inputs, outputs = one.matrix
    counts = of_crossbar(turned, dataclasses.replace(one, matrix=(outputs, inputs)), sites)
    vectors = one.reads / one.copies
    lines = crossbar.word_lines(hardware, entry)
    watts = crossbar.mean_power(turned, lines, vectors)
    parts = parts_of(turned, counts, technology, watts * technology.read_time)
    return {name: _there(cost) if name in (CELLS, "network", "activation") else cost for name, cost in parts.items()}


def _there(cost: Cost) -> Cost:
    """Without what is there already."""
    return dataclasses.replace(cost, area=0.0, leakage=0.0, area_range=(0.0, 0.0))


def _gradient(one: CrossbarPlan, counts: Counts, technology: Technology, units: int, layers: int) -> dict[str, Cost]:
    """The gradient of the weights: products of kept activations and errors, added up over the mini-batch."""
    word, (inputs, outputs) = technology.word_bits, one.matrix
    parts = {"mac": used(technology.mac, units / layers, counts.macs, counts.macs / units)}
    weights = inputs * outputs * one.copies
    parts["buffer"] = used(technology.buffer, 0, 2 * weights * word, 0)
    if technology.dram is not None:
        kept = 2 * (counts.inputs + counts.outputs) * word  # stored and loaded
        parts["dram"] = used(technology.dram, 1 / layers, kept, kept)
    return parts


def _update(
    hardware: Hardware,
    one: CrossbarPlan,
    pulse: Pulse,
    pulses: Any,
    most: Any,
    entry: dict[str, Any],
) -> dict[str, Cost]:
    siemens = jnp.mean(jnp.concatenate([g.ravel() for g in entry["conductance"].values()]))
    energy = pulses * one.used * pulse.voltage**2 * siemens * pulse.width
    written = Component(0.0, 0.0, pulse.width, 0.0, CELLS)
    cost = used(written, 0, 0, most * min(one.matrix[0], hardware.rows) * hardware.mapping.word_lines)
    return {CELLS: dataclasses.replace(cost, energy=energy, energy_range=(energy, energy))}


def _filled(parts: dict[str, dict[str, Cost]]) -> dict[str, dict[str, Cost]]:
    names = dict.fromkeys(name for one in parts.values() for name in one)
    return {layer: {name: one.get(name, Cost()) for name in names} for layer, one in parts.items()}


def _sources(parts: dict[str, dict[str, Cost]], sources: dict[str, str]) -> tuple[tuple[str, str], ...]:
    names = dict.fromkeys(name for one in parts.values() for name in one)
    return tuple((name, sources[name]) for name in names)
