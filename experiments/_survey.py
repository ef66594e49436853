"""The setting of Lammie et al. (Array 13, 2022), and what a compiled program holds in memory."""

from collections.abc import Callable
from typing import Any

import jax
import networks

import memjax as mj

R_ON, R_OFF, SPREAD = 10e3, 100e3, 0.1  # ohm, relative standard deviation: N(10k, 1k) and N(100k, 10k)
STATES, ADC_BITS = 6, 6
BATCH = 128


def hardware(tile: int) -> mj.Hardware:
    """Pairs of columns of devices with 6 states, which act; each conversion of 6 bits over the range of its tile and
    vector, as MemTorch's (its "overflow rate 0"); exact voltages on the word lines.
    """
    return mj.Hardware(
        cell=mj.Cell(r_on=R_ON, r_off=R_OFF, levels=STATES),
        mapping=mj.mapping.DoubleColumn(),
        tile=(tile, tile),
        dac=mj.Dac(),
        adc=mj.Adc(bits=ADC_BITS, range=mj.Dynamic(power_of_two=True), rounding="half_up", codes="twos_complement"),
        effects=(mj.effects.DeviceVariation(r_on_std=SPREAD * R_ON, r_off_std=SPREAD * R_OFF),),
    )


def network(name: str) -> tuple[Callable[..., jax.Array], Any, int | None]:
    """(function, parameters, epochs of training) of a network of `networks.NAMED` with its stored weights; as
    initialised, without epochs, where there are none."""
    try:
        model, recipe = networks.load(name)
    except FileNotFoundError:
        model, recipe = networks.untrained(name), {"epochs": None}
        model.eval()
    return *mj.study.as_function(model), recipe["epochs"]


def memory(run: Any, *args) -> int:
    """Bytes that a jitted function holds at once, by the compiler: arguments, results and everything between."""
    held = run.lower(*args).compile().memory_analysis()
    return held.argument_size_in_bytes + held.output_size_in_bytes + held.temp_size_in_bytes
