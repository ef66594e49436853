"""The largest element of every input vector of a contraction."""

import itertools

import numpy as np
import pytest

from memjax.contraction import Convolution, Dot

CASES = {
    "strided and padded": {"strides": (2, 3), "padding": ((2, 1), (0, 3))},
    "dilated kernel": {"kernel_dilation": (2, 3)},
    "dilated data": {"data_dilation": (3, 2), "padding": ((1, 2), (3, 0)), "kernel_dilation": (1, 2)},
}


@pytest.mark.parametrize("name", CASES)
def test_of_a_convolution(name):
    """Of the window of every position, written out: zeros in the padding and between dilated elements."""
    options = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "data_dilation": (1, 1), "kernel_dilation": (1, 1)}
    options |= CASES[name]
    axes = {"data_axes": (0, 3, 1, 2), "weight_axes": (3, 2, 0, 1), "result_axes": (0, 3, 1, 2)}
    operation = Convolution((2, 6, 9, 3), (3, 2, 3, 4), **axes, **options)
    x = np.random.default_rng(0).uniform(size=operation.data_shape).astype(np.float32)
    (up, left), data, strides = options["data_dilation"], options["padding"], options["strides"]
    whole = np.zeros((2, 5 * up + 1, 8 * left + 1, 3), np.float32)
    whole[:, ::up, ::left] = x
    whole = np.pad(whole, ((0, 0), *data, (0, 0)))
    expected = np.zeros((2, *operation.space, 1), np.float32)
    for i, j in itertools.product(*map(range, operation.space)):
        for p, q in itertools.product(range(3), range(2)):
            row = i * strides[0] + p * options["kernel_dilation"][0]
            column = j * strides[1] + q * options["kernel_dilation"][1]
            largest = whole[:, row, column].max(-1, keepdims=True)
            expected[:, i, j] = np.maximum(expected[:, i, j], largest)
    assert len(np.unique(expected)) > 5
    np.testing.assert_array_equal(operation.peak(x), expected)


def test_of_a_product():
    x = np.random.default_rng(0).uniform(size=(5, 7)).astype(np.float32)
    np.testing.assert_array_equal(Dot((5, 7), (7, 3), (1,), (0,)).peak(x), x.max(-1, keepdims=True))
