"""The trained networks that several experiments put on chips, with their data sets."""

import networks
from flax import nnx

import memjax as mj


def trained(dataset: str) -> tuple[nnx.Module, mj.data.Dataset]:
    """(network in evaluation mode, data): the quickstart's for digits, trained here; else Souto Garnelo et al.'s."""
    data = mj.data.load(dataset)
    model = mj.study.train(data) if dataset == "digits" else networks.load(dataset)[0]
    model.eval()
    return model, data


def case(dataset: str, images: int) -> mj.study.Case:
    """The network with the first so many test images."""
    model, data = trained(dataset)
    return mj.study.Case(*mj.study.as_function(model), data.test_images[:images], data.test_labels[:images])
