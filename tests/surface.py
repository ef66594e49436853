"""The public surface as data: every specification with the fields that it needs, every function with a valid call."""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import surface_memory
import xarray
from flax import nnx

import memjax as mj
from memjax import memory

KEY = jax.random.key(0)
DEVICE = mj.devices.VTEAM.pt_hf_ti()
DRIFT = mj.devices.LinearIonDrift.technion()
ROWS = partial(mj.compress.project_rows, keep=2)
HWCOMPONENT = SimpleNamespace(area=1e-9, leak_power=0.0, convert=lambda: SimpleNamespace(energy=1e-12, latency=1e-9))
COMPONENT = mj.cost.Component(1e-9, 1e-12, 1e-9, 1e-6, "a table, 32 nm")
WIRES = mj.Wires(row=1.0, column=1.0)


class Call(NamedTuple):
    """A function or class with arguments that are valid."""

    name: str
    fn: Callable
    arguments: dict[str, Any]


# What specifications without defaults for all fields are made with here.
NEEDED: dict[str, tuple[Callable | None, dict[str, Any]]] = {
    "Confusion": (None, {"matrix": np.eye(3)}),
    "RelativeToWeights": (None, {"factor": 12.0}),
    "Component": (None, {"area": 1e-9, "energy": 1e-12, "latency": 1e-9, "leakage": 1e-6, "source": "a table, 32 nm"}),
    "Inventory": (None, {"parts": {"adc": (8, COMPONENT)}}),
    "SarAdc": (None, {"reference": COMPONENT}),
    "Technology": (None, vars(mj.cost.Technology.generic())),
    "LevelSpread": (None, {"levels": (1e-5, 1e-4), "errors": np.array([[-1e-7, 1e-7], [-1e-6, 1e-6]])}),
    "LogLaw": (None, {"slope": 1.0, "constant": 1.0, "low": 0.0, "high": 1.0}),
    "PowerLaw": (None, {"scale": 1.0, "exponent": 1.0, "high": 1.0}),
    "CBRAM": (mj.devices.CBRAM.yu_wong, {}),
    "JARTVCM": (mj.devices.JARTVCM.tud, {}),
    "DataDriven": (mj.devices.DataDriven.tiox, {}),
    "LinearIonDrift": (mj.devices.LinearIonDrift.technion, {}),
    "Memdiode": (mj.devices.Memdiode.aguirre, {}),
    "STTMRAM": (None, {"r_p": 1e3}),
    "Series": (None, {"device": DEVICE, "resistance": 1.0}),
    "Simmons": (mj.devices.Simmons.pickett, {}),
    "TEAM": (mj.devices.TEAM.simmons_fit, {}),
    "VTEAM": (mj.devices.VTEAM.pt_hf_ti, {}),
    "Yakopcic": (mj.devices.Yakopcic.oblea, {}),
    "Drift": (None, {"nu": 0.1}),
    "Endurance": (None, {"lrs": (1.0, 0.0, 0.0, 0.0), "hrs": (1.0, 0.0, 0.0, 0.0)}),
    "FiniteStates": (None, {"levels": 4}),
    "FormingFailure": (None, {"rate": 0.1}),
    "Predistortion": (None, {"wires": WIRES}),
    "ProgrammingError": (None, {"coefficients": (1e-6,), "g_max": 1e-4}),
    "RangeCollapse": (None, {"cycles": 1e6}),
    "ReadDisturb": (None, {"device": DRIFT, "amplitude": 0.1, "width": 1e-6}),
    "ShotNoise": (None, {"bandwidth": 1.0}),
    "SinhConduction": (None, {"k": 1.0}),
    "TelegraphNoise": (None, {"amplitude": 0.1}),
    "Temperature": (None, {"kelvin": 300.0}),
    "ThermalNoise": (None, {"bandwidth": 1.0}),
    "MemoryCell": (memory.MemoryCell, vars(memory.MemoryCell.rram())),
    "Process": (memory.Process, vars(memory.process(45e-9))),
    "Wire": (None, {"resistance": 1e6, "capacitance": 3e-10, "pitch": 1e-7}),
    "DevicePulse": (None, {"device": DEVICE}),
    "AdditiveNoise": (None, {"strength": 0.1}),
    "MultiplicativeNoise": (None, {"strength": 0.1}),
    "DropConnect": (None, {"rate": 0.1}),
    "Discretised": (None, {"bits": 4}),
    "DoReFa": (None, {"bits": 4}),
    "Referenced": (None, {"law": mj.training.SoftBounds()}),
    "Ramp": (None, {}),
    "WriteVerify": (None, {"device": DRIFT}),
    "Pulse": (None, {"voltage": 1.0, "width": 1e-6}),
}
PULSES = {"start": 0.5, "step": 0.05, "stop": 1.0, "width": 1e-6}


