"""The experiment on wires: remedies at one point each."""

import jax
import numpy as np
import wires
import xarray
from flax import nnx

import memjax as mj


class Tiny(nnx.Module):
    """One dense layer whose classes are told apart by a sum."""

    def __init__(self, rngs: nnx.Rngs):
        self.layer = nnx.Linear(48, 3, use_bias=False, rngs=rngs)

    def __call__(self, x):
        return self.layer(x.reshape(len(x), -1))


def test_wires_cost_accuracy_that_predistortion_gives_back():
    model = Tiny(nnx.Rngs(0))
    images = jax.random.uniform(jax.random.key(0), (300, 48))
    labels = model(images).argmax(-1)
    case = mj.study.Case(*mj.study.as_function(model), images, labels)
    agreement = {}
    for remedy in ("none", "predistortion"):
        accuracy = jax.jit(wires.experiment(case, 64, remedy))
        agreement[remedy] = [float(accuracy(jax.random.key(1), ohm)["accuracy"]) for ohm in (0.0, 6.0)]
    assert min(agreement["none"][0], *agreement["predistortion"]) > 0.9
    assert agreement["none"][1] < agreement["predistortion"][1] - 0.02


def test_figure_has_a_panel_for_each_remedy():
    values = np.random.default_rng(0).random((2, 3, 2, 4))
    coordinates = {"tile": [32, 64], "remedy": ["none", "gain", "both"], "ohm": [0.0, 1.0]}
    found = xarray.DataArray(values, coordinates, ("tile", "remedy", "ohm", "sample"))
    figure = wires.figure(found, 0.9, "a")
    assert [ax.get_title(loc="left") for ax in figure.axes] == [f"Remedy: {r}" for r in coordinates["remedy"]]
