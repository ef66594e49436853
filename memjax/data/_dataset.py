import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Labelled images, split once and for all into a training and a test part.

    Attributes:
        name: what `memjax.data.load` was asked for.
        classes: the names of the classes; a label is an index into them.
        train_images: float32 `[N, height, width, channels]` in [0, 1].
        train_labels: int32 `[N]`.
        test_images: float32 `[M, height, width, channels]` in [0, 1].
        test_labels: int32 `[M]`.
    """

    name: str
    classes: tuple[str, ...]
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.train_images.shape[1:]))
        sizes = f"{len(self.train_labels)} training and {len(self.test_labels)} test images"
        return f"Dataset({self.name!r}: {sizes} of {shape}, {len(self.classes)} classes)"