def specs() -> Iterator[Call]:
    """Every final specification of the public packages."""
    rooms = (
        mj,
        mj.chip,
        mj.devices,
        mj.devices.windows,
        mj.converters,
        mj.mapping,
        mj.effects,
        mj.graph,
        mj.programming,
        mj.training,
        mj.training.recipes,
        mj.cost,
        mj.reliability,
        memory,
    )
    seen = set()
    for room in rooms:
        for name, kind in sorted(vars(room).items()):
            if not inspect.isclass(kind) or not issubclass(kind, mj.spec.Spec) or inspect.isabstract(kind):
                continue
            if kind in seen or kind is mj.spec.Spec:
                continue
            seen.add(kind)
            make, arguments = NEEDED.get(name, (None, {}))
            if kind is mj.programming.Ramp:
                arguments = PULSES
            yield Call(f"{room.__name__}.{name}", make or kind, arguments)


W = np.linspace(-1.0, 1.0, 15, dtype=np.float32).reshape(5, 3)
X = np.linspace(-1.0, 1.0, 10, dtype=np.float32).reshape(2, 5)
HARDWARE = mj.Hardware(tile=(4, 3), effects=(mj.effects.Drift(0.05),))
PARAMS = {"w": jnp.asarray(W), "v": jnp.full((3, 2), 0.5)}
WRITES = mj.measured.Writes(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([1e-5, 1e-4, 1.1e-5, 1.1e-4]))
CURVES = mj.measured.Curves(np.zeros(4, int), np.linspace(0.1, 0.4, 4), np.linspace(0.1, 0.4, 4) * 1e-5)
CHIP = mj.chip.Architecture(cores=4)
EDGES = np.full((5, 5), 9.0) - 8.0 * np.eye(5)  # loops of length 1, all others of 9
GRAPH = {"hardware": HARDWARE, "adjacency": EDGES, "key": KEY}
TIME = np.linspace(0.0, 1e-3, 20)
VOLTAGE = np.sin(2 * np.pi * 1e3 * TIME)
G, V = np.full((4, 3), 1e-4), np.array([0.1, 0.2, 0.1, 0.0])


def network(params, x):
    return jnp.tanh(x @ params["w"]) @ params["v"]


def noisy(key, a):
    return {"y": a * jax.random.normal(key)}


def updated(make: Callable) -> Callable:
    """An optax transformation made and used once."""

    def run(**arguments):
        tx = optax.chain(optax.sgd(0.1), make(**arguments))
        params = {"a": jnp.zeros((3, 2))}
        return tx.update({"a": jnp.ones((3, 2))}, tx.init(params), params)[0]

    return run


def coincident(**arguments):
    """Coincidences, once."""
    tx = mj.training.coincidence(**arguments)
    params = {"w": jnp.zeros((5, 3))}
    gradient = mj.value_and_outer(lambda params, x: jnp.sum((x @ params["w"]) ** 2))(params, X)[1]
    return tx.update(gradient, tx.init(params), params)[0]


def ranges_learnt(**arguments):
    tx = mj.training.recipes.input_ranges(**arguments)
    ranges = {"a": jnp.ones(())}
    return tx.update(ranges, tx.init(ranges), ranges, inside=ranges)[0]


SOP_CELLS = {"rows": 2, "r_on": 1e4, "r_off": 1e6, "sigma": 0.1}
SOP = SOP_CELLS | {"adc": mj.Adc(4)}


