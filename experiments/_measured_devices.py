"""The stated model behind the generated files of `measured_devices.py`, and the small networks that it deploys."""

import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import memjax as mj


class Model(NamedTuple):
    """Cells whose files are generated; nothing here was measured.

    Level i of L lies evenly between 1 / r_off and 1 / r_on. A write of cell c ends at g_i exp(s_i (a z_c + b z)) with
    z_c, z normal, a^2 the share between cells, b^2 = 1 - a^2, and s_i falling linearly from the HRS to the LRS. Stuck
    cells stay at the lowest or highest level with a tenth of the spread. I = G v sinh(k V) / sinh(k v), v = v_read.
    """

    cells: int = 400
    repeats: int = 5
    levels: int = 8
    r_on: float = 10e3  # ohm
    r_off: float = 500e3  # ohm
    spread_hrs: float = 0.5  # standard deviation of ln G
    spread_lrs: float = 0.1
    between: float = 0.5  # share of the variance of ln G
    in_lrs: float = 0.01  # share of the cells
    in_hrs: float = 0.04
    k: float = 3.0  # 1/V
    v_read: float = 0.1  # V
    v_max: float = 0.3  # V
    current_noise: float = 0.01  # relative to the current


def generate(model: Model, folder: pathlib.Path, seed: int) -> None:
    """Writes writes.csv (cell, level, conductance) and curves.csv (cell, voltage, current)."""
    rng = np.random.default_rng(seed)
    g = np.linspace(1 / model.r_off, 1 / model.r_on, model.levels)
    spread = np.linspace(model.spread_hrs, model.spread_lrs, model.levels)
    cell, level, _ = (
        axis.ravel() for axis in np.meshgrid(*map(range, (model.cells, model.levels, model.repeats)), indexing="ij")
    )
    kind = rng.choice(3, model.cells, p=[1 - model.in_lrs - model.in_hrs, model.in_lrs, model.in_hrs])[cell]
    at = np.select([kind == 1, kind == 2], [model.levels - 1, 0], level)
    z = np.sqrt(model.between) * rng.normal(size=model.cells)[cell]
    z += np.sqrt(1 - model.between) * rng.normal(size=cell.shape)
    conductance = g[at] * np.exp(np.where(kind > 0, 0.1, 1.0) * spread[at] * z)
    writes = "cell,level,conductance\n" + "".join(
        f"{c},{i},{s:.6e}\n" for c, i, s in zip(cell, level, conductance, strict=True)
    )
    voltage = np.linspace(-model.v_max, model.v_max, 25)
    shape = model.v_read * np.sinh(model.k * voltage) / np.sinh(model.k * model.v_read)
    curves = "cell,voltage,current\n"
    for number, state in enumerate(np.tile(g, 5)):
        current = state * shape * (1 + model.current_noise * rng.normal(size=shape.shape))
        curves += "".join(f"{number},{v:.4f},{i:.6e}\n" for v, i in zip(voltage, current, strict=True))
    mj.study.write(folder, {"writes.csv": writes, "curves.csv": curves})


def forward(params: Any, x: jax.Array) -> jax.Array:
    """Logits of a network of one hidden layer."""
    hidden = jax.nn.sigmoid(x.reshape(len(x), -1) @ params["w1"] + params["b1"])
    return hidden @ params["w2"] + params["b2"]


def train(data: mj.data.Dataset, hidden: int, seed: int, epochs: int, batch: int = 100) -> Any:
    """A trained network, by Adam."""
    inputs, classes = int(np.prod(data.train_images.shape[1:])), int(data.train_labels.max()) + 1
    one, two = jax.random.split(jax.random.key(seed))
    normal = jax.nn.initializers.glorot_normal()
    params = {
        "w1": normal(one, (inputs, hidden)),
        "b1": jnp.zeros(hidden),
        "w2": normal(two, (hidden, classes)),
        "b2": jnp.zeros(classes),
    }
    tx = optax.adam(3e-3)

    @jax.jit
    def step(params, state, x, y):
        loss = lambda params: optax.softmax_cross_entropy_with_integer_labels(forward(params, x), y).mean()
        updates, state = tx.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    state, rng = tx.init(params), np.random.default_rng(seed)
    for _ in range(epochs):
        for pick in rng.permutation(len(data.train_labels))[: len(data.train_labels) // batch * batch].reshape(
            -1, batch
        ):
            params, state = step(params, state, data.train_images[pick], data.train_labels[pick])
    return params
