"""What other tools say that networks cost, beside what memjax's components and plain counting say.

    python experiments/cost_anchors.py

Published figures are what MNSIM 2.0 and DNN+NeuroSim V2.1 and V1.4 print with their defaults. Their counts are worked
out anew from the shapes of the layers, and energies are sums of counts times components of `mj.cost`: for MNSIM with
the constants that it publishes, for NeuroSim with those of `Technology.generic`, since its own may not be copied.
Writes results/cost_anchors.csv: published, computed, their ratio and the differences that are known.
"""

import csv
import pathlib
from math import ceil
from typing import NamedTuple

from memjax.cost import Component, Technology

RESULTS = pathlib.Path(__file__).parent / "results"


class Layer(NamedTuple):
    """A matrix of kernel^2 channels x outputs, read once for each output position."""

    name: str
    channels: int
    outputs: int
    kernel: int
    positions: int

    @property
    def rows(self) -> int:
        return self.kernel**2 * self.channels

    @property
    def macs(self) -> int:
        return self.rows * self.outputs * self.positions


CONVOLUTIONS = (
    Layer("conv1", 3, 128, 3, 32 * 32),
    Layer("conv2", 128, 128, 3, 32 * 32),
    Layer("conv3", 128, 256, 3, 16 * 16),
    Layer("conv4", 256, 256, 3, 16 * 16),
    Layer("conv5", 256, 512, 3, 8 * 8),
    Layer("conv6", 512, 512, 3, 8 * 8),
)
VGG8 = (*CONVOLUTIONS, Layer("dense1", 8192, 1024, 1, 1), Layer("dense2", 1024, 10, 1, 1))
"""Of NeuroSim, on CIFAR-10."""
VGG8_MNSIM = (*CONVOLUTIONS, Layer("conv7", 512, 1024, 3, 2 * 2), Layer("dense", 1024, 10, 1, 1))
"""The same in MNSIM, whose last convolution is not padded and pooled once more."""
LENET = (
    Layer("conv1", 3, 6, 5, 28 * 28),
    Layer("conv2", 6, 16, 5, 10 * 10),
    Layer("conv3", 16, 120, 5, 1),
    Layer("dense1", 120, 84, 1, 1),
    Layer("dense2", 84, 10, 1, 1),
)


class Row(NamedTuple):
    """A published figure and ours."""

    anchor: str
    published: float
    computed: float
    unit: str
    difference: str = ""

    @property
    def ratio(self) -> float:
        return self.computed / self.published


# MNSIM: 256 x 256 cells of one bit in pairs (positive, negative), weights of 9 bits, inputs of 9 bits in planes of one,
# 128 DACs and 128 ADCs at each pair, 4 pairs in a tile with a buffer each, one at its outlet and a pooling unit.
SIDE, SLICES, PLANES, PAIRS = 256, 8, 9, 4
CELL_READ = 0.1 * 0.15**2 * (0.67 / 1e6 + 0.33 / 1e4) * 3.16e-9
"""Expected energy of one cell in one read [J]: a tenth of the inputs at 0.15 V, 0.67 of the cells at 1 Mohm."""
POOLING = Component(
    91917.1562e-12, 3.082e-3 * 100e-9, 100e-9, 0.0, "Z. Zhu et al., MNSIM 2.0, IEEE TCAD 42 (2023): 64 units, 65 nm"
)


class Pairs(NamedTuple):
    """How MNSIM lays a layer out: whole kernels stay in one crossbar, one pair holds one bit of the weights."""

    pairs: int
    rows: int
    columns: int
    steps: int

    @property
    def tiles(self) -> int:
        return ceil(self.pairs / PAIRS)