def squares(params, y=0.0):
    return jnp.sum((params["w"] - y) ** 2)


DIGITS = mj.data.load("digits")
CASE = {"fn": network, "params": PARAMS, "images": X, "labels": np.array([0, 1]), "batch": 2}
SWEPT = xarray.DataArray(np.ones((2, 3)), {"a": [1.0, 2.0]}, ("a", "sample"), "y")


def functions() -> list[Call]:
    """Public functions and methods, with arguments by their names."""
    chip = mj.program(HARDWARE, W, KEY)
    analog = mj.crossbarify(network, HARDWARE)
    whole = analog.program(PARAMS, KEY, X)
    plan = analog.plan(PARAMS, X)
    blocks = mj.graph.blocks(HARDWARE, EDGES)
    cells = {"pos": np.full((5, 3), 5e-5), "neg": np.full((5, 3), 5e-5)}
    stepped = {"params": PARAMS, "batches": [(1.0,)], "optimizer": optax.sgd(0.1), "steps": 2}
    levels = mj.Hardware(cell=mj.Cell(levels=5), tile=(4, 3))
    pulsing = {"law": mj.training.SoftBounds(), "key": KEY}
    return [
        *(Call(f"memory.{name}", fn, arguments) for name, (fn, arguments) in surface_memory.functions().items()),
        Call("program", mj.program, {"hardware": HARDWARE, "weights": W, "key": KEY}),
        Call("measured.fit_writes", mj.measured.fit_writes, {"writes": WRITES, "stuck_below": 0.25, "quantiles": 5}),
        Call("measured.fit_curves", mj.measured.fit_curves, {"curves": CURVES, "v_read": 0.2, "form": "sinh"}),
        Call(
            "lookup.cluster",
            mj.lookup.cluster,
            {"fn": network, "params": PARAMS, "data": X, "weights": 4, "inputs": 4, "key": KEY},
        ),
        Call("lookup.kmeans", mj.lookup.kmeans, {"values": W, "codes": 3, "key": KEY, "counts": None}),
        Call("reprogram", mj.reprogram, {"hardware": HARDWARE, "chip": chip, "weights": W, "key": KEY}),
        Call("matmul", mj.matmul, {"hardware": HARDWARE, "chip": chip, "x": X, "key": None}),
        Call(
            "age",
            mj.age,
            {
                "hardware": HARDWARE,
                "chip": chip,
                "key": KEY,
                "seconds": 1.0,
                "cycles": 0,
                "temperature": 300.0,
                "reads": 0,
            },
        ),
        Call(
            "compensate",
            mj.compensate,
            {"hardware": HARDWARE, "chip": chip, "fresh": chip, "key": KEY, "columns": False, "vectors": 8},
        ),
        Call("tune", mj.tune, {"hardware": HARDWARE, "chip": chip, "weights": W, "key": KEY, "vectors": 8}),
        Call("weights", mj.weights, {"hardware": HARDWARE, "chip": chip}),
        Call(
            "chip_from_conductances",
            mj.chip_from_conductances,
            {"hardware": HARDWARE, "conductance": cells, "scale": 1.0, "key": KEY},
        ),
        Call("Analog.program", analog.program, {"params": PARAMS, "key": KEY, "x": X}),
        Call("Analog.apply", analog.apply, {"chip": whole, "params": PARAMS, "x": X, "key": None}),
        Call("Analog.prepare", analog.prepare, {"chip": whole}),
        Call("Analog.calibrate", analog.calibrate, {"chip": whole, "params": PARAMS, "x": X, "percentile": 99.0}),
        Call("Analog.clipping", analog.clipping, {"chip": whole, "params": PARAMS, "x": X}),
        Call("Analog.converters", analog.converters, {"chip": whole, "params": PARAMS, "x": X}),
        Call("Analog.errors", analog.errors, {"chip": whole, "params": PARAMS, "x": X, "key": None}),
        Call("Analog.power", analog.power, {"chip": whole, "params": PARAMS, "x": X}),
        Call("Analog.weights", analog.weights, {"chip": whole}),
        Call("Analog.reprogram", analog.reprogram, {"chip": whole, "params": PARAMS, "key": KEY, "x": X}),
        Call("Analog.tune", analog.tune, {"chip": whole, "params": PARAMS, "key": KEY, "x": X}),
        Call("Analog.age", analog.age, {"chip": whole, "key": KEY, "seconds": 1.0, "cycles": 0, "temperature": 300.0}),
        Call("Analog.compensate", analog.compensate, {"chip": whole, "fresh": whole, "key": KEY, "columns": False}),
        Call("cost.technology", mj.cost.technology, {"technology": 22e-9}),
        Call("Technology.generic", mj.cost.Technology.generic, {"node": 22e-9, "rate": 1e9}),
        Call("SurveyAdc.component", mj.cost.SurveyAdc().component, {"bits": 8}),
        Call("SarAdc.component", mj.cost.Technology.isaac().adc.component, {"bits": 8}),
        Call("word_line_driver", mj.cost.Technology.isaac().word_line_driver, {"bits": 8}),
        Call(
            "from_hwcomponents",
            mj.cost.from_hwcomponents,
            {"component": HWCOMPONENT, "action": "convert", "source": "x"},
        ),
        Call("crossbarify", mj.crossbarify, {"fn": network, "hardware": HARDWARE, "select": None}),
        Call(
            "simulate",
            mj.simulate,
            {"device": DRIFT, "voltage": VOLTAGE, "time": TIME, "state": 0.5, "method": "rk4", "substeps": 1},
        ),
        Call("apply_pulse", mj.apply_pulse, {"device": DRIFT, "state": 0.5, "amplitude": 1.0, "width": 1e-6}),
        Call(
            "devices.fit",
            mj.devices.fit,
            {
                "device": DRIFT,
                "voltage": VOLTAGE,
                "current": VOLTAGE / 1e3,
                "time": TIME,
                "bounds": {"r_on": (50.0, 200.0)},
                "max_steps": 3,
            },
        ),
        Call("devices.population", mj.devices.population, {"device": DEVICE, "key": KEY, "shape": (3,)}),
        Call("devices.lognormal", mj.devices.lognormal, {"sigma": 0.1}),
        Call("devices.normal", mj.devices.normal, {"std": 0.1}),
        Call("devices.uniform", mj.devices.uniform, {"low": 1.0, "high": 2.0}),
        Call(
            "programming.write_verify",
            mj.programming.write_verify,
            {"device": DRIFT, "target": np.array([5e-4]), "key": KEY, "tolerance": 0.01, "max_pulses": 20},
        ),
        Call("circuit.solve", mj.circuit.solve, {"conductance": G, "voltage": V, "wires": WIRES, "sense_voltage": 0.0}),
        Call("circuit.transfer_matrix", mj.circuit.transfer_matrix, {"conductance": G, "wires": WIRES}),
        Call("circuit.predistort", mj.circuit.predistort, {"target": G, "wires": WIRES, "low": 0.0, "high": 1e-3}),
        Call("circuit.to_spice", mj.circuit.to_spice, {"conductance": G, "voltage": V, "wires": WIRES, "time": None}),
        Call(
            "circuit.operating_point",
            mj.circuit.operating_point,
            {"device": DRIFT, "state": np.full((4, 3), 0.5), "voltage": V, "wires": WIRES},
        ),
        Call(
            "cost.report",
            mj.cost.report,
            {"analog": analog, "params": PARAMS, "x": X, "technology": "isaac", "chip": whole},
        ),
        Call(
            "cost.training",
            mj.cost.training,
            {
                "analog": analog,
                "params": PARAMS,
                "x": X,
                "technology": "isaac",
                "pulse": mj.cost.Pulse(voltage=1.0, width=1e-6),
                "pulses": 1.0,
                "most": None,
                "units": 16,
                "chip": whole,
            },
        ),
        Call("mapping.weight_scale", mj.mapping.weight_scale, {"mapping": mj.mapping.DoubleColumn(), "weights": W}),
        Call(
            "mapping.weights_to_conductances",
            mj.mapping.weights_to_conductances,
            {"mapping": mj.mapping.DoubleColumn(), "cell": mj.Cell(), "weights": W},
        ),
        Call(
            "training.pulsed", updated(mj.training.pulsed), pulsing | {"rule": mj.training.Deterministic(), "every": 1}
        ),
        Call(
            "training.tiki_taka",
            updated(mj.training.tiki_taka),
            pulsing | {"transfer": mj.training.Buffered(), "fast_rate": 1.0, "gamma": 0.0, "every": 1},
        ),
        Call(
            "training.coincidence",
            coincident,
            pulsing | {"rate": 0.1, "length": 31, "form": "mean_count", "resolution": 0.1, "fidelity": "batch"},
        ),
        Call("training.tile_scales", mj.training.tile_scales, {"params": PARAMS, "omega": 0.5, "tile": (2, 2)}),
        Call("training.one_sided", updated(mj.training.one_sided), pulsing | {"refresh_every": 2, "upper": 0.9}),
        Call("training.clipped", updated(mj.training.clipped), {"limit": 2.5, "unit": "deviation", "over": "array"}),
        Call(
            "recipes.noisy",
            mj.training.recipes.noisy,
            {"params": PARAMS, "modifiers": mj.training.recipes.DropConnect(0.1), "key": KEY, "step": 0},
        ),
        Call(
            "recipes.distillation",
            mj.training.recipes.distillation,
            {
                "logits": X,
                "teacher": X,
                "labels": np.array([0, 1]),
                "temperature": 4.0,
                "weight": 0.5,
            },
        ),
        Call("recipes.input_ranges", ranges_learnt, {"optimiser": optax.sgd(0.1), "decay": 1e-3, "share": 0.95}),
        Call("Analog.inputs", analog.inputs, {"chip": whole, "params": PARAMS, "x": X}),
        Call(
            "chip.pipeline_cycles",
            mj.chip.pipeline_cycles,
            {"layers": 3, "inputs": 8, "batch": 4, "training": True, "pipelined": True},
        ),
        Call("chip.pipeline_buffers", mj.chip.pipeline_buffers, {"layers": 3}),
        Call("chip.replicate", mj.chip.replicate, {"vectors": [4, 1], "tiles": [1, 2], "budget": 5, "cycles": [1, 1]}),
        Call(
            "chip.place",
            mj.chip.place,
            {"plan": plan, "architecture": CHIP, "convolution": "unrolled", "sharing": True, "duplicate": None},
        ),
        Call("chip.schedule", mj.chip.schedule, {"what": plan, "architecture": CHIP, "pipelined": True}),
        Call(
            "chip.fixed_point_mvm",
            mj.chip.fixed_point_mvm,
            {
                "weights": np.arange(6).reshape(3, 2),
                "x": np.arange(3),
                "bits": 16,
                "fraction": 0,
                "cell_bits": 2,
                "dac_bits": 1,
                "adc_bits": 8,
                "rows": 128,
            },
        ),
        Call("graph.blocks", mj.graph.blocks, {"hardware": HARDWARE, "adjacency": EDGES}),
        Call("Blocks.program", blocks.program, {"hardware": HARDWARE, "key": KEY, "at_once": 1}),
        Call("Blocks.prepare", blocks.prepare, {"hardware": HARDWARE, "chip": blocks.program(HARDWARE, KEY)}),
        Call("graph.pagerank", mj.graph.pagerank, GRAPH | {"damping": 0.85, "iterations": 3, "tolerance": 1e-6}),
        Call("graph.bfs", mj.graph.bfs, GRAPH | {"source": 0, "threshold": 0.5}),
        Call("graph.sssp", mj.graph.sssp, GRAPH | {"source": 0, "threshold": 0.5}),
        Call("graph.connected_components", mj.graph.connected_components, GRAPH | {"threshold": 0.5}),
        Call("graph.relative_error", mj.graph.relative_error, {"found": X, "exact": X[0], "tau": 0.1}),
        Call("graph.wrong_levels", mj.graph.wrong_levels, {"found": X, "exact": X[0]}),
        Call("graph.top_k_overlap", mj.graph.top_k_overlap, {"found": X, "exact": X[0], "k": 2}),
        Call("reliability.sop_confusion", mj.reliability.sop_confusion, SOP | {"key": KEY, "samples": 9, "v_max": 0.2}),
        Call("reliability.sop_confusion_gaussian", mj.reliability.sop_confusion_gaussian, SOP_CELLS),
        Call("reliability.sop_confusion_exact", mj.reliability.sop_confusion_exact, SOP_CELLS),
        Call(
            "reliability.sop_hardware",
            lambda **arguments: str(mj.reliability.sop_hardware(**arguments)),
            SOP | {"slices": 2, "planes": 2, "tile": (4, 3), "v_max": 0.2},
        ),
        Call(
            "reliability.hardware_confusion",
            mj.reliability.hardware_confusion,
            {"hardware": mj.reliability.sop_hardware(**SOP), "key": KEY, "samples": 9},
        ),
        Call("reliability.error_rates", mj.reliability.error_rates, {"confusion": np.eye(3)}),
        Call(
            "reliability.inject",
            mj.reliability.inject,
            {"hardware": mj.reliability.sop_hardware(**SOP), "confusion": np.eye(3)},
        ),
        Call(
            "reliability.choose_rows",
            mj.reliability.choose_rows,
            {"score": lambda rows: 1 / rows, "candidates": (1, 2), "target": 0.5},
        ),
        Call("compress.project_filters", mj.compress.project_filters, {"w": W, "keep": 2}),
        Call("compress.project_columns", mj.compress.project_columns, {"w": W, "keep": 0.5, "hardware": HARDWARE}),
        Call("compress.project_rows", mj.compress.project_rows, {"w": W, "keep": 0.5, "hardware": None}),
        Call("compress.project_blocks", mj.compress.project_blocks, {"w": W, "hardware": HARDWARE, "keep": 1}),
        Call("compress.project_levels", mj.compress.project_levels, {"w": W, "hardware": levels}),
        Call("compress.crossbars", mj.compress.crossbars, {"w": W, "hardware": HARDWARE}),
        Call(
            "compress.admm",
            partial(mj.compress.admm, squares),
            stepped | {"constraint": {"w": ROWS}, "rho": 0.1, "every": 1},
        ),
        Call(
            "compress.retrain",
            partial(mj.compress.retrain, squares),
            stepped | {"masks": mj.compress.masks(PARAMS, ROWS)},
        ),
        Call("compress.project", mj.compress.project, {"params": PARAMS, "constraint": ROWS}),
        Call(
            "compress.purify",
            mj.compress.purify,
            {"model": nnx.Sequential(nnx.Linear(5, 3, rngs=nnx.Rngs(0))), "x": X, "eps": 0.0},
        ),
        Call("study.as_function", mj.study.as_function, {"model": nnx.Linear(5, 3, rngs=nnx.Rngs(0))}),
        Call("study.Case", lambda **arguments: mj.study.Case(**arguments).parts, CASE),
        Call(
            "study.accuracy",
            mj.study.accuracy,
            {"case": mj.study.Case(**CASE), "hardware": HARDWARE, "key": KEY, "then": None, "read": None},
        ),
        Call("study.digital_accuracy", mj.study.digital_accuracy, {"case": mj.study.Case(**CASE)}),
        Call("study.per_chip", lambda data: mj.study.per_chip(data).to_numpy(), {"data": SWEPT}),
        Call("study.per_point", lambda **a: mj.study.per_point(**a)["mean"].to_numpy(), {"data": SWEPT, "target": 0.5}),
        Call("study.table", mj.study.table, {"data": SWEPT, "percent": False}),
        Call(
            "study.untrained",
            lambda **a: str(mj.study.untrained(**a)),
            {"dataset": DIGITS, "seed": 0, "network": "mlp"},
        ),
        Call(
            "study.train",
            lambda **arguments: str(mj.study.train(**arguments)),
            {"dataset": DIGITS, "seed": 0, "network": "mlp", "steps": 1, "progress": None},
        ),
        Call(
            "sweep",
            lambda **arguments: mj.sweep(**arguments, progress=False),
            {"fn": noisy, "grid": {"a": [1.0, 2.0]}, "key": KEY, "samples": 2, "batch_size": 2},
        ),
    ]
