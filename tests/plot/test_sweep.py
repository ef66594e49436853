"""Figures of sweeps draw the statistics of the chips."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from memjax import plot
from memjax.montecarlo import summary

SIGMA = [0.0, 0.1, 0.1 + 0.2]


@pytest.fixture
def data():
    values = np.random.default_rng(0).uniform(0.5, 0.9, (3, 2, 20))
    return xr.Dataset(
        {"accuracy": (("sigma", "bits", "sample"), values, {"description": "Classification accuracy"})},
        {
            "sigma": ("sigma", SIGMA, {"long_name": "Variability", "description": "std of ln R"}),
            "bits": ("bits", [4, 8], {"units": "bit"}),
        },
    )


@pytest.fixture
def zipped(data):
    pair = {"r_on": ("r_on_r_off", [1e3, 2e3, 3e3], {"units": "ohm"}), "r_off": ("r_on_r_off", [1e5, 1e6, 1e6])}
    return data.rename(sigma="r_on_r_off").drop_vars("r_on_r_off").assign_coords(pair)


def curves(ax):
    """The mean curves by label."""
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def mean_curve(ax):
    (line,) = (line for line in ax.lines if line.get_marker() == "o")
    return line


def tick_texts(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def cell_values(ax):
    return np.asarray(ax.collections[0].get_array())


@pytest.mark.parametrize("scale", [1, 100])
def test_lines_bands_and_thin_lines_are_mean_std_and_worst(data, scale):
    ax = plot.sweep(data, x="sigma", hue="bits", percent=scale == 100)
    found = summary(data)
    thin = [line for line in ax.lines if line.get_linewidth() < 1]
    assert list(curves(ax)) == ["bits = 4 bit", "bits = 8 bit"]
    for i, mean in enumerate(curves(ax).values()):
        np.testing.assert_allclose(mean.get_xdata(), SIGMA)
        np.testing.assert_allclose(mean.get_ydata(), scale * found["mean"][:, i])
        np.testing.assert_allclose(thin[i].get_ydata(), scale * found["worst"][:, i])
        corners = ax.collections[i].get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose(corners.min(), scale * (found["mean"] - found["std"])[:, i].min())
        np.testing.assert_allclose(corners.max(), scale * (found["mean"] + found["std"])[:, i].max())


def test_the_band_of_a_fraction_in_percent_ends_at_100(data):
    def top(values, **options):
        ax = plot.sweep(data.assign(accuracy=values), select={"bits": 4}, **options)
        return ax.collections[0].get_paths()[0].vertices[:, 1].max()

    edge = xr.where(data["sample"] < 10, 1.0, 0.9).broadcast_like(data["accuracy"])
    beyond = 0.95 + np.sqrt(10 * 2 / 19) * 0.05
    np.testing.assert_allclose(top(edge, percent=True), 100)
    np.testing.assert_allclose(top(edge), beyond)
    np.testing.assert_allclose(top(2 * edge, percent=True), 200 * beyond)


def test_every_curve_can_be_told_apart_and_everything_is_named(data):
    ax = plot.sweep(data, hue="bits", target=0.8, percent=True)
    first, second, target = curves(ax).values()
    assert to_rgb(first.get_color()) != to_rgb(second.get_color())
    assert first.get_marker() != second.get_marker()
    assert list(target.get_ydata()) == [80, 80]
    assert ax.get_xlabel() == "Variability"
    assert ax.get_ylabel() == "Classification accuracy (%)"
    (legend,) = ax.figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["bits = 4 bit", "bits = 8 bit", "target (80 %)", "mean of 20 chips", "± 1 std", "worst chip"]


def test_a_curve_for_every_combination_with_words_for_names(data):
    """The long name of a coordinate, where it has one; a title, and a target by its name and number."""
    third = xr.concat([data, 0.5 * data], xr.Variable("mapping", ["offset", "pair"]))
    third["bits"].attrs["long_name"] = "ADC resolution"
    ax = plot.sweep(third, x="sigma", hue=["mapping", "bits"], target=0.8, target_label="digital", title="all")
    *found, digital = curves(ax)
    assert found == [f"mapping = {m}, ADC resolution = {b} bit" for m in ("offset", "pair") for b in (4, 8)]
    assert digital == "digital (0.8)"
    assert ax.get_title(loc="left") == "all"
    for label, (m, b) in zip(found, np.ndindex(2, 2), strict=True):
        mean = third["accuracy"].isel(mapping=m, bits=b).mean("sample")
        np.testing.assert_allclose(curves(ax)[label].get_ydata(), mean)


def test_names_without_attributes_are_words(data):
    power = (1e-2 * data["accuracy"].drop_attrs()).rename("power").assign_attrs(units="W")
    ax = plot.sweep(power, select={"bits": 8})
    assert ax.get_xlabel() == "Sigma"
    assert ax.get_ylabel() == "Power (mW)"
    assert ax.yaxis.get_major_formatter()(0.0075, None) == "7.5"
    plain = data.rename(bits="adc_bits", sigma="r_on_std")["accuracy"].drop_attrs()
    ax = plot.sweep(plain, x="adc_bits", hue="r_on_std")
    assert ax.get_xlabel() == "ADC resolution"
    assert next(iter(curves(ax))) == r"$\mathit{R}_\mathrm{on}$ std = 0"
    assert plot.sweep(plain, x="r_on_std", hue="adc_bits").get_xlabel() == r"$\mathit{R}_\mathrm{on}$ std"


def test_fractions_are_in_percent_with_the_result(data):
    """Parameters too, where they say that they are fractions."""
    data["sigma"].attrs |= {"units": "1"}
    ax = plot.sweep(data, x="sigma", hue="bits", percent=True)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Variability (%)", "Classification accuracy (%)")
    np.testing.assert_allclose(curves(ax)["bits = 4 bit"].get_xdata(), [0, 10, 30])
    assert "Variability = 30 %" in curves(plot.sweep(data, x="bits", hue="sigma", percent=True))
    ax = plot.heatmap(data, percent=True)
    assert (ax.get_xlabel(), tick_texts(ax.xaxis)) == ("Variability (%)", ["0", "10", "30"])
    np.testing.assert_allclose(cell_values(ax), 100 * data["accuracy"].mean("sample").transpose())
    ax = plot.heatmap(data, percent=True, statistic="yield", target=0.7)
    assert ax.figure.axes[1].get_ylabel() == "Yield of 20 chips (%)\nClassification accuracy ≥ 70 %"


def test_select_takes_the_value_of_a_dimension(data):
    line = mean_curve(plot.sweep(data, select={"bits": 8}))
    np.testing.assert_allclose(line.get_ydata(), data["accuracy"].sel(bits=8).mean("sample"))
    line = mean_curve(plot.sweep(data, x="bits", select={"sigma": 0.3}))
    np.testing.assert_allclose(line.get_ydata(), data["accuracy"][2].mean("sample"))


def test_y_picks_the_variable(data):
    two = data.assign(power=2 * data["accuracy"])
    line = mean_curve(plot.sweep(two, "power", select={"bits": 4}))
    np.testing.assert_allclose(line.get_ydata(), 2 * data["accuracy"].sel(bits=4).mean("sample"))


def test_categories_have_places_in_the_order_of_the_data(data):
    named = data.assign_coords(sigma=["pcm", "cbram", "jart"])
    ax = plot.sweep(named, select={"bits": 4})
    assert tick_texts(ax.xaxis) == ["pcm", "cbram", "jart"]
    np.testing.assert_array_equal(mean_curve(ax).get_xdata(), [0, 1, 2])
    assert list(curves(plot.sweep(named, x="bits", hue="sigma"))) == ["sigma = pcm", "sigma = cbram", "sigma = jart"]
    line = mean_curve(plot.sweep(named, x="bits", select={"sigma": "jart"}))
    np.testing.assert_allclose(line.get_ydata(), data["accuracy"][2].mean("sample"))


def test_switches_are_categories(data):
    ax = plot.sweep(data.assign_coords(bits=[True, False]), x="bits", select={"sigma": 0})
    assert tick_texts(ax.xaxis) == ["True", "False"]


@pytest.mark.parametrize(
    ("values", "scale"), [([1, 10, 1000], "log"), ([1, 10, 999], "linear"), ([0, 10, 1e4], "linear")]
)
def test_three_decades_are_drawn_on_a_logarithmic_axis(data, values, scale):
    ax = plot.sweep(data.assign_coords(sigma=values), select={"bits": 4})
    assert ax.get_xscale() == scale


def test_curves_run_from_left_to_right(data):
    line = mean_curve(plot.sweep(data.assign_coords(sigma=[0.3, 0.0, 0.1]), select={"bits": 4}))
    np.testing.assert_array_equal(line.get_xdata(), [0, 0.1, 0.3])
    np.testing.assert_allclose(line.get_ydata(), data["accuracy"][[1, 2, 0], 0].mean("sample"))


def test_a_pair_of_parameters_is_drawn_by_either_or_both(zipped):
    both = plot.sweep(zipped, select={"bits": 4})
    on, off = r"$\mathit{R}_\mathrm{on}$", r"$\mathit{R}_\mathrm{off}$"
    ticks = ["1 kΩ\n100000", "2 kΩ\n1e+06", "3 kΩ\n1e+06"]
    assert (both.get_xlabel(), tick_texts(both.xaxis)) == (f"{on}\n{off}", ticks)
    one = plot.sweep(zipped, x="r_on", hue="bits")
    assert (one.get_xlabel(), tick_texts(one.xaxis)) == (f"{on}\n{off}", ticks)
    np.testing.assert_array_equal(one.lines[0].get_xdata(), [1e3, 2e3, 3e3])
    assert f"{on} = 1 kΩ, {off} = 100000" in curves(plot.sweep(zipped, x="bits", hue="r_on"))
    line = mean_curve(plot.sweep(zipped, x="bits", select={"r_on": 2e3}))
    np.testing.assert_allclose(line.get_ydata(), zipped["accuracy"][1].mean("sample"))


def test_a_dimension_without_coordinates_is_counted(data):
    line = mean_curve(plot.sweep(data.drop_vars(["sigma", "bits"]), select={"bits": 1}))
    np.testing.assert_array_equal(line.get_xdata(), [0, 1, 2])
    np.testing.assert_allclose(line.get_ydata(), data["accuracy"][:, 1].mean("sample"))


@pytest.mark.parametrize("bits", [[4], [4, 6, 8], [6, 5, 8, 4], [2**12, 2**13, 2**14]])
def test_few_whole_numbers_have_the_ticks(bits):
    chips = xr.DataArray(np.full((len(bits), 2), 0.5), {"bits": bits}, dims=("bits", "sample"))
    ax = plot.sweep(chips)
    ax.figure.draw_without_rendering()
    assert tick_texts(ax.xaxis) == [str(bit) for bit in sorted(bits)]


def test_ticks_of_close_whole_numbers_are_apart():
    chips = xr.DataArray(np.full((100, 2), 0.5), {"cycles": np.arange(100)}, dims=("cycles", "sample"))
    ticks = plot.sweep(chips).get_xticks()
    assert len(ticks) < 15
    np.testing.assert_array_equal(ticks, np.round(ticks))


def test_long_names_of_categories_are_slanted(data):
    def rotations(names):
        labels = plot.sweep(data.assign_coords(sigma=names), select={"bits": 4}).get_xticklabels()
        return {label.get_rotation() for label in labels}

    assert rotations(["a", "b", "c"]) == {0}
    assert rotations([letter * 30 for letter in "abc"]) == {30}


def test_failed_chips_are_left_out_and_counted(data):
    data["accuracy"][1, 0, :3] = np.nan
    data["accuracy"][2, 0] = np.nan
    ax = plot.sweep(data, select={"bits": 4}, percent=True)
    np.testing.assert_allclose(mean_curve(ax).get_ydata(), 100 * data["accuracy"][:, 0].mean("sample"))
    assert "mean of 0 to 20 chips" in [text.get_text() for text in ax.figure.legends[0].get_texts()]
    ax.figure.draw_without_rendering()


def test_one_point_one_chip_and_more_curves_than_colours_can_be_drawn():
    chips = xr.DataArray(np.full((1, 8, 1), 0.5), dims=("a", "b", "sample"))
    ax = plot.sweep(chips, hue="b")
    assert len(curves(ax)) == 8
    ax.figure.draw_without_rendering()
    plot.heatmap(chips).figure.draw_without_rendering()


def test_draws_into_given_axes(data):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plot.sweep(data, hue="bits", ax=left) is left
    assert left.get_legend() is not None
    assert not figure.legends
    assert plot.heatmap(data, ax=right) is right
    assert len(figure.axes) == 3  # with the colour bar


@pytest.mark.parametrize("statistic", ["mean", "std", "worst", "best", "yield"])
def test_the_cells_of_a_heatmap_are_the_statistic(data, statistic):
    target = 0.7 if statistic == "yield" else None
    ax = plot.heatmap(data, statistic=statistic, target=target)
    expected = summary(data, target=target)[statistic].transpose("bits", "sigma").values
    np.testing.assert_allclose(cell_values(ax), expected)
    texts = {(t.get_position()): t.get_text() for t in ax.texts}
    assert texts == {(j + 0.5, i + 0.5): f"{v:.3g}" for (i, j), v in np.ndenumerate(expected)}
    named = {"yield": "Yield of 20 chips\nClassification accuracy ≥ 0.7"}
    named["std"] = "Classification accuracy\nStandard deviation of 20 chips"
    label = named.get(statistic, f"Classification accuracy\n{statistic.capitalize()} of 20 chips")
    assert ax.figure.axes[1].get_ylabel() == label


def test_the_axes_of_a_heatmap_are_named_and_can_be_swapped(data):
    ax = plot.heatmap(data)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Variability", "Bits (bit)")
    assert (tick_texts(ax.xaxis), tick_texts(ax.yaxis)) == (["0", "0.1", "0.3"], ["4", "8"])
    for options in ({"x": "bits"}, {"rows": "sigma"}, {"x": "bits", "rows": "sigma"}):
        swapped = plot.heatmap(data, **options)
        assert swapped.get_xlabel() == "Bits (bit)"
        np.testing.assert_allclose(cell_values(swapped), data["accuracy"].mean("sample"))


def test_values_are_written_into_few_cells_in_a_colour_that_shows():
    ramp = xr.DataArray(np.linspace(0, 1, 151), dims="x").expand_dims(y=1, sample=2, axis=(1, 2))
    assert not plot.heatmap(ramp).texts
    ax = plot.heatmap(ramp[:150])
    texts = ax.texts
    assert len(texts) == 150
    assert to_rgb(texts[0].get_color()) == (1, 1, 1)
    assert max(to_rgb(texts[-1].get_color())) < 0.5
    assert len(tick_texts(ax.xaxis)) == 15


def test_a_cell_of_failed_chips_says_so(data):
    data["accuracy"][2, 0] = np.nan
    ax = plot.heatmap(data)
    assert [t.get_text() for t in ax.texts].count("nan") == 1
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "select must fix every dimension .* missing are 'bits': 4, 8"),
        ({"x": "bits"}, "missing are 'sigma': 0, 0.1, 0.3"),
        ({"x": "volts"}, "x must be one of .*, got 'volts'"),
        ({"x": "sample", "hue": "bits"}, "x must be one of .*, got 'sample'"),
        ({"hue": "volts"}, "hue must be one of .*, got 'volts'"),
        ({"x": "bits", "hue": "bits"}, "x and hue must be different dimensions, got 'bits', 'bits'"),
        ({"hue": ["bits", "volts"]}, r"hue\[1\] must be one of .*, got 'volts'"),
        ({"hue": ["bits", "bits"]}, "x and hue.0. and hue.1. must be different dimensions"),
        ({"y": "power"}, "y must be one of 'accuracy', got 'power'"),
        ({"select": {"volts": 1}}, "select must be one of .*, got 'volts'"),
        ({"select": {"bits": 6}}, r"select\['bits'\] must be one of 4, 8, got 6"),
        ({"select": {"sigma": 0, "bits": 4}}, "x must be a dimension, but data has none left"),
        ({"select": {"bits": 4}, "target": np.nan}, "target must be finite"),
    ],
)
def test_wrong_arguments_of_a_sweep_are_named(data, options, message):
    with pytest.raises(ValueError, match=message):
        plot.sweep(data, **options)


def test_wrong_data_is_named(data, zipped):
    with pytest.raises(TypeError, match="data must be an xarray.Dataset or DataArray, got list"):
        plot.sweep([1.0])
    with pytest.raises(TypeError, match=r"select\['bits'\] must be a number in .*, got '8'"):
        plot.sweep(data, select={"bits": "8"})
    with pytest.raises(ValueError, match="data must have a dimension 'sample', got 'sigma', 'bits'"):
        plot.sweep(data.mean("sample"))
    with pytest.raises(ValueError, match="y must name one of the variables 'accuracy', 'power'"):
        plot.sweep(data.assign(power=data["accuracy"]))
    with pytest.raises(ValueError, match=r"select\['r_off'\] must be unique along its dimension among"):
        plot.sweep(zipped, x="bits", select={"r_off": 1e6})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statistic": "median"}, "statistic must be one of 'mean', .* got 'median'"),
        ({"statistic": "yield"}, "target must be given for statistic='yield' only, got None for 'yield'"),
        ({"target": 0.9}, "target must be given for statistic='yield' only, got 0.9 for 'mean'"),
        ({"select": {"bits": 4}}, "rows must be a dimension, but data has none left"),
    ],
)
def test_wrong_arguments_of_a_heatmap_are_named(data, options, message):
    with pytest.raises(ValueError, match=message):
        plot.heatmap(data, **options)


def test_a_figure_opens_no_window_and_loads_nothing_early(data):
    import matplotlib

    before = dict(matplotlib.rcParams)
    plot.sweep(data, hue="bits")
    plot.heatmap(data)
    assert dict(matplotlib.rcParams) == before
    code = "import memjax.plot, sys; print({'matplotlib', 'xarray'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
