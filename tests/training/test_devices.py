"""Chips in training spread over two devices, in a process of its own that has them."""

import os
import subprocess
import sys

PROGRAM = """
import jax, jax.numpy as jnp, numpy as np, optax
from jax.sharding import Mesh, PartitionSpec
import memjax as mj
from memjax import training as T

law = T.SoftBounds(T.Population(step=0.02, step_spread=0.3, noise=0.5, write_noise=2.0))
rng = np.random.default_rng(0)
x, target = (jnp.asarray(rng.uniform(size=size), jnp.float32) for size in ((16, 12), (16, 7)))
loss = lambda params, x: ((x @ params["w"] - target) ** 2).sum()

def trained(key):
    tx = T.pulsed(law, key)
    params = {"w": jnp.full((12, 7), 0.1)}
    return optax.apply_updates(params, tx.update(jax.grad(loss)(params, x), tx.init(params), params)[0])["w"]

chips = jax.vmap(trained)
keys, by_chip = jax.random.split(jax.random.key(1), 4), PartitionSpec("chip")
assert len(jax.devices()) == 2
mesh = Mesh(np.array(jax.devices()), ("chip",))
spread = jax.shard_map(chips, mesh=mesh, in_specs=by_chip, out_specs=by_chip, check_vma=False)
weights = jax.jit(spread)(keys)
assert len({shard.device for shard in weights.addressable_shards}) == 2
np.testing.assert_allclose(weights, jax.jit(chips)(keys), atol=1e-6)
assert np.std(weights, axis=0).min() > 1e-3
"""


def test_chips_trained_on_two_devices_are_those_of_one():
    flags = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
