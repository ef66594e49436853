"""A batch spread over two devices, in a process of its own that has them."""

import os
import subprocess
import sys

PROGRAM = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
import memjax as mj

def fn(p, x):
    image = jax.lax.conv_general_dilated(x, p["k"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jnp.tanh(image).reshape(len(x), -1) @ p["w"]

rng = np.random.default_rng(0)
p = {"k": jnp.array(rng.normal(size=(3, 3, 2, 4)), "float32"), "w": jnp.array(rng.normal(size=(64, 5)), "float32")}
x = jnp.array(rng.normal(size=(6, 4, 4, 2)), "float32")
analog = mj.crossbarify(fn, mj.Hardware(tile=(16, 16), effects=(mj.effects.ReadNoise(relative=0.01),)))
chip, key = analog.program(p, jax.random.key(0), x), jax.random.key(1)
whole = analog.apply(chip, p, x, key=key)

mesh = Mesh(np.array(jax.devices()), ("batch",))
rows, everywhere = NamedSharding(mesh, PartitionSpec("batch")), NamedSharding(mesh, PartitionSpec())
chip, p = jax.device_put((chip, p), everywhere)
spread = analog.apply(chip, p, jax.device_put(x, rows), key=key)
assert len(jax.devices()) == 2
assert len({shard.device for shard in spread.addressable_shards}) == 2
np.testing.assert_allclose(spread, whole, rtol=1e-4, atol=1e-3)

chips = jax.vmap(lambda k: analog.program(p, k, x))(jax.random.split(jax.random.key(2), 4))
ys = jax.vmap(lambda c: analog.apply(c, p, x, key=key))(chips)
spread = jax.vmap(lambda c: analog.apply(c, p, x, key=key))(jax.device_put(chips, rows))
np.testing.assert_allclose(spread, ys, rtol=1e-4, atol=1e-3)
"""


def test_sharded_batch_and_sharded_chips_equal_whole_ones():
    flags = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
