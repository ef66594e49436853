"""The report: conservation, limits by hand, monotony, derivatives, sweeps, what it says, and what it refuses."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.cost import Technology

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(2), (5, 10))
P = {"a": jax.random.normal(KEY, (10, 6)), "b": jax.random.normal(KEY, (6, 3))}
TECHNOLOGIES = ("isaac", "generic", 22e-9)
QUANTITIES = ("area", "latency", "energy", "leakage")


def dense(params, x):
    return jax.nn.relu(x @ params["a"]) @ params["b"]


def one(params, x):
    return x @ params["w"]


def on(**options):
    return mj.Hardware(**{"tile": (4, 4), "dac": mj.Dac(8), "adc": mj.Adc(8)} | options)


@pytest.fixture(scope="module")
def reports():
    analog = mj.crossbarify(dense, on())
    return {which: mj.cost.report(analog, P, X, which) for which in TECHNOLOGIES}


@pytest.mark.parametrize("which", TECHNOLOGIES)
def test_layers_and_components_add_up_to_the_whole(reports, which):
    found = reports[which]
    for quantity in QUANTITIES:
        whole = float(getattr(found, quantity))
        assert whole >= 0
        for parts in (found.by_layer, found.by_component):
            assert sum(float(cost[quantity]) for cost in parts.values()) == pytest.approx(whole, rel=1e-5)
        assert float(sum(found.by_layer.values())[quantity]) == pytest.approx(whole, rel=1e-6)
    low, high = found.total.energy_range
    assert low <= found.energy * 1.000001
    assert high >= found.energy * 0.999999


def test_one_tile_by_hand():
    """One vector on one tile of 4 x 4 without a pair: every component once, by its own numbers."""
    hardware = on(mapping=mj.mapping.Offset(), dac=mj.Dac(1, v_max=0.3, range=1.0))
    analog = mj.crossbarify(one, hardware)
    params, x = {"w": jnp.ones((4, 4))}, jnp.array([[1.0, -1.0, 0.0, 1.0]])
    chip = analog.program(params, KEY, x)
    found = mj.cost.report(analog, params, x, "isaac", chip=chip)
    isaac = Technology.isaac()
    parts = found.parts["w"]
    driven = np.asarray(chip["w"]["conductance"]["cell"])[0][[0, 1, 3]].sum()
    assert float(parts["cells"].energy) == pytest.approx(0.3**2 * driven * 100e-9, rel=1e-5)
    assert float(parts["cells"].area) == pytest.approx(16 * isaac.cell_area)
    adc = isaac.adc.component(8.0)
    assert float(parts["adc"].energy) == pytest.approx(4 * float(adc.energy), rel=1e-5)
    assert float(parts["adc"].area) == pytest.approx(4 / 128 * float(adc.area), rel=1e-5)
    assert float(parts["adc"].latency) == pytest.approx(4 * float(adc.latency), rel=1e-5)
    assert float(parts["cells"].latency) == pytest.approx(100e-9)
    assert float(parts["driver"].energy) == pytest.approx(4 * isaac.driver.energy, rel=1e-5)
    assert float(parts["shift_add"].energy) == 0
    # Inputs of one bit, outputs of sixteen.
    assert float(parts["buffer"].energy) == pytest.approx((4 * 1 + 4 * 16) * isaac.buffer.energy, rel=1e-5)
    assert found.operations == 2 * 16
    assert float(found.tops) == pytest.approx(32e-12 / float(found.latency))
    assert float(found.tops_per_watt) == pytest.approx(32e-12 / float(found.energy + found.leakage * found.latency))


def energy(hardware, which="generic", quantity="energy", x=X):
    return getattr(mj.cost.report(mj.crossbarify(dense, hardware), P, x, which), quantity)


@pytest.mark.parametrize(
    ("less", "more", "quantity"),
    [
        (on(adc=mj.Adc(6)), on(), "energy"),
        (on(adc=mj.Adc(6)), on(), "area"),
        (on(dac=mj.Dac(4)), on(), "energy"),
        (on(dac=mj.Dac(8, v_max=0.1)), on(), "energy"),
        (on(cell=mj.Cell(r_on=20e3)), on(), "energy"),
        (on(tile=(16, 16)), on(), "energy"),
        (on(dac=mj.Dac(8)), on(dac=mj.Dac(8, encoding=mj.converters.BitSerial(7))), "latency"),
    ],
)
def test_what_costs_more(less, more, quantity):
    assert energy(less, quantity=quantity) < energy(more, quantity=quantity)


def test_twice_the_data_takes_twice_the_energy_and_time_on_the_same_area():
    both = jnp.concatenate([X, X])
    for quantity, factor in (("energy", 2), ("latency", 2), ("area", 1)):
        twice, once = energy(on(), quantity=quantity, x=both), energy(on(), quantity=quantity)
        assert float(twice) == pytest.approx(factor * float(once), rel=1e-5)


@pytest.mark.parametrize("name", ["adc bits", "dac bits", "v_max", "r_on", "columns_per_adc"])
def test_derivatives(name):
    """Of energy, or of the area where columns share converters, against finite differences."""

    def f(value):
        technology = Technology.generic(32e-9)
        if name == "columns_per_adc":
            shared = dataclasses.replace(technology, columns_per_adc=value)
            return jnp.log(mj.cost.report(mj.crossbarify(dense, on()), P, X, shared).area)
        hardware = {
            "adc bits": lambda v: on(adc=mj.Adc(v)),
            "dac bits": lambda v: on(dac=mj.Dac(v)),
            "v_max": lambda v: on(dac=mj.Dac(8, v_max=v)),
            "r_on": lambda v: on(cell=mj.Cell(r_on=v)),
        }[name](value)
        # Of shapes alone: the codes of data move in steps.
        shape = jax.ShapeDtypeStruct(X.shape, X.dtype)
        return jnp.log(mj.cost.report(mj.crossbarify(dense, hardware), P, shape, technology).energy)

    with jax.enable_x64(True):
        at = {"adc bits": 7.5, "dac bits": 6.5, "v_max": 0.2, "r_on": 1e4, "columns_per_adc": 16.0}[name]
        step = 1e-4 * at
        f = jax.jit(f)
        found = jax.grad(f)(at)
        wanted = (f(at + step) - f(at - step)) / (2 * step)
        assert abs(wanted) > 0
        np.testing.assert_allclose(found, wanted, rtol=2e-3)


def test_accuracy_and_energy_in_one_sweep_and_one_compilation():
    def experiment(key, bits, v_max):
        analog = mj.crossbarify(dense, on(adc=mj.Adc(bits), dac=mj.Dac(8, v_max=v_max)))
        chip = analog.program(P, key, X)
        cost = mj.cost.report(analog, P, X, "isaac", chip=chip)
        return {"output": analog.apply(chip, P, X).sum(), "energy": cost.energy}

    grid = {"bits": [4, 6, 8], "v_max": [0.1, 0.2]}
    found = mj.sweep(experiment, grid, key=KEY, samples=2, batch_size=4)
    assert found.attrs["compilations"] == 1
    assert (found["energy"].diff("bits") > 0).all()
    assert (found["energy"].diff("v_max") > 0).all()
    by_hand = energy(on(adc=mj.Adc(6), dac=mj.Dac(8, v_max=0.2)), "isaac")
    np.testing.assert_allclose(found["energy"].sel(bits=6, v_max=0.2)[0], by_hand, rtol=1e-5)


def test_what_it_says(reports):
    found = reports["isaac"]
    text = str(found)
    for word in ("a ", "b ", "total", "TOPS/W", "ISCA (2016)", "Not included:", "dram", "Area (mm²)"):
        assert word in text
    data = json.loads(found.to_json())
    assert data["total"]["energy"] == pytest.approx(float(found.energy))
    assert data["counts"]["a"]["conversions"] == 90
    table = found.to_xarray()
    assert float(table["energy"].sum()) == pytest.approx(float(found.energy), rel=1e-6)
    assert table["area"].attrs["units"] == "m2"
    assert not found.expected
    shape = jax.ShapeDtypeStruct(X.shape, X.dtype)
    expected = mj.cost.report(mj.crossbarify(dense, on()), P, shape, "isaac")
    assert expected.expected
    assert "spread evenly" in str(expected)


def test_ideal_converters_cost_nothing_and_are_named():
    found = mj.cost.report(mj.crossbarify(dense, on(adc=mj.Adc(None), dac=mj.Dac(None))), P, X, "isaac")
    assert "adc" not in found.by_component
    assert any("Adc.bits=None" in words for words in found.excluded)


def test_energy_of_writes():
    device = mj.devices.LinearIonDrift.technion()
    low, high = device.conductance_bounds
    cell = mj.Cell(r_on=1.1 / high, r_off=0.9 / low)
    hardware = on(cell=cell, programming=mj.programming.WriteVerify(device, max_pulses=5))
    analog = mj.crossbarify(one, hardware)
    params = {"w": P["a"]}
    chip = analog.program(params, KEY, X)
    found = mj.cost.report(analog, params, X, "isaac", chip=chip)
    wanted = sum(float(joules.sum()) for joules in chip["w"]["writes"]["energy"].values())
    assert wanted > 0
    assert float(found.writes["w"]) == pytest.approx(wanted, rel=1e-5)


def test_layers_with_and_without_converters():
    analog = mj.crossbarify(dense, {"a": on(), "b": on(adc=mj.Adc(None))})
    found = mj.cost.report(analog, P, X, "isaac")
    assert float(found.parts["b"]["adc"].energy) == 0
    assert float(found.by_component["adc"].energy) == pytest.approx(float(found.parts["a"]["adc"].energy))


def test_refusals():
    analog = mj.crossbarify(dense, on())
    with pytest.raises(ValueError, match=r"technology must be one of .*isaac.*, got '7 nm'"):
        mj.cost.report(analog, P, X, "7 nm")
    with pytest.raises(TypeError, match="analog must be an? "):
        mj.cost.report(dense, P, X, "isaac")
    other = mj.crossbarify(one, on()).program({"w": P["a"]}, KEY, X)
    with pytest.raises(ValueError, match="chip must hold the crossbars"):
        mj.cost.report(analog, P, X, "isaac", chip=other)
    with pytest.raises(ValueError, match="columns_per_adc"):
        dataclasses.replace(Technology.isaac(), columns_per_adc=0)
    with pytest.raises(ValueError, match="product on a crossbar"):
        mj.cost.report(mj.crossbarify(lambda p, x: x + p["w"], on()), {"w": jnp.ones(10)}, X, "isaac")


def test_weights_must_be_there():
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), P)
    with pytest.raises(TypeError, match=r"params must be arrays, to be programmed, got the shape \(10, 6\) in a"):
        mj.cost.report(mj.crossbarify(dense, on()), shapes, X, "isaac")
