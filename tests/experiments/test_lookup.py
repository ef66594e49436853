"""The experiment on look-up networks, on one small layer."""

from types import SimpleNamespace

import jax
import lookup
import numpy as np
import pytest
from flax import nnx


class Tiny(nnx.Module):
    """One dense layer whose classes are told apart by a sum."""

    def __init__(self, rngs: nnx.Rngs):
        self.layer = nnx.Linear(16, 3, rngs=rngs)

    def __call__(self, x):
        return self.layer(x.reshape(len(x), -1))


@pytest.fixture(scope="module")
def found():
    model = Tiny(nnx.Rngs(0))
    images = np.asarray(jax.random.normal(jax.random.key(0), (200, 4, 4, 1)))
    labels = np.asarray(model(images).argmax(-1))
    data = SimpleNamespace(train_images=images, train_labels=labels, test_images=images, test_labels=labels)
    return lookup.measure(model, data, 200, (2, 16), 2, 1, 150)


def test_more_codes_and_training_of_few_agree_better_with_the_digital_network(found):
    assert found.digital == 1.0
    few, many = (found.accuracy.loc[k, k].mean() for k in (2, 16))
    assert few < many - 0.05
    assert many > 0.9
    assert few - 0.02 < found.accuracy.loc[16, 2].mean() < many  # either codebook takes its part
    assert found.retrained.loc[2, 0] >= found.accuracy.loc[2, 2, 0]


def test_table_figure_and_claims_hold_every_point(found):
    rows = lookup.table(found).splitlines()
    assert rows[0].startswith("weights,inputs,retrained,mean")
    assert [row.rsplit(",", 4)[0] for row in rows[1:]] == [
        "2,2,False", "2,16,False", "16,2,False", "16,16,False", "2,2,True", "16,16,True"
    ]  # fmt: skip
    assert lookup.claims(found).count("confirmed") == 2
    assert list(np.diff(found.energy) > 0) == [True]
    (ax,) = lookup.figure(found, "tiny").axes
    assert len(ax.containers) == 4
