"""aihwkit's side of `peers.py`: networks read through tiles of converters, and training by pulses.

The range of inputs follows each vector; that of a layer's converters is static, four standard deviations that
independent weights and inputs would have.
"""

import torch
from _peer_torch import deviation, digital_training, images, inference, matrices, network, training
from _peer_worker import Built, serve
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.optim import AnalogSGD
from aihwkit.simulator import presets
from aihwkit.simulator.configs import InferenceRPUConfig, TorchInferenceRPUConfig
from aihwkit.simulator.parameters import BoundManagementType, NoiseManagementType

PRESETS = {
    "gokmen_vlasov": presets.GokmenVlasovPreset,
    "reram_es": presets.ReRamESPreset,
    "tiki_taka_v2": presets.TTv2ReRamESPreset,
}
UNBOUND = 1e6  # its C++ tile makes NaN of an infinite bound
TILES = {"C++ tile": InferenceRPUConfig, "torch tile": TorchInferenceRPUConfig}


def steps(bits) -> float:
    """Distance of two codes as a part of the full range; -1: not rounded."""
    return -1 if bits is None else 1 / (2**bits - 2)


def reading(kind: str, tile: int, dac, adc, bound: float):
    """Tiles whose input is scaled by each vector's largest magnitude, without noise."""
    config = TILES[kind]()
    config.mapping.max_input_size = config.mapping.max_output_size = tile
    config.mapping.weight_scaling_omega = 1.0
    forward = config.forward
    forward.inp_res, forward.out_res, forward.out_bound = steps(dac), steps(adc), bound
    forward.out_noise = forward.w_noise = 0.0
    forward.noise_management, forward.bound_management = NoiseManagementType.ABS_MAX, BoundManagementType.NONE
    return config


def scaled(layer, x: torch.Tensor, tile: int) -> torch.Tensor:
    """Vectors that the tiles of a layer are given, each relative to its largest magnitude."""
    if isinstance(layer, torch.nn.Conv2d):
        x = torch.nn.functional.unfold(x, layer.kernel_size, padding=layer.padding).transpose(1, 2)
    largest = lambda part: part.abs().amax(-1, keepdim=True).clamp_min(1e-12)
    return torch.cat([part / largest(part) for part in x.split(tile, -1)], -1)


def forward(job, data) -> Built:
    x, tile, kind = images(data["x"]), job["tile"], job["variant"]

    def analog(dac, adc):
        model = network(job["layers"], data, levels=adc is not None)
        for index, layer, y in matrices(model, x[:8]):
            bound = UNBOUND if adc is None else 4 * deviation(layer, scaled(layer, y, tile), tile)
            model[index] = convert_to_analog(layer, reading(kind, tile, dac, adc, bound))
        return inference(model, x)

    cannot = (
        "pairs of cells: a tile holds the signed weight itself",
        "6 levels: the weights that they hold are given instead",
    )
    digital = inference(network(job["layers"], data), x)
    return Built(analog(job["dac"], job["adc"]), digital, lambda: analog(None, None)(), cannot=cannot)


def pulsed(job, data) -> Built:
    config = PRESETS[job["preset"]]()
    config.forward.is_perfect = config.backward.is_perfect = True
    config.mapping.max_input_size = config.mapping.max_output_size = 0
    model = convert_to_analog(network(job["layers"], data), config)
    optimiser = AnalogSGD(model.parameters(), lr=job["rate"])
    optimiser.regroup_param_groups(model)
    step, loss = training(model, optimiser, data, job["batch"])
    return Built(step, digital_training(job, data)[0], loss=loss)


if __name__ == "__main__":
    serve({"inference": forward, "training": pulsed}, ("aihwkit", "torch"))
