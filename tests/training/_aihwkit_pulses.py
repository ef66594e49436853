"""Pulses on the preset devices of aihwkit, as JSON: run by `test_aihwkit.py` with a Python that has it.

    python _aihwkit_pulses.py trains PRESET ...

"trains": mean and standard deviation of the weight after updates with stochastic pulse trains from zero, for some
learning rates, with their inputs and errors. For each preset: the weight of the nominal cell through PULSES upwards and
as many downwards (no spread, no noise); changes of many cells at their first pulse upwards and downwards from zero,
with noise and no spread; and bounds and steps of many cells with spread and no noise.
"""

import json
import sys

import torch
from aihwkit.simulator.configs import SingleRPUConfig
from aihwkit.simulator.presets import devices
from aihwkit.simulator.tiles import AnalogTile

PULSES, SIDE = 400, 120
SPREADS = ("dw_min_dtod", "up_down_dtod", "w_max_dtod", "w_min_dtod", "gamma_up_dtod", "gamma_down_dtod",
           "lifetime_dtod", "reset_dtod", "slope_up_dtod", "slope_down_dtod", "reference_std")  # fmt: skip


def device(name, **changes):
    found = getattr(devices, name)()
    for key, value in changes.items():
        if hasattr(found, key):
            setattr(found, key, value)
    return found


def tile(made, side):
    config = SingleRPUConfig(device=made)
    config.update.desired_bl, config.update.update_bl_management, config.update.update_management = 1, False, False
    config.mapping.weight_scaling_omega = 0.0
    config.forward.is_perfect = config.backward.is_perfect = True
    found = AnalogTile(side, side, config)
    found.set_learning_rate(1.0)
    return found


def weights(one):
    return one.tile.get_weights().clone()


def pulse(one, side, up):
    one.update(-torch.ones(1, side), torch.ones(1, side) * (1.0 if up else -1.0))


def first(made, start):
    """Changes at the first pulse upwards and downwards, from weights `start`."""
    changes = []
    for up in (True, False):
        one = tile(made, SIDE)
        one.tile.set_weights(torch.full((SIDE, SIDE), start))
        before = weights(one)
        pulse(one, SIDE, up)
        changes.append((weights(one) - before).flatten().tolist())
    return changes


def measure(name):
    nothing = dict.fromkeys(SPREADS, 0.0) | {"write_noise_std": 0.0, "lifetime": 0.0}
    one = tile(device(name, dw_min_std=0.0, **nothing), 1)
    one.tile.set_weights(torch.zeros(1, 1))
    trace = []
    for index in range(2 * PULSES):
        pulse(one, 1, index < PULSES)
        trace.append(weights(one).item())
    up, down = first(device(name, **nothing), 0.0)
    spread = device(name, dw_min_std=0.0, write_noise_std=0.0, lifetime=0.0)
    bounds = {}
    parameters = tile(spread, SIDE).tile.get_hidden_parameters()
    names = tile(spread, SIDE).tile.get_hidden_parameter_names()
    for key, value in zip(names, parameters, strict=True):
        bounds[key] = value.flatten().tolist()
    return {"trace": trace, "noisy_up": up, "noisy_down": down, "cells": bounds}


def trains():
    side, repeats = 12, 2000
    made = device(
        "ConstantStepDevice", dw_min=0.001, dw_min_std=0.0, w_min=-9.0, w_max=9.0, **dict.fromkeys(SPREADS, 0.0)
    )
    x, d = torch.randn(side), 0.3 * torch.randn(side)
    found = {"x": x.tolist(), "d": d.tolist(), "repeats": repeats, "rates": {}}
    for rate in (0.002, 0.02, 0.4):
        one = AnalogTile(side, side, SingleRPUConfig(device=made))
        one.set_learning_rate(rate)
        after = []
        for _ in range(repeats):
            one.tile.set_weights(torch.zeros(side, side))
            one.update(x[None], d[None])
            after.append(weights(one))
        after = torch.stack(after)
        found["rates"][rate] = {"mean": after.mean(0).T.tolist(), "std": after.std(0).T.tolist()}
    return found


if __name__ == "__main__":
    torch.manual_seed(0)
    for one_name in sys.argv[1:]:
        print(json.dumps({one_name: trains() if one_name == "trains" else measure(one_name)}))
