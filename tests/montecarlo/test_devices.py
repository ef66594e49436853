"""Sweeps over several devices and several processes: the same numbers."""

import inspect
import os
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj


def fn(key, sigma, size):
    noise = sigma * jax.random.normal(key, (size,))
    return {"y": jnp.sum(noise**2), "first": noise[:2]}


def run(mesh, store=None, batch_size=6):
    grid = {"sigma": [0.1, 0.2, 0.3], "size": [4, 9]}
    found = mj.sweep(
        fn, grid, key=jax.random.key(0), samples=5, batch_size=batch_size, mesh=mesh, store=store, static=["size"]
    )
    return np.concatenate([found.y.values.ravel(), found["first"].values.ravel()])


SWEEP = f"""
import sys, numpy as np, jax, jax.numpy as jnp
import memjax as mj

{inspect.getsource(fn)}
{inspect.getsource(run)}
"""

SHARDED = """
alone = run(None)
mesh = jax.make_mesh((4,), ("chips",), axis_types=(jax.sharding.AxisType.Auto,))
plane = jax.make_mesh((2, 2), ("a", "b"), axis_types=(jax.sharding.AxisType.Auto,) * 2)
np.testing.assert_allclose(run(mesh), alone, rtol=1e-6)
np.testing.assert_allclose(run(plane), alone, rtol=1e-6)
np.testing.assert_allclose(run(mesh, sys.argv[1]), alone, rtol=1e-6)
np.testing.assert_array_equal(run(mesh, sys.argv[1], batch_size=None), run(mesh))
print("same")
"""

PROCESS = """
jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", 2, int(sys.argv[2]))
assert jax.process_count() == 2 and len(jax.devices()) == 2
mesh = jax.make_mesh((2,), ("chips",), axis_types=(jax.sharding.AxisType.Auto,))
np.save(sys.argv[4] + sys.argv[2], run(mesh, sys.argv[3]))
print("done")
"""


def environment(devices: int) -> dict[str, str]:
    return {**os.environ, "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "JAX_PLATFORMS": "cpu"}


def python(code: str, *arguments, devices: int = 1) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", SWEEP + code, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(devices),
    )  # fmt: skip


def test_devices_of_a_mesh_give_the_numbers_of_one(tmp_path):
    out, errors = python(SHARDED, tmp_path / "a.zarr", devices=4).communicate(timeout=200)
    assert out == "same\n", errors


def test_two_processes_give_the_numbers_of_one(tmp_path):
    """Each holds half of every batch; the first writes the store; both return the whole result, resumed or not."""
    alone = run(None)
    for attempt in ("fresh", "finished"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        both = [python(PROCESS, port, i, tmp_path / "a.zarr", tmp_path / attempt) for i in range(2)]
        for process in both:
            out, errors = process.communicate(timeout=200)
            assert out.endswith("done\n"), errors  # after what Gloo says
        for i in range(2):
            found = np.load(f"{tmp_path / attempt}{i}.npy")
            np.testing.assert_allclose(found, alone, rtol=1e-6)


@pytest.fixture(autouse=True)
def quiet_children(monkeypatch):
    """Children choose their own devices."""
    monkeypatch.delenv("XLA_FLAGS", raising=False)
