import importlib.util
import os
import pathlib

from memjax import _check
from memjax.data import _digits, _tfds
from memjax.data._dataset import Dataset

NAMES = ("digits", *_tfds.NAMES)


def load(name: str = "digits", data_dir: str | os.PathLike | None = None) -> Dataset:
    """Loads an image data set.

    `digits` (8×8 grey, 10 classes) comes with scikit-learn and is always there. `mnist` and `fashion_mnist` (28×28
    grey), `cifar10` and `cifar100` (32×32 colour) are read from what TensorFlow Datasets has prepared on this machine;
    nothing is ever downloaded here. TensorFlow is not needed. Their decoded images are cached in the user's cache
    folder, so that only the first call takes seconds.

    Args:
        name: one of `memjax.data.NAMES`.
        data_dir: the folder of TensorFlow Datasets; its own default (`$TFDS_DATA_DIR` or `~/tensorflow_datasets`) if
            None. Not used by `digits`.

    Returns:
        A `Dataset`: images float32 `[N, height, width, channels]` in [0, 1], labels int32 `[N]`. The same arrays at
        every call, in the same order.

    Raises:
        ValueError: the name is not known.
        FileNotFoundError: the data set has not been prepared; the message has the command that does it.
        ImportError: the packages of `pip install "memjax[data]"` are missing.

    Example:
        ```python
        import memjax as mj

        digits = mj.data.load("digits")
        print(digits.train_images.shape, digits.test_labels[:5])
        ```
    """
    _known(name)
    return _digits.load() if name == "digits" else _tfds.load(name, data_dir)


def locate(name: str = "digits", data_dir: str | os.PathLike | None = None) -> pathlib.Path:
    """The folder from which `load` reads a data set; its images are not read.

    Args:
        name, data_dir: as in `load`.

    Raises: as `load`, with the same messages.

    Example:
        >>> import memjax as mj
        >>> mj.data.locate("digits").name
        'sklearn'
    """
    _known(name)
    if name != "digits":
        return pathlib.Path(_tfds.locate(name, data_dir))
    found = importlib.util.find_spec("sklearn")  # importing it takes a second
    if found is None or not found.submodule_search_locations:
        raise ImportError("data set 'digits' needs scikit-learn: pip install \"scikit-learn>=1.6\"")
    return pathlib.Path(found.submodule_search_locations[0])


def _known(name: str) -> None:
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}; got {_check.shown(name)}")
