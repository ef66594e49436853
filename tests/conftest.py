"""Fixtures of tests in several folders."""

import jax
import pytest


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
