"""Sparse matrices in tiles: empty blocks take none, the others are those of the whole matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse

import memjax as mj

KEY = jax.random.key(0)
IDEAL = {"dac": mj.Dac(), "adc": mj.Adc(), "tile": (8, 6)}


def matrix(seed=0, n=20):
    """Nonnegative, with two blocks of 8 x 6 that are empty, among them one on the diagonal."""
    rng = np.random.default_rng(seed)
    a = rng.random((n, n)) * (rng.random((n, n)) < 0.3)
    a[:8, :6] = a[8:16, 12:18] = 0.0
    return a.astype(np.float32)


def product(hardware, a, x, key):
    """x @ a by tiles."""
    blocks = mj.graph.blocks(hardware, a)
    ready = blocks.prepare(hardware, blocks.program(hardware, key))
    return blocks.added(blocks.products(hardware, ready, x, key))


def test_empty_blocks_take_no_tile():
    blocks = mj.graph.blocks(mj.Hardware(**IDEAL), matrix())
    assert (blocks.tiles, blocks.places) == (10, 12)
    places = set(zip(blocks.row.tolist(), blocks.column.tolist(), strict=True))
    assert places == {(i, j) for i in range(3) for j in range(4)} - {(0, 0), (1, 2)}
    chip = blocks.program(mj.Hardware(**IDEAL), KEY)
    assert chip["conductance"]["pos"].shape == (10, 8, 6)
    assert str(blocks) == "20 vertices in 10 of 12 tiles; 2 blocks are empty"


def test_dense_and_sparse_formats_are_the_same_blocks():
    a = matrix()
    found = [mj.graph.blocks(mj.Hardware(**IDEAL), b) for b in (a, jnp.asarray(a), a.tolist(), sparse.csc_matrix(a))]
    for one in found:
        np.testing.assert_array_equal(one.weights, found[0].weights)
    twice = sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), (2, 2))  # an element given in two parts
    assert mj.graph.blocks(mj.Hardware(**IDEAL), twice).weights[0, 0, 1] == 3.0


@pytest.mark.parametrize(
    "options",
    [
        {"mapping": mj.mapping.DualRow()},
        {"wires": mj.Wires(row=2.0, column=2.0)},
        {
            "mapping": mj.mapping.Offset(centred=True),
            "dac": mj.Dac(bits=6, encoding=mj.converters.BitSerial(5)),
            "adc": mj.Adc(bits=8, range=mj.Dynamic()),
        },
    ],
    ids=["dual row", "wires", "centred and serial"],
)
def test_products_are_those_of_the_whole_matrix(options):
    hardware = mj.Hardware(**IDEAL | options)
    a, x = matrix(1), jnp.linspace(0.0, 1.0, 20)
    whole = mj.matmul(hardware, mj.program(hardware, a, KEY), x)
    np.testing.assert_allclose(product(hardware, a, x, KEY), whole, atol=1e-5)


def test_tiles_differ_and_the_key_makes_the_chip():
    hardware = mj.Hardware(**IDEAL, effects=(mj.effects.DeviceVariation(1e3, 1e4),))
    blocks = mj.graph.blocks(hardware, np.ones((20, 20)))
    chips = [blocks.program(hardware, key)["conductance"]["pos"] for key in (KEY, KEY, jax.random.key(1))]
    np.testing.assert_array_equal(chips[0], chips[1])
    assert len({float(tile.sum()) for chip in chips[1:] for tile in chip}) == 2 * blocks.tiles


def test_chips_age_as_those_of_any_matrix():
    hardware = mj.Hardware(**IDEAL, effects=(mj.effects.Drift(0.1),))
    blocks, x = mj.graph.blocks(hardware, matrix()), jnp.ones(20)
    chip = blocks.program(hardware, KEY)
    read = lambda chip: blocks.added(blocks.products(hardware, blocks.prepare(hardware, chip), x, None))
    fresh, old = read(chip), read(mj.age(hardware, chip, KEY, seconds=1e6))
    np.testing.assert_allclose(fresh, matrix().sum(0), rtol=1e-5)
    assert jnp.all(old < 0.5 * fresh)


@pytest.mark.parametrize(
    ("adjacency", "error", "message"),
    [
        (np.ones((2, 3)), ValueError, r"adjacency must be .*square.* got shape \(2, 3\)"),
        (np.ones(4), ValueError, "adjacency must be .*square"),
        (np.ones((0, 0)), ValueError, "adjacency must be a non-empty square"),
        (np.array([[0.0, np.nan], [1.0, 0.0]]), ValueError, "adjacency must be finite, got 1 NaN"),
        (sparse.csr_array([[0.0, 1e300], [1.0, 0.0]]), ValueError, "adjacency must be finite"),
        (np.array([[0.0, -2.0], [1.0, 0.0]]), ValueError, r"adjacency must have weights in \[0, inf\), got -2"),
        (sparse.csr_array([[0.0, 1j], [1.0, 0.0]]), TypeError, "adjacency must be .*numbers"),
        ("a graph", TypeError, "adjacency must be .*scipy.sparse, got 'a graph'"),
        (sparse.eye_array(200_000), ValueError, r"adjacency must fill at most 32768 tiles of 4 x 4, got 50000"),
    ],
)
def test_bad_matrices_are_refused(adjacency, error, message):
    with pytest.raises(error, match=message):
        mj.graph.blocks(mj.Hardware(tile=(4, 4)), adjacency)


def test_traced_matrices_are_refused():
    with pytest.raises(TypeError, match="adjacency must be .*not traced.*close over it"):
        jax.jit(lambda a: mj.graph.pagerank(mj.Hardware(), a, KEY))(jnp.ones((3, 3)))


def test_chips_and_vectors_of_other_graphs_are_refused():
    hardware, other = mj.Hardware(**IDEAL), mj.Hardware(**IDEAL | {"tile": (6, 8)})
    blocks, ring = mj.graph.blocks(hardware, matrix()), mj.graph.blocks(hardware, np.eye(20))
    ready = blocks.prepare(hardware, blocks.program(hardware, KEY))
    with pytest.raises(ValueError, match=r"chip must have 80 inputs, as these blocks have word lines, got \(48,\)"):
        blocks.prepare(hardware, ring.program(hardware, KEY))
    with pytest.raises(ValueError, match="hardware must have tiles of 8 inputs x 6 columns"):
        blocks.program(other, KEY)
    with pytest.raises(ValueError, match=r"x must have shape \(20,\), .* got \(21,\)"):
        blocks.products(hardware, ready, jnp.ones(21), None)
    noisy = mj.Hardware(**IDEAL, effects=(mj.effects.ReadNoise(0.1),))
    with pytest.raises(ValueError, match="key must be a PRNG key, since Hardware.effects has read noise"):
        blocks.products(noisy, ready, jnp.ones(20), None)
