"""Calls of the public functions of `memjax.memory`, for `surface.py`."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import memjax as mj

memory = mj.memory
KEY = jax.random.key(0)


def of_traces() -> dict[str, tuple[Any, dict[str, Any]]]:
    """{name: (function, arguments)} of what makes and changes traces."""
    trace = memory.random_trace(KEY, 12, 6, data=True)
    known = memory.with_old(trace)
    numbers = {"cycle": np.arange(3), "write": np.ones(3, bool), "address": 64 * np.arange(3)}
    drawn = {"key": KEY, "count": 5, "lines": 4, "write_share": 0.5, "interval": 1, "data": False}
    region = {"trace": trace, "lines": 6}
    plan = mj.crossbarify(jnp.matmul, mj.Hardware(tile=(4, 4))).plan(jnp.ones((5, 3)), jnp.ones((3, 2)))
    return {
        "make_trace": (memory.make_trace, numbers | {"data": None, "old": None}),
        "stack_traces": (memory.stack_traces, {"traces": [trace, trace]}),
        "with_old": (memory.with_old, {"trace": trace}),
        "stream_trace": (
            memory.stream_trace,
            {"count": 5, "interval": 1, "stride": 64, "start": 0, "write_every": 2},
        ),
        "random_trace": (memory.random_trace, drawn),
        "zipf_trace": (memory.zipf_trace, drawn | {"exponent": 1.0}),
        "reloads": (memory.reloads, {"plan": plan, "tiles": 2, "bits": 8, "inferences": 2}),
        "trace_of": (memory.trace_of, {"plan": plan, "tiles": 2, "bits": 8, "inferences": 2, "compute": 3}),
        "encode": (memory.encode, {"trace": known, "encoder": memory.FlipNWrite()}),
        "changed_bits": (memory.changed_bits, {"trace": known}),
        "level": (memory.level, region | {"levelling": memory.StartGap(2), "key": KEY}),
        "wear": (memory.wear, region | {"unit": "line"}),
        "lifetime": (
            memory.lifetime,
            region | {"endurance": 50.0, "levelling": memory.StartGap(2), "key": KEY, "limit": 1e4},
        ),
    }


def of_macros() -> dict[str, tuple[Any, dict[str, Any]]]:
    """{name: (function, arguments)} of what designs macros."""
    sizes = {"capacity": 2**12, "word": 16}
    made_of = {"cell": memory.MemoryCell.sram(), "technology": memory.process(45e-9), "design": memory.Design()}
    few = {"mats": 2, "subarrays": 1, "muxes": (4, 1, 1)}
    macros = memory.explore(**sizes, **made_of, **few)
    text = "-MemCellType: SRAM\n-CellArea (F^2): 146\n-AccessCMOSWidth (F): 1\n"
    device = {
        "device": mj.devices.LinearIonDrift.technion(),
        "set_voltage": 2.0,
        "set_pulse": 1e4,
        "reset_voltage": 2.0,
        "reset_pulse": 1e4,
        "read_voltage": 0.2,
        "tolerance": 0.05,
        "kind": "rram",
        "area": 20.0,
        "access_width": 4.0,
    }
    return {
        "process": (
            memory.process,
            {"node": 45e-9, "roadmap": "HP", "temperature": 300.0, "constants": "corrected"},
        ),
        "macro": (memory.macro, sizes | made_of | {"organisation": memory.Organisation(muxes=(8, 1, 1))}),
        "explore": (memory.explore, sizes | made_of | few),
        "best": (memory.best, {"macros": macros, "objective": "area"}),
        "pareto": (memory.pareto, {"macros": macros, "objectives": ("area", "leakage")}),
        "read_cell": (memory.read_cell, {"source": text}),
        "MemoryCell.from_device": (memory.MemoryCell.from_device, device),
    }


def of_controllers() -> dict[str, tuple[Any, dict[str, Any]]]:
    """{name: (function, arguments)} of what serves traces."""
    trace = memory.random_trace(KEY, 12, 6, data=True)
    config = memory.MemoryConfig(policy="fcfs")
    return {
        "simulate_memory": (memory.simulate_memory, {"trace": trace, "config": config, "key": KEY, "log": False}),
        "simulate_cached": (
            memory.simulate_cached,
            {"trace": trace, "cache": config, "memory": config, "lines": 4, "rounds": 2},
        ),
    }


def functions() -> dict[str, tuple[Any, dict[str, Any]]]:
    return of_traces() | of_macros() | of_controllers()
