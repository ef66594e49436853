"""Where tiles lie, counted by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_networks import conv, mlp, plan_of

import memjax as mj
from memjax.chip import Architecture, place

MLP = {"a": (20, 6), "b": (6, 4)}  # 3 + 1 row tiles, two tiles each
ROOMY = Architecture(cores=64, tiles_per_core=16)


@pytest.mark.parametrize(
    ("tiles_per_core", "sharing", "cores"),
    [
        (8, True, [0, 0, 0, 0]),
        (6, True, [0, 0, 0, 1]),
        (4, True, [0, 0, 1, 1]),
        (3, True, [0, 1, 2, 3]),
        (4, False, [0, 0, 1, 2]),
        (100, False, [0, 0, 0, 1]),
    ],
)
def test_cores_of_a_network(tiles_per_core, sharing, cores):
    plan = plan_of(mlp, MLP, (1, 20))
    found = place(plan, Architecture(cores=4, tiles_per_core=tiles_per_core), sharing=sharing)
    assert [(one.crossbar, one.row, one.column) for one in found.places] == [("a", i, 0) for i in range(3)] + [
        ("b", 0, 0)
    ]
    assert [one.core for one in found.places] == cores
    assert found.tiles == plan.tiles == 8
    assert found.cores == max(cores) + 1


def test_a_small_crossbar_fills_gaps():
    """Places of two tiles leave a third one on each core, which the single tiles of an offset mapping take."""
    hardware = {"a": mj.Hardware(tile=(8, 8)), "b": mj.Hardware(tile=(8, 8), mapping=mj.mapping.Offset())}
    plan = plan_of(mlp, MLP, (1, 20), hardware)
    found = place(plan, Architecture(cores=3, tiles_per_core=3))
    assert [(one.core, one.tiles) for one in found.places] == [(0, 2), (1, 2), (2, 2), (0, 1)]


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (
            Architecture(cores=1, tiles_per_core=7),
            "at least 2 cores of 7 tiles for the 8 tiles of the plan, got 1: 2 tiles",
        ),
        (
            Architecture(cores=1, tiles_per_core=2),
            "at least 4 cores of 2 tiles for the 8 tiles of the plan, got 1: 6 tiles",
        ),
        (
            Architecture(cores=9, tiles_per_core=1),
            "tiles_per_core of at least 2, the tiles of 'a' whose results are one, got 1",
        ),
    ],
)
def test_too_small(architecture, message):
    plan = plan_of(mlp, MLP, (1, 20))
    with pytest.raises(ValueError, match=f"architecture must have {message}"):
        place(plan, architecture)


def stacks(p, x):
    layers = lambda h, w: jax.lax.scan(lambda h, w: (h @ w, None), h, w)
    return jax.lax.scan(lambda h, w: (layers(h, w)[0], None), x, p)[0]


FORMS = {
    "dense": (lambda p, x: x @ p, (20, 18), (3, 20)),
    "groups": (lambda p, x: conv(x, p, groups=4), (3, 3, 2, 12), (1, 5, 5, 8)),
    "small groups": (lambda p, x: conv(x, p, groups=6), (1, 1, 2, 6), (1, 5, 5, 12)),
    "wide groups": (lambda p, x: conv(x, p, groups=2), (3, 3, 2, 40), (1, 5, 5, 4)),
    "scan": (lambda p, x: jax.lax.scan(lambda h, w: (h @ w, None), x, p)[0], (3, 9, 9), (2, 9)),
    "steps without order": (lambda p, x: jax.lax.map(lambda one: one[0] @ one[1], (x, p)), (3, 9, 9), (3, 2, 9)),
    "scans in a scan": (stacks, (2, 3, 9, 9), (2, 9)),
    "experts": (lambda p, x: jax.numpy.einsum("ebk,ekn->ebn", x, p), (3, 9, 9), (3, 2, 9)),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("mapping", [mj.mapping.DualRow(), mj.mapping.BitSliced(slices=2, bits=1)])
def test_every_tile_of_a_plan_is_placed(name, mapping):
    plan = plan_of(*FORMS[name], mj.Hardware(tile=(8, 8), mapping=mapping))
    found = place(plan, ROOMY)
    assert found.tiles == plan.tiles
    assert len(set(found.places)) == len(found.places)
    assert all(sum(one.tiles for one in places) <= 16 for places in found.by_core.values())


@pytest.mark.parametrize(("stride", "fresh"), [(1, 6 * 6 * 20), (2, 6 * 6 * 20), (3, 6 * 6 * 20), (6, 9 * 20)])
def test_both_mappings_of_a_convolution(stride, fresh):
    """[3, 3, 20, 9] on tiles of 8 x 8: 180 rows or nine times 20. Windows that do not overlap have nothing to reuse."""
    plan = plan_of(lambda p, x: conv(x, p, stride), (3, 3, 20, 9), (1, 6, 6, 20))
    wide = Architecture(cores=1, tiles_per_core=1000)
    unrolled, apart = place(plan, wide), place(plan, wide, convolution="kernel position")
    positions = (6 // stride) ** 2
    assert (unrolled.tiles, unrolled.buffer_reads) == (23 * 2 * 2, {"": positions * 180})
    assert (apart.tiles, apart.buffer_reads) == (9 * 3 * 2 * 2, {"": fresh})
    assert "27 x 2, 9 positions" in str(apart)


def test_groups_stay_unrolled():
    plan = plan_of(*FORMS["groups"])
    assert place(plan, ROOMY, convolution="kernel position").grids == place(plan, ROOMY).grids


def convolutions(p, x):
    return conv(conv(x, p["a"]), p["b"], 4)


def test_groups_of_word_lines_are_driven_one_after_another():
    """10 inputs on tiles of four: two groups of at most three for each vector."""
    product = lambda p, x: x @ p["w"]
    analog = mj.crossbarify(product, mj.Hardware(tile=(4, 8), rows_at_once=3))
    plan = analog.plan({"w": jnp.ones((10, 6))}, jnp.ones((5, 10)))
    assert place(plan, ROOMY).stage_cycles == 5 * ROOMY.mvm_cycles(2, 8)


def test_duplicates():
    plan = plan_of(convolutions, {"a": (3, 3, 1, 4), "b": (3, 3, 4, 8)}, (1, 16, 16, 1))  # 256 and 16 vectors
    tiles = {"a": 2 * 2, "b": 5 * 2}
    found = place(plan, ROOMY, duplicate={"a": 3})
    assert found.replicas == {"a": 3, "b": 1}
    assert {name: sum(one.tiles for one in own) for name, own in found.by_crossbar.items()} == {"a": 12, "b": 10}
    chip = Architecture(cores=5, tiles_per_core=10)
    balanced = place(plan, chip, duplicate="balance")
    assert balanced.tiles <= chip.tiles
    slowest = max(-(-n // balanced.replicas[name]) for name, n in {"a": 256, "b": 16}.items())
    read = chip.mvm_cycles(1, 8)
    assert (found.stage_cycles, balanced.stage_cycles) == (86 * read, 26 * read)
    most = (chip.tiles - tiles["b"]) // tiles["a"]
    assert slowest == -(-256 // most) == 26
    with pytest.raises(ValueError, match="6 tiles are missing"):
        place(plan, Architecture(cores=2, tiles_per_core=8), duplicate={"a": 3})
    with pytest.raises(ValueError, match=r"duplicate must have names of crossbars \['a', 'b'\], got 'c'"):
        place(plan, ROOMY, duplicate={"c": 3})


def test_pieces_of_cores_that_stay_empty():
    """A place of two tiles does not fit in the rest of a core of three: the copies are as many as really fit."""
    plan = plan_of(mlp, {"a": (8, 8)}, (16, 8))
    found = place(plan, Architecture(cores=5, tiles_per_core=3), duplicate="balance")
    assert found.replicas == {"a": 4}  # 16 vectors in four turns; five copies would need four, too
    assert found.cores == 4


def test_what_runs():
    def recurrent(p, x):
        def step(h, xt):
            h = jax.numpy.tanh(xt @ p["w"] + h @ p["u"])
            return h, h @ p["o"]

        return jax.lax.scan(step, jax.numpy.zeros(4), x)[1] @ p["v"]

    plan = plan_of(recurrent, {"w": (3, 4), "u": (4, 4), "o": (4, 2), "v": (2, 2)}, (3, 3))
    runs = place(plan, ROOMY).runs
    assert [run.crossbar for run in runs] == [*"wuo", *"wuo", *"wuo", "v"]
    assert [run.vectors for run in runs] == [1] * 9 + [3]
    assert [run.after for run in runs[3:6]] == [(), (1, 3), (3, 4)]
    assert place(plan, ROOMY).stage_cycles == 3 * ROOMY.mvm_cycles(1, 8)
    layers = place(plan_of(*FORMS["scan"]), ROOMY).runs
    assert [(run.matrices, run.vectors, run.after) for run in layers] == [
        ((0, 1), 2, ()),
        ((1, 2), 2, (0,)),
        ((2, 3), 2, (1,)),
    ]
    nested = place(plan_of(*FORMS["scans in a scan"]), ROOMY).runs
    assert [run.matrices for run in nested] == [(i, i + 1) for i in range(6)]
    for name in ("experts", "steps without order"):
        (experts,) = place(plan_of(*FORMS[name]), ROOMY).runs
        assert (experts.matrices, experts.vectors) == ((0, 3), 2)
    (groups,) = place(plan_of(*FORMS["small groups"]), ROOMY).runs  # 4 above and 6 beside one another: one tile
    assert (groups.matrices, groups.vectors) == ((0, 1), 25 * 6)


def test_tables():
    text = str(place(plan_of(mlp, MLP, (2, 20)), Architecture(cores=3, tiles_per_core=4)))
    assert text.splitlines()[2].split() == ["a", "0-1", "3", "x", "1", "1", "1", "6", "40"]
    assert text.splitlines()[-1] == "8 of 12 tiles on 2 of 3 cores."


def test_bad_input():
    plan = plan_of(mlp, MLP, (1, 20))
    with pytest.raises(TypeError, match="plan must be a Plan such as"):
        place("plan", ROOMY)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="plan must be that of a call with data, got no input vector for 'a'"):
        place(plan_of(mlp, MLP, (0, 20)), ROOMY)
    with pytest.raises(TypeError, match="architecture must be an Architecture such as"):
        place(plan, None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="convolution must be one of 'unrolled', 'kernel position', got 'x'"):
        place(plan, ROOMY, convolution="x")
    with pytest.raises(ValueError, match="Architecture.cores must be in"):
        Architecture(cores=0)
    with pytest.raises(ValueError, match="Architecture.read_time must be finite"):
        Architecture(read_time=-1.0)
    with pytest.raises(ValueError, match="architecture must have concrete times"):
        jax.jit(lambda t: place(plan, Architecture(cycle_time=t)) and t)(1e-9)
    with pytest.raises(ValueError, match="architecture.cycle_time must be one number"):
        place(plan, Architecture(cycle_time=np.array([1e-9, 2e-9])))
