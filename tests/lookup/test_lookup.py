"""A network of look-up tables: the product of codebooks, whatever the program that it is part of."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

import memjax as mj
from memjax.lookup import Codebook, calibrate, cluster

KEY = jax.random.key(0)


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def dense(params, x):
    return jnp.tanh(x @ params["w"] + params["b"]) @ params["v"]


PARAMS = {"w": draw(12, 8), "b": draw(8, seed=1), "v": draw(8, 3, seed=2)}
X = draw(50, 12, seed=3)


def keyed(keys, x):
    """The nearest key of every number, by hand."""
    return keys[jnp.argmin(jnp.abs(x[..., None] - keys), axis=-1)]


def test_network_is_the_product_of_codebooks():
    lookup = cluster(dense, PARAMS, X, 8, 6, key=KEY)
    (w, x), (v, h) = lookup.codebooks["w"], lookup.codebooks["v"]
    assert w.shape == v.shape == (8,)
    assert x.shape == h.shape == (6,)
    hidden = jnp.tanh(keyed(x, X) @ keyed(w, PARAMS["w"]) + PARAMS["b"])
    expected = keyed(h, hidden) @ keyed(v, PARAMS["v"])
    np.testing.assert_allclose(lookup.apply(PARAMS, X), expected, rtol=1e-5, atol=1e-5)


def stacked(params, x):
    """Layers in a loop, each with weights of its own, and one that all steps share."""

    def step(h, w):
        return jax.nn.relu(h @ w) @ params["all"], None

    return lax.scan(step, x, params["each"])[0]


def convolved(groups):
    def fn(params, x):
        y = lax.conv_general_dilated(x, params["k"], (2, 1), "SAME", rhs_dilation=(1, 2), feature_group_count=groups)
        return jax.nn.relu(y)

    return fn


PROGRAMS = {
    "dense": (dense, PARAMS, X),
    "loop": (stacked, {"each": draw(3, 5, 5), "all": draw(5, 5, seed=1)}, draw(20, 5, seed=2)),
    "convolution": (convolved(1), {"k": draw(6, 2, 3, 3)}, draw(4, 2, 6, 5, seed=1)),
    "groups": (convolved(2), {"k": draw(6, 2, 3, 3)}, draw(4, 4, 6, 5, seed=1)),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("double", [False, True])
def test_counting_is_the_product_of_codebooks(name, double):
    with jax.enable_x64(double):
        fn, params, x = jax.tree.map(lambda a: a.astype(float) if eqx.is_array(a) else a, PROGRAMS[name])
        lookup = cluster(fn, params, x, 7, 5, key=KEY)
        found, expected = lookup.apply(params, x, counting=True), lookup.apply(params, x)
        assert found.dtype == (jnp.float64 if double else jnp.float32)
        largest = float(jnp.max(jnp.abs(expected)))
        np.testing.assert_allclose(found, expected, atol=largest * (1e-13 if double else 1e-6))
        assert np.linalg.norm(expected - fn(params, x)) > 1e-3 * largest  # five codes are not the digital network


def rectified(params, x):
    return jax.nn.relu(x @ params["w"] + params["b"]) @ params["v"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_codebooks_of_all_distinct_values_are_the_digital_network(name):
    fn, params, x = PROGRAMS[name]
    fn = rectified if name == "dense" else fn
    params, x = jax.tree.map(lambda a: jnp.clip(jnp.round(a), -2, 2), (params, x))
    lookup = cluster(fn, params, x, 24, 100, key=KEY)
    np.testing.assert_array_equal(lookup.apply(params, x), fn(params, x))
    np.testing.assert_array_equal(lookup.apply(params, x, counting=True), fn(params, x))


def test_steps_of_a_loop_have_codebooks_of_their_own():
    fn, params, x = PROGRAMS["loop"]
    lookup = cluster(fn, params, x, 4, 3, key=KEY)
    assert {name: one.weights.shape for name, one in lookup.codebooks.items()} == {"each": (3, 4), "all": (4,)}
    assert {name: codes.shape for name, codes in lookup.codes.items()} == {"each": (3, 5, 5), "all": (5, 5)}
    alone = [mj.lookup.kmeans(w, 4, KEY) for w in params["each"]]
    near = lambda keys, w: jnp.sum((keyed(keys, w) - w) ** 2)
    for ours, theirs, w in zip(lookup.codebooks["each"].weights, alone, params["each"], strict=True):
        assert near(ours, w) == pytest.approx(float(near(jnp.asarray(theirs), w)), rel=0.2)


# Best quantisers of normal numbers by J. Max (1960): with these errors D the means of w and x, and of their quantised
# values, multiply, so that the products lose 1 - (1 - D)^2 of their variance.
@pytest.mark.parametrize(("codes", "error"), [(4, 0.1175), (16, 0.009497), (32, 0.002499)])
def test_error_on_normal_numbers_is_that_of_the_quantisers_of_max(codes, error):
    params, x = draw(128, 64), draw(256, 128, seed=1)
    product = lambda w, x: x @ w
    found = cluster(product, params, x, codes, codes, key=KEY).apply(params, x)
    relative = jnp.linalg.norm(found - x @ params) / jnp.linalg.norm(x @ params)
    assert relative == pytest.approx((1 - (1 - error) ** 2) ** 0.5, rel=0.05)


def test_batch_jit_and_vmap_change_nothing():
    lookup = cluster(dense, PARAMS, X, 8, 6, key=KEY)
    expected = lookup.apply(PARAMS, X)
    near = lambda found: np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    near(jax.jit(lambda lookup: lookup.apply(PARAMS, X))(lookup))
    near(jax.vmap(lambda x: lookup.apply(PARAMS, x))(X))
    near(jnp.concatenate([lookup.apply(PARAMS, X[:20]), lookup.apply(PARAMS, X[20:])]))


def test_same_key_same_codes_and_another_key_another_start():
    first, again, other = (cluster(dense, PARAMS, X, 8, 6, key=jax.random.key(seed)) for seed in (0, 0, 1))
    assert eqx.tree_equal(first.codebooks, again.codebooks)
    assert not eqx.tree_equal(first.codebooks, other.codebooks)


def test_gradient_by_a_number_is_the_sum_over_the_weights_that_share_it():
    params = {"w": draw(6, 4), "b": draw(4), "v": draw(4, 2, seed=2)}
    with jax.enable_x64(True):
        params, x = jax.tree.map(lambda a: a.astype(jnp.float64), (params, draw(5, 6, seed=3)))
        lookup = cluster(dense, params, x, 3, 4, key=KEY)
        loss = lambda codebooks: jnp.sum(jnp.sin(lookup.apply(params, x, codebooks=codebooks)))
        slopes = jax.grad(loss)(lookup.codebooks)
        # Of the last layer no code changes with its codebook.
        last = lambda numbers: lookup.codebooks | {"v": Codebook(numbers[:3], numbers[3:])}
        numbers, h = jnp.concatenate(lookup.codebooks["v"]), 1e-6
        changes = [loss(last(numbers + h * e)) - loss(last(numbers - h * e)) for e in jnp.eye(7)]
        np.testing.assert_allclose(jnp.concatenate(slopes["v"]), jnp.stack(changes) / (2 * h), rtol=1e-6, atol=1e-8)
        # Straight through: the first layer sees the second one as a product with its weights.
        codes, c_w = lookup.codes["w"], lookup.codebooks["w"].weights
        hidden = jnp.tanh(keyed(lookup.codebooks["w"].inputs, x) @ c_w[codes] + params["b"])
        out = keyed(lookup.codebooks["v"].inputs, hidden) @ lookup.codebooks["v"].weights[lookup.codes["v"]]
        back = jnp.cos(out) @ lookup.codebooks["v"].weights[lookup.codes["v"]].T * (1 - hidden**2)
        by_weight = keyed(lookup.codebooks["w"].inputs, x).T @ back
        np.testing.assert_allclose(slopes["w"].weights, [jnp.sum(by_weight[codes == a]) for a in range(3)], rtol=1e-9)


def test_retraining_with_frozen_codes_lowers_the_loss():
    target = dense(PARAMS, X)
    lookup = cluster(dense, PARAMS, X, 4, 8, key=KEY)
    loss = lambda codebooks: jnp.mean((lookup.apply(PARAMS, X, codebooks=codebooks) - target) ** 2)
    tx = optax.adam(1e-2)

    def step(carry, _):
        codebooks, state = carry
        value, slope = jax.value_and_grad(loss)(codebooks)
        updates, state = tx.update(slope, state)
        return (optax.apply_updates(codebooks, updates), state), value

    scaled = {name: one._replace(weights=1.3 * one.weights) for name, one in lookup.codebooks.items()}
    (trained, _), losses = jax.jit(lambda start: lax.scan(step, start, length=100))((scaled, tx.init(scaled)))
    assert losses[0] > loss(lookup.codebooks) > losses[-1]
    kept = eqx.tree_at(lambda one: one.codebooks, lookup, trained)
    assert float(jnp.mean((kept.apply(PARAMS, X) - target) ** 2)) == pytest.approx(float(losses[-1]), rel=0.1)


def test_other_weights_are_encoded_by_the_same_codebooks():
    lookup = cluster(dense, PARAMS, X, 8, 6, key=KEY)
    other = jax.tree.map(lambda a: 0.5 * a, PARAMS)
    encoded = lookup.encode(other)
    keys = lookup.codebooks["w"].weights
    np.testing.assert_array_equal(keys[encoded.codes["w"]], keyed(keys, other["w"]))
    assert eqx.tree_equal(lookup.encode(PARAMS).codes, lookup.codes)


def test_activations_are_tables_at_the_nearest_key():
    lookup = cluster(dense, PARAMS, X, 8, 6, 5, key=KEY)
    (w, x), (v, h), keys = lookup.codebooks["w"], lookup.codebooks["v"], lookup.activations["tanh_0"]
    assert keys.shape == (5,)
    before = keyed(x, X) @ keyed(w, PARAMS["w"]) + PARAMS["b"]
    expected = keyed(h, jnp.tanh(keyed(keys, before))) @ keyed(v, PARAMS["v"])
    np.testing.assert_allclose(lookup.apply(PARAMS, X), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(lookup.apply(PARAMS, X, counting=True), expected, rtol=1e-5, atol=1e-5)
    inertia = np.sum((keyed(keys, X @ PARAMS["w"] + PARAMS["b"]) - (X @ PARAMS["w"] + PARAMS["b"])) ** 2)
    best = mj.lookup.kmeans(X @ PARAMS["w"] + PARAMS["b"], 5, KEY)
    assert inertia <= 1.02 * np.sum((keyed(best, X @ PARAMS["w"] + PARAMS["b"]) - (X @ PARAMS["w"] + PARAMS["b"])) ** 2)


def test_activations_in_loops_share_a_table_and_those_without_a_number_are_exact():
    fn, params, x = PROGRAMS["loop"]
    exact = cluster(fn, params, x, 4, 3, key=KEY)
    assert exact.activations == {}
    fine = cluster(fn, params, x, 4, 3, 300, key=KEY)
    assert {name: keys.shape for name, keys in fine.activations.items()} == {"relu_0": (300,)}
    twice = lambda params, x: jax.nn.sigmoid(fn(params, x))
    assert list(cluster(twice, params, x, 4, 3, {"logistic_*": 4}, key=KEY).activations) == ["logistic_0"]


def test_pooling_of_codes_is_coding_of_what_is_pooled():
    x = draw(2, 8, 8, 3)
    keys = jnp.asarray(mj.lookup.kmeans(x, 9, KEY), jnp.float32)
    code = lambda x: jnp.argmin(jnp.abs(x[..., None] - keys), axis=-1)
    pool = lambda x, least: lax.reduce_window(x, least, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    np.testing.assert_array_equal(pool(code(x), 0), code(pool(x, -jnp.inf)))
    # An average is a count of codes: the table of a row of equal weights.
    mean = lambda params, x: lax.conv_general_dilated(
        x, params, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=3
    )
    kernel = jnp.full((2, 2, 1, 3), 0.25)
    averaged = cluster(mean, kernel, x, 1, 9, key=KEY)
    keys = averaged.codebooks[""].inputs
    expected = lax.reduce_window(keyed(keys, x), 0.0, lax.add, (1, 2, 2, 1), (1, 1, 1, 1), "VALID") / 4
    np.testing.assert_allclose(averaged.apply(kernel, x, counting=True), expected, atol=1e-6)


def test_numbers_by_layer_and_layers_that_stay_digital():
    lookup = calibrate(dense, PARAMS, X, select=lambda name: name == "v").cluster({"v": 5}, {"*": 3}, key=KEY)
    assert {name: (c.weights.size, c.inputs.size) for name, c in lookup.codebooks.items()} == {"v": (5, 3)}
    hidden = jnp.tanh(X @ PARAMS["w"] + PARAMS["b"])
    c = lookup.codebooks["v"]
    np.testing.assert_allclose(
        lookup.apply(PARAMS, X), keyed(c.inputs, hidden) @ keyed(c.weights, PARAMS["v"]), atol=1e-5
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(weights=25), "weights must be at most the numbers that 'v' has of them, 24, got 25"),
        (dict(inputs=13, data=X[:1]), "inputs must be at most the numbers that 'w' has of them, 12, got 13"),
        (dict(data=X.at[0].set(jnp.nan)), "data must be finite"),
        (dict(params=PARAMS | {"w": PARAMS["w"] / 0.0}), "params must be finite"),
        (dict(weights={"z": 2}), r"weights must have patterns that match one of \['w', 'v'\], got 'z'"),
        (dict(inputs={"w": 2}), "inputs must have a number for every layer, got none for 'v'"),
        (dict(activations=401), "activations must be at most the numbers that 'tanh_0' has of them, 400, got 401"),
        (dict(activations={"relu_0": 3}), r"activations must have patterns that match one of \['tanh_0'\]"),
        (dict(inputs=0), "inputs must be in"),
        (dict(data=X[:0]), r"data must hold numbers, got an array of shape \(0, 12\)"),
        (dict(fn=lambda params, x: x), "params must hold weights that fn multiplies with data"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        cluster(**{"fn": dense, "params": PARAMS, "data": X, "weights": 4, "inputs": 4, "key": KEY} | arguments)


def test_layer_that_no_data_reaches_is_named():
    with pytest.raises(ValueError, match="data must be finite in all layers, got NaN or infinite values at 'v'"):
        cluster(lambda params, x: jnp.log(-(x**2)) @ params["v"], PARAMS, X[:, :8], 4, 4, key=KEY)
    fn = lambda params, x: lax.cond(x[0, 0] > 1e3, lambda: x @ params["w"], lambda: x @ params["u"])
    with pytest.raises(ValueError, match="data must reach every layer, got none at 'w'"):
        cluster(fn, {"u": draw(12, 8), "w": draw(12, 8, seed=1)}, X, 4, 4, key=KEY)


def test_what_has_no_numbers_and_codes_of_another_network_are_refused():
    with pytest.raises(TypeError, match="outside of jit"):
        jax.jit(lambda x: cluster(dense, PARAMS, x, 4, 4, key=KEY))(X)
    for data in (1.0, "x", (), np.array([1j]), np.array(["a"])):
        with pytest.raises(TypeError, match="data must be an array"):
            cluster(dense, PARAMS, data, 4, 4, key=KEY)
    lookup = cluster(dense, PARAMS, X, 4, 4, key=KEY)
    with pytest.raises(ValueError, match="params must have the layers of the codes"):
        lookup.apply(PARAMS | {"w": draw(11, 8)}, X[:, :11])
    with pytest.raises(ValueError, match=r"codebooks\['w'\] must be a Codebook of the shapes"):
        lookup.apply(PARAMS, X, codebooks=lookup.codebooks | {"w": Codebook(jnp.ones(3), jnp.ones(4))})
