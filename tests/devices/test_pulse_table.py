"""Pulses without a closed form: against SciPy's Radau, exactness for linear rates, derivatives, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pulse_table import PULSES, radau, rows

from memjax import devices as md
from memjax.devices._step import curved_growth, mean_growth, step

SLOW = ("JARTVCM.tud", "JARTVCM.port")


@pytest.mark.parametrize("name", PULSES)
def test_pulses_end_where_radau_does(name):
    """In float32, to 4e-4 of the range or of the width: a cell that runs away turns the one into far more."""
    volts, start, width, end = rows(name)
    device = PULSES[name][0]()
    after, speed = jax.jit(lambda: (md.apply_pulse(device, start, volts, width), device.derivative(end, volts)))()
    assert len(end) >= 3
    assert np.all(np.abs(after - end) <= 4e-4 * (1 + np.abs(speed * width)))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PULSES if name not in SLOW])
def test_the_table_is_that_of_radau(name, x64):
    for volts, start, width, end in zip(*rows(name), strict=True):
        np.testing.assert_allclose(radau(PULSES[name][0](), volts, start, [width])[0], end, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "start", "volts", "width", "end", "tolerance"),
    [
        (md.StanfordPKU.needs, 0.0, -1.1, 2e-4, (0.96873 - 0.2) / 1.5, 1e-5),  # the analytic cut-off
        (lambda: md.Series(md.StanfordPKU.needs(), 1e3), 0.95, 2.8, 1e-5, 0.37611, 2e-5),
        (lambda: md.Series(md.StanfordPKU.needs(), 1e3), 0.95, 2.0, 1e-5, 0.49935, 2e-5),
        (lambda: md.VTEAM.ferroelectric(window=md.windows.Kvatinsky()), 0.05, 6.5, 1e-5, 0.91113, 5e-5),
    ],
)
def test_pulses_that_stop_halfway(make, start, volts, width, end, tolerance):
    assert md.apply_pulse(make(), start, volts, width) == pytest.approx(end, abs=tolerance)


@pytest.mark.parametrize("steps", [1, 3, 100])
def test_exponential_steps_are_exact_for_linear_rates(steps, precision):
    """Two-state chain at rest, far beyond its own times: one half; and on the way, e^-(rates x time)."""
    device = md.STTMRAM(r_p=2e3, delta=10.0)
    time = np.linspace(0, 1, steps + 1)
    assert np.ptp(md.evolve(device, np.zeros(steps + 1), time, jnp.array([0.0, 0.3, 1.0]), "exponential")) == 0
    rate = 2e9 * np.exp(-10)
    time = time / rate
    way = md.evolve(device, np.zeros(steps + 1), time, 1.0, "exponential")
    np.testing.assert_allclose(way, 0.5 + 0.5 * np.exp(-1), rtol=2e-6)


def test_growing_linear_rates_are_exact(x64):
    """dx/dt = x/tau from 1e-12: e^(t/tau) of it, or the bound."""

    class Grows:
        def derivative(self, state, voltage):
            return state * voltage

    for z, expected in ((20.0, 1e-12 * np.exp(20.0)), (25.0, 1e-12 * np.exp(25.0)), (30.0, 1.0), (1e4, 1.0)):
        volts = jnp.array(z)
        after = step(Grows(), "exponential", jnp.array(1e-12), volts, volts, volts, jnp.array(1.0))
        np.testing.assert_allclose(after, expected, rtol=1e-12)


def test_weights_of_the_exponential_steps(x64):
    """(e^z - 1)/z and (e^z - 1 - z - z^2/2)/z^3, by NumPy and by the series."""
    z = np.array([-1e3, -30.0, -2.0, -0.999, -1e-4, 0.0, 1e-4, 0.999, 3.0])
    np.testing.assert_allclose(mean_growth(z[z != 0]), np.expm1(z[z != 0]) / z[z != 0], rtol=1e-8)
    assert mean_growth(0.0) == 1
    series = sum(z[3:8] ** k / np.prod(np.arange(1.0, k + 4)) for k in range(20))
    np.testing.assert_allclose(curved_growth(z)[3:8], series, rtol=1e-8)
    np.testing.assert_allclose(
        np.asarray(curved_growth(z))[[0, 8]], [4.99001e-4, (np.e**3 - 1 - 3 - 4.5) / 27], rtol=1e-5
    )


@pytest.mark.parametrize(
    "name",
    [
        "VTEAM.pt_hf_ti, Biolek",
        pytest.param("StanfordPKU.needs, off", marks=pytest.mark.slow),
        pytest.param("Yakopcic.oblea", marks=pytest.mark.slow),
    ],
)
def test_derivatives_of_pulses(name, x64):
    """By every parameter, the state, the voltage and the width at once, forwards and backwards."""
    device = PULSES[name][0]()
    volts, start, width, _ = (column[0] for column in rows(name))
    leaves, structure = jax.tree.flatten((device, start, volts, 0.3 * width))
    directions = np.random.default_rng(0).uniform(0.5, 1.5, len(leaves))

    @jax.jit
    def after(step):
        moved = [x * (1 + step * d) for x, d in zip(leaves, directions, strict=True)]
        return md.apply_pulse(*jax.tree.unflatten(structure, moved), tolerance=1e-7)

    h = 1e-5
    numerical = (after(h) - after(-h)) / (2 * h)
    assert abs(numerical) > 1e-3
    np.testing.assert_allclose(jax.grad(after)(0.0), numerical, rtol=2e-4)
    np.testing.assert_allclose(jax.jvp(after, (0.0,), (1.0,))[1], numerical, rtol=2e-4)


def test_every_cell_steps_by_itself():
    """Cells of one array and under vmap: the same, whatever the company, derivatives too."""
    device = md.VTEAM.pt_hf_ti(window=md.windows.Biolek(2.0))
    states, volts = jnp.linspace(0.05, 0.95, 6), jnp.array([[0.8], [-0.53001]])
    pulse = lambda x, v: md.apply_pulse(device, x, v, 0.2)
    together, gradient = jax.value_and_grad(lambda x, v: pulse(x, v).sum())(states, volts)
    mapped = jax.vmap(jax.vmap(jax.value_and_grad(pulse), (0, None)), (None, 0))(states, volts[:, 0])
    np.testing.assert_allclose(together, mapped[0].sum(), rtol=1e-6)
    np.testing.assert_allclose(gradient, mapped[1].sum(0), rtol=1e-5)


def test_what_is_not_resolved_is_said():
    device = md.StanfordPKU.needs()
    with pytest.raises(RuntimeError, match="substeps=5 are not enough for 1 of 2 cells of StanfordPKU"):
        md.apply_pulse(device, 0.0, jnp.array([-1.1, 0.1]), 2e-4, substeps=5)
    lost = jax.jit(lambda v: md.apply_pulse(device, 0.0, v, 2e-4, substeps=5))(jnp.array([-1.1, 0.1]))
    np.testing.assert_array_equal(np.isnan(lost), [True, False])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0.5, np.nan, 1e-6), {}, ValueError, "amplitude must be finite"),
        ((0.5, np.inf, 1e-6), {}, ValueError, "amplitude must be finite"),
        ((0.5, 1.0, np.inf), {}, ValueError, r"width must be finite and in \[0, inf\], got inf"),
        ((0.5, 1.0, np.nan), {}, ValueError, "width must be finite"),
        ((0.5, "1 V", 1e-6), {}, TypeError, "amplitude must be a number in .*, got '1 V'"),
        ((0.5, 1.0, 1e-6), {"substeps": 1.5}, TypeError, "substeps must be an integer in .*, got 1.5"),
        ((0.5, 1.0, 1e-6), {"substeps": 0}, ValueError, "substeps must be in"),
        ((0.5, 1.0, 1e-6), {"tolerance": 0.0}, ValueError, "tolerance must be finite and in"),
    ],
)
def test_bad_pulses_are_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        md.apply_pulse(md.VTEAM.pt_hf_ti(), *arguments, **options)


def test_what_is_no_device_is_named():
    time = np.linspace(0, 1, 3)
    for call in (
        lambda: md.apply_pulse("vteam", 0.5, 1.0, 1e-6),
        lambda: md.simulate("vteam", np.zeros(3), time),
        lambda: md.evolve(md.VTEAM, np.zeros(3), time),
        lambda: md.fit("vteam", np.zeros(3), np.ones(3), time, {"r_on": (1.0, 2.0)}),
    ):
        with pytest.raises(TypeError, match="device must be a model of memjax.devices"):
            call()
