"""Breadth-first search and components against networkx, and leakage against its closed form."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from scipy import sparse

import memjax as mj

KEY = jax.random.key(0)
IDEAL = mj.Hardware(tile=(16, 12), dac=mj.Dac(), adc=mj.Adc())
COMPARATOR = mj.Hardware(tile=(16, 12), dac=mj.Dac(bits=1), adc=mj.Adc(bits=1))


def levels(graph, source):
    found = nx.single_source_shortest_path_length(graph, source)
    return np.array([found.get(i, -1) for i in range(len(graph))])


@pytest.mark.parametrize("hardware", [IDEAL, COMPARATOR], ids=["ideal", "one bit"])
def test_levels_are_those_of_networkx(hardware):
    graph = nx.gnp_random_graph(50, 0.04, seed=2, directed=True)
    a = nx.to_scipy_sparse_array(graph, nodelist=range(50))
    found = jax.vmap(lambda source: mj.graph.bfs(hardware, a, source, KEY))(jnp.arange(50))
    np.testing.assert_array_equal(found, [levels(graph, source) for source in range(50)])
    assert (found == -1).any()
    assert found.max() > 4


def test_weights_do_not_matter():
    a = np.zeros((6, 6))
    a[0, 1], a[1, 2], a[2, 3] = 1e-3, -5.0, 100.0
    np.testing.assert_array_equal(mj.graph.bfs(IDEAL, a, 0, KEY), [0, 1, 2, 3, -1, -1])


@pytest.mark.parametrize(("fan", "wrong"), [(24, False), (25, False), (26, True)])
def test_leakage_of_single_cells_adds_up_over_the_frontier(fan, wrong):
    """m driven cells in the high-resistance state pass for an edge from m G_off > (G_on - G_off) / 2: here 25.5."""
    a = np.zeros((fan + 3, fan + 3))
    a[0, 1 : fan + 1] = 1.0  # a frontier of `fan` vertices,
    a[1, fan + 1] = 1.0  # of which one leads on; nothing leads to the last one
    hardware = mj.Hardware(
        cell=mj.Cell(r_on=1e4, r_off=52e4), mapping=mj.graph.SingleCell(), tile=(64, 64), dac=mj.Dac(), adc=mj.Adc()
    )
    found = mj.graph.bfs(hardware, a, 0, KEY)
    expected = levels(nx.from_numpy_array(a, create_using=nx.DiGraph), 0)
    expected[-1] = 2 if wrong else -1
    np.testing.assert_array_equal(found, expected)
    pair = mj.Hardware(cell=hardware.cell, tile=(64, 64), dac=mj.Dac(), adc=mj.Adc())
    assert mj.graph.bfs(pair, a, 0, KEY)[-1] == -1


def test_stuck_cells_are_edges_that_are_missing():
    n = 24
    a = np.triu(np.ones((n, n)), 1)
    effects = (mj.effects.StuckAt(hrs=0.5),)
    hardware = mj.Hardware(tile=(12, 12), dac=mj.Dac(), adc=mj.Adc(), effects=effects)
    keys = jax.random.split(KEY, 200)
    found = jax.vmap(lambda key: mj.graph.bfs(hardware, a, 0, key))(keys)
    # A neighbour is at level 1 with probability 1/2: 4.5 standard deviations of 200 x 23 coins.
    assert abs(float(jnp.mean(found[:, 1:] == 1)) - 0.5) < 4.5 * 0.5 / np.sqrt(200 * (n - 1))
    np.testing.assert_array_equal(found[3], mj.graph.bfs(hardware, a, 0, keys[3]))


@pytest.mark.parametrize("directed", [False, True])
def test_components_are_those_of_networkx(directed):
    graph = nx.gnp_random_graph(60, 0.02, seed=4, directed=directed)
    a = nx.to_scipy_sparse_array(graph, nodelist=range(60))
    parts = nx.weakly_connected_components(graph) if directed else nx.connected_components(graph)
    expected = np.zeros(60, int)
    for part in parts:
        expected[list(part)] = min(part)
    assert len(set(expected)) > 4
    np.testing.assert_array_equal(mj.graph.connected_components(COMPARATOR, a, KEY), expected)


def test_opposite_edges_do_not_cancel():
    a = sparse.coo_array(([2.0, -2.0], ([0, 1], [1, 0])), (3, 3))
    np.testing.assert_array_equal(mj.graph.connected_components(IDEAL, a, KEY), [0, 0, 2])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"source": 5}, ValueError, r"source must be in \[0, 4\], got 5"),
        ({"source": -1}, ValueError, r"source must be in \[0, 4\], got -1"),
        ({"source": 1.0}, TypeError, "source must be an integer"),
        ({"source": np.arange(2)}, TypeError, "source must be an integer"),
        ({"threshold": 1.0}, ValueError, r"threshold must be finite and in \(0, 1\), got 1.0"),
        ({"key": None}, TypeError, "key must be a PRNG key"),
    ],
)
@pytest.mark.parametrize("search", [mj.graph.bfs, mj.graph.sssp])
def test_bad_arguments(search, arguments, error, message):
    with pytest.raises(error, match=message):
        search(**{"hardware": IDEAL, "adjacency": np.ones((5, 5)), "source": 0, "key": KEY} | arguments)
