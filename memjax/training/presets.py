"""Named update laws with published constants, as functions without arguments.

Weights are in units in which the mean range of a cell is about -1 to 1. The constants of the pulsed devices are those
of the presets of aihwkit 1.2 (Rasch et al., AICAS 2021), which were fitted to the measurements named with each.
"""

from collections.abc import Callable

from memjax import _check
from memjax.training.laws import (
    AbstractLaw,
    ConstantStep,
    ExponentialStep,
    LinearStep,
    NeuroSimStep,
    Population,
    Referenced,
    SoftBounds,
)


def reram_es() -> ExponentialStep:
    """ReRAM by exponential steps: large noise, strongly asymmetric. Measured by Gong et al. (Nat. Commun. 9:2102)."""
    cells = Population(
        step=0.00135,
        asymmetry=0.259359,
        step_spread=0.2,
        asymmetry_spread=0.05,
        low_spread=0.3,
        high_spread=0.3,
        noise=5.0,
        write_noise=75.0,
    )
    return ExponentialStep(cells, a_up=-1.18445, a_down=-0.081404, gamma_up=5.0, gamma_down=5.0, a=-0.5, b=-0.5)


def reram_sb() -> SoftBounds:
    """ReRAM by soft bounds, of the same measurements."""
    cells = Population(
        step=0.002,
        low=-0.75,
        high=1.25,
        step_spread=0.3,
        asymmetry_spread=0.01,
        low_spread=0.4,
        high_spread=0.24,
        noise=3.75,
        write_noise=56.0,
    )
    return SoftBounds(cells, additive=True)


def capacitor() -> LinearStep:
    """CMOS capacitor cell: nearly linear, leaking. Li et al. (VLSI Technology 2018)."""
    cells = Population(
        step=0.005,
        step_spread=0.1,
        asymmetry_spread=0.06,
        low_spread=0.07,
        high_spread=0.07,
        noise=0.3,
        lifetime=1e6,
        lifetime_spread=0.3,
    )
    return LinearStep(cells, gamma_up=0.05, gamma_down=0.05, gamma_spread=0.01, additive=True)


def ecram() -> LinearStep:
    """Electrochemical cell with lithium. Tang et al. (IEDM 2018)."""
    cells = Population(
        step=0.002,
        low=-0.8276,
        high=1.1724,
        step_spread=0.1,
        asymmetry_spread=0.01,
        low_spread=0.05,
        high_spread=0.05,
        noise=0.3,
    )
    return LinearStep(cells, gamma_up=0.1153, gamma_down=0.5085, gamma_spread=0.05)


def ecram_mo() -> LinearStep:
    """Metal-oxide electrochemical cell. Kim et al. (IEDM 2019)."""
    cells = Population(
        step=2.8214e-4,
        low=-0.8286,
        high=1.1714,
        step_spread=0.1,
        asymmetry_spread=0.01,
        low_spread=0.05,
        high_spread=0.05,
        noise=2.0,
    )
    return LinearStep(cells, gamma_up=0.4152, gamma_down=0.7342, gamma_spread=0.05)


def idealized() -> ConstantStep:
    """About 10 000 states, symmetric: the device that training would like to have."""
    return ConstantStep(Population(step=0.0002, step_spread=0.3, low_spread=0.3, high_spread=0.3, noise=0.3))


def gokmen_vlasov() -> ConstantStep:
    """About 1200 states. Gokmen and Vlasov (Front. Neurosci. 10:333, 2016)."""
    cells = Population(step=0.0016, step_spread=0.3, asymmetry_spread=0.01, low_spread=0.3, high_spread=0.3, noise=0.3)
    return ConstantStep(cells)


def pcm() -> ExponentialStep:
    """Phase-change memory, which only grows gradually: range 0 to 2, for `one_sided` pairs.

    Nandakumar et al. (Front. Neurosci. 14:406, 2020).
    """
    cells = Population(
        step=0.01,
        low=0.0,
        high=2.0,
        step_spread=0.2,
        asymmetry_spread=0.05,
        high_spread=0.1,
        noise=0.6,
        reset=0.01,
        reset_spread=0.02,
    )
    return ExponentialStep(
        cells,
        a_up=-27.235,
        a_down=-2.235,
        gamma_up=2.5,
        gamma_down=2.5,
        a=-1.0,
        b=0.0,
        noise_add=0.042,
        noise_slope=0.108,
    )


def reram_array_om() -> Referenced:
    """ReRAM array, optimised material, few noisy states; read against its symmetry point.

    Gong et al. (IEDM 2022). The measured share of faulty cells, 0.1348 within 0.01 of zero, is left out, as in the
    preset of the source.
    """
    cells = Population(
        step=0.0949,
        log_normal=True,
        step_spread=0.7829,
        asymmetry_spread=0.01,
        low_spread=0.5695,
        high_spread=0.3499,
        noise=0.4158,
        write_noise=1.4113,
        stuck_range=0.01,
    )
    return Referenced(SoftBounds(cells, additive=True), std=0.05)


def reram_array_hfo2() -> Referenced:
    """ReRAM array of plain HfO2: a handful of states; read against its symmetry point.

    Gong et al. (IEDM 2022). The measured share of faulty cells, 0.0977, is left out, as in the preset of the source.
    """
    cells = Population(
        step=0.4622,
        log_normal=True,
        step_spread=0.7125,
        asymmetry_spread=0.01,
        low_spread=0.5990,
        high_spread=0.4295,
        noise=0.2174,
        write_noise=0.5841,
        stuck_range=0.01,
    )
    return Referenced(SoftBounds(cells, additive=True), std=0.05)


def neurosim_ag_asi() -> NeuroSimStep:
    """Ag:a-Si of MLP+NeuroSim V3.0: 97 and 100 pulses, labels 2.4 and -4.88. Jo et al. (Nano Lett. 10:1297, 2010).

    Its conductances are 3.0769 to 38.462 nS, its pulses 3.2 V and -2.8 V for 300 us.
    """
    return NeuroSimStep(Population(noise=0.035), levels_up=97, levels_down=100, ltp=2.4, ltd=-4.88)


def neurosim_vgg8() -> NeuroSimStep:
    """The device of the VGG-8 example of DNN+NeuroSim V2.1, in physical form: 32 states, labels 1.75 and 1.46."""
    return NeuroSimStep(Population(noise=0.003), levels_up=32, levels_down=32, ltp=1.75, ltd=1.46)


ALL: dict[str, Callable[[], AbstractLaw]] = {
    law.__name__: law
    for law in (
        idealized,
        gokmen_vlasov,
        capacitor,
        ecram,
        ecram_mo,
        reram_es,
        reram_sb,
        pcm,
        reram_array_om,
        reram_array_hfo2,
        neurosim_ag_asi,
        neurosim_vgg8,
    )
}


def named(name: str) -> AbstractLaw:
    """The preset of a name; ValueError with the names that there are for another."""
    _check.choice("preset", name, tuple(ALL))
    return ALL[name]()
