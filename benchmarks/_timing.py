"""Paired timing: two functions in turn, so that a machine whose speed drifts slows both."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import jax


class Comparison(NamedTuple):
    """Seconds of two functions and their ratio, as medians over the repeats (`spread`: quartiles of the ratio)."""

    seconds: float
    baseline_seconds: float
    ratio: float
    spread: tuple[float, float]


def seconds(f: Callable) -> float:
    """Wall time of one call, until its results are there."""
    start = time.perf_counter()
    jax.block_until_ready(f())
    return time.perf_counter() - start


def compare(f: Callable, baseline: Callable, repeats: int, at_least: float = 0.02) -> Comparison:
    """Time `f` against `baseline`, pair by pair; short functions are called several times in each timing."""
    seconds(f)
    seconds(baseline)
    calls = max(1, round(at_least / max(min(seconds(baseline) for _ in range(3)), 1e-6)))

    def several(function):
        start = time.perf_counter()
        for _ in range(calls):
            result = function()
        jax.block_until_ready(result)
        return (time.perf_counter() - start) / calls

    pairs = [(several(f), several(baseline)) for _ in range(repeats)]
    ratios = [a / b for a, b in pairs]
    low, _, high = statistics.quantiles(ratios, n=4)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Comparison(ours, theirs, statistics.median(ratios), (low, high))
