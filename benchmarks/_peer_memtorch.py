"""MemTorch's side of `peers.py`, by its public functions: networks on tiles, and one array with resistive wires.

Outputs of a patched layer are currents; they are scaled back by the exact factor of its map, wmax / (1/r_on - 1/r_off),
instead of by MemTorch's regression on random inputs, which would cost minutes and leave an error of its own.
Python 3.8.
"""

import memtorch
import torch
from _peer_torch import images, inference, network
from _peer_worker import Built, serve
from memtorch.bh.crossbar.Passive import solve_passive
from memtorch.mn.Module import patch_model

R_ON, R_OFF = 10e3, 100e3


def patched(job, data, tile, adc):
    """The network on crossbars; converters of `adc` bits, none where that is None."""
    model = network(job["layers"], data, levels=adc is not None)
    largest = [
        float(layer.weight.abs().max()) for layer in model if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d))
    ]
    model = patch_model(
        model,
        memristor_model=memtorch.bh.memristor.VTEAM,
        memristor_model_params={"time_series_resolution": 1e-10, "r_on": R_ON, "r_off": R_OFF},
        module_parameters_to_patch=[torch.nn.Linear, torch.nn.Conv2d],
        mapping_routine=memtorch.map.Parameter.naive_map,
        transistor=True,
        scheme=memtorch.bh.Scheme.DoubleColumn,
        tile_shape=tile,
        ADC_resolution=adc,
        quant_method=None if adc is None else "linear",
        verbose=False,
    )
    layers = [layer for layer in model if isinstance(layer, (memtorch.mn.Linear, memtorch.mn.Conv2d))]
    for index, layer in enumerate(layers):
        factor = largest[index] / (1 / R_ON - 1 / R_OFF)
        layer.transform_output = lambda y, factor=factor: y * factor
    return model


def forward(job, data):
    x = images(data["x"])
    return Built(
        inference(patched(job, data, (job["tile"], job["tile"]), job["adc"]), x),
        inference(network(job["layers"], data), x),
        lambda: inference(patched(job, data, None, None), x)(),
        cannot=(
            "8-bit DAC: inputs are not quantised",
            "6 levels: its finite states change nothing in 1.1.6; the weights that they hold are given instead",
            "an ADC range other than a power of two over each vector",
        ),
    )


def wires(job, data):
    conductance, voltage = torch.from_numpy(data["conductance"]), torch.from_numpy(data["voltage"])
    ground, r = torch.zeros(conductance.shape[1]), job["ohm"]
    return Built(
        lambda: solve_passive(conductance, voltage, ground, r, r).numpy(), lambda: (voltage @ conductance).numpy()
    )


if __name__ == "__main__":
    serve({"inference": forward, "wires": wires}, ("memtorch-cpu", "torch"))
