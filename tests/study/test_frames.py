"""Frames and tables of a sweep hold its numbers, point by point and chip by chip."""

import numpy as np
import pytest
import xarray

import memjax as mj

VALUES = np.random.default_rng(0).uniform(0.5, 1.0, (2, 3, 7))


@pytest.fixture
def data():
    """Two resistances that change together, and bits."""
    chips = xarray.DataArray(VALUES, dims=("r_on_r_off", "bits", "sample"), name="accuracy")
    pair = {"r_on": ("r_on_r_off", [1e3, 2e3]), "r_off": ("r_on_r_off", [1e5, 1e6])}
    return chips.assign_coords(bits=[4, 6, 8]).assign_coords(pair)


@pytest.mark.parametrize("order", [("r_on_r_off", "bits", "sample"), ("sample", "r_on_r_off", "bits")])
def test_a_row_for_each_chip(data, order):
    frame = mj.study.per_chip(data.transpose(*order))
    assert list(frame.columns) == ["r_on", "r_off", "bits", "chip", "accuracy"]
    np.testing.assert_array_equal(frame["accuracy"], VALUES.ravel())
    assert frame.loc[7].to_list()[:4] == [1e3, 1e5, 6, 0]
    assert frame.loc[41].to_list()[:4] == [2e3, 1e6, 8, 6]


def test_a_row_for_each_point(data):
    frame = mj.study.per_point(data, target=0.7)
    assert list(frame.columns[:3]) == ["r_on", "r_off", "bits"]
    chips = VALUES.reshape(6, 7)
    for name, expected in {
        "mean": chips.mean(-1),
        "std": chips.std(-1, ddof=1),
        "worst": chips.min(-1),
        "best": chips.max(-1),
        "yield": np.mean(chips >= 0.7, -1),
    }.items():
        np.testing.assert_allclose(frame[name], expected)
    assert "yield" not in mj.study.per_point(data)


def test_a_dimension_without_values_is_counted():
    frame = mj.study.per_point(xarray.DataArray(VALUES, dims=("a", "b", "sample")))
    assert frame["a"].to_list() == [0, 0, 0, 1, 1, 1]


def cells(table):
    """Text of a rich table, column by column: heads in a line, then what is below."""
    return [[str(column.header).replace("\n", " "), *column.cells] for column in table.columns]


def test_the_table_shows_mean_spread_and_worst(data):
    table = cells(mj.study.table(data, percent=True))
    assert [column[0] for column in table] == ["R_on", "R_off", "Bits", "Mean ± std (%)", "Worst (%)"]
    assert table[1][1:] == ["100000", "100000", "100000", "1e+06", "1e+06", "1e+06"]
    percent = 100 * VALUES.reshape(6, 7)
    assert table[3][1:] == [f"{c.mean():.2f} ± {c.std(ddof=1):.2f}" for c in percent]
    assert table[4][1:] == [f"{c.min():.2f}" for c in percent]
    assert cells(mj.study.table(data))[4][1:] == [f"{c.min():.4g}" for c in VALUES.reshape(6, 7)]


def test_one_chip_has_no_spread(data):
    table = cells(mj.study.table(data.isel(sample=[0]), percent=True))
    assert table[3][1] == f"{100 * VALUES[0, 0, 0]:.2f}"


@pytest.mark.parametrize("fn", [mj.study.per_chip, mj.study.per_point, mj.study.table])
def test_wrong_data_is_named(data, fn):
    with pytest.raises(TypeError, match="data must be an xarray.DataArray or Dataset, got list"):
        fn([1.0])
    with pytest.raises(ValueError, match="data must have exactly one variable"):
        fn(xarray.Dataset({"a": data, "b": data}))
    with pytest.raises(ValueError, match="dim must be one of the dimensions of data"):
        fn(data.mean("sample"))


def test_long_names_are_broken_between_words(data):
    long = data.rename(bits="DeviceVariation_r_on_std")
    heads = [str(column.header) for column in mj.study.table(long).columns]
    assert heads[:3] == ["R_on", "R_off", "Device variation\nR_on std"]


def test_columns_have_words_and_units_where_frames_have_names(data):
    data = data.rename(bits="adc_bits").assign_attrs(units="V")
    data["adc_bits"].attrs["units"] = "bit"
    data["r_on"].attrs["units"] = "ohm"
    data["r_off"].attrs |= {"units": "ohm", "long_name": "Resistance of the HRS"}
    table = cells(mj.study.table(data))
    heads = ["R_on", "Resistance of the HRS", "ADC resolution (bit)", "Mean ± std (V)", "Worst (V)"]
    assert [column[0] for column in table] == heads
    assert table[0][1::3] == ["1 kΩ", "2 kΩ"]
    assert table[1][1::3] == ["100 kΩ", "1 MΩ"]
    assert table[2][1:4] == ["4", "6", "8"]
    assert list(mj.study.per_point(data).columns[:3]) == ["r_on", "r_off", "adc_bits"]


@pytest.mark.parametrize(("percent", "head", "shown"), [(True, "Sigma (%)", "10"), (False, "Sigma", "0.1")])
def test_fractions_are_in_percent_with_the_results(data, percent, head, shown):
    data = data.drop_vars(["r_on", "r_off"]).rename(r_on_r_off="sigma").assign_coords(sigma=[0.0, 0.1])
    data["sigma"].attrs["units"] = "1"
    assert cells(mj.study.table(data, percent=percent))[0] == [head, "0", "0", "0", *[shown] * 3]


def test_no_digit_of_a_whole_number_is_lost(data):
    seeds = data.rename(bits="seed").assign_coords(seed=[1, 2**32 - 1, -1234567])
    assert cells(mj.study.table(seeds))[2][1:4] == ["1", "4294967295", "\u22121234567"]
