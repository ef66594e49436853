"""Data sets prepared by TensorFlow Datasets, read through its random-access files: no TensorFlow."""

import contextlib
import io
import logging
import os
from typing import Any

import numpy as np

from memjax.data import _cache
from memjax.data._dataset import Dataset

NAMES = ("mnist", "fashion_mnist", "cifar10", "cifar100")


def load(name: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """See `memjax.data.load`."""
    builder, prepare = _prepared(name, data_dir)

    def decode():
        try:
            return _decode(builder)
        except Exception as error:  # array_record, protobuf and pillow each raise their own
            reason = " ".join(str(error).split())
            raise OSError(
                f"data set {name!r} in {builder.data_dir} cannot be read ({reason}); "
                f"remove that folder and prepare it with: {prepare}"
            ) from error

    arrays = _cache.arrays(f"{name}-{builder.version}", str(builder.data_dir), decode)
    return Dataset(
        name=name,
        classes=tuple(builder.info.features["label"].names),
        train_images=arrays["train_images"].astype(np.float32) / np.float32(255),
        train_labels=arrays["train_labels"],
        test_images=arrays["test_images"].astype(np.float32) / np.float32(255),
        test_labels=arrays["test_labels"],
    )


def locate(name: str, data_dir: str | os.PathLike | None = None) -> str:
    """See `memjax.data.locate`."""
    return str(_prepared(name, data_dir)[0].data_dir)


def _prepared(name: str, data_dir: str | os.PathLike | None) -> tuple[Any, str]:
    """The builder of a data set that is there in the right format, and the command that would prepare it."""
    builder = _builder(name, data_dir)
    prepare = _command(name, data_dir)
    with _quiet():
        prepared = builder.is_prepared()
    if not prepared:
        raise FileNotFoundError(f"data set {name!r} is not in {builder.data_dir_root}; prepare it with: {prepare}")
    if (written := builder.info.file_format.value) != "array_record":
        raise FileNotFoundError(
            f"data set {name!r} in {builder.data_dir} is in {written} format, which needs TensorFlow; "
            f"remove that folder and prepare it with: {prepare}"
        )
    return builder, prepare


def _builder(name: str, data_dir: str | os.PathLike | None) -> Any:
    try:
        import array_record  # noqa: F401  -- imported late and with a longer message by tensorflow_datasets
        import PIL.Image  # noqa: F401
        import platformdirs  # noqa: F401
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            f'data set {name!r} needs packages that are not installed ({error}): pip install "memjax[data]"'
        ) from error
    with _quiet():
        # TensorFlow Datasets reads the variable once, when it is imported.
        folder = os.environ.get("TFDS_DATA_DIR") or None if data_dir is None else os.fspath(data_dir)
        return tfds.builder(name, data_dir=folder)


@contextlib.contextmanager
def _quiet():
    """TensorFlow Datasets logs a warning about a folder that is not there; our own error says it better."""
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _command(name: str, data_dir: str | os.PathLike | None) -> str:
    """The shell command that downloads the data set and writes it in the format read here."""
    folder = "" if data_dir is None else f", data_dir='{os.fspath(data_dir)}'"
    return (
        'python -c "import tensorflow_datasets as tfds; '
        f"tfds.builder('{name}'{folder}, file_format='array_record').download_and_prepare()\""
    )


def _decode(builder) -> dict[str, np.ndarray]:
    """All images uint8 `[N, height, width, channels]` and labels int32 `[N]` of both splits."""
    import PIL.Image
    import tensorflow_datasets as tfds

    arrays = {}
    for split in ("train", "test"):
        # The encoded bytes: decoding them here is twice as fast as example by example in the library.
        source = builder.as_data_source(split=split, decoders={"image": tfds.decode.SkipDecoding()})
        examples = source.__getitems__(range(len(source)))
        images = np.stack([np.asarray(PIL.Image.open(io.BytesIO(example["image"]))) for example in examples])
        arrays[f"{split}_images"] = images.reshape(*images.shape[:3], -1)
        arrays[f"{split}_labels"] = np.array([example["label"] for example in examples], np.int32)
    return arrays
