"""A chip belongs to a model: methods that use parts of it, prepared chips, hardware by layer, and what can be asked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

KEY = jax.random.key(0)
IDEAL = mj.Hardware(tile=(8, 8), dac=mj.Dac(), adc=mj.Adc())
COARSE = mj.Hardware(tile=(8, 8), dac=mj.Dac(bits=4), adc=mj.Adc(bits=4))


def tied(p, x, part="all"):
    """Tied square weights, used both ways round, with a layer between."""
    if part == "encode":
        return x @ p["tied"]
    if part == "decode":
        return x @ p["tied"].T
    return tied(p, tied(p, x, "encode") @ p["middle"], "decode")


@pytest.fixture
def model(draw):
    params, x = {"tied": draw((8, 8)), "middle": draw((8, 8))}, draw((3, 8))
    analog = mj.crossbarify(tied, IDEAL)
    return analog, analog.program(params, KEY, x), params, x


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("part", ["all", "encode", "decode"])
def test_methods_find_their_crossbars(model, part, wrap):
    analog, chip, params, x = model
    assert len(chip) == 3
    y = wrap(lambda chip: analog.apply(chip, params, x, part=part))(chip)
    assert np.allclose(y, tied(params, x, part), atol=1e-5)


def test_what_is_missing_is_named(model):
    analog, chip, params, x = model
    with pytest.raises(ValueError, match=r"chip must hold the crossbars \['tied', 'middle', 'tied#"):
        analog.apply({"tied": chip["tied"]}, params, x)


def test_a_prepared_chip_reads_alike(model, draw):
    _, _, params, x = model
    analog = mj.crossbarify(tied, COARSE)
    chip = analog.program(params, KEY, x)
    ready = analog.prepare(chip)
    assert np.array_equal(analog.apply(ready, params, x), analog.apply(chip, params, x))
    with pytest.raises(TypeError, match=r"chip\['tied'\] must be as made by program, got what `prepare` makes of it"):
        analog.calibrate(ready, params, x)


def test_hardware_by_layer_is_that_of_nested_transformations(model):
    _, _, params, x = model
    by_name = {"middle": None, "tied*": COARSE}
    for hardware in (by_name, lambda name: by_name["middle" if name == "middle" else "tied*"]):
        analog = mj.crossbarify(tied, hardware)
        plan = analog.plan(params, x)
        assert plan.digital == {"middle": ((8, 8), "not selected")}
        chip = analog.program(params, KEY, x)
        only = mj.crossbarify(tied, COARSE, select=lambda name: name != "middle")
        assert np.array_equal(analog.apply(chip, params, x), only.apply(only.program(params, KEY, x), params, x))


def test_each_crossbar_has_its_hardware(model):
    _, _, params, x = model
    analog = mj.crossbarify(tied, {"middle": mj.Hardware(tile=(4, 4)), "*": IDEAL})
    plan = analog.plan(params, x)
    assert {c.name.partition("#")[0]: c.tiles for c in plan.crossbars} == {"tied": 2, "middle": 8}
    assert "Hardware 1: tile 4 x 4" in str(plan)
    chip = analog.program(params, KEY, x)
    assert chip["middle"]["conductance"]["pos"].shape == (2, 4, 8)
    assert "adc_range" in chip["middle"]
    assert "adc_range" not in chip["tied"]
    errors = analog.errors(chip, params, x)
    assert 1e-4 < errors["middle"] < 0.1
    assert errors["tied"] < 1e-5


@pytest.mark.parametrize(
    ("hardware", "error", "message"),
    [
        ({"head": IDEAL}, ValueError, "patterns that match a crossbar, got 'head'"),
        ({"*": IDEAL, "middle": COARSE}, ValueError, r"got 'middle' after '\*', which matches all of its crossbars"),
        ({"middle": "coarse"}, TypeError, r"hardware\['middle'\] must be a Hardware, or None"),
        ({}, ValueError, "hardware must have a pattern"),
        (lambda name: "coarse", TypeError, r"hardware\('tied'\) must be a Hardware, or None"),
    ],
)
def test_wrong_hardware(model, hardware, error, message):
    _, _, params, x = model
    with pytest.raises(error, match=message):
        mj.crossbarify(tied, hardware).plan(params, x)


def test_no_weights_at_all():
    w = jnp.ones((4, 4))
    analog = mj.crossbarify(lambda p, x: x @ w, IDEAL)
    for call in (lambda: analog.plan({}, jnp.ones(4)), lambda: analog.program({}, KEY, jnp.ones(4))):
        with pytest.raises(ValueError, match="params must hold the weights that fn multiplies with data"):
            call()


def test_weights_are_read_back(model):
    analog, chip, params, _ = model
    weights = analog.weights(chip)
    assert np.allclose(weights["tied"], params["tied"], atol=1e-5)
    assert np.allclose(weights["middle"], params["middle"], atol=1e-5)


def test_errors_are_those_of_the_product(model):
    """With one layer the error of its crossbar is that of the whole function."""
    _, _, params, x = model
    analog = mj.crossbarify(lambda p, x: x @ p["middle"], COARSE)
    chip = analog.program(params, KEY, x)
    y, exact = analog.apply(chip, params, x), x @ params["middle"]
    expected = np.linalg.norm(y - exact) / np.linalg.norm(exact)
    assert np.allclose(analog.errors(chip, params, x)["middle"], expected, rtol=1e-4)


def test_the_plan_counts(draw):
    """Multiply-accumulates by hand: a dense layer, attention of data with data, a scaling, a deselected layer."""

    def fn(p, x):
        h = x @ p["w"] * p["gain"]
        return (h @ h.T) @ (x @ p["out"])

    params, x = {"w": draw((6, 4)), "gain": draw((4,)), "out": draw((6, 2))}, draw((3, 6))
    plan = mj.crossbarify(fn, IDEAL, select=lambda name: name != "out").plan(params, x)
    (site,) = plan.sites
    assert (site.crossbar, site.reads, site.macs, site.after) == ("w", 3, 3 * 6 * 4, ())
    assert plan.other == 3 * 4 * 3 + 3 * 3 * 2
    assert {product.paths: product.macs for product in plan.products} == {("gain",): 12, ("out",): 3 * 6 * 2}
    assert plan.macs == 72 + 54 + 12 + 36
    assert f"Analog: {72 / 174:.1%} of 174 multiply-accumulates" in str(plan)


def test_the_table_knows_the_order_of_layers(draw):
    def fn(p, x):
        def step(h, w):
            return jnp.tanh(h @ w) + x, None

        h = jax.lax.scan(step, x @ p["in"], p["layers"])[0]
        return h @ p["out"]

    params = {"in": draw((5, 5)), "layers": draw((3, 5, 5)), "out": draw((5, 2))}
    sites = {site.crossbar: site for site in mj.crossbarify(fn, IDEAL).plan(params, draw((2, 5))).sites}
    assert sites["in"].after == ()
    assert set(sites["layers"].after) == {"in", "layers"}
    assert set(sites["out"].after) == {"in", "layers"}
    assert (sites["layers"].reads, sites["layers"].loops) == (6, (3,))
