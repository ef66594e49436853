"""Sweeps: labels, keys, compilations, batches, and errors that come before any work."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import memjax as mj

KEY = jax.random.key(7)


def experiment(key, sigma, bits):
    """A number and an array that depend on everything."""
    noise = sigma * jax.random.normal(key, (3,))
    return {"error": jnp.sum(noise**2) + bits, "noise": noise}


GRID = {"sigma": [0.1, 0.2, 0.4], "bits": [2, 4]}


def by_hand(fn, key, samples, **points):
    """The same by loops: name -> list over samples."""
    results = [fn(jax.random.fold_in(key, s), **points) for s in range(samples)]
    return {name: np.stack([r[name] for r in results]) for name in results[0]}


def test_every_number_is_that_of_a_loop():
    found = mj.sweep(experiment, GRID, key=KEY, samples=5, batch_size=4)
    assert found.error.dims == ("sigma", "bits", "sample")
    assert found.noise.dims == ("sigma", "bits", "sample", "noise_0")
    for sigma in GRID["sigma"]:
        for bits in GRID["bits"]:
            expected = by_hand(experiment, KEY, 5, sigma=sigma, bits=bits)
            point = found.sel(sigma=sigma, bits=bits)
            np.testing.assert_allclose(point.error, expected["error"], rtol=1e-6)
            np.testing.assert_allclose(point.noise, expected["noise"], rtol=1e-6)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    samples=st.integers(1, 6),
    batch_size=st.integers(1, 40),
)
def test_any_grid_and_batch_size(sizes, samples, batch_size):
    grid = {f"p{i}": np.arange(1.0, n + 1) * 10**i for i, n in enumerate(sizes)}

    def total(key, **point):
        return {"total": sum(point.values()) + jax.random.uniform(key)}

    found = mj.sweep(total, grid, key=KEY, samples=samples, batch_size=batch_size)["total"].values
    draws = np.array([jax.random.uniform(jax.random.fold_in(KEY, s)) for s in range(samples)])
    expected = sum(np.meshgrid(*grid.values(), indexing="ij"))[..., None] + draws
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_numbers_do_not_depend_on_batches_samples_or_the_other_points():
    whole = mj.sweep(experiment, GRID, key=KEY, samples=6, batch_size=36)
    for batch_size in (1, 5, None):
        other = mj.sweep(experiment, GRID, key=KEY, samples=6, batch_size=batch_size)
        np.testing.assert_array_equal(other.noise, whole.noise)
    smaller = mj.sweep(experiment, {"bits": [4], "sigma": [0.2]}, key=KEY, samples=2, batch_size=2)
    np.testing.assert_array_equal(smaller.noise.sel(bits=4, sigma=0.2), whole.noise.sel(bits=4, sigma=0.2)[:2])


def test_numbers_compile_once_and_objects_once_each():
    traced = []

    def fn(key, sigma, tile, kind):
        traced.append((tile, kind))
        return {"y": sigma * jnp.sum(jax.random.normal(key, tile)) * (2 if kind == "double" else 1)}

    grid = {"sigma": np.linspace(0, 1, 50), "tile": [(2, 3), (4, 4)], "kind": ["single", "double"]}
    found = mj.sweep(fn, grid, key=KEY, samples=10, batch_size=64)
    assert found.attrs["compilations"] == len(traced) == 4
    assert found.y.shape == (50, 2, 2, 10)
    expected = 0.5 * jnp.sum(jax.random.normal(jax.random.fold_in(KEY, 3), (4, 4))) * 2
    sigma = int(np.argmin(abs(grid["sigma"] - 0.5)))
    np.testing.assert_allclose(found.y[sigma, 1, 1, 3] / grid["sigma"][sigma] * 0.5, expected, rtol=1e-5)
    assert list(found.tile.values) == ["(2, 3)", "(4, 4)"]
    only = mj.sweep(fn, grid | {"tile": [(2, 3)], "kind": ["single"]}, key=KEY, samples=10, batch_size=64)
    assert only.attrs["compilations"] == 1


def test_static_numbers_may_be_shapes():
    def fn(key, width):
        return {"mean": jnp.mean(jax.random.normal(key, (width,)))}

    found = mj.sweep(fn, {"width": [10, 1000]}, key=KEY, samples=50, batch_size=50, static=["width"])
    assert found.attrs["compilations"] == 2
    np.testing.assert_array_equal(found.width, [10, 1000])
    assert float(found["mean"].sel(width=10).std()) > 5 * float(found["mean"].sel(width=1000).std())


def test_parameters_that_change_together():
    def fn(key, r_on, r_off):
        return {"ratio": r_off / r_on}

    found = mj.sweep(fn, {("r_on", "r_off"): [(1.0, 10.0), (2.0, 40.0)]}, key=KEY, samples=1, batch_size=2)
    assert found.ratio.dims == ("r_on_r_off", "sample")
    np.testing.assert_array_equal(found.ratio[:, 0], [10, 20])
    np.testing.assert_array_equal(found.r_off, [10, 40])


def test_array_parameters_and_results_of_any_type():
    def fn(key, direction):
        return {"norm": jnp.linalg.norm(direction), "big": direction > 1, "count": jnp.int32(3)}

    found = mj.sweep(fn, {"direction": np.array([[3.0, 4.0], [0.0, 2.0]])}, key=KEY, samples=2, batch_size=3)
    np.testing.assert_allclose(found.norm, [[5, 5], [2, 2]])
    assert found.big.dtype == bool
    assert found["count"].dtype == np.int32


def test_a_failed_chip_is_recorded_and_stops_nothing():
    def fn(key, sigma):
        return {"y": jnp.where(sigma > 0.15, jnp.nan, 1 / sigma)}

    found = mj.sweep(fn, {"sigma": [0.1, 0.2, 0.5]}, key=KEY, samples=2, batch_size=2)
    np.testing.assert_array_equal(np.isnan(found.y), [[False] * 2, [True] * 2, [True] * 2])


def test_labels_and_provenance():
    attrs = {"sigma": {"units": "V", "description": "noise"}, "error": {"units": "V^2"}}
    found = mj.sweep(experiment, GRID, key=KEY, samples=2, batch_size=4, attrs=attrs)
    assert found.sigma.attrs == attrs["sigma"]
    assert found.error.attrs["units"] == "V^2"
    assert found.attrs["jax"] == jax.__version__
    assert found.attrs["key"] == "[0, 7]"


def test_double_precision_stays():
    with jax.enable_x64(True):
        found = mj.sweep(lambda key, x: {"y": x * 3}, {"x": [0.1]}, key=jax.random.key(0), samples=1, batch_size=1)
    assert found.y.dtype == np.float64
    assert found.y.item() == 0.1 * 3


def never(key, sigma, bits):
    raise AssertionError("must not be called")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(grid={"sigma": [], "bits": [1]}), ValueError, r"grid\['sigma'\] must have at least one value"),
        (dict(grid={"sigma": 0.1, "bits": [1]}), TypeError, r"grid\['sigma'\] must be a sequence of values, got 0.1"),
        (dict(grid={"sigma": "ab", "bits": [1]}), TypeError, r"grid\['sigma'\] must be a sequence of values"),
        (dict(grid=[1]), TypeError, "grid must map names to values, got list"),
        (
            dict(grid={"sigma": [[1, 2], [1]], "bits": [1]}),
            ValueError,
            r"grid\['sigma'\] must have values of one shape",
        ),
        (dict(grid={("sigma", "bits"): [(1, 2), (1,)]}), ValueError, "must have 2 values in every row, got"),
        (dict(grid={"sigma": [1], ("bits", "sigma"): [(1, 2)]}), ValueError, "every parameter once, got 'sigma'"),
        (dict(grid={"sample": [1]}), ValueError, "must not use the name 'sample'"),
        (dict(grid={"two words": [1]}), TypeError, "grid must have names"),
        (dict(grid={"batches": [1]}), ValueError, "must not use the name 'batches', which a store keeps for itself"),
        (dict(grid={"__x": [1]}), ValueError, "must not use the name '__x', which a store keeps for itself"),
        (dict(grid={"a_b": [1], ("a", "b"): [(1, 2)]}), ValueError, "every parameter once, got 'a_b' twice"),
        (dict(grid=GRID | {"bits": [2**31]}), ValueError, "values that uint32 holds, got|values that int32 holds, got"),
        (dict(grid=GRID | {"bits": [10**400]}), ValueError, "holds, got an integer of more than 60 digits"),
        (dict(grid=GRID | {"bits": [2**24 + 1, 0.5]}), ValueError, "values that float32 holds, got 16777217"),
        (dict(grid=GRID | {"bits": [True, 2]}), ValueError, "must have switches or numbers, got both"),
        (
            dict(grid=GRID | {"sigma": [1e39]}),
            ValueError,
            r"grid\['sigma'\] must have values that float32 holds, got 1e\+39",
        ),
        (dict(grid=GRID | {"sigma": [[1.0, 1e-50]]}), ValueError, "values that float32 holds"),
        (dict(grid=GRID | {"sigma": [1.0, 1 + 1e-9]}), ValueError, "values that differ in float32"),
        (dict(grid=GRID | {"bits": {1, 2}}), TypeError, r"grid\['bits'\] must be a sequence of values, got"),
        (dict(grid=GRID | {"bits": np.array(1)}), TypeError, r"grid\['bits'\] must be a sequence of values, got"),
        (dict(grid=GRID | {"bits": [KEY]}), TypeError, r"grid\['bits'\] must have no PRNG keys"),
        (dict(progress="no"), TypeError, "progress must be True or False, got 'no'"),
        (dict(static=np.ones(2)), TypeError, "static must be a list of names"),
        (dict(static="bits"), TypeError, "static must be a list of names, got 'bits'"),
        (dict(samples=True), ValueError, "samples must be an integer of at least 1"),
        (dict(samples=2**31), ValueError, "samples must be less than 2"),
        (dict(mesh=2), TypeError, "mesh must be a jax.sharding.Mesh or None, got 2"),
        (dict(store=3), TypeError, "store must be a path, got 3"),
        (dict(store=""), ValueError, "store must be a path, got '': it is empty"),
        (dict(store="a\0b"), ValueError, "store must be a path, got"),
        (dict(grid={"sigma": [1], "bits": [1], "tile": [2]}), TypeError, r"fn must take \(key, sigma, bits, tile\)"),
        (dict(grid={"sigma": [1]}), TypeError, "missing a required argument: 'bits'"),
        (dict(samples=0), ValueError, "samples must be an integer of at least 1, got 0"),
        (dict(samples=2.0), ValueError, "samples must be an integer"),
        (dict(batch_size=0), ValueError, "batch_size must be None or an integer of at least 1"),
        (dict(key=3), TypeError, "key must be a PRNG key"),
        (dict(static=["tile"]), ValueError, "static must name parameters of the grid"),
    ],
)
def test_bad_arguments_are_named_before_anything_runs(change, error, message):
    arguments = {"grid": GRID, "key": KEY, "samples": 2} | change
    with pytest.raises(error, match=message):
        mj.sweep(never, arguments.pop("grid"), **arguments)


@pytest.mark.parametrize(
    ("fn", "error", "message"),
    [
        (lambda key, n: jnp.ones(3), TypeError, "fn must return a dict of scalars or arrays by name, got"),
        (lambda key, n: {}, TypeError, "fn must return a dict"),
        (lambda key, n: {"y": "good"}, TypeError, "fn must return scalars or arrays by name, got 'good' for 'y'"),
        (lambda key, n: {"y": key}, TypeError, "fn must return scalars or arrays by name, got PRNG keys for 'y'"),
        (lambda key, n: {"y": jnp.ones(n)}, TypeError, r"fn needs one of \['n'\] as a Python number .* static="),
        (lambda key, n: {"y": 1.0 if n > 1 else 0.0}, TypeError, r"fn needs one of \['n'\] as a Python number"),
        (lambda key, n: {"n": 1.0 * n}, ValueError, "fn must not return 'n'"),
    ],
)
def test_functions_that_cannot_be_swept_are_named(fn, error, message):
    with pytest.raises(error, match=message):
        mj.sweep(fn, {"n": [1, 2]}, key=KEY, samples=2, batch_size=2)


def test_results_that_change_shape_are_refused():
    with pytest.raises(ValueError, match="fn must return the same names, shapes and types everywhere"):
        mj.sweep(lambda key, n: {"y": jnp.ones(n)}, {"n": [1, 2]}, key=KEY, samples=2, batch_size=2, static=["n"])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a/b", "has characters that no name of a folder has"),
        ("a\\b", "has characters that no name of a folder has"),
        ("a\n", "has characters that no name of a folder has"),
        ("", "names nothing"),
        (".", "names nothing"),
        ("..", "names nothing"),
        ("batches", "a store keeps for itself"),
        ("zarr.json", "a store keeps for itself"),
        ("__y", "a store keeps for itself"),
        ("y" * 201, "is longer than 200 bytes"),
    ],
)
def test_results_whose_names_cannot_be_stored_are_refused(name, why):
    with pytest.raises(ValueError, match=f"fn must not return .*, which {why}: choose another name"):
        mj.sweep(lambda key, n: {name: 1.0 * n}, {"n": [1]}, key=KEY, samples=1, batch_size=1)


def test_results_whose_dimensions_have_a_name_that_is_taken_are_refused():
    for fn, grid in (
        (lambda key, y_0: {"y": jnp.ones(2) * y_0}, {"y_0": [1]}),
        (lambda key, n: {"y": jnp.ones(2) * n, "y_0": n}, {"n": [1]}),
    ):
        with pytest.raises(ValueError, match="fn must not return 'y' of shape .2,.: its dimension 'y_0' is taken"):
            mj.sweep(fn, grid, key=KEY, samples=1, batch_size=1)


def test_labels_of_static_values_are_not_replaced():
    def fn(key, n):
        return {"y": jnp.float32(n > 1)}

    found = mj.sweep(fn, {"n": [True, 2, 10**30]}, key=KEY, samples=1, batch_size=1, static=["n"])
    assert found.n.values.tolist() == ["True", "2", str(10**30)]


@pytest.mark.parametrize(
    ("attrs", "error", "message"),
    [
        ([], TypeError, "attrs must map names to attributes, got"),
        (["sigma"], TypeError, "attrs must map names to attributes"),
        ({"sigma": "V"}, TypeError, r"attrs\['sigma'\] must map names to text or numbers, got 'V'"),
        ({"sigma": {"units": object()}}, TypeError, r"attrs\['sigma'\]\['units'\] must be text, a number, or a list"),
        ({"sigma": {"scale_factor": 2}}, ValueError, "has a name that xarray keeps for itself"),
        ({"sigma": {"_FillValue": 2}}, ValueError, "has a name that xarray keeps for itself"),
    ],
)
def test_attributes_that_cannot_be_stored_are_refused(attrs, error, message):
    with pytest.raises(error, match=message):
        mj.sweep(experiment, GRID, key=KEY, samples=1, batch_size=2, attrs=attrs)


def test_unknown_attributes_are_refused():
    with pytest.raises(ValueError, match="attrs must name parameters or results"):
        mj.sweep(experiment, GRID, key=KEY, samples=1, batch_size=2, attrs={"sgima": {}})
