"""Sweeps on disk: resumed after any death, refused where they are another sweep."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray

import memjax as mj
from memjax.montecarlo._store import Store


def fn(key, sigma, bits):
    return {"y": sigma * jax.random.normal(key, (2,)) + bits}


GRID = {"sigma": [0.1, 0.2, 0.3], "bits": [2, 4]}
KEY = jax.random.key(0)


def run(store, function=fn, grid=GRID, **options):
    return mj.sweep(function, grid, **{"key": KEY, "samples": 4, "batch_size": 5, "store": store} | options)


def files(store) -> dict[str, bytes]:
    """Every file of a store."""
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(pathlib.Path(store).rglob("*")) if p.is_file()}


def test_a_store_holds_the_labelled_result(tmp_path):
    found = run(tmp_path / "a.zarr", attrs={"sigma": {"units": "V"}})
    opened = xarray.open_zarr(tmp_path / "a.zarr")
    xarray.testing.assert_equal(opened.drop_attrs(), found.drop_attrs())
    assert opened.sigma.attrs["units"] == "V"
    xarray.testing.assert_equal(found.drop_attrs(), run(None).drop_attrs())


def test_a_finished_sweep_computes_nothing(tmp_path):
    first = run(tmp_path / "a.zarr")
    before = files(tmp_path / "a.zarr")
    again = run(tmp_path / "a.zarr", batch_size=None)
    assert again.attrs["compilations"] == 0
    xarray.testing.assert_equal(again.drop_attrs(), first.drop_attrs())
    assert files(tmp_path / "a.zarr") == before


def recomputed(monkeypatch) -> list[int]:
    """Batches as they are written."""
    written, write = [], Store.write
    monkeypatch.setattr(Store, "write", lambda self, index, values: written.append(index) or write(self, index, values))
    return written


def test_an_unfinished_sweep_computes_what_is_missing(tmp_path, monkeypatch):
    """Batches are lost one by one, and only those are computed."""
    whole, before = run(tmp_path / "a.zarr"), files(tmp_path / "a.zarr")
    written = recomputed(monkeypatch)
    for lost in ([0], [1, 4]):
        written.clear()
        for index in lost:
            (tmp_path / "a.zarr" / "batches" / "done" / "c" / str(index) / "0").unlink()
        xarray.testing.assert_equal(run(tmp_path / "a.zarr").drop_attrs(), whole.drop_attrs())
        assert written == lost
        assert files(tmp_path / "a.zarr") == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(samples=5), "samples was 4 and is 5"),
        (dict(key=jax.random.key(1)), r"key was \[0, 0\] and is \[0, 1\]"),
        (dict(grid=GRID | {"bits": [2, 6]}), r'grid was .*"bits": \[2, 4\]'),
        (dict(grid=dict(reversed(GRID.items()))), r'dimensions was \["sigma", "bits"\] and is \["bits", "sigma"\]'),
        (dict(function=lambda key, sigma, bits: {"y": sigma * jnp.ones(2) + bits}), "code was"),
        (dict(batch_size=7), "batch_size must be that of the store, 5, or None, got 7"),
    ],
)
def test_another_sweep_is_refused(change, message, tmp_path):
    run(tmp_path / "a.zarr")
    before = files(tmp_path / "a.zarr")
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "a.zarr", **change)
    assert files(tmp_path / "a.zarr") == before


def test_changed_constants_of_the_function_are_refused(tmp_path):
    """Weights or images that the function closes over belong to the sweep."""

    def with_data(data):
        data = jnp.asarray(data)
        return lambda key, sigma, bits: {"y": jnp.sum(data) * sigma + bits}

    run(tmp_path / "a.zarr", with_data(np.arange(4.0)))
    run(tmp_path / "a.zarr", with_data(np.arange(4.0)))
    with pytest.raises(ValueError, match="code was"):
        run(tmp_path / "a.zarr", with_data(np.arange(1.0, 5.0)))


def test_what_is_no_sweep_is_left_alone(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    xarray.Dataset({"z": ("t", np.arange(3.0))}).to_zarr(tmp_path / "other.zarr", consolidated=False)
    for name in ("notes", "other.zarr"):
        before = files(tmp_path / name)
        with pytest.raises(ValueError, match="store must be the path of a sweep or a new one"):
            run(tmp_path / name)
        assert files(tmp_path / name) == before


def test_a_store_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="store must be a path that can be written"):
        run(tmp_path / "file" / "a.zarr")


def test_attributes_of_nothing_are_refused_before_anything_is_computed(tmp_path):
    with pytest.raises(ValueError, match=r"attrs must name parameters or results, \['sample', .*got 'sgima'"):
        run(tmp_path / "a.zarr", attrs={"sgima": {"units": "V"}})
    assert not (tmp_path / "a.zarr").exists()
