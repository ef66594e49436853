"""JART VCM v1b: the implicit loop, its branches and gradients, and the figures of the model's documentation."""

import jart_reference
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from memjax import devices as md


def state_of(n, device=None):
    """State of a concentration in 1e26/m^3."""
    low, high = (0.004, 22) if device is None else (device.n_min, device.n_max)
    return jnp.log(n / low) / jnp.log(high / low)


def test_resistances_at_the_read_voltage(x64):
    for device in (md.JARTVCM.tud(), md.JARTVCM.port()):
        np.testing.assert_allclose(device.concentration(device.initial), 0.008, rtol=1e-12)
        np.testing.assert_allclose(1 / device.conductance(device.initial), 105e3, rtol=5e-3)
        np.testing.assert_allclose(1 / device.conductance(state_of(20.0, device)), 1.59e3, rtol=1e-3)


def test_set_times(x64):
    """From N = 0.008 to 0.5: provisional figures, given to two digits."""
    device = md.JARTVCM.tud()
    volts = np.array([-0.6, -0.7, -0.8, -0.9, -1.0])
    states = jnp.linspace(state_of(0.008), state_of(0.5), 2001)
    rates = jax.jit(lambda x, v: device.derivative(x, v))(states[:, None], volts)
    seconds = jnp.trapezoid(1 / rates, states, axis=0)
    np.testing.assert_allclose(seconds, [17e-3, 0.37e-3, 10e-6, 0.39e-6, 21e-9], rtol=0.03)


def test_set_pulse_against_scipy(x64):
    """Through the thermal runaway into saturation."""
    device = md.JARTVCM.tud()
    time = np.linspace(0, 1.2e-5, 25)
    solution = solve_ivp(
        lambda _, x: [jart_reference.rate(x[0], -0.8)], (0, time[-1]), [float(device.initial)], "LSODA", time,
        rtol=1e-9, atol=1e-10,
    )  # fmt: skip
    trace = md.simulate(device, np.full(25, -0.8), time, method="diffrax", tolerance=1e-8)
    assert solution.y[0][-1] > 0.9
    np.testing.assert_allclose(trace.state, solution.y[0], atol=1e-5)


@pytest.mark.parametrize("sign", [-1, 1])
def test_operating_point_against_scipy(sign, precision):
    """Over five decades of N and three of v, where v > 0 has up to three solutions."""
    device = md.JARTVCM.tud()
    volts = sign * np.array([1e-3, 0.02, 0.079, 0.081, 0.1, 0.2, 0.5, 1.0, 1.5, 4.5])
    states = np.linspace(0, 1, 9)
    current, temperature = jax.jit(lambda x, v: (device.current(x, v), device.temperature(x, v)))(
        states[:, None], volts
    )
    for a, state in enumerate(states):
        n = 0.004e26 * 5500**state
        for b, v in enumerate(volts):
            i, _ = jart_reference.operating_point(n, v)
            tolerance = 1e-7 if precision == "float64" else 5e-6
            np.testing.assert_allclose(current[a, b], sign * i, rtol=tolerance)
            np.testing.assert_allclose(temperature[a, b], jart_reference.temperature(n, v, i), rtol=tolerance)


def test_reset_takes_the_first_of_three_solutions(x64):
    """N = 5e26/m^3 at 0.5 V: the contact can also take 0.080 V or 0.128 V, with a smaller current."""
    device, v = md.JARTVCM.tud(), 0.5
    drops = np.linspace(1e-4, 0.2, 4000)
    filament = jart_reference.disc(5e26) + jart_reference.R_PLUG
    currents = (v - drops) / (filament + 1369.2437)  # first guess of the loop current, then its cubic part
    for _ in range(60):
        currents = (v - drops) / (filament + jart_reference.series(currents))
    excess = [jart_reference.schottky(5e26, v, i, u) - i for i, u in zip(currents, drops, strict=True)]
    crossings = np.flatnonzero(np.diff(np.sign(excess)))
    assert len(crossings) == 3
    i = device.current(state_of(5.0), v)
    taken = v - i * (filament + jart_reference.series(i))
    assert drops[crossings[0]] < taken < drops[crossings[0] + 1]


def test_current_is_continuous_from_small_bias_on(x64):
    """No jump where further solutions appear or vanish: along v at fixed N, and along N at fixed v."""
    device = md.JARTVCM.tud()
    current = jax.jit(lambda x, v: device.current(x, v))
    along = current(np.array([0.0, 0.3, 0.6, 1.0]), np.linspace(0, 2, 1001)[:, None])
    steps = jnp.diff(along, axis=0)
    assert jnp.all(steps > 0)
    assert jnp.max(steps[1:] / steps[:-1]) < 1.1
    across = current(np.linspace(0, 1, 1001)[:, None], np.array([0.1, 0.2, 0.5, 1.0]))
    assert jnp.all(jnp.diff(across, axis=0) > 0)
    assert jnp.max(across[1:] / across[:-1]) < 1.02


