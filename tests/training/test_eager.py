"""Updates outside `jit`: compiled for the first, the same numbers as inside."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from laws import P, T

import memjax as mj

KEY = jax.random.key(0)
SOFT = T.SoftBounds(P(step=0.01, noise=0.3))
ALGORITHMS = {
    "pulsed": lambda: T.pulsed(SOFT, KEY),
    "Tiki-Taka": lambda: T.tiki_taka(SOFT, KEY),
    "one-sided": lambda: T.one_sided(T.presets.pcm(), KEY),
    "WAGE": lambda: T.neurosim_wage(KEY),
    "coincidence": lambda: T.coincidence(SOFT, KEY, 0.1),
}


@pytest.fixture
def compilations():
    """Programs compiled so far."""
    found = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield lambda: len(found)
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_later_steps_compile_nothing_and_equal_those_inside_jit(name, compilations):
    tx, x = ALGORITHMS[name](), jnp.linspace(-1.0, 1.0, 12).reshape(3, 4)
    loss = lambda params, x: jnp.sum((x @ params["w"]) ** 2)
    given = mj.value_and_outer(loss) if name == "coincidence" else jax.value_and_grad(loss)
    results = []
    for update in (tx.update, jax.jit(tx.update)):
        params = {"w": jnp.full((4, 5), 0.1, jnp.float32)}
        state, counts = tx.init(params), []
        for _ in range(3):
            wanted = given(params, x)[1]
            before = compilations()
            change, state = update(wanted, state, params)
            counts.append(compilations() - before)
            params = optax.apply_updates(params, change)
        assert counts[0] > 0
        assert counts[1:] == [0, 0]
        results.append(params["w"])
    np.testing.assert_allclose(*results, rtol=1e-6)
    assert jnp.abs(results[0] - 0.1).max() > 0


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_new_transformation_of_a_kind_compiles_nothing(name, compilations):
    """A sweep in a Python loop does not grow: one program serves all, whatever the numbers of their laws."""
    x, counts = jnp.linspace(-1.0, 1.0, 12).reshape(3, 4), []
    loss = lambda params, x: jnp.sum((x @ params["w"]) ** 2)
    given = mj.value_and_outer(loss) if name == "coincidence" else jax.value_and_grad(loss)
    params = {"w": jnp.full((4, 6), 0.1, jnp.float32)}  # no shape of other tests, which would be compiled by then
    wanted = given(params, x)[1]
    for _ in range(3):
        tx = ALGORITHMS[name]()
        state = tx.init(params)
        before = compilations()
        tx.update(wanted, state, params)
        counts.append(compilations() - before)
    assert counts[1:] == [0, 0]
