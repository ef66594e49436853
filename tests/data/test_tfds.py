"""The loader of data sets prepared by TensorFlow Datasets, on tiny sets written here in their format."""

import ast
import pathlib
import sys

import numpy as np
import pytest

from memjax import data
from memjax.data import _cache

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("array_record")
PIL_Image = pytest.importorskip("PIL.Image")

SIZES = {"train": 23, "test": 7}


def write_set(folder: pathlib.Path, name: str, version: str, shape: tuple[int, int, int], seed: int = 0):
    """Writes a data set of random images under a built-in name; returns the uint8 images and labels by split."""
    rng = np.random.default_rng(seed)
    splits = {s: (rng.integers(0, 256, (n, *shape), np.uint8), rng.integers(0, 10, n)) for s, n in SIZES.items()}

    class Tiny(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version(version)

        def __init__(self, **kwargs):
            self.name = name
            super().__init__(**kwargs)

        def _info(self):
            image = tfds.features.Image(shape=shape, dtype=np.uint8, encoding_format="png")
            label = tfds.features.ClassLabel(num_classes=10)
            features = tfds.features.FeaturesDict({"image": image, "label": label})
            return tfds.core.DatasetInfo(builder=self, description="random", features=features)

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in splits}

        def _generate_examples(self, split):
            for i, (image, label) in enumerate(zip(*splits[split], strict=True)):
                yield i, {"image": PIL_Image.fromarray(image.squeeze()), "label": int(label)}

    Tiny(data_dir=folder, file_format="array_record").download_and_prepare()
    return splits


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setattr(_cache, "_folder", lambda: folder)
    return folder


@pytest.fixture
def tiny_mnist(tmp_path):
    return write_set(tmp_path / "sets", "mnist", "3.0.1", (28, 28, 1))


def no_decoding(monkeypatch):
    def fail(builder):
        raise AssertionError("decoded although it is cached")

    monkeypatch.setattr("memjax.data._tfds._decode", fail)


def assert_same(dataset: data.Dataset, splits):
    """The same pairs of image and label; TensorFlow Datasets shuffles them when it writes them."""
    for split, (images, labels) in splits.items():
        found_images, found_labels = getattr(dataset, f"{split}_images"), getattr(dataset, f"{split}_labels")
        assert found_images.dtype == np.float32
        assert found_labels.dtype == np.int32
        assert found_images.shape == images.shape
        found = np.rint(found_images * 255).astype(np.uint8)
        np.testing.assert_allclose(found_images * 255, found, atol=1e-4)
        pairs = sorted((bytes(image), int(label)) for image, label in zip(found, found_labels, strict=True))
        assert pairs == sorted((bytes(image), int(label)) for image, label in zip(images, labels, strict=True))


@pytest.mark.parametrize(
    ("name", "version", "shape"),
    [("mnist", "3.0.1", (28, 28, 1)), ("fashion_mnist", "3.0.1", (28, 28, 1)), ("cifar10", "3.0.2", (32, 32, 3))],
)
def test_images_and_labels_come_back_as_written(tmp_path, name, version, shape):
    splits = write_set(tmp_path / "sets", name, version, shape)
    dataset = data.load(name, data_dir=tmp_path / "sets")
    assert dataset.name == name
    assert len(dataset.classes) == 10
    assert_same(dataset, splits)
    assert "tensorflow" not in sys.modules


def test_the_second_load_comes_from_the_cache(tmp_path, tiny_mnist, cache, monkeypatch):
    first = data.load("mnist", data_dir=tmp_path / "sets")
    assert [path.suffix for path in cache.iterdir()] == [".npz"]
    no_decoding(monkeypatch)
    second = data.load("mnist", data_dir=tmp_path / "sets")
    np.testing.assert_array_equal(first.train_images, second.train_images)
    np.testing.assert_array_equal(first.test_labels, second.test_labels)


@pytest.mark.parametrize("damage", ["empty", "half", "one byte", "not an archive"])
def test_a_damaged_cache_is_built_anew(tmp_path, tiny_mnist, cache, monkeypatch, damage):
    data.load("mnist", data_dir=tmp_path / "sets")
    (path,) = cache.iterdir()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 1
    damaged = {"empty": b"", "half": content[:middle], "one byte": content, "not an archive": b"x" * 1000}[damage]
    path.write_bytes(damaged)
    assert_same(data.load("mnist", data_dir=tmp_path / "sets"), tiny_mnist)
    no_decoding(monkeypatch)
    assert_same(data.load("mnist", data_dir=tmp_path / "sets"), tiny_mnist)


def test_a_set_prepared_anew_is_not_taken_from_the_cache(tmp_path, tiny_mnist):
    import shutil

    data.load("mnist", data_dir=tmp_path / "sets")
    shutil.rmtree(tmp_path / "sets")
    other = write_set(tmp_path / "sets", "mnist", "3.0.1", (28, 28, 1), seed=1)
    assert_same(data.load("mnist", data_dir=tmp_path / "sets"), other)


