"""Summaries over chips: against scipy and numpy, and against the coverage the intervals promise."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
import xarray as xr

from memjax.montecarlo import summary


@pytest.fixture
def accuracy():
    values = np.random.default_rng(0).uniform(0.5, 1.0, (3, 20, 2))
    coords = {"sigma": ("sigma", [0.0, 0.1, 0.2], {"units": "S"}), "bits": [4, 8]}
    return xr.DataArray(values, coords, ("sigma", "sample", "bits"), "accuracy", {"units": "1"})


def one(values, **options):
    """The summary of one list of chips, as numbers."""
    result = summary(xr.DataArray(values, dims="sample"), **options)
    return {name: variable.values for name, variable in result.items()}


def test_moments_and_order_are_those_of_numpy(accuracy):
    result = summary(accuracy, quantiles=(0.1, 0.75))
    values = accuracy.values
    np.testing.assert_allclose(result["mean"], values.mean(1))
    np.testing.assert_allclose(result["std"], values.std(1, ddof=1))
    np.testing.assert_array_equal(result["worst"], values.min(1))
    np.testing.assert_array_equal(result["best"], values.max(1))
    np.testing.assert_array_equal(result["count"], np.full((3, 2), 20))
    np.testing.assert_allclose(result["quantiles"], np.moveaxis(np.quantile(values, [0.1, 0.75], axis=1), 0, -1))
    assert result["quantiles"].dims == ("sigma", "bits", "quantile")
    np.testing.assert_array_equal(result["quantiles"].sel(quantile=0.75), result["quantiles"][..., 1])
    assert "yield" not in result


@pytest.mark.parametrize("value", [0.1, 1 / 3, 0.97, -1e20, 1e-300])
@pytest.mark.parametrize("chips", [2, 3, 7])
def test_equal_chips_have_no_spread(value, chips):
    """Not to rounding but to the last digit: no mean of tenths of 0.1 is beside 0.1."""
    result = one([value] * chips + [np.nan])
    assert (result["std"], result["count"]) == (0.0, chips)
    assert {float(result[name]) for name in ("mean", "low", "high", "worst", "best")} == {value}


def test_chips_that_are_infinite_stay_so():
    with np.errstate(invalid="ignore"):  # their spread and quantiles are not numbers
        assert one([np.inf, 1.0])["mean"] == one([np.inf, np.inf])["mean"] == np.inf


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_the_interval_of_the_mean_is_student_s(accuracy, confidence):
    result = summary(accuracy, confidence=confidence)
    values = accuracy.values
    expected = scipy.stats.t.interval(confidence, 19, values.mean(1), scipy.stats.sem(values, axis=1))
    np.testing.assert_allclose([result["low"], result["high"]], expected)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("reached", [0, 1, 7, 20])
def test_the_interval_of_the_yield_is_wilson_s(reached, confidence):
    result = one(np.arange(20) < reached, target=1, confidence=confidence)
    assert result["yield"] == reached / 20
    interval = scipy.stats.binomtest(reached, 20).proportion_ci(confidence, method="wilson")
    np.testing.assert_allclose([result["yield_low"], result["yield_high"]], interval, atol=1e-15)


# Allowed are five standard errors of a fraction of 2000. A discrete count cannot meet a coverage exactly, so that of
# Wilson's interval is summed over the binomial distribution.
@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize("chips", [3, 10])
def test_the_interval_of_the_mean_covers_as_often_as_it_says(chips, confidence):
    values = np.random.default_rng(1).normal(0.7, 0.1, (2000, chips))
    result = summary(xr.DataArray(values, dims=("repetition", "sample")), confidence=confidence)
    covered = ((result["low"] <= 0.7) & (result["high"] >= 0.7)).mean()
    assert abs(covered - confidence) < 5 * np.sqrt(confidence * (1 - confidence) / 2000)


@pytest.mark.parametrize("p", [0.5, 0.9])
def test_the_interval_of_the_yield_covers_as_often_as_it_says(p):
    n = 50
    values = np.random.default_rng(2).uniform(size=(2000, n))
    result = summary(xr.DataArray(values, dims=("repetition", "sample")), target=1 - p)
    covered = ((result["yield_low"] <= p) & (result["yield_high"] >= p)).mean()
    intervals = [scipy.stats.binomtest(k, n).proportion_ci(method="wilson") for k in range(n + 1)]
    inside = [low <= p <= high for low, high in intervals]
    expected = scipy.stats.binom.pmf(np.arange(n + 1), n, p)[inside].sum()
    assert abs(expected - 0.95) < 0.03
    assert abs(covered - expected) < 5 * np.sqrt(0.05 * 0.95 / 2000)


def test_failed_chips_are_skipped_but_never_reach_the_target():
    result = one([0.5, np.nan, 0.9, 0.7, np.nan], target=0.6)
    alive = one([0.5, 0.9, 0.7], target=0.6)
    assert result["count"] == 3
    for name in ("mean", "std", "low", "high", "quantiles", "worst", "best"):
        np.testing.assert_array_equal(result[name], alive[name])
    assert result["yield"] == 2 / 5
    assert alive["yield"] == 2 / 3


def test_where_every_chip_failed():
    result = one([np.nan, np.nan], target=0.5)
    assert result["count"] == 0
    assert result["yield"] == result["yield_low"] == 0
    assert 0.5 < result["yield_high"] < 1
    for name in ("mean", "std", "low", "high", "quantiles", "worst", "best"):
        assert np.isnan(result[name]).all()


def test_a_single_quantile_needs_no_list(accuracy):
    assert summary(accuracy, quantiles=0.5).equals(summary(accuracy, quantiles=[0.5]))


def test_one_chip_has_no_spread():
    result = one([0.8])
    assert result["mean"] == result["worst"] == result["best"] == 0.8
    np.testing.assert_array_equal(result["quantiles"], 0.8)
    assert np.isnan([result["std"], result["low"], result["high"]]).all()


@pytest.mark.parametrize("target", [0.9, np.float64(0.9), np.float32(0.9)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_chip_at_the_target_reaches_it_in_any_precision(dtype, target):
    assert one(np.array([0.9, 0.8], dtype), target=target)["yield"] == 0.5


def test_single_precision_is_summed_in_double():
    values = np.float32(1) + np.random.default_rng(0).normal(size=100_000).astype(np.float32) * np.float32(1e-3)
    result = one(values)
    np.testing.assert_allclose(result["std"], values.astype(float).std(ddof=1), rtol=1e-12)


def test_arrays_of_jax_are_taken():
    import jax.numpy as jnp

    assert one(jnp.array([0.25, 0.75]), target=0.5)["mean"] == 0.5


def test_coordinates_and_attributes_are_kept(accuracy):
    zipped = accuracy.rename(bits="on_off").drop_vars("on_off")
    zipped = zipped.assign_coords(on=("on_off", [1e3, 2e3], {"units": "ohm"}), off=("on_off", [1e5, 2e5]))
    dataset = zipped.to_dataset().assign_attrs(seed=3)
    result = summary(dataset, target=0.5)
    assert result["mean"].dims == ("sigma", "on_off")
    assert set(result.coords) == {"sigma", "on", "off", "quantile"}
    assert result["on"].attrs == {"units": "ohm"}
    assert result["mean"].attrs == result["quantiles"].attrs == {"units": "1"}
    assert result["count"].attrs == result["yield"].attrs == {}
    assert result.attrs == {"seed": 3, "confidence": 0.95, "target": 0.5}
    assert dataset.attrs == {"seed": 3}


def test_any_dimension_can_count_the_chips(accuracy):
    assert summary(accuracy.rename(sample="chip"), "chip").equals(summary(accuracy))


def test_a_dataset_of_one_variable_stands_for_it(accuracy):
    assert summary(accuracy.to_dataset()).equals(summary(accuracy))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"confidence": 1.0}, ValueError, r"confidence must be in \(0, 1\), got 1"),
        ({"confidence": 0}, ValueError, r"confidence must be in \(0, 1\), got 0"),
        ({"confidence": np.nan}, ValueError, "confidence must be finite"),
        ({"confidence": "high"}, TypeError, "confidence must be a number, got 'high'"),
        ({"quantiles": (0.5, 1.5)}, ValueError, r"quantiles must be finite and in \[0, 1\], got 1.5"),
        ({"quantiles": ("median",)}, TypeError, "quantiles must be a number, got 'median'"),
        ({"target": np.inf}, ValueError, "target must be finite"),
        ({"quantiles": "median"}, TypeError, "quantiles must be a number, got 'median'"),
        ({"quantiles": 0.5j}, TypeError, "quantiles must be a number, got 0.5j"),
        ({"confidence": 10**400}, ValueError, "confidence must be finite and in .*, got an integer of 401 digits"),
        ({"target": np.ones(2)}, TypeError, "target must be a number, got array"),
        ({"target": "0.9"}, TypeError, "target must be a number, got '0.9'"),
        ({"dim": "chip"}, ValueError, "dim must be one of .* 'sigma', 'sample', 'bits', got 'chip'"),
    ],
)
def test_wrong_arguments_are_named(accuracy, options, error, message):
    with pytest.raises(error, match=message):
        summary(accuracy, **options)


def test_wrong_data_is_named(accuracy):
    with pytest.raises(TypeError, match="data must be an xarray.DataArray or Dataset, got ndarray"):
        summary(accuracy.values)
    with pytest.raises(ValueError, match="pick one, as in .* it has 'accuracy', 'power'"):
        summary(accuracy.to_dataset().assign(power=accuracy))
    with pytest.raises(ValueError, match="pick one, as in .* it has none"):
        summary(xr.Dataset())
    with pytest.raises(TypeError, match="data must hold real numbers, got dtype complex128"):
        summary(accuracy + 0j)
    with pytest.raises(ValueError, match="at least one chip along 'sample'"):
        summary(accuracy[:, :0])
    with pytest.raises(ValueError, match="rename its 'mean', 'quantile'"):
        summary(accuracy.rename(sigma="quantile", bits="mean"))


def test_importing_leaves_xarray_out():
    code = "import memjax.montecarlo, sys; print({'matplotlib', 'xarray'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
