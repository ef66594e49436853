"""Shortest paths against networkx."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

import memjax as mj

KEY = jax.random.key(0)
IDEAL = mj.Hardware(tile=(16, 12), dac=mj.Dac(), adc=mj.Adc())


def weighted(low=1, high=20, n=50, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.integers(low, high, (n, n)) * (rng.random((n, n)) < 0.04)).astype(float)


def exact(adjacency, source):
    found = nx.single_source_dijkstra_path_length(nx.from_numpy_array(adjacency, create_using=nx.DiGraph), source)
    return np.array([found.get(i, np.inf) for i in range(len(adjacency))])


def test_distances_are_those_of_networkx():
    a = weighted()
    found = jax.vmap(lambda source: mj.graph.sssp(IDEAL, a, source, KEY))(jnp.arange(50))
    np.testing.assert_allclose(found, [exact(a, source) for source in range(50)], rtol=1e-5)
    assert jnp.isinf(found).any()


def test_levels_are_exact_in_steps_of_the_converters():
    """Lengths 1 to 7 on cells of 8 levels, read by 4 bits with a range of one cell: integers."""
    a = weighted(1, 8)
    a[0, 1] = 7.0
    hardware = mj.Hardware(cell=mj.Cell(levels=8), tile=(16, 12), dac=mj.Dac(bits=2), adc=mj.Adc(bits=4))
    np.testing.assert_allclose(mj.graph.sssp(hardware, a, 0, KEY), exact(a, 0), rtol=1e-6)


def test_what_reads_below_the_threshold_is_no_edge():
    a = np.zeros((4, 4))
    a[0, 1], a[1, 2], a[0, 2] = 4.0, 4.0, 10.0
    np.testing.assert_allclose(mj.graph.sssp(IDEAL, a, 0, KEY), [0.0, 4.0, 8.0, np.inf], rtol=1e-6)
    # Cells of two levels hold 0 for 4 and 10 for 10; those of four 3.3.
    coarse = lambda levels: mj.Hardware(cell=mj.Cell(levels=levels), tile=(16, 12), dac=mj.Dac(), adc=mj.Adc())
    np.testing.assert_allclose(mj.graph.sssp(coarse(2), a, 0, KEY), [0.0, np.inf, 10.0, np.inf], rtol=1e-6)
    found = [mj.graph.sssp(coarse(4), a, 0, KEY, threshold=share)[1] for share in (0.83, 0.84)]
    np.testing.assert_allclose(found, [10 / 3, np.inf], rtol=1e-6)


def test_chips_at_once_are_those_one_by_one():
    a, keys = weighted(), jax.random.split(KEY, 3)
    effects = (mj.effects.CycleVariation(500.0),)
    hardware = mj.Hardware(cell=mj.Cell(r_off=float("inf")), tile=(16, 12), adc=mj.Adc(bits=10), effects=effects)
    run = lambda key: mj.graph.sssp(hardware, a, 0, key)
    many, one = jax.vmap(run)(keys), jnp.stack([run(key) for key in keys])
    np.testing.assert_allclose(many, one, rtol=1e-3)  # codes may round to either side
    error = mj.graph.relative_error(many, exact(a, 0), 0.3)
    assert jnp.all((error < 0.3) & (mj.graph.relative_error(many, exact(a, 0), 1e-4) > 0.3))


def test_negative_lengths_are_refused():
    with pytest.raises(ValueError, match=r"adjacency must have weights in \[0, inf\), got -1"):
        mj.graph.sssp(IDEAL, -np.eye(3), 0, KEY)
