"""Fixtures of tests in several folders."""

import gc
import pathlib

import jax
import pytest

# Memory regions of a process above which its compiled programs are let go. Each program has about seven, and a process
# that asks Linux for more than 65 530 is ended.
REGIONS = 20_000


@pytest.fixture(autouse=True, scope="module")
def few_programs():
    """No test process holds more compiled programs than the system lets it have."""
    yield
    regions = pathlib.Path("/proc/self/maps")
    if regions.exists() and regions.read_bytes().count(b"\n") > REGIONS:
        jax.clear_caches()
        gc.collect()


@pytest.fixture
def quick_compilation():
    """For tests that compile many tiny programs and run each once or twice: compilation is most of their time."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture
def x64():
    """Double precision for one test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=["float32", "float64"])
def precision(request):
    """Run the test in both precisions."""
    with jax.enable_x64(request.param == "float64"):
        yield request.param
