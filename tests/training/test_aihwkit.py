"""Presets and pulse trains against aihwkit, in this Python or in the one named by AIHWKIT_PYTHON."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import memjax as mj
from memjax import training as T

PYTHON = os.environ.get("AIHWKIT_PYTHON") or (sys.executable if importlib.util.find_spec("aihwkit") else None)
pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(PYTHON is None, reason="aihwkit is not installed; or name a Python that has it: AIHWKIT_PYTHON"),
]
NAMES = {
    "reram_es": "ReRamES",
    "reram_sb": "ReRamSB",
    "capacitor": "Capacitor",
    "ecram": "EcRam",
    "ecram_mo": "EcRamMO",
    "idealized": "Idealized",
    "gokmen_vlasov": "GokmenVlasov",
    "pcm": "PCM",
    "reram_array_om": "ReRamArrayOM",
    "reram_array_hfo2": "ReRamArrayHfO2",
}
CELLS = 120 * 120


@pytest.fixture(scope="module")
def measured():
    worker = pathlib.Path(__file__).with_name("_aihwkit_pulses.py")
    command = [PYTHON, worker, "trains", *(f"{name}PresetDevice" for name in NAMES.values())]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found = {}
    for line in done.stdout.splitlines():
        found |= json.loads(line)
    return {ours: found[f"{theirs}PresetDevice"] for ours, theirs in NAMES.items()} | {"trains": found["trains"]}


@pytest.mark.parametrize("name", NAMES)
def test_the_nominal_cell_answers_to_every_pulse_alike(measured, name):
    law = T.presets.named(name)
    theirs = np.asarray(measured[name]["trace"])
    pulses = jnp.where(jnp.arange(len(theirs)) < len(theirs) // 2, 1, -1)
    ours = T.response(law, pulses, jnp.zeros(()), law.make(None, ()))
    low, high = law.range
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * float(high - low))


@pytest.mark.parametrize("name", NAMES)
def test_single_pulses_scatter_alike(measured, name):
    """Mean and standard deviation of the change at zero, within 5 standard errors of both samples."""
    law = T.presets.named(name)
    made = jax.tree.map(lambda a: jnp.broadcast_to(a, (CELLS,)), law.make(None, ()))
    for sign, key in ((1.0, "noisy_up"), (-1.0, "noisy_down")):
        theirs = np.asarray(measured[name][key])
        ours = np.asarray(T.apply_net(law, jnp.zeros(CELLS), jnp.full(CELLS, sign), made, jax.random.key(3)))
        spread = max(ours.std(), theirs.std())
        assert abs(ours.mean() - theirs.mean()) <= 5 * spread * np.sqrt(2 / CELLS) + 1e-6
        assert abs(ours.std() - theirs.std()) <= 5 * spread / np.sqrt(CELLS) + 1e-6
        if spread > 1e-6:
            assert stats.ks_2samp(ours, theirs).pvalue > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_cells_spread_alike(measured, name):
    made = T.presets.named(name).make(jax.random.key(4), (CELLS,))
    cells = measured[name]["cells"]
    for ours, theirs in (("up", "dwmin_up"), ("down", "dwmin_down"), ("low", "min_bound"), ("high", "max_bound")):
        ours, theirs = np.asarray(made[f"cell/{ours}" if f"cell/{ours}" in made else ours]), np.asarray(cells[theirs])
        if theirs.std() <= 1e-6:
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
        else:
            assert stats.ks_2samp(ours, theirs).pvalue > 1e-4


@pytest.mark.parametrize("fidelity", ["sequential", "batch", "moments"])
@pytest.mark.parametrize("rate", ["0.002", "0.02", "0.4"])
def test_pulse_trains_move_weights_alike(measured, rate, fidelity):
    """One sample, few slots, many, and clipped."""
    given = measured["trains"]
    x, d = jnp.asarray(given["x"], jnp.float32)[None], jnp.asarray(given["d"], jnp.float32)
    law = T.ConstantStep(T.Population(step=0.001, low=-9.0, high=9.0))
    params = {"w": jnp.zeros((x.shape[1], len(d)))}
    gradient = mj.value_and_outer(lambda params, x: jnp.sum((x @ params["w"]) * d))(params, x)[1]

    def one(key):
        tx = T.coincidence(law, key, float(rate), fidelity=fidelity)
        return tx.update(gradient, tx.init(params), params)[0]["w"]

    keys = jax.random.split(jax.random.key(1), given["repeats"])
    ours = np.asarray(jax.jit(lambda keys: jax.lax.map(one, keys))(keys), np.float64)
    theirs = {name: np.asarray(value) for name, value in given["rates"][rate].items()}
    spread = np.sqrt(ours.var(0) + theirs["std"] ** 2)
    error = spread / np.sqrt(given["repeats"])
    assert np.all(np.abs(ours.mean(0) - theirs["mean"]) <= 5 * error + 2e-6)
    # A standard deviation of N draws has the relative error 1/sqrt(2N), more where pulses are rare: pooled.
    assert abs(np.sum(ours.var(0)) / np.sum(theirs["std"] ** 2) - 1) <= 0.05
