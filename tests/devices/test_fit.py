"""Fitting: known parameters recovered from noisy traces and from a file; bad measurements refused."""

import jax
import numpy as np
import pytest

from memjax import devices as md
from memjax.devices._fit import _fit

TIME = np.linspace(0, 2, 201)
VOLTAGE = 1.2 * np.sin(2 * np.pi * TIME) * (1 + 0.3 * TIME)
TRUE = dict(k_off=2e-8, k_on=-5e-8, v_off=0.4, v_on=-0.5, alpha_off=1.5, alpha_on=2.0, r_on=200.0, r_off=4e3)
GUESS = TRUE | dict(k_off=1e-8, k_on=-2e-8, v_off=0.3, v_on=-0.4, r_on=300.0, r_off=3e3)
BOUNDS = dict(
    k_off=(1e-9, 1e-7), k_on=(-1e-6, -1e-9), v_off=(0.1, 0.8), v_on=(-0.8, -0.1), r_on=(50.0, 1e3), r_off=(1e3, 1e4)
)


def measurement(noise=0.01):
    trace = md.simulate(md.VTEAM(**TRUE, initial=0.9), VOLTAGE, TIME, substeps=2)
    factor = 1 + noise * np.random.default_rng(0).normal(size=TIME.size)
    return np.asarray(trace.current) * factor


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_recovers_known_parameters(noise, x64):
    """Exactly without noise; with 1 % of it within the spread of rate constants and thresholds that trade off."""
    result = md.fit(md.VTEAM(**GUESS, initial=0.9), VOLTAGE, measurement(noise), TIME, BOUNDS, substeps=2)
    assert result.converged
    assert result.error < (0.011 if noise else 1e-6)
    for name, tolerance in dict(k_off=0.1, k_on=0.1, v_off=0.02, v_on=0.02, r_on=0.01, r_off=0.01).items():
        np.testing.assert_allclose(getattr(result.device, name), TRUE[name], rtol=tolerance if noise else 1e-4)
        if noise:
            assert abs(getattr(result.device, name) - TRUE[name]) < 3 * result.deviation[name]
            assert result.deviation[name] < tolerance * abs(TRUE[name])
    assert result.device.alpha_off == 1.5
    assert result.undetermined == ()


def test_names_what_the_data_do_not_determine(x64):
    """Rate and exponent of the SET trade off in 3 % of noise; without negative voltages there is no SET at all."""
    bounds = {name: BOUNDS[name] for name in ("k_on", "r_on")}
    loose = md.VTEAM(**GUESS | dict(alpha_on=1.5), initial=0.9)
    result = md.fit(loose, VOLTAGE, measurement(0.03), TIME, BOUNDS | {"alpha_on": (0.5, 6.0)}, substeps=2)
    assert result.error < 0.035
    assert result.undetermined == ("k_on",)
    assert abs(result.device.k_on - TRUE["k_on"]) < 3 * result.deviation["k_on"]
    true = md.VTEAM(**TRUE, initial=0.1)
    volts = np.abs(VOLTAGE)
    current = md.simulate(true, volts, TIME, substeps=2).current
    blind = md.fit(
        md.VTEAM(**TRUE | dict(k_on=-2e-8, r_on=300.0), initial=0.1), volts, current, TIME, bounds, substeps=2
    )
    assert blind.undetermined == ("k_on",)
    assert np.isinf(blind.deviation["k_on"])
    assert blind.deviation["r_on"] < 1


def test_covariance_is_that_of_repeated_fits(x64):
    """Twenty draws of noise: the spread of the fitted values against the deviation; and one compilation for all."""
    device, bounds = md.VTEAM(**TRUE, initial=0.9), {"r_on": BOUNDS["r_on"], "r_off": BOUNDS["r_off"]}
    clean = np.asarray(md.simulate(device, VOLTAGE, TIME, substeps=2).current)
    noisy = (clean * (1 + 0.02 * np.random.default_rng(seed).normal(size=TIME.size)) for seed in range(20))
    fits, sizes = [], []
    for current in noisy:
        fits.append(md.fit(device, VOLTAGE, current, TIME, bounds, substeps=2))
        sizes.append(_fit._cache_size())
    assert sizes[0] == sizes[-1]
    for name in bounds:
        spread = np.std([getattr(fit.device, name) for fit in fits])
        expected = np.mean([fit.deviation[name] for fit in fits])
        assert 0.5 < spread / expected < 1.6  # 3 sigma of twenty


def test_fits_windows_and_starting_states(x64):
    true = md.LinearIonDrift.biolek_soft(window=md.windows.Joglekar(2.0), initial=0.35)
    current = md.simulate(true, 0.6 * VOLTAGE, TIME).current
    guess = md.LinearIonDrift.biolek_soft(window=md.windows.Joglekar(1.0), initial=0.5)
    result = md.fit(guess, 0.6 * VOLTAGE, current, TIME, {"window__p": (0.5, 8.0), "initial": (0.05, 0.95)})
    np.testing.assert_allclose(result.device.window.p, 2.0, rtol=1e-5)
    np.testing.assert_allclose(result.device.initial, 0.35, rtol=1e-5)


