import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from memjax import plot

SIGMA = [0.0, 0.1, 0.3]
BITS = [4, 8]


@pytest.fixture
def values():
    return np.random.default_rng(0).uniform(0.5, 0.9, (3, 2, 20))


def curves(figure):
    """The mean curves by label."""
    return {line.get_label(): line for line in figure.axes[0].lines if not line.get_label().startswith("_")}


def test_the_curves_are_the_means_in_percent(values):
    figure = plot.accuracy(SIGMA, BITS, values, digital=0.95)
    lines = curves(figure)
    assert list(lines) == ["4-bit ADC", "8-bit ADC", "digital model"]
    for i, bits in enumerate(BITS):
        line = lines[f"{bits}-bit ADC"]
        np.testing.assert_allclose(line.get_xdata(), [0, 10, 30])
        np.testing.assert_allclose(line.get_ydata(), 100 * values[:, i].mean(-1))


def test_the_thin_lines_are_the_worst_chips(values):
    thin = [line for line in plot.accuracy(SIGMA, BITS, values).axes[0].lines if line.get_linewidth() < 1]
    assert len(thin) == 2
    for i, line in enumerate(thin):
        np.testing.assert_allclose(line.get_ydata(), 100 * values[:, i].min(-1))


def test_the_bands_are_one_standard_deviation(values):
    values[:, 0] = np.where(np.arange(20) < 10, 1.0, 0.9)  # mean + std above 100 % is cut off
    bands = plot.accuracy(SIGMA, BITS, values).axes[0].collections
    assert len(bands) == 2
    for i, band in enumerate(bands):
        corners = band.get_paths()[0].vertices
        mean, std = values[:, i].mean(-1), values[:, i].std(-1)
        np.testing.assert_allclose(corners[:, 1].min(), 100 * (mean - std).min())
        np.testing.assert_allclose(corners[:, 1].max(), 100 * min((mean + std).max(), 1))


def test_the_digital_model_is_a_dashed_level(values):
    line = curves(plot.accuracy(SIGMA, BITS, values, digital=0.95))["digital model"]
    assert line.get_linestyle() == "--"
    assert list(line.get_ydata()) == [95, 95]
    assert "digital model" not in curves(plot.accuracy(SIGMA, BITS, values))


def test_every_curve_can_be_told_apart_and_everything_is_named(values):
    figure = plot.accuracy(SIGMA, BITS, values, digital=0.95, title="digits")
    axes = figure.axes[0]
    lines = curves(figure)
    first, second = lines["4-bit ADC"], lines["8-bit ADC"]
    assert to_rgb(first.get_color()) != to_rgb(second.get_color())
    assert first.get_marker() != second.get_marker()
    assert axes.get_xlabel() == "Device variability, relative std of resistance (%)"
    assert axes.get_ylabel() == "Classification accuracy (%)"
    assert axes.get_title(loc="left") == "digits"
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["4-bit ADC", "8-bit ADC", "digital model", "mean of 20 chips", "± 1 std", "worst chip"]


def test_one_point_one_chip_and_more_curves_than_colours_can_be_drawn():
    picture = io.BytesIO()
    plot.accuracy([0.1], list(range(1, 9)), np.full((1, 8, 1), 0.5)).savefig(picture, format="png")
    assert picture.getvalue().startswith(b"\x89PNG")


@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 5), (3, 2, 0)])
def test_wrong_shapes_are_named(shape):
    with pytest.raises(ValueError, match=r"accuracies must have shape .* = \[3, 2, ≥ 1\]; got"):
        plot.accuracy(SIGMA, BITS, np.zeros(shape))


def test_a_figure_opens_no_window_and_changes_no_settings(values):
    import matplotlib

    before = dict(matplotlib.rcParams)
    plot.accuracy(SIGMA, BITS, values)
    assert dict(matplotlib.rcParams) == before
    code = (
        "import memjax.plot, sys; memjax.plot.accuracy([0], [8], [[[1.]]]); print('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_importing_memjax_leaves_matplotlib_out():
    code = "import memjax, memjax.plot, memjax.data, sys; print({'matplotlib', 'sklearn', 'flax'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
