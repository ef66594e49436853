"""Coincidences listed cell by cell are those of the trains, in the order of the samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.training import ConstantStep, Population, SoftBounds, coincidence
from memjax.training.pulses import _slots
from memjax.training.pulses._trains import Trains

INPUTS, OUTPUTS = 40, 30


def trains(samples, slots, share=0.5, seed=0):
    """Trains in which a share of the lines is silent."""
    rng = np.random.default_rng(seed)
    line = lambda n: rng.uniform(-1, 1, (samples, n)) * (rng.random((samples, n)) < share)
    length = rng.integers(1, slots + 1, samples)
    return Trains(*(jnp.asarray(a, jnp.float32) for a in (line(INPUTS), line(OUTPUTS), length)))


def visited(made, key, lists):
    """All lists, one after another: cells and counts [lists, 512]."""

    def note(state, pulses):
        index, cells, counts, z = state
        put = lambda a, new: a.at[index].set(new)
        return index + 1, put(cells, pulses.cell), put(counts, pulses.count), put(z, pulses.z[0])

    shape = (lists, _slots._CELLS)
    start = jnp.int32(0), jnp.zeros(shape, jnp.int32), jnp.zeros(shape), jnp.zeros(shape)
    return [np.asarray(a) for a in jax.jit(lambda: _slots.visit(made, key, 1, note, start))()]


def test_lines_fire_in_the_slots_of_their_sample_and_as_often_as_they_should():
    signed = jnp.asarray([[0.0, 0.3, -0.9, 1.0]] * 4000)
    length = jnp.tile(jnp.array([1.0, 7.0, 31.0, 32.0]), 1000)
    lines = _slots.fire(jax.random.key(0), signed, length)
    assert np.all(np.asarray(lines.bits) >> np.uint64(1) < 2 ** (np.asarray(length)[:, None] - 1))
    fired = np.asarray(jax.lax.population_count(lines.bits))
    slots = np.asarray(length)
    for index, p in enumerate((0.0, 0.3, 0.9, 1.0)):
        mean, variance = slots.sum() * p, slots.sum() * p * (1 - p)
        assert abs(fired[:, index].sum() - mean) <= 4.5 * np.sqrt(variance) + 1e-3
    for sample in range(50):
        there = np.flatnonzero(fired[sample])
        assert lines.number[sample] == len(there)
        np.testing.assert_array_equal(lines.firing[sample, : len(there)], there)


@pytest.mark.parametrize(("samples", "slots", "share"), [(1, 31, 1.0), (70, 1, 0.2), (130, 5, 0.9), (3, 4, 0.0)])
def test_every_coincidence_is_visited_once_and_in_order(samples, slots, share):
    made, key = trains(samples, slots, share), jax.random.key(1)
    index, cells, counts, z = visited(made, key, 4 * samples + 8)
    expected = []
    for block in range(-(-samples // 64)):
        part = slice(64 * block, 64 * block + 64)
        pad = lambda a, part=part: jnp.pad(a[part], [(0, min(samples, 64) - len(a[part]))] + [(0, 0)] * (a.ndim - 1))
        some = jax.tree.map(pad, made)
        x_key, d_key, _ = jax.random.split(jax.random.fold_in(key, block), 3)
        x, d = _slots.fire(x_key, some.x, some.length), _slots.fire(d_key, some.d, some.length)
        both = np.asarray(jax.lax.population_count(x.bits[:, :, None] & d.bits[:, None, :]), float)
        expected += list(-np.sign(some.x)[:, :, None] * np.sign(some.d)[:, None, :] * both)
    there = cells[:index] < INPUTS * OUTPUTS
    pulsed = there & (counts[:index] != 0)
    flat = np.stack(expected).reshape(-1, INPUTS * OUTPUTS)
    np.testing.assert_array_equal(cells[:index][pulsed], np.nonzero(flat)[1])
    np.testing.assert_array_equal(counts[:index][pulsed], flat[np.nonzero(flat)])
    # No number is used twice: of 2^23 that there are, n^2 / 2^24 agree by chance.
    assert there.sum() - len(np.unique(z[:index][there])) <= 1.5 * there.sum() ** 2 / 2**24 + 10


def test_an_array_is_pulsed_sample_after_sample():
    """70 samples on a device without noise whose step depends on the weight, replayed in float64."""
    law = SoftBounds(Population(step=0.05, asymmetry=0.5))
    rng = np.random.default_rng(3)
    x, d = rng.normal(size=(70, INPUTS)), rng.normal(size=(70, OUTPUTS))
    loss = lambda params, x: jnp.sum((x @ params["w"]) * jnp.asarray(d, jnp.float32))
    weight = jnp.asarray(rng.uniform(-0.5, 0.5, (INPUTS, OUTPUTS)), jnp.float32)
    gradient = mj.value_and_outer(loss)({"w": weight}, jnp.asarray(x, jnp.float32))[1]
    key = jax.random.key(5)
    tx = coincidence(law, key, 0.02, fidelity="sequential")
    update = jax.jit(tx.update)(gradient, tx.init({"w": weight}), {"w": weight})[0]["w"]

    seen = []

    def record(made, key, draws, body, carry):
        seen.append((made, key))
        return carry

    # Outside jit the trains are arrays that can be kept.
    with pytest.MonkeyPatch.context() as patch, jax.disable_jit():
        patch.setattr("memjax.training.algorithms._coincidence.visit", record)
        tx.update(gradient, tx.init({"w": weight}), {"w": weight})
    index, cells, counts, _ = visited(*seen[0], 1000)
    w = np.asarray(weight, np.float64).ravel()
    for cell, count in zip(cells[:index].ravel(), counts[:index].ravel(), strict=True):
        for _ in range(int(abs(count))):
            if count > 0:
                w[cell] = min(w[cell] + 0.05 * (1 - w[cell]), 1)
            else:
                w[cell] = max(w[cell] - 0.05 * 0.5 * (1 + w[cell]), -1)
    assert np.abs(update).max() > 0.2
    np.testing.assert_allclose(update.ravel(), w - np.asarray(weight, np.float64).ravel(), atol=2e-6)


def test_write_noise_is_drawn_anew_for_the_cells_that_are_pulsed():
    law = ConstantStep(Population(step=0.01, low=-9.0, high=9.0, write_noise=3.0))
    x, d = np.zeros((49, 60)), np.zeros((49, 40))
    x[:, :30], d[:, :20] = 1.0, np.where(np.arange(49) % 2, 1.0, -1.0)[:, None]
    loss = lambda params, x: jnp.sum((x @ params["w"]) * jnp.asarray(d, jnp.float32))
    params = {"w": jnp.zeros((60, 40))}
    gradient = mj.value_and_outer(loss)(params, jnp.asarray(x, jnp.float32))[1]
    tx = coincidence(law, jax.random.key(0), 0.05, fidelity="sequential")
    update, state = jax.jit(tx.update)(gradient, tx.init(params), params)
    touched = np.asarray(state.hidden[0]) != 0
    error = np.asarray(update["w"] - state.hidden[0])
    assert not touched[30:].any()
    assert not touched[:, 20:].any()
    assert np.all(np.asarray(update["w"])[~touched] == 0)
    count = touched.sum()
    assert count > 200
    assert abs(error[touched].std() / 0.03 - 1) <= 4.5 / np.sqrt(2 * count)
    assert abs(error[touched].mean()) <= 4.5 * 0.03 / np.sqrt(count)
