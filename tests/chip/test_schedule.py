"""Schedules against a simulation of every cycle, and small ones counted by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_networks import conv, mlp, plan_of

import memjax as mj
from memjax.chip import Architecture, place, schedule

# One word a cycle everywhere, and a read takes 10 + 8 cycles.
NARROW = {"buffer_width": 1, "alu_width": 1, "link_width": 1}
READ = 18


def simulated(nodes, pipelined=True):
    """Every cycle of a chip: (cycles, {node: end of every operation}).

    `nodes` are {name: (unit, cycles, vectors, nodes before it)} in the order of their right of way; a vector is loaded
    when the one before it is being read.
    """
    done = {name: [] for name in nodes}
    begun, left = dict.fromkeys(nodes, 0), {}
    reads_first = sorted(nodes, key=lambda name: not name.endswith("mvm"))
    cycle = 0

    def ready(name):
        _, _, count, before = nodes[name]
        k = len(done[name])
        if k == count:
            return False
        for other in before:
            total = nodes[other][2]
            if len(done[other]) < (-(-(k + 1) * total // count) if pipelined else total):
                return False
        return not name.endswith("load") or begun[name.replace("load", "mvm")] >= k

    while any(len(done[name]) < node[2] for name, node in nodes.items()):
        working = {}
        for name in reads_first:
            unit = nodes[name][0]
            earlier = working.get(unit)
            if ready(name) and (earlier is None or list(nodes).index(name) < list(nodes).index(earlier)):
                working[unit] = name
                begun[name] = max(begun[name], len(done[name]) + 1)
        cycle += 1
        for name in working.values():
            left[name] = left.get(name, nodes[name][1]) - 1
            if not left[name]:
                del left[name]
                done[name].append(cycle)
    return cycle, done


def layer(name, core, vectors, inputs, outputs, before=(), send=True):
    """A layer on one core, as nodes of a simulation."""
    nodes = {
        f"{name} load": ((core, "load"), inputs, vectors, before),
        f"{name} mvm": ((core, name), READ, vectors, (f"{name} load",)),
        f"{name} alu": ((core, "alu"), outputs, vectors, (f"{name} mvm",)),
        f"{name} store": ((core, "store"), outputs, vectors, (f"{name} alu",)),
    }
    return nodes | ({f"{name} send": ((core, "send"), outputs, vectors, (f"{name} store",))} if send else {})


def two_layers(vectors):
    """[8, 6] and [6, 4] on a core each."""
    return layer("a", 0, vectors, 8, 6) | layer("b", 1, vectors, 6, 4, ("a send",), send=False)


def sharing(vectors):
    """The same on one core."""
    return layer("a", 0, vectors, 8, 6, send=False) | layer("b", 0, vectors, 6, 4, ("a store",), send=False)


def split(vectors):
    """[20, 6] with two row tiles on core 0 and one on core 1, whose sums go to core 0; [6, 4] on core 1."""
    return {
        "a0 load": ((0, "load"), 16, vectors, ()),
        "a0 mvm": ((0, "a"), READ, vectors, ("a0 load",)),
        "a1 load": ((1, "load"), 4, vectors, ()),
        "a1 mvm": ((1, "a"), READ, vectors, ("a1 load",)),
        "a1 send": ((1, "send"), 6, vectors, ("a1 mvm",)),
        "a alu": ((0, "alu"), 18, vectors, ("a0 mvm", "a1 send")),
        "a store": ((0, "store"), 6, vectors, ("a alu",)),
        "a send": ((0, "send"), 6, vectors, ("a store",)),
        **layer("b", 1, vectors, 6, 4, ("a send",), send=False),
    }


def summed_away(vectors):
    """[33, 6] with five row tiles, two on each core: core 1 adds two of them before it sends their sum."""
    return {
        "a0 load": ((0, "load"), 16, vectors, ()),
        "a0 mvm": ((0, "a"), READ, vectors, ("a0 load",)),
        "a1 load": ((1, "load"), 16, vectors, ()),
        "a1 mvm": ((1, "a"), READ, vectors, ("a1 load",)),
        "a2 load": ((2, "load"), 1, vectors, ()),
        "a2 mvm": ((2, "a"), READ, vectors, ("a2 load",)),
        "a1 alu": ((1, "alu"), 6, vectors, ("a1 mvm",)),
        "a1 send": ((1, "send"), 6, vectors, ("a1 alu",)),
        "a2 send": ((2, "send"), 6, vectors, ("a2 mvm",)),
        "a alu": ((0, "alu"), 24, vectors, ("a0 mvm", "a1 send", "a2 send")),
        "a store": ((0, "store"), 6, vectors, ("a alu",)),
    }


CASES = {
    "two cores": (two_layers, {"a": (8, 6), "b": (6, 4)}, Architecture(cores=2, tiles_per_core=2, **NARROW)),
    "one core": (sharing, {"a": (8, 6), "b": (6, 4)}, Architecture(cores=1, tiles_per_core=4, **NARROW)),
    "split": (split, {"a": (20, 6), "b": (6, 4)}, Architecture(cores=2, tiles_per_core=4, **NARROW)),
    "summed away": (summed_away, {"a": (33, 6)}, Architecture(cores=3, tiles_per_core=4, **NARROW)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("vectors", [1, 2, 7])
@pytest.mark.parametrize("pipelined", [True, False])
def test_every_cycle_is_that_of_a_simulation(name, vectors, pipelined):
    nodes, params, architecture = CASES[name]
    plan = plan_of(mlp, params, (vectors, params["a"][0]))
    found = schedule(plan, architecture, pipelined=pipelined)
    # Within a layer vectors move on in any case.
    cycles, done = simulated_by_layer(nodes(vectors)) if not pipelined else simulated(nodes(vectors))
    assert found.cycles == cycles
    assert sorted(tuple(one.stops) for one in found.operations) == sorted(map(tuple, done.values()))


def simulated_by_layer(nodes):
    """Layer after layer: those of b begin when a is done."""
    first = {name: node for name, node in nodes.items() if name.startswith("a")}
    second = {name: (u, c, n, tuple(o for o in before if o[0] == "b")) for name, (u, c, n, before) in nodes.items()}
    start, done = simulated(first)
    rest = {name: node for name, node in second.items() if name.startswith("b")}
    if not rest:
        return start, done
    cycles, later = simulated(rest)
    return start + cycles, done | {name: [start + end for end in ends] for name, ends in later.items()}


def test_two_layers_by_hand():
    """load 8, read 18, add 6, store 6, send 6; load 6, read 18, add 4, store 4: then a vector every 18 cycles."""
    plan = plan_of(mlp, {"a": (8, 6), "b": (6, 4)}, (5, 8))
    found = schedule(plan, CASES["two cores"][2])
    assert found.cycles == 44 + 32 + 4 * READ
    assert found.seconds == pytest.approx(148e-9)
    assert found.counts == {
        0: {"load": 5, "mvm": 5, "alu": 5, "store": 5, "send": 5},
        1: {"load": 5, "mvm": 5, "alu": 5, "store": 5, "send": 0},
    }
    assert found.words == {"load": 70, "mvm": 70, "alu": 50, "store": 50, "send": 30}
    assert found.layers == {"a": (0, 44 + 4 * READ), "b": (44, 148)}
    assert found.busiest == (0, "load", 40)
    assert schedule(plan, CASES["two cores"][2], pipelined=False).cycles == 44 + 4 * READ + 32 + 4 * READ


@pytest.mark.parametrize(("vectors", "next"), [(4, 2), (2, 4), (2, 3), (3, 2)])
def test_vectors_of_other_numbers(vectors, next):
    """So many vectors of six numbers of a layer become others of the next one."""
    width = 6 * vectors // next
    fn = lambda p, x: (x @ p["a"]).reshape(next, width) @ p["b"]
    plan = plan_of(fn, {"a": (8, 6), "b": (width, 3)}, (vectors, 8), mj.Hardware(tile=(12, 8)))
    nodes = layer("a", 0, vectors, 8, 6) | layer("b", 1, next, width, 3, ("a send",), send=False)
    assert schedule(plan, CASES["two cores"][2]).cycles == simulated(nodes)[0]


def test_branches_run_side_by_side():
    fn = lambda p, x: (x @ p["a"] + x @ p["b"]) @ p["c"]
    plan = plan_of(fn, dict.fromkeys("abc", (8, 8)), (1, 8))
    found = schedule(plan, Architecture(cores=3, tiles_per_core=2, **NARROW))
    assert found.layers == {"a": (0, 50), "b": (0, 50), "c": (50, 92)}


def test_copies_share_the_vectors():
    plan = plan_of(mlp, {"a": (8, 6)}, (7, 8))
    architecture = Architecture(cores=3, tiles_per_core=2, **NARROW)
    rest = 6 + 6  # add, store
    for copies in (1, 2, 3):
        found = schedule(place(plan, architecture, duplicate={"a": copies}))
        assert found.cycles == 8 + -(-7 // copies) * READ + rest
        assert {core: kinds["mvm"] for core, kinds in found.counts.items()} == {
            core: len(range(core, 7, copies)) for core in range(copies)
        }


def test_vectors_of_a_slow_copy_are_waited_for():
    """The first copy is on two cores, beside another layer, and needs longer than the second one."""
    fn = lambda p, x: (x @ p["z"], (x @ p["a"]).reshape(2, 12) @ p["b"])
    plan = plan_of(fn, {"z": (16, 6), "a": (16, 6), "b": (12, 3)}, (4, 16))
    placement = place(plan, Architecture(cores=4, tiles_per_core=6, **NARROW), duplicate={"a": 2})
    assert [one.core for one in placement.by_crossbar["a"]] == [0, 1, 1, 1]
    found = schedule(placement)
    ends = {one.core: one.stops for one in found.operations if (one.layer, one.kind) == ("a", "send")}
    sums = next(one for one in found.operations if (one.layer, one.kind, one.core) == ("a", "send", 0))
    assert sums.stops[0] > ends[1][-2]  # the first vector is there after the second one
    loads = [one for one in found.operations if (one.layer, one.kind) == ("b", "load")]
    assert all(one.starts[0] >= sums.stops[0] for one in loads)


def test_steps_wait_for_one_another():
    def recurrent(p, x):
        return jax.lax.scan(lambda h, xt: (jnp.tanh(xt + h @ p), None), jnp.zeros(8), x)[0]

    plan = plan_of(recurrent, (8, 8), (6, 8))
    found = schedule(plan, Architecture(cores=1, tiles_per_core=2, **NARROW))
    assert found.cycles == 6 * (8 + READ + 8 + 8)


def test_long_layers_are_few_operations():
    plan = plan_of(
        lambda p, x: conv(conv(x, p["a"]), p["b"], 2), {"a": (3, 3, 3, 8), "b": (3, 3, 8, 8)}, (1, 256, 256, 3)
    )
    found = schedule(plan, Architecture(cores=4))
    assert len(found.operations) < 20
    assert found.counts[0]["mvm"] == 256**2 + 128**2
    loads = [one for one in found.operations if (one.kind, one.core) == ("load", 0)]
    cycles = sum(one.count * one.cycles for one in loads)  # one after another on one port
    assert cycles <= max(one.stop for one in loads) <= found.cycles


@pytest.mark.parametrize(
    "options", [{}, {"convolution": "kernel position"}, {"sharing": False}, {"duplicate": "balance"}]
)
def test_what_holds_for_every_schedule(options):
    def network(p, x):
        h = jax.nn.relu(conv(x, p["a"]))
        h = jax.nn.relu(conv(h, p["b"], 2)).reshape(2, -1)
        return jnp.tanh(h @ p["c"]) @ p["d"]

    plan = plan_of(network, {"a": (3, 3, 3, 5), "b": (3, 3, 5, 7), "c": (7 * 9, 20), "d": (20, 4)}, (2, 6, 6, 3))
    placement = place(plan, Architecture(cores=60, tiles_per_core=6), **options)
    found = schedule(placement)
    units = {}
    for one in found.operations:
        assert (np.diff(one.starts) >= one.cycles).all()
        assert (one.stops - one.starts >= one.cycles).all()
        if one.kind != "mvm":
            units.setdefault((one.core, one.kind), []).append(one)
    for own in units.values():
        assert sum(one.count * one.cycles for one in own) <= max(one.stop for one in own)
    vectors = {run.crossbar: run.vectors for run in placement.runs}
    for name, grid in placement.grids.items():
        stored = sum(one.count * one.words for one in found.operations if (one.layer, one.kind) == (name, "store"))
        assert stored == vectors[name] * grid.outputs
    assert found.words["load"] == sum(placement.buffer_reads.values())
    wider = Architecture(cores=60, tiles_per_core=6, buffer_width=16, alu_width=16, link_width=16, columns_per_adc=1)
    faster = schedule(placement, wider)
    assert faster.cycles < found.cycles <= schedule(placement, pipelined=False).cycles
    assert faster.counts == found.counts
    assert found.cycles >= found.busiest[2]


def test_times_of_a_read():
    assert Architecture(columns_per_adc=8).mvm_cycles(7, 128) == 7 * 18
    assert Architecture(columns_per_adc=8).mvm_cycles(1, 4) == 14
    assert Architecture(read_time=0.25e-9, conversion_time=0.5e-9, columns_per_adc=1).mvm_cycles(3, 4) == 3  # 2.25
    assert Architecture(read_time=1e-7, cycle_time=1e-8, conversion_time=1e-8).mvm_cycles(3, 8) == 54


def test_bit_serial_inputs_are_read_plane_by_plane():
    dac = mj.Dac(bits=8, encoding=mj.converters.BitSerial(7))
    plan = plan_of(mlp, {"a": (8, 6)}, (1, 8), mj.Hardware(tile=(8, 8), dac=dac))
    (mvm,) = [one for one in schedule(plan, Architecture()).operations if one.kind == "mvm"]
    assert mvm.cycles == 7 * READ


def test_table():
    text = str(schedule(plan_of(mlp, {"a": (8, 6), "b": (6, 4)}, (5, 8)), CASES["two cores"][2]))
    assert text.splitlines()[2].split() == ["a", "1", "0", "116", "5", "5", "5", "5", "5"]
    assert text.splitlines()[-1] == "148 cycles, 1.48e-07 s; core 0 has most to load, 40 cycles."


def test_bad_input():
    plan = plan_of(mlp, {"a": (8, 6)}, (1, 8))
    with pytest.raises(TypeError, match="what must be a Placement or a Plan, got 'x'"):
        schedule("x")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="architecture must be an Architecture such as"):
        schedule(plan)
    with pytest.raises(
        ValueError, match="architecture must have the 64 cores of 16 tiles of the placement, got 3 of 16"
    ):
        schedule(place(plan, Architecture()), Architecture(cores=3))
    with pytest.raises(ValueError, match="2 tiles are missing"):
        schedule(plan_of(mlp, {"a": (16, 6)}, (1, 16)), Architecture(cores=1, tiles_per_core=2))
