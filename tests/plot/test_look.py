"""Sizes, fonts, and axes of the caller's own."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from memjax import plot
from memjax.plot import look

VALUES = 1e-6 * np.arange(20)


def size(ax):
    return tuple(np.round(ax.figure.get_size_inches(), 2))


@pytest.mark.parametrize(("name", "width", "font"), [("notebook", 4.8, 9), ("paper", 3.5, 7.5), ("slides", 7.68, 15)])
def test_a_style_changes_the_figures_of_its_block_only(name, width, font):
    before = dict(matplotlib.rcParams)
    plain = size(plot.conductance_against_pulses(VALUES))
    with plot.style(name):
        ax = plot.conductance_against_pulses(VALUES)
        assert matplotlib.rcParams["font.size"] == font
    ax.figure.draw_without_rendering()  # ticks are made now, and keep the look of their figure
    texts = [ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()]
    assert {text.get_fontsize() for text in texts} == {font}
    assert size(ax)[0] == width
    assert size(plot.conductance_against_pulses(VALUES)) == plain == (4.8, 3.6)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(("name", "widest"), [("paper", 7.16), ("slides", 13.3)])
def test_figures_of_several_panels_fit_the_page(name, widest):
    with plot.style(name), look.panels(2, 4, 14.0, 6.0) as (figure, grid):
        assert grid.shape == (2, 4)
        assert figure.get_figwidth() == pytest.approx(widest)
        assert figure.get_figheight() == pytest.approx(6 * widest / 14)


def test_a_style_ends_with_an_error_too():
    def fail():
        with plot.style("paper"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert size(plot.conductance_against_pulses(VALUES))[0] == 4.8


def test_wrong_styles_and_axes_are_named():
    poster = plot.style("poster")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="name must be one of 'notebook', 'paper', 'slides', got 'poster'"), poster:
        pass
    with pytest.raises(TypeError, match="ax must be Matplotlib's Axes or None, got"):
        plot.conductance_against_pulses(VALUES, Figure())  # pyright: ignore[reportArgumentType]
    three = look.panels_or_new(Figure().subplots(3), 2, 2, 4.0, 3.0)
    with pytest.raises(ValueError, match="axes must be as many Axes as there are panels, 2, got 3"), three:
        pass
