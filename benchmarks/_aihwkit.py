"""Time of aihwkit's training steps, as JSON lines: run by `training.py` with the Python that has aihwkit.

    python benchmarks/_aihwkit.py DATA.npz RATE REPEATS CASE ...         # CASE: digital:64 gokmen_vlasov:64 ttv2:64 ...

DATA holds images [S, D], labels [S] and the weights and biases of the MLP. Every case trains on through the batches and
is timed step by step in turn with plain torch; forward and backward reads are perfect, so that what is timed is the
update.
"""

import json
import statistics
import sys
import time

import numpy as np
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.optim import AnalogSGD
from aihwkit.simulator import presets

CONFIGS = {
    "gokmen_vlasov": presets.GokmenVlasovPreset,
    "reram_es": presets.ReRamESPreset,
    "ttv2": presets.TTv2ReRamESPreset,
}


def mlp(data, config) -> torch.nn.Sequential:
    layers = []
    for index in range(sum(name.startswith("kernel") for name in data)):
        kernel, bias = (torch.from_numpy(data[f"{name}{index}"]) for name in ("kernel", "bias"))
        if config is None:
            layer = torch.nn.Linear(*kernel.shape)
            layer.weight.data, layer.bias.data = kernel.T.contiguous(), bias
        else:
            layer = AnalogLinear(*kernel.shape, rpu_config=config)
            layer.set_weights(kernel.T.contiguous(), bias)
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def stepper(data, case: str, batch: int, rate: float):
    """A function that makes the next step of a training."""
    config = None
    if case != "digital":
        config = CONFIGS[case]()
        config.forward.is_perfect = config.backward.is_perfect = True
    model = mlp(data, config)
    optimiser = (torch.optim.SGD if config is None else AnalogSGD)(model.parameters(), lr=rate)
    if config is not None:
        optimiser.regroup_param_groups(model)
    images, labels = torch.from_numpy(data["images"]), torch.from_numpy(data["labels"].astype(np.int64))
    place = 0

    def step():
        nonlocal place
        part = slice(place, place + batch)
        place = place + batch if place + 2 * batch <= len(labels) else 0
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images[part]), labels[part])
        loss.backward()
        optimiser.step()
        return float(loss)

    return step


def main() -> None:
    path, rate, repeats, *cases = sys.argv[1:]
    with np.load(path) as archive:
        data = {name: archive[name] for name in archive.files}
    for name in cases:
        case, batch = name.split(":")
        step, digital = (stepper(data, kind, int(batch), float(rate)) for kind in (case, "digital"))
        step(), digital()
        pairs = []
        while len(pairs) < int(repeats):
            times = []
            for function in (step, digital):
                start = time.perf_counter()
                function()
                times.append(time.perf_counter() - start)
            pairs.append(times)
        ratios = [a / b for a, b in pairs]
        seconds, baseline = (statistics.median(column) for column in zip(*pairs, strict=True))
        low, middle, high = statistics.quantiles(ratios, n=4)
        found = {"case": case, "batch": int(batch), "threads": torch.get_num_threads()}
        found |= {"seconds": seconds, "baseline_seconds": baseline, "ratio": middle, "low": low, "high": high}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