def test_polarity_and_self_heating(precision):
    device = md.JARTVCM.port()
    states, volts = np.linspace(0, 1, 7), np.array([[-1.5, -1.0, -0.3, -0.1, 0.0, 0.1, 0.3, 1.0, 1.5]]).T

    @jax.jit
    def probe(device):
        return device.current(states, volts), device.derivative(states, volts), device.temperature(states, volts)

    current, rate, temperature = probe(device)
    for quantity, rest in ((current, 0), (rate, 0), (temperature, 293)):
        np.testing.assert_array_equal(quantity[4], np.full(7, rest))
    assert jnp.all(rate[:4, :-1] > 0)
    assert jnp.all(rate[5:, 1:] < 0)
    assert jnp.all(rate[:4, -1] == 0)
    assert jnp.all(rate[5:, 0] == 0)
    assert jnp.all(jnp.diff(temperature[:5], axis=0) < 0)
    assert jnp.all(jnp.diff(temperature[4:], axis=0) > 0)
    # All heat but that of the series resistance warms the cell, through a resistance that falls as 1/r^2.
    wide = md.JARTVCM.port(radius=90e-9)
    for d, (i, _, t), share in ((device, (current, rate, temperature), 1), (wide, probe(wide), 0.25)):
        power = volts * i - i**2 * jart_reference.series(i)
        r_th = share * np.where(volts > 0, 0.27, 1) * 15.72e6
        np.testing.assert_allclose(t, 293 + r_th * power, rtol=1e-4, err_msg=repr(d))


@pytest.mark.parametrize(("read_voltage", "double", "tolerance"), [(-0.2, True, 1e-9), (0.2, False, 2e-3)])
def test_state_at_inverts_conductance(read_voltage, double, tolerance):
    with jax.enable_x64(double):
        check_inverse(read_voltage, tolerance)


def check_inverse(read_voltage, tolerance):
    states = np.linspace(0, 1, 41)

    @jax.jit
    def probe(device):
        conductance = device.conductance(states)
        back, slope = jax.jvp(lambda x: device.state_at(device.conductance(x)), (0.5,), (1.0,))
        return conductance, device.state_at(conductance), back, slope

    conductance, seen, back, slope = probe(md.JARTVCM.tud(read_voltage=read_voltage))
    assert jnp.all(jnp.diff(conductance) > 0)
    np.testing.assert_allclose(seen, states, atol=tolerance)
    np.testing.assert_allclose([back, slope], [0.5, 1], rtol=tolerance)


def test_implicit_gradients_are_those_of_finite_differences(x64):
    device, volts = md.JARTVCM.tud(), np.array([-0.8, -0.1, 0.1, 0.8])
    leaves, structure = jax.tree.flatten(device)
    values = jnp.stack(leaves)

    @jax.jit
    def response(factors):
        changed = jax.tree.unflatten(structure, list(values * factors))
        return jnp.stack([changed.current(0.4, volts), changed.derivative(0.4, volts)])

    exact = jax.jacfwd(response)(jnp.ones(len(leaves)))
    step = 1e-5
    shifted = [response(1 + sign * step * row) for row in np.eye(len(leaves)) for sign in (1, -1)]
    numerical = jnp.stack([(up - down) / (2 * step) for up, down in zip(shifted[::2], shifted[1::2], strict=True)], -1)
    scale = jnp.abs(response(jnp.ones(len(leaves))))[..., None]
    np.testing.assert_allclose(exact / scale, numerical / scale, rtol=1e-4, atol=1e-6)


def test_gradients_are_finite_in_single_precision():
    """Up to three times a drive of 1.5 V, at zero voltage, at both bounds."""

    @jax.jit
    @jax.vmap
    def gradients(state, voltage):
        total = lambda d, x, v: d.current(x, v) + d.temperature(x, v) + jnp.log1p(jnp.abs(d.derivative(x, v)))
        return jax.grad(total, argnums=(0, 1, 2))(md.JARTVCM.port(), state, voltage)

    states, volts = np.meshgrid([0.0, 0.3, 1.0], [-4.5, -1.5, -0.1, 0.0, 0.05, 0.08, 0.2, 1.5, 4.5])
    seen = gradients(states.ravel().astype(np.float32), volts.ravel().astype(np.float32))
    assert all(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(seen))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_min": 30.0}, "JARTVCM.n_min must be smaller than JARTVCM.n_max"),
        ({"phi_0": 0.05}, "JARTVCM.phi_n must be smaller than JARTVCM.phi_0"),
        ({"l_disc": 4e-9}, "JARTVCM.l_disc must be smaller than JARTVCM.l_cell"),
        ({"radius": 0.0}, "JARTVCM.radius must be finite and in"),
        ({"r_th": -1.0}, "JARTVCM.r_th must be finite and in"),
        ({"read_voltage": 0.0}, "JARTVCM.read_voltage must be non-zero"),
        ({"initial": -0.1}, r"JARTVCM.initial must be finite and in \[0, 1\]"),
    ],
)
def test_bad_parameters_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        md.JARTVCM.tud(**changes)