def test_fits_a_file_in_single_precision(tmp_path):
    path = tmp_path / "trace.csv"
    table = np.stack([TIME, VOLTAGE, measurement(0.0), np.zeros_like(TIME)], axis=1)
    np.savetxt(path, table, delimiter=",", header="Time, voltage,current,note", comments="")
    trace = md.read_measurement(path)
    guess = md.VTEAM(**TRUE | dict(r_on=300.0, r_off=3e3), initial=0.9)
    bounds = {"r_on": (50.0, 1e3), "r_off": (1e3, 1e4)}
    result = md.fit(guess, trace.voltage, trace.current, trace.time, bounds, substeps=2)
    np.testing.assert_allclose([result.device.r_on, result.device.r_off], [200, 4000], rtol=1e-3)
    assert result.error < 1e-3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,current\n0,1\n1,2\n", "missing column voltage; the first line has time, current"),
        ("", "missing column time, voltage, current"),
        ("time,voltage,current\n0,0,0\n1,nan,2\n", "voltage in line 3 must be a finite number, got 'nan'"),
        ("time,voltage,current\n0,0,0\n1,0.5\n", "current in line 3 must be a finite number"),
        ("time,voltage,current\n0,0,0\n1,1_0,2\n", "voltage in line 3 must be a finite number, got '1_0'"),
        ("time,voltage,current\n0,0,0\n1,1,2,3\n", "line 3 must have 3 entries, as the first line, got 4"),
        ("time,voltage,current,Time\n0,0,0,0\n1,1,2,3\n", "column time is in the first line 2 times"),
        ("time,voltage,current\n0,0,0\n1,x,2\n", "voltage in line 3 must be a finite number, got 'x'"),
        ("time,voltage,current\n0,0,0\n0,1,1\n", "time must increase, got 0 s in line 3"),
        ("time,voltage,current\n0,0,0\n", "at least 2 samples, got 1"),
    ],
)
def test_bad_files_are_named(text, message, tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        md.read_measurement(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(bounds={"r_of": (1.0, 2.0)}), "VTEAM has no parameter 'r_of'; it has k_off"),
        (dict(bounds={"r_on": (500.0, 1e3)}), "r_on must be strictly between its bounds 500 and 1000, got 300"),
        (dict(bounds={"r_on": (1e3, 50.0)}), "bounds of r_on must increase"),
        (dict(bounds={}), "at least one parameter"),
        (dict(current=np.full(201, np.nan)), "current must be finite"),
        (dict(current=np.zeros(201)), "current must not be zero throughout"),
        (dict(current=np.zeros(200)), "one length"),
        (dict(time=TIME[::-1]), "time must increase"),
        (dict(max_steps=-3), "max_steps must be in"),
        (dict(method="diffrax"), "method must be one of"),
    ],
)
def test_bad_measurements_are_named(changes, message):
    arguments = dict(voltage=VOLTAGE, current=np.ones(201), time=TIME, bounds={"r_on": (50.0, 1e3)}) | changes
    with pytest.raises(ValueError, match=message):
        md.fit(md.VTEAM(**GUESS), **arguments)


def test_populations():
    device = md.VTEAM.pt_hf_ti(window=md.windows.Biolek())
    key = jax.random.key(0)
    draws = dict(r_on=md.lognormal(0.2), v_on=md.normal(0.05), window__p=md.uniform(1.0, 3.0))
    cells = md.population(device, key, (4000,), **draws)
    assert cells.r_off.shape == (4000,)
    assert np.all(np.asarray(cells.r_off) == 2500)
    assert abs(np.log(np.asarray(cells.r_on) / 100).std() - 0.2) < 5 * 0.2 / np.sqrt(8000)
    assert abs(np.asarray(cells.v_on).mean() + 0.53) < 5 * 0.05 / np.sqrt(4000)
    assert cells.window.p.min() >= 1
    assert cells.window.p.max() <= 3
    alone = md.population(device, key, 4000, r_on=md.lognormal(0.2))
    np.testing.assert_array_equal(alone.r_on, cells.r_on)
    wide = md.population(device, key, (4000,), v_on=md.normal(1.0))
    assert np.all(np.asarray(wide.v_on) < 0)
    with pytest.raises(ValueError, match="VTEAM has no parameter 'r_min'"):
        md.population(device, key, 3, r_min=md.lognormal(0.1))
    with pytest.raises(ValueError, match="sigma must be finite and in"):
        md.lognormal(-1.0)


def test_a_population_is_its_devices_one_by_one():
    cells = md.population(md.LinearIonDrift.biolek_soft(), jax.random.key(0), 3, r_off=md.lognormal(0.2))
    time = np.linspace(0, 1, 101)
    together = md.simulate(cells, np.sin(2 * np.pi * time), time).state
    mapped = jax.vmap(lambda d: md.simulate(d, np.sin(2 * np.pi * time), time).state, out_axes=1)(cells)
    np.testing.assert_allclose(together, mapped, atol=1e-6)
