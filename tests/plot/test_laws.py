"""Figures of update laws."""

import numpy as np

import memjax as mj

P = mj.training.Population


def test_update_laws_have_their_curves_and_symmetry_points():
    laws = {
        "soft": mj.training.SoftBounds(P(step=0.2, asymmetry=0.5)),
        "constant": mj.training.ConstantStep(P(step=0.25, low=-0.5, asymmetry=0.4)),
    }
    soft, constant = mj.plot.update_laws(laws, columns=3)
    figure = soft.figure
    assert [soft.get_title(), constant.get_title()] == ["Soft", "Constant"]
    assert [ax.axison for ax in figure.axes] == [True, True, False]
    up, down, point = soft.lines
    n = 20  # 1.5 * 2 / (0.5 * (0.2 + 0.1))
    expected = 1 - 2 * 0.8 ** np.arange(n + 1)
    np.testing.assert_allclose(up.get_ydata(), expected, atol=1e-6)
    np.testing.assert_allclose(down.get_ydata(), -1 + (expected[-1] + 1) * 0.9 ** np.arange(n + 1), atol=1e-6)
    np.testing.assert_allclose(point.get_ydata(), 1 / 3, atol=1e-6)
    assert len(constant.lines) == 2  # its symmetry point is at the bound
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["up", "down", "symmetry point"]


def test_pulse_response_of_weights_alone():
    data = mj.training.PulseResponse(np.array([1, 1, -1]), np.array([0.1, 0.2, 0.0]), "weight")
    ax = mj.plot.pulse_response(data, color="k")
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(line.get_ydata(), data.values)
    assert line.get_color() == "k"
    assert ax.get_ylabel() == "Weight"
