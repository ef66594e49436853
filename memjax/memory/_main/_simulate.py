"""The requests of a trace served by a main memory."""

from functools import partial

import jax
import jax.numpy as jnp

from memjax.memory._main import _state as s
from memjax.memory._main._config import MemoryConfig
from memjax.memory._main._step import step


@partial(jax.jit, static_argnames="steps")
def advance(config, requests, state, steps):
    effects = s.effects_of(config.timing)
    return jax.lax.scan(lambda state, _: step(config, effects, requests, state), state, length=steps)