def test_sets_of_two_folders_do_not_share_a_cache(tmp_path, tiny_mnist):
    other = write_set(tmp_path / "other", "mnist", "3.0.1", (28, 28, 1), seed=1)
    assert_same(data.load("mnist", data_dir=tmp_path / "sets"), tiny_mnist)
    assert_same(data.load("mnist", data_dir=tmp_path / "other"), other)
    assert_same(data.load("mnist", data_dir=tmp_path / "sets"), tiny_mnist)


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, tiny_mnist, cache, monkeypatch):
    def interrupted(file, **arrays):
        file.write(b"PK")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", interrupted)
        with pytest.raises(KeyboardInterrupt):
            data.load("mnist", data_dir=tmp_path / "sets")
    assert list(cache.iterdir()) == []
    assert_same(data.load("mnist", data_dir=tmp_path / "sets"), tiny_mnist)


def test_a_cache_that_cannot_be_written_only_warns(tmp_path, tiny_mnist, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(_cache, "_folder", lambda: tmp_path / "file" / "cache")
    with pytest.warns(UserWarning, match="cannot keep decoded images"):
        dataset = data.load("mnist", data_dir=tmp_path / "sets")
    assert_same(dataset, tiny_mnist)


def test_a_missing_set_names_the_command_that_prepares_it(tmp_path, capfd):
    with pytest.raises(FileNotFoundError) as error:
        data.load("cifar100", data_dir=tmp_path)
    message = str(error.value)
    assert "\n" not in message
    assert str(tmp_path) in message
    command = message.split("prepare it with: ")[1]
    assert command == (
        'python -c "import tensorflow_datasets as tfds; '
        f"tfds.builder('cifar100', data_dir='{tmp_path}', file_format='array_record').download_and_prepare()\""
    )
    compile(command.split('"')[1], "command", "exec")
    assert capfd.readouterr().err == ""


def test_the_command_of_a_missing_set_makes_a_builder_of_the_format_read_here(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        data.load("mnist", data_dir=tmp_path)
    expression = str(error.value).split("tfds; ")[1].removesuffix('.download_and_prepare()"')
    call = ast.parse(expression, mode="eval").body  # its arguments are plain text
    assert isinstance(call, ast.Call)
    assert ast.unparse(call.func) == "tfds.builder"
    options = {option.arg: ast.literal_eval(option.value) for option in call.keywords}
    builder = tfds.builder(*map(ast.literal_eval, call.args), **options)
    assert builder.info.file_format.value == "array_record"
    assert pathlib.Path(builder.data_dir).parent.parent == tmp_path


@pytest.mark.parametrize("damage", ["missing", "half"])
def test_a_damaged_set_says_so_in_one_line(tmp_path, tiny_mnist, damage):
    (shard,) = (tmp_path / "sets").rglob("*train*")
    content = shard.read_bytes()
    shard.unlink()
    if damage == "half":
        shard.write_bytes(content[: len(content) // 2])
    with pytest.raises(OSError, match="data set 'mnist' in .* cannot be read .*prepare it with: python") as error:
        data.load("mnist", data_dir=tmp_path / "sets")
    assert "\n" not in str(error.value)


def test_a_set_in_another_format_says_what_to_do(tmp_path, tiny_mnist):
    (info,) = (tmp_path / "sets").rglob("dataset_info.json")
    info.write_text(info.read_text().replace('"array_record"', '"tfrecord"'))
    with pytest.raises(FileNotFoundError, match="in tfrecord format, which needs TensorFlow; remove that folder"):
        data.load("mnist", data_dir=tmp_path / "sets")


@pytest.mark.parametrize("package", ["tensorflow_datasets", "array_record", "PIL.Image", "platformdirs"])
def test_a_missing_package_names_the_extra(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r'pip install "memjax\[data\]"'):
        data.load("mnist")


def test_real_mnist():
    try:
        mnist = data.load("mnist")
    except FileNotFoundError:
        pytest.skip("MNIST has not been prepared on this machine")
    assert mnist.train_images.shape == (60_000, 28, 28, 1)
    assert mnist.test_images.shape == (10_000, 28, 28, 1)
    assert (mnist.train_images.min(), mnist.train_images.max()) == (0, 1)
    # Known facts of the set: mean and standard deviation of its pixels, and its images per class.
    np.testing.assert_allclose(mnist.train_images.mean(dtype=np.float64), 0.1307, atol=1e-4)
    np.testing.assert_allclose(mnist.train_images.std(dtype=np.float64), 0.3081, atol=1e-4)
    assert np.bincount(mnist.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
