import numpy as np
import pytest

from memjax import data


def test_digits_have_the_documented_form():
    digits = data.load("digits")
    assert digits.train_images.shape == (1437, 8, 8, 1)
    assert digits.test_images.shape == (360, 8, 8, 1)
    for images, labels in ((digits.train_images, digits.train_labels), (digits.test_images, digits.test_labels)):
        assert images.dtype == np.float32
        assert labels.dtype == np.int32
        assert images.min() == 0
        assert images.max() == 1
        assert labels.shape == images.shape[:1]
    assert digits.classes == tuple("0123456789")
    assert repr(digits) == "Dataset('digits': 1437 training and 360 test images of 8×8×1, 10 classes)"


def test_digits_are_split_into_all_of_the_original_images():
    from sklearn.datasets import load_digits

    digits, original = data.load("digits"), load_digits()
    together = np.concatenate([digits.train_images, digits.test_images])[..., 0] * 16
    assert sorted(map(bytes, together.astype(np.uint8))) == sorted(map(bytes, original.images.astype(np.uint8)))
    # Every class gives its share to the test part, to within one image.
    share = np.bincount(original.target) * 360 / 1797
    assert np.all(np.abs(np.bincount(digits.test_labels) - share) < 1)


def test_digits_are_the_same_at_every_call():
    first, second = data.load("digits"), data.load("digits")
    np.testing.assert_array_equal(first.test_images, second.test_images)
    np.testing.assert_array_equal(first.train_labels, second.train_labels)


@pytest.mark.parametrize("name", ["imagenet", "MNIST", "", None, 3])
def test_an_unknown_name_is_named_with_the_known_ones(name):
    with pytest.raises(ValueError, match=r"name must be one of digits, mnist, .*cifar100; got ") as error:
        data.load(name)
    assert repr(name) in str(error.value)
