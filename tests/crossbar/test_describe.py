"""The hardware in words."""

import jax
import jax.numpy as jnp

import memjax as mj

E = mj.effects


def test_units_and_effects_in_the_order_in_which_they_act():
    effects = (E.ReadNoise(0.01), E.StuckAt(0.1, 0.2), E.Drift(0.05), E.DeviceVariation(1e3, 1e4))
    adc = mj.Adc(6, range=mj.Dynamic(overflow=0.0, power_of_two=True))
    text = str(mj.Hardware(cell=mj.Cell(10e3, 1e6, 6), tile=(16, 8), adc=adc, effects=effects))
    lines = [line.split(maxsplit=1) for line in text.splitlines()[1:]]
    assert lines[0] == ["cell", "10 kΩ to 1 MΩ, 6 levels"]
    assert ["tile", "16 word lines × 8 bit lines"] in lines
    assert ["adc", "Adc(bits=6, range=Dynamic(overflow=0, power_of_two=True))"] in lines
    assert lines[-4:] == [
        ["made", "DeviceVariation(r_on_std=1000, r_off_std=1e+04)"],
        ["made", "StuckAt(lrs=0.1, hrs=0.2)"],
        ["aged", "Drift(nu=0.05)"],
        ["noisy", "ReadNoise(relative=0.01)"],
    ]


def test_arrays_and_traced_numbers():
    text = str(mj.Hardware(effects=(E.ReadNoise(jnp.linspace(0.0, 0.1, 5)),)))
    assert "ReadNoise(relative=0 to 0.1)" in text
    seen = []
    jax.jit(lambda hardware: seen.append(str(hardware)))(mj.Hardware())
    assert "traced to traced" in seen[0]
