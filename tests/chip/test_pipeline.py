"""PipeLayer's cycles against a simulation of its stages, and replication against every other choice."""

import itertools

import pytest

import memjax as mj
from memjax.chip import pipeline_buffers, pipeline_cycles, replicate


def simulated(layers, inputs, batch, training, pipelined):
    """Inputs move through stages, one cycle each; a stage holds one input. (cycles, most vectors kept by layer)"""
    stages = 2 * layers + 1 if training else layers
    cycle, waiting, since = 0, inputs, 0
    inside: list[int] = []  # the stage of each input
    kept = [0] * layers
    while waiting or inside or since:
        if since == batch and not inside:  # update
            cycle, since = cycle + 1, 0
            continue
        full = training and since == batch
        if waiting and not full and (pipelined or not inside):
            inside, waiting, since = [*inside, 0], waiting - 1, since + training
        # The vector of layer l is kept from the end of its stage to the start of its use 2 (L - l) + 1 stages on.
        for layer in range(1, layers + 1):
            first = layer - 1
            count = sum(first <= stage < first + 2 * (layers - layer) + 1 for stage in inside)
            kept[layer - 1] = max(kept[layer - 1], count)
        inside = [stage + 1 for stage in inside if stage + 1 < stages]
        cycle += 1
    return cycle, kept


@pytest.mark.parametrize(("layers", "batch", "inputs"), [(8, 64, 640), (19, 32, 96), (3, 5, 20), (1, 1, 4)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("pipelined", [True, False])
def test_cycles_are_those_of_a_simulation(layers, batch, inputs, training, pipelined):
    found = pipeline_cycles(layers=layers, batch=batch, inputs=inputs, training=training, pipelined=pipelined)
    assert found == simulated(layers, inputs, batch, training, pipelined)[0]


def test_published_example():
    assert pipeline_cycles(layers=8, batch=64, inputs=6400, training=True) == 8100
    assert pipeline_cycles(layers=8, batch=64, inputs=6400, training=True, pipelined=False) == 108900
    assert pipeline_cycles(layers=8, inputs=6400, training=False) == 6407
    assert pipeline_cycles(layers=8, inputs=6400, pipelined=False) == 51200


@pytest.mark.parametrize("layers", [1, 3, 19])
def test_gain_of_a_pipeline(layers):
    def gain(batch):
        one = {"layers": layers, "batch": batch, "inputs": 10 * batch, "training": True}
        return pipeline_cycles(**one, pipelined=False) / pipeline_cycles(**one)

    assert gain(1) == 1.0
    assert gain(10**9) == pytest.approx(2 * layers + 1, rel=1e-6)


def test_buffers_hold_what_is_kept():
    assert pipeline_buffers(5) == (9, 7, 5, 3, 1)
    assert list(pipeline_buffers(4)) == simulated(4, 40, 40, True, True)[1]


@pytest.mark.parametrize("budget", [9, 10, 14, 17, 25, 40, 1000])
@pytest.mark.parametrize("each", [None, [1, 3, 2, 7]])
def test_no_choice_is_faster(budget, each):
    vectors, tiles = [20, 9, 4, 1], [1, 2, 3, 3]
    copies, slowest, used = replicate(vectors, tiles, budget, each)

    def outcome(copies):
        total = sum(t * g for t, g in zip(tiles, copies, strict=True))
        return max(c * -(-v // g) for c, v, g in zip(each or [1] * 4, vectors, copies, strict=True)), total

    choices = map(outcome, itertools.product(range(1, 21), range(1, 10), range(1, 5), [1]))
    assert (slowest, used) == outcome(copies) == min(one for one in choices if one[1] <= budget)


def test_what_is_no_pipeline():
    with pytest.raises(ValueError, match="inputs must be a multiple of batch=64 in training, got 100"):
        pipeline_cycles(layers=3, batch=64, inputs=100, training=True)
    assert pipeline_cycles(layers=3, batch=64, inputs=100) == 102
    with pytest.raises(ValueError, match="layers must be in"):
        pipeline_cycles(layers=0, inputs=1)
    with pytest.raises(TypeError, match="training must be True or False"):
        pipeline_cycles(layers=1, inputs=1, training=1)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="budget must be at least 9 tiles, got 7: 2 tiles are missing"):
        replicate([1, 2], [4, 5], 7)
    with pytest.raises(ValueError, match="tiles must have an entry for each of the 2 layers, got 1"):
        replicate([1, 2], [4], 7)
    assert mj.chip.pipeline_cycles is pipeline_cycles
