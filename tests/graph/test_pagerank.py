"""PageRank against networkx, linear algebra and what errors of the cells must do to it."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

import memjax as mj

KEY = jax.random.key(0)
IDEAL = mj.Hardware(tile=(16, 12), dac=mj.Dac(), adc=mj.Adc())


def weighted(n=50, seed=0):
    """A directed graph with weights and vertices without outgoing edges."""
    rng = np.random.default_rng(seed)
    a = rng.integers(1, 10, (n, n)) * (rng.random((n, n)) < 0.08)
    a[[3, 7]] = 0
    return a.astype(float)


def exact(adjacency, damping=0.85):
    graph = nx.from_numpy_array(adjacency, create_using=nx.DiGraph)
    found = nx.pagerank(graph, damping, tol=1e-12, max_iter=10_000)
    return np.array([found[i] for i in range(len(adjacency))])


@pytest.mark.parametrize("damping", [0.85, 0.5, 0.0])
def test_ideal_hardware_gives_that_of_networkx(damping):
    a = weighted()
    np.testing.assert_allclose(mj.graph.pagerank(IDEAL, a, KEY, damping), exact(a, damping), rtol=1e-5, atol=1e-7)


def test_it_solves_the_linear_equations(x64):
    a = weighted(seed=1)
    n, s = len(a), a.sum(1)
    share = np.where(s[:, None] > 0, a / np.maximum(s, 1e-9)[:, None], 1 / n)
    solution = np.linalg.solve(np.eye(n) - 0.85 * share.T, np.full(n, 0.15 / n))
    found = mj.graph.pagerank(IDEAL, a, KEY, tolerance=1e-14, iterations=1000)
    np.testing.assert_allclose(found, solution, rtol=1e-10)


def test_graph_without_edges_is_uniform():
    np.testing.assert_allclose(mj.graph.pagerank(IDEAL, np.zeros((5, 5)), KEY), 0.2, rtol=1e-6)


def test_chips_at_once_are_those_one_by_one_and_numbers_of_the_hardware_are_traced():
    a, keys = weighted(), jax.random.split(KEY, 3)

    def of_chip(key, sigma, bits):
        effects = (mj.effects.DeviceVariation(sigma * 1e4, sigma * 1e5), mj.effects.ReadNoise(0.01))
        hardware = mj.Hardware(tile=(16, 12), adc=mj.Adc(bits=bits), effects=effects)
        return mj.graph.pagerank(hardware, a, key, iterations=20)

    many = jax.jit(jax.vmap(jax.vmap(of_chip, (None, 0, None)), (0, None, None)))(keys, jnp.array([0.0, 0.3]), 8.0)
    one = jnp.stack([jnp.stack([of_chip(key, sigma, 8) for sigma in (0.0, 0.3)]) for key in keys])
    np.testing.assert_allclose(many, one, rtol=1e-3)  # codes may round to either side
    np.testing.assert_allclose(many.sum(-1), 1.0, rtol=1e-5)
    error = jnp.abs(many - exact(a)).sum(-1)
    assert jnp.all(error[:, 0] < error[:, 1])
    assert not np.allclose(many[0], many[1], rtol=1e-2)


def test_a_gain_that_all_cells_share_is_another_damping():
    a = weighted(30) + np.eye(30)  # every vertex leads on
    g = 1.0 / 1.4
    hot = mj.effects.Temperature(kelvin=700.0, alpha=1e-3, activation_energy=0.0)
    cell = mj.Cell(r_off=float("inf"))
    hardware = mj.Hardware(cell=cell, tile=(16, 12), dac=mj.Dac(), adc=mj.Adc(), effects=(hot,))
    np.testing.assert_allclose(mj.graph.pagerank(hardware, a, KEY), exact(a, 0.85 * g / (0.85 * g + 0.15)), rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"hardware": None}, TypeError, "hardware must be a Hardware"),
        ({"key": 0}, TypeError, "key must be a PRNG key"),
        ({"damping": 1.5}, ValueError, r"damping must be finite and in \[0, 1\], got 1.5"),
        ({"iterations": 0}, ValueError, "iterations must be"),
        ({"tolerance": -1.0}, ValueError, "tolerance must be"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        mj.graph.pagerank(**{"hardware": IDEAL, "adjacency": weighted(), "key": KEY} | arguments)
