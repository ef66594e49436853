"""`report`: area, latency, energy and leakage of a network on some hardware, by layer and by component."""

import json
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from memjax import _check
from memjax._text import columns
from memjax.cost._counts import Counts, count
from memjax.cost._layer import parts_of
from memjax.cost._technology import Technology
from memjax.cost._technology import technology as named
from memjax.cost._used import QUANTITIES, Cost, PartTotals
from memjax.crossbar import Hardware
from memjax.transform import Analog, Plan


class Report(PartTotals):
    """Area, latency, energy and leakage of one call. `print` it.

    Attributes:
        parts: {layer: {component: `Cost`}}.
        writes: energy of writing the chip [J] by layer, where its cells were written by pulses.
        sources: {component: where its numbers are from}.
        excluded: what is not in it.
        technology: name of the technology.
        expected: whether the energy of the cells is that expected of inputs spread evenly, not of data.
    """

    parts: dict[str, dict[str, Cost]]
    writes: dict[str, Any]
    counts_: tuple[tuple[str, Counts], ...] = eqx.field(static=True)
    sources_: tuple[tuple[str, str], ...] = eqx.field(static=True)
    excluded: tuple[str, ...] = eqx.field(static=True)
    technology: str = eqx.field(static=True)
    expected: bool = eqx.field(static=True)

    @property
    def counts(self) -> dict[str, Counts]:
        """How often everything acts in one call, by layer."""
        return dict(self.counts_)

    @property
    def sources(self) -> dict[str, str]:
        return dict(self.sources_)

    @property
    def operations(self) -> int:
        """Operations of one call on crossbars, two for each multiply-accumulate."""
        return 2 * sum(one.macs for one in self.counts.values())

    @property
    def tops(self) -> Any:
        """10^12 operations per second."""
        return self.operations / self.latency / 1e12

    @property
    def tops_per_watt(self) -> Any:
        """10^12 operations per joule, leakage included."""
        return self.operations / (self.energy + self.leakage * self.latency) / 1e12

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` of the four quantities, dims (layer, component)."""
        import xarray

        layers, components = list(self.parts), list(self.sources)
        value = lambda q: np.array([[np.asarray(self.parts[a][b][q]) for b in components] for a in layers])
        dims, attributes = ("layer", "component"), {"technology": self.technology, "excluded": list(self.excluded)}
        data = {q: (dims, value(q), {"units": unit}) for q, unit in QUANTITIES.items()}
        return xarray.Dataset(data, {"layer": layers, "component": components}, attributes)

    def to_json(self) -> str:
        """Everything as JSON, in SI units."""
        plain = lambda cost: {q: float(cost[q]) for q in QUANTITIES}
        parts = {layer: {name: plain(cost) for name, cost in one.items()} for layer, one in self.parts.items()}
        counts = {layer: vars(one) for layer, one in self.counts.items()}
        return json.dumps(
            {
                "technology": self.technology,
                "units": QUANTITIES,
                "total": plain(self.total),
                "tops": float(self.tops),
                "tops_per_watt": float(self.tops_per_watt),
                "layers": parts,
                "counts": counts,
                "writes": {layer: float(joules) for layer, joules in self.writes.items()},
                "sources": self.sources,
                "excluded": self.excluded,
                "expected": self.expected,
            },
            indent=2,
        )

    def __str__(self) -> str:
        return "\n".join([*self._table("layer", self.by_layer), "", *self._table("component", self.by_component),
                          "", *self._summary(), "", *self._provenance()])  # fmt: skip

    def _table(self, kind: str, costs: dict[str, Cost]) -> list[str]:
        whole = float(self.total.energy) or 1.0
        rows: list[tuple[str, ...]] = [
            (kind.capitalize(), "Area (mm²)", "Latency (µs)", "Energy (µJ)", "Of energy (%)", "Leakage (mW)")
        ]
        for name, cost in [*costs.items(), ("total", self.total)]:
            numbers = [f"{float(cost[q]) * scale:.4g}" for q, scale in _SCALES.items()]
            rows.append((name, *numbers[:3], f"{100 * float(cost.energy) / whole:.1f}", numbers[3]))
        return columns(rows)

    def _summary(self) -> list[str]:
        total, low_high = self.total, lambda pair, scale: " to ".join(f"{float(v) * scale:.4g}" for v in pair)
        lines = [
            f"{self.operations:,} operations: {float(self.tops):.4g} TOPS, {float(self.tops_per_watt):.4g} TOPS/W "
            "(leakage included).",
            f"By what sources say: area {low_high(total.area_range, 1e6)} mm², energy "
            f"{low_high(total.energy_range, 1e6)} µJ.",
        ]
        if self.writes:
            lines.append(f"Writing the chip took {sum(map(float, self.writes.values())) * 1e6:.4g} µJ.")
        if self.expected:
            lines.append("Energy of the cells: expected of inputs spread evenly over the range of the DAC.")
        return lines

    def _provenance(self) -> list[str]:
        lines = [f"Technology {self.technology}:", *(f"  {name}: {source}" for name, source in self.sources.items())]
        return [*lines, "Not included: " + "; ".join(self.excluded) + "."]


_SCALES = {"area": 1e6, "latency": 1e6, "energy": 1e6, "leakage": 1e3}


def report(
    analog: Analog,
    params: Any,
    x: Any,
    technology: Technology | str | float = "isaac",
    *,
    chip: dict[str, Any] | None = None,
) -> Report:
    """What a network costs on the hardware that it is simulated on.

    Counts come from the plan, the energy of the cells from their conductances and the voltages of the actual inputs
    (V^2 G T), everything else from the components of a technology: instances times area and leakage, uses times energy,
    uses one after another times latency. Traced: it may stand in `jit`, `grad`, `vmap` and `mj.sweep`.

    Args:
        analog: from `crossbarify`.
        params: the parameters of the function.
        x: the data of one call, or a tuple of all arguments after `params`. Of `jax.ShapeDtypeStruct` the energy of the
            cells is that expected of inputs spread evenly over the range of the DAC.
        technology: a `Technology`, the name of one, or a node [m] of the generic one.
        chip: what the weights are held by; None: a chip programmed with `jax.random.key(0)`.

    Returns: a `Report`.

    Raises: TypeError for arguments of the wrong kind; ValueError for an unknown technology and for a chip of another
        function.

    Example:
        ```python
        import jax
        import memjax as mj

        params = {"w": jax.random.normal(jax.random.key(0), (128, 10))}
        x = jax.random.normal(jax.random.key(1), (5, 128))
        analog = mj.crossbarify(lambda params, x: x @ params["w"], mj.Hardware(adc=mj.Adc(bits=8)))
        print(mj.cost.report(analog, params, x, "isaac"))
        ```
    """
    _check.part("analog", analog, Analog, example="crossbarify(fn, hardware)")
    technology = named(technology)
    args = x if isinstance(x, tuple) else (x,)
    plan = analog.plan(params, *args)
    if not plan.crossbars:
        raise ValueError("analog must have a product on a crossbar to cost anything, got none")
    if chip is None:
        chip = analog.program(params, jax.random.key(0), *args)
    watts = analog.power(chip, params, *args)
    counts = count(analog, plan)
    parts, hardwares = {}, {}
    for name, one in counts.items():
        hardware = hardwares[name] = hardware_of(analog, name)
        parts[name] = parts_of(hardware, one, technology, watts[name] * technology.read_time)
    data = [leaf for leaf in jax.tree.leaves(args) if isinstance(leaf, jax.ShapeDtypeStruct)]
    components = list(dict.fromkeys(component for of_layer in parts.values() for component in of_layer))
    for of_layer in parts.values():
        of_layer.update({component: Cost() for component in components if component not in of_layer})
    return Report(
        parts,
        _writes(analog, plan, chip),
        tuple(counts.items()),
        tuple((component, technology.source_of(component)) for component in components),
        excluded(plan, technology, hardwares, False),
        technology.name,
        bool(data),
    )


def hardware_of(analog: Analog, name: str) -> Hardware:
    """The hardware of a crossbar."""
    hardware = analog.hardware_of(name)
    assert hardware is not None
    return hardware


def _writes(analog: Analog, plan: Plan, chip: dict[str, Any]) -> dict[str, Any]:
    """Energy of the writes [J] of the crossbars of a chip that were written by pulses."""
    energy = lambda entry: sum(jnp.sum(joules) for joules in entry["writes"]["energy"].values())
    return {name: energy(entry) for name, entry in chip.items() if "writes" in entry}


def excluded(plan: Plan, technology: Technology, hardware: dict[str, Hardware], memory: bool) -> tuple[str, ...]:
    """What a report does not hold; `memory`: whether it holds the memory off the chip."""
    found = [name for name in technology.excluded if name != "dram"]
    if not memory:
        found.append("memory off the chip (dram)")
    if any(one.adc.bits is None for one in hardware.values()):
        found.append("ideal ADCs (Adc.bits=None)")
    if any(one.dac.bits is None for one in hardware.values()):
        found.append("the levels of ideal DACs (Dac.bits=None): drivers of one level")
    if any(product.macs for product in plan.products) or plan.other:
        found.append("products that stay digital (see analog.plan)")
    if any(one.wires is not None for one in hardware.values()):
        found.append("power lost in wires")
    if most := max((one.halvings for one in hardware.values()), default=0):
        found.append(f"further reads of vectors that clip (Hardware.halvings, up to {most} each): one read is counted")
    return tuple(found)
