from typing import Any

import numpy as np

from memjax.data._dataset import Dataset


def load() -> Dataset:
    """The 1797 handwritten digits that come with scikit-learn: 8×8 pixels of 17 grey levels.

    Every class gives a fifth of its images, always the same ones, to the test part: 360 in all.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits: Any = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[..., None]
    labels = digits.target.astype(np.int32)
    parts: list[Any] = train_test_split(images, labels, test_size=360, random_state=0, stratify=labels)
    train_images, test_images, train_labels, test_labels = parts
    classes = tuple(map(str, digits.target_names))
    return Dataset("digits", classes, train_images, train_labels, test_images, test_labels)
