"""Fixtures of tests in several folders."""

import functools
import gc
import pathlib

import jax
import pytest
from jax._src import compiler

# Memory regions of a process above which its compiled programs are let go. Each program has about seven, and a process
# that asks Linux for more than 65 530 is ended.
REGIONS = 20_000

# What XLA leaves out for tests, which compile thousands of programs and run each once or twice: with all of these a
# program costs a seventh of its compilation. Marked `optimised`, a test is compiled as users' programs are.
QUICK = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}
USUAL = compiler.get_compile_options


def pytest_addoption(parser):
    parser.addoption("--optimised", action="store_true", help="compile every test as users' programs are compiled")


def known(name: str) -> bool:
    """Whether this XLA has the option."""
    try:
        jax.jit(lambda: 0, compiler_options={name: QUICK[name]})()
    except jax.errors.JaxRuntimeError:
        return False
    return True


@functools.cache
def available() -> dict:
    """Found out at the first compilation, so that a process that runs no test starts no device."""
    return {name: value for name, value in QUICK.items() if known(name)}


def quick(*args, env_options_overrides=None, **kwargs):
    """JAX's `get_compile_options` with QUICK for programs without options of their own."""
    return USUAL(*args, env_options_overrides=env_options_overrides or available(), **kwargs)


def pytest_configure(config):
    """Before modules are collected, because some compile."""
    if not config.getoption("optimised"):
        compiler.get_compile_options = quick


@pytest.fixture(autouse=True)
def compiled_as_users_do(request, monkeypatch):
    """The tests marked `optimised`; what was compiled before is let go."""
    if request.node.get_closest_marker("optimised"):
        jax.clear_caches()
        monkeypatch.setattr(compiler, "get_compile_options", USUAL)


@pytest.fixture(autouse=True, scope="module")
def few_programs():
    """No test process holds more compiled programs than the system lets it have; a long module may ask in between."""

    def let_go():
        regions = pathlib.Path("/proc/self/maps")
        if regions.exists() and regions.read_bytes().count(b"\n") > REGIONS:
            jax.clear_caches()
            gc.collect()

    yield let_go
    let_go()


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