def laid_out(layer: Layer) -> Pairs:
    """Pairs of crossbars of a layer; a plane takes a step for each half of the rows and of the columns in use."""
    channels = SIDE // layer.kernel**2
    rows, columns = min(channels, layer.channels) * layer.kernel**2, min(layer.outputs, SIDE)
    pairs = SLICES * ceil(layer.outputs / SIDE) * ceil(layer.channels / channels)
    return Pairs(pairs, rows, columns, PLANES * ceil(rows / (SIDE // 2)) * ceil(columns / (SIDE // 2)))


def mnsim_area(layers: tuple[Layer, ...], poolings: int) -> dict[str, float]:
    """Areas [m2]: of whole tiles, also where a layer does not fill them and for each pooling layer."""
    parts = Technology.mnsim()
    tiles = poolings + sum(laid_out(layer).tiles for layer in layers)
    crossbar = SIDE * (SIDE * parts.cell_area + parts.driver.area)
    return {
        "crossbar": tiles * PAIRS * 2 * crossbar,
        "adc": tiles * PAIRS * SIDE / parts.columns_per_adc * float(parts.adc.component(6).area),
        "buffer": tiles * (PAIRS + 1) * 256 * 64 * parts.buffer.area,
        "pooling": tiles * POOLING.area,
    }


def mnsim_energy(layers: tuple[Layer, ...]) -> dict[str, float]:
    """Energies of one image [J]."""
    parts = Technology.mnsim()
    convert, drive = float(parts.adc.component(6).energy), parts.driver.energy
    total = dict.fromkeys(("crossbar", "adc", "dac", "buffer"), 0.0)
    for layer in layers:
        used = laid_out(layer)
        reads = layer.positions * used.pairs * used.steps
        total["crossbar"] += reads * 2 * (used.rows / 2) * (used.columns / 2) * CELL_READ
        total["adc"] += reads * ceil(used.columns / 2) * convert
        total["dac"] += reads * ceil(used.rows / 2) * drive
        total["buffer"] += layer.positions * used.tiles * _words(layer, used, parts.buffer)
    return total


def _words(layer: Layer, used: Pairs, bit: Component) -> float:
    """Energy of the words that one tile moves for one position [J]; all five buffers wait for those of each other."""
    word = lambda bits: ceil(bits / 64)
    leak = 64 * 256 * bit.leakage * bit.latency
    read, write = (64 * energy + leak for energy in bit.energy_range)
    new = used.rows if layer.kernel == 1 else used.rows // layer.kernel**2
    busy = min(used.pairs, PAIRS)
    read_words = word(layer.kernel * new * PLANES) + word(used.columns * PLANES * busy)
    written_words = word(new * PLANES) + word(used.columns * (6 + 2) * busy)
    return (busy + 1) * (read_words * read + written_words * write)


def mnsim() -> list[Row]:
    """Both networks. Shares of energy are printed by MNSIM in per cent."""
    rows = []
    for name, layers, poolings, counts, areas, energy, shares in (
        ("VGG-8", VGG8_MNSIM, 4, 1272, (1390.33, 1001.5, 272.0), 4448.8, (0.774, 0.220, 0.0046)),
        ("LeNet", LENET, 2, 48, (60.45, 43.5, 11.8), 6.879, (0.447, 0.535, 0.0012)),
    ):
        area, spent = mnsim_area(layers, poolings), mnsim_energy(layers)
        pairs = sum(laid_out(layer).pairs for layer in layers)
        rows += [
            Row(f"MNSIM {name} crossbars", counts, pairs, "1", "MNSIM counts a pair as one"),
            Row(f"MNSIM {name} area", areas[0], 1e6 * sum(area.values()), "mm2", "registers, joint modules left out"),
            Row(f"MNSIM {name} crossbar area", areas[1], 1e6 * area["crossbar"], "mm2", "DACs are in it"),
            Row(f"MNSIM {name} ADC area", areas[2], 1e6 * area["adc"], "mm2"),
            Row(f"MNSIM {name} energy", energy, 1e6 * sum(spent.values()), "uJ", "digital parts and pooling left out"),
            Row(f"MNSIM {name} ADC energy", energy * shares[0], 1e6 * spent["adc"], "uJ"),
            Row(
                f"MNSIM {name} buffer energy", energy * shares[1], 1e6 * spent["buffer"], "uJ", "no first rows, pooling"
            ),
            Row(f"MNSIM {name} crossbar energy", energy * shares[2], 1e6 * spent["crossbar"], "uJ"),
        ]
    return rows


# NeuroSim: arrays of 128 x 128, 8-bit inputs in planes of one bit, 8 columns to a converter of 5 bits.
ARRAY, BITS, ADC_BITS = 128, 8, 5
COPIES = (64, 16, 8, 4, 2, 1, 1, 8)
"""By which V1.4 repeats the layers, measured."""
READ = 0.166 * 0.2**2 * 0.5 * (1 / 100e3 + 1 / 1e6) * 10e-9
"""Expected energy of one cell in one read [J]: activity of the traces, 0.2 V, 100 kohm and 1 Mohm, 10 ns."""
SUM_BITS = 16
"""Of the running sum of weight gradients over a batch, kept off the chip: products of 8 bits, 200 images."""


def conversions(rows: int, columns: int, positions: int) -> int:
    """Of all arrays of a matrix for one image."""
    return positions * BITS * ceil(rows / ARRAY) * columns


def inference() -> dict[str, float]:
    """V1.4, 22 nm: energies of one image [J] with weights of 8 bits in cells of one."""
    parts = Technology.generic(22e-9)
    converted = sum(conversions(layer.rows, layer.outputs * BITS, layer.positions) for layer in VGG8)
    read = sum(BITS * layer.rows * layer.positions / layer.kernel for layer in VGG8)
    made = sum(BITS * layer.outputs * layer.positions for layer in VGG8)
    return {
        "adc": converted * float(parts.adc.component(ADC_BITS).energy),
        "accumulation": converted * float(parts.shift_add.energy),
        "cells": sum(layer.macs for layer in VGG8) * BITS * BITS * READ,
        "other": (read + made) * float(parts.buffer.energy) + made * float(parts.network.energy),
    }


def training() -> dict[str, float]:
    """V2.1, at 32 nm (assumed): energies of an epoch of 50 000 images [J], one cell of 5 bits for a weight."""
    parts = Technology.generic(32e-9)
    forward = sum(conversions(layer.rows, layer.outputs, layer.positions) for layer in VGG8)
    backward = sum(conversions(layer.kernel**2 * layer.outputs, layer.channels, layer.positions) for layer in VGG8[1:])
    macs = sum(layer.macs for layer in VGG8)
    weights = sum(layer.rows * layer.outputs for layer in VGG8)
    values = sum(layer.outputs * layer.positions for layer in VGG8)
    moved = 2 * SUM_BITS * weights + 4 * BITS * values
    image = {
        "adc": (forward + backward) * float(parts.adc.component(ADC_BITS).energy),
        "accumulation": (forward + backward) * parts.shift_add.energy,
        "array": (2 * macs - VGG8[0].macs) * BITS * READ,
        "weight_gradient": macs * BITS * parts.shift_add.energy,
        "dram": moved * parts.dram.energy,
    }
    return {name: 50_000 * energy for name, energy in image.items()}


def converters_area() -> float:
    """V1.4: area of the converters [m2], as ISAAC's resized to 5 bits and scaled to 22 nm."""
    arrays = [ceil(layer.rows / ARRAY) * ceil(layer.outputs * BITS / ARRAY) for layer in VGG8]
    copies = sum(count * number for count, number in zip(COPIES, arrays, strict=True))
    one = Technology.isaac().adc.component(ADC_BITS).scaled(area=(22 / 32) ** 2)
    return copies * ARRAY / 8 * float(one.area)


def neurosim() -> list[Row]:
    """Both versions."""
    spent, epoch = inference(), training()
    sense = "ours: surveyed SAR converters; theirs: sense amplifiers of about 75 fJ"
    return [
        Row("V1.4 VGG-8 operations", 2 * 615.9e6, 2 * sum(layer.macs for layer in VGG8), "1"),
        Row("V1.4 VGG-8 energy", 34.59, 1e6 * sum(spent.values()), "uJ", sense),
        Row("V1.4 VGG-8 ADC energy", 23.61, 1e6 * spent["adc"], "uJ", sense),
        Row("V1.4 VGG-8 ADC share of energy", 23.61 / 34.59, spent["adc"] / sum(spent.values()), "1", sense),
        Row("V1.4 VGG-8 accumulation energy", 3.82, 1e6 * spent["accumulation"], "uJ"),
        Row("V1.4 VGG-8 other energy", 7.17, 1e6 * spent["other"], "uJ", "ours: buffers and network only"),
        Row("V1.4 VGG-8 ADC area", 15.38, 1e6 * converters_area(), "mm2", "ours: ISAAC's SAR converter"),
        Row("V2.1 VGG-8 epoch energy", 87.58, sum(epoch.values()), "J"),
        Row("V2.1 VGG-8 epoch DRAM energy", 76.03, epoch["dram"], "J", "ours: 16-bit sums of gradients, each image"),
        Row("V2.1 VGG-8 epoch DRAM share", 76.03 / 87.58, epoch["dram"] / sum(epoch.values()), "1"),
        Row(
            "V2.1 VGG-8 epoch weight gradient", 8.997, epoch["weight_gradient"], "J", "ours: 8 additions for a product"
        ),
        Row("V2.1 VGG-8 epoch ADC energy", 0.715, epoch["adc"], "J", sense),
        Row("V2.1 VGG-8 epoch accumulation", 0.340, epoch["accumulation"], "J"),
        Row("V2.1 VGG-8 epoch array energy", 0.0641, epoch["array"], "J", "ours: cells of 100 kohm and 1 Mohm, 0.2 V"),
    ]


def main() -> None:
    rows = mnsim() + neurosim()
    print(f"{'':36}{'published':>12}{'computed':>12}{'ratio':>8}")
    for row in rows:
        unit = "" if row.unit == "1" else row.unit
        print(f"{row.anchor:36}{row.published:12.5g}{row.computed:12.5g}{row.ratio:8.3f} {unit:4} {row.difference}")
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "cost_anchors.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*Row._fields, "ratio"))
        writer.writerows((*row, row.ratio) for row in rows)


if __name__ == "__main__":
    main()
