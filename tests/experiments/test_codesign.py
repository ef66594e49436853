"""Hardware designed by gradient: derivatives of the cost, whole bits, fronts, one compilation."""

import csv
import json
import sys

import _codesign
import codesign
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from _codesign import Design

import memjax as mj


def network(inputs: int = 12, outputs: int = 4):
    weights = jax.random.normal(jax.random.key(0), (inputs, outputs))
    return {"w0": weights, "b0": jnp.zeros(outputs)}


def test_gradient_of_energy_against_finite_differences(x64):
    params, tile, shown = network(), (8, 8), jax.ShapeDtypeStruct((1, 12), float)

    def energy(unit):
        design = _codesign.numbers(unit)
        analog = _codesign.crossbars(design, tile, 1)
        chip = analog.program(params, jax.random.key(1), shown)
        return jnp.log(_codesign.cost(design, analog, params, shown, chip)["energy"])

    point = _codesign.start(1)
    value_and_slope = jax.jit(jax.value_and_grad(energy))
    slope, step = value_and_slope(point)[1], 1e-4
    for name in Design._fields:
        ends = [value_and_slope(point._replace(**{name: getattr(point, name) + by}))[0] for by in (-step, step)]
        found = float(jnp.sum(getattr(slope, name)))
        assert found == pytest.approx(float(ends[1] - ends[0]) / (2 * step), rel=1e-5)
        assert abs(found) > 1e-3


def test_straight_through_derivative_by_bits_is_the_change_of_the_error():
    """Of lsb round(x / lsb) with a mean square error lsb^2 / 12: by that, and no other part of the output moves."""
    x = jax.random.uniform(jax.random.key(0), (1, 20_000), minval=-1.0)

    @jax.jit  # a converter with a known resolution refuses one that is not whole
    def error(bits):
        codes, lsb = mj.Dac(bits=bits, range=1.0).convert(x, (-1,))
        return jnp.mean((codes * lsb - x) ** 2)

    for bits in (5.0, 5.37):
        steps = 2.0 ** (bits - 1.0) - 1.0
        expected = -2.0 * np.log(2.0) * (steps + 1.0) / steps * error(bits)
        assert float(jax.grad(error)(bits)) == pytest.approx(float(expected), rel=1e-3)
        assert float(error(bits)) == pytest.approx(1.0 / 12.0 / steps**2, rel=0.05)


def test_rounded_designs_have_whole_numbers_and_no_more_columns():
    real = Design(np.array([4.4, 4.6]), np.array([2.0, 7.51]), 0.21, 1.3e4, 37.9)
    whole = _codesign.rounded(real)
    assert np.asarray(whole.adc).tolist() == [4, 5]
    assert np.asarray(whole.dac).tolist() == [2, 8]
    assert (float(whole.columns), whole.v_max, whole.r_on) == (37, 0.21, 1.3e4)
    unit = _codesign.start(2)._replace(adc=jnp.array([0.7, 0.2]))
    snapped = _codesign.numbers(_codesign.with_whole_bits(unit))
    assert snapped.adc.tolist() == pytest.approx([6, 3])
    assert snapped.v_max == _codesign.numbers(unit).v_max


def test_front_leaves_out_what_another_beats():
    energy, accuracy = np.array([3.0, 1.0, 2.0, 2.0, 4.0, 1.0]), np.array([0.9, 0.5, 0.7, 0.8, 0.9, 0.5])
    assert _codesign.front(energy, accuracy).tolist() == [1, 3, 0]


def test_sweep_of_accuracy_and_energy_is_one_compilation():
    params = network()
    images, labels = jax.random.uniform(jax.random.key(1), (16, 12)), jnp.zeros(16, int)
    designs = [
        Design(np.array([a]), np.array([4.0]), v, 2e4, np.array([1.0, 4.0])) for a in (4.0, 8.0) for v in (0.1, 0.4)
    ]
    shown = jax.ShapeDtypeStruct((1, 12), float)
    seen = codesign.swept(params, (8, 8), images, labels, designs, 2, jax.random.key(2), shown)
    assert seen.attrs["compilations"] == 1
    energy = seen.energy.mean("sample").values
    assert energy.shape == (4, 2)
    assert np.all(np.diff(energy[:2], axis=0) > 0)
    assert np.all(energy[2:] > energy[:2])


@pytest.mark.slow
def test_quick_run_writes_designs_and_fronts(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["codesign", "--quick", "--out", str(tmp_path)])
    codesign.main()
    assert "cheapest design" in capsys.readouterr().out
    with (tmp_path / "designs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["method"] for row in rows} == set(codesign.METHODS)
    assert all(float(row["latency"]) <= codesign.QUICK.search.budget for row in rows)
    summary = json.loads((tmp_path / "codesign.json").read_text())
    assert all(tile["compilations"] == 1 for tile in summary["took"].values())
    assert (tmp_path / "codesign.png").read_bytes().startswith(b"\x89PNG")
