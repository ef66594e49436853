"""How cells answer a read: the conductance that it meets, and their noise."""

from typing import Any

import jax
from jax import Array

from memjax.crossbar._hardware import Hardware
from memjax.crossbar._tiles import Tiling, over_tiles
from memjax.effects import Noise, Power, Reading, acting


def conducted(hardware: Hardware, conductance: Array) -> tuple[Array, ...]:
    """The conductances of every branch of the current-voltage relation."""
    return (conductance,) if hardware.conduction is None else hardware.conduction.conductances(conductance)


def _over_arrays(hardware: Hardware, chip: dict[str, Any], f: Any) -> dict[str, Any]:
    """f(conductance, memory by effect) of every tile of every array."""
    tiles = {
        name: {"conductance": g} | ({"memory": chip["memory"][name]} if "memory" in chip else {})
        for name, g in chip["conductance"].items()
    }
    shape = (chip["drive"].shape[-1], chip["scale"].shape[-1])
    tiling = Tiling.of(hardware, {"chip": shape})
    of_tile = lambda tile, _: f(tile["conductance"], tile.get("memory", {}))
    done = over_tiles(tiling.placement, of_tile, tiling.apart({"chip": tiles}))
    return tiling.together(done)["chip"]


def presented(hardware: Hardware, chip: dict[str, Any]) -> dict[str, Array]:
    """Conductance [S] of every array as a read meets it."""
    effects = acting(hardware.effects, Reading)
    if not effects:
        return chip["conductance"]

    def read(conductance, memory):
        for name, effect in effects:
            conductance = effect.read(conductance, memory.get(name, {}), hardware.cell)
        return conductance

    return _over_arrays(hardware, chip, read)


def noise_power(hardware: Hardware, chip: dict[str, Any]) -> dict[str, Power]:
    """Variance of the noise current of every cell of every array; nothing where cells are quiet."""
    effects = acting(hardware.effects, Noise)
    if not effects:
        return {}

    def power(conductance, memory):
        return _added([effect.power(conductance, memory.get(name, {})) for name, effect in effects])

    return _over_arrays(hardware, chip, power)


def _total(parts: tuple[Array | None, ...]) -> Array | None:
    present = [part for part in parts if part is not None]
    return sum(present[1:], start=present[0]) if present else None


def weighted_sum(powers: dict[str, Power], factors: dict[str, Any]) -> Power:
    """The variances of some arrays together, each times its factor."""
    scaled = [jax.tree.map(lambda part, f=f: part * f, powers[name]) for name, f in factors.items()]
    return _added(scaled)


def _added(powers: list[Power]) -> Power:
    return Power(*map(_total, zip(*powers, strict=True)))


def power_of_drives(power: Power, volts: Any, lsb: Any) -> Power:
    """The variance [LSB^2] for drives of the word lines of `volts` [V] each."""
    units = (volts / lsb, volts / lsb), (volts / lsb, 1.0 / lsb), (1.0 / lsb, 1.0 / lsb)
    # One factor at a time: the square of an LSB need not fit into float32.
    return Power(*(None if part is None else part * a * b for part, (a, b) in zip(power, units, strict=True)))


def integrated(power: Power, steps: Any) -> Power:
    """The variance where bit lines integrate pulses: squared goes with n |code|, n = `steps`, in place of code^2."""
    squared = None if power.squared is None else power.squared * steps
    return Power(linear=_total((power.linear, squared)), constant=power.constant)
