"""Weights brought from main memory: never more than needed, never more on the chip than fits."""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

memory: Any = mj.memory


@pytest.fixture(scope="module")
def plan():
    """Five layers of 32 x 32, one pair of tiles each."""
    weights = [jnp.ones((32, 32))] * 5

    def model(weights, x):
        for w in weights:
            x = jnp.tanh(x @ w)
        return x

    hardware = mj.Hardware(tile=(32, 32))
    return mj.crossbarify(model, hardware).plan(weights, jnp.ones((1, 32)))


def _fewest(order, room):
    """Fewest loads of one unit each that any policy can do with, tried out."""

    @functools.cache
    def best(at, held):
        if at == len(order):
            return 0
        if order[at] in held:
            return best(at + 1, held)
        with_it = held | {order[at]}
        choices = [with_it] if len(with_it) <= room else [with_it - {other} for other in held]
        return 1 + min(best(at + 1, choice) for choice in choices)

    return best(0, frozenset())


@pytest.mark.parametrize("room", [1, 2, 3, 4, 5])
def test_no_policy_loads_less_often(plan, room):
    each = plan.crossbars[0].tiles
    found = memory.reloads(plan, room * each, inferences=3)
    order = tuple(row.crossbar for row in plan.sites) * 3
    assert len(found) == _fewest(order, room)


def test_a_network_that_fits_is_brought_once(plan):
    trace = memory.trace_of(plan, inferences=4)
    assert int(trace.count) == 5 * 32 * 32 // 64
    assert sorted(np.asarray(trace.line).tolist()) == list(range(80))
    assert not trace.write.any()


def test_a_crossbar_larger_than_the_chip_passes_through_it():
    model = lambda w, x: x @ w
    hardware = mj.Hardware(tile=(32, 32))
    plan = mj.crossbarify(model, hardware).plan(jnp.ones((128, 32)), jnp.ones((1, 128)))
    whole = plan.tiles
    first, second = memory.reloads(plan, whole // 2, inferences=2)
    assert first.tiles == whole
    assert first.lines == (0, 64)
    assert second.tiles == whole // 2
    assert second.lines == (32, 32)


def test_lines_are_asked_for_when_the_product_before_begins(plan):
    trace = memory.trace_of(plan, plan.crossbars[0].tiles, compute=100)
    lines_of_a_layer = 16
    assert trace.cycle.tolist() == np.repeat([0, 0, 100, 200, 300], lines_of_a_layer).tolist()
    half = memory.trace_of(plan, plan.crossbars[0].tiles, bits=4)
    assert int(half.count) == int(trace.count) // 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: memory.reloads(p, 0), ValueError, "tiles must be in"),
        (lambda p: memory.reloads(p, 4, bits=0), ValueError, "bits must be in"),
        (lambda p: memory.reloads("plan", 4), TypeError, "plan must be a Plan"),
        (lambda p: memory.trace_of(p, 4, compute=[1, 2]), ValueError, "one for each of 5 products"),
        (lambda p: memory.trace_of(p, 4, compute=-1), ValueError, "compute must be"),
    ],
)
def test_wrong_arguments_are_named(plan, call, error, message):
    with pytest.raises(error, match=message):
        call(plan)
