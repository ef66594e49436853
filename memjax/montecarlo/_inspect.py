"""What is in a store of a sweep: everything is read and compared with its checksum."""

import contextlib
import json
import os
import pathlib
from typing import NamedTuple

import numpy as np

from memjax.montecarlo import _layout
from memjax.montecarlo._layout import ABOUT, BATCHES, About


class State(NamedTuple):
    """What is in a store, found by reading all of it."""

    batches: int
    """Of the whole sweep; 0 where the file that says so is damaged."""
    whole: int
    """Batches that are there and fit their checksums."""
    finished: bool
    """Whether the labelled result has been written."""
    damage: dict[str, str]
    """File, relative to the store -> what is wrong with it."""


def verify(store: str | os.PathLike) -> State:
    """Read a store of `sweep` and compare everything in it with its checksums. Nothing is written.

    Args:
        store: its path.

    Returns: how many batches are there, whether the sweep is finished, and every file that is damaged or missing. The
        same call of `sweep` computes damaged batches again.

    Raises: FileNotFoundError; ValueError for what is no store of a sweep.
    """
    path = real(store)
    try:
        found = about(path)
    except Damage as damage:
        return State(0, 0, False, {damage.file: damage.reason})
    if found is None:
        raise FileNotFoundError(f"store {str(path)!r} is not there")
    done, damage = inspect(path, found)
    return State(found.batches, int(done.sum()), found.finished, damage)


def batch_size(path: str | os.PathLike, asked: int | None) -> int | None:
    """That of the store at a path, or None where there is none.

    Args:
        path: of the store.
        asked: what to take where the store is too damaged to tell.

    Raises: ValueError where something else is.
    """
    path = real(path)
    try:
        found = about(path)
        return None if found is None else found.size
    except Damage as damage:
        for metadata in (path / BATCHES / "values").glob("*/zarr.json"):
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
                size = int(json.loads(metadata.read_bytes())["chunk_grid"]["configuration"]["chunk_shape"][0])
                if size >= 1:
                    return size
        if asked is None:
            raise damage.error("give its batch_size, or remove it") from None
        return asked


class Damage(Exception):
    """A file that is not as it was written."""

    def __init__(self, path: pathlib.Path, file: str, reason: str):
        super().__init__(file, reason)
        self.path, self.file, self.reason = path, file, reason

    def error(self, cure: str) -> ValueError:
        return ValueError(f"store {str(self.path)!r} is damaged: {self.file} {self.reason}: {cure}")


def real(path: str | os.PathLike) -> pathlib.Path:
    """The path without links, so that one store has one name.

    Raises: TypeError and ValueError for what is no path.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"store must be a path, got {path!r}")
    try:
        if not os.fspath(path):
            raise ValueError("it is empty")
        return pathlib.Path(path).resolve()
    except (ValueError, RuntimeError) as error:  # of zeros in it, of links in a circle
        raise ValueError(f"store must be a path, got {os.fspath(path)!r}: {error}") from error


def inspect(path: pathlib.Path, about: About) -> tuple[np.ndarray, dict[str, str]]:
    """Which batches are whole `[batches]`, and file -> reason of everything that is not as it was written."""
    done, damage = np.zeros(about.batches, bool), {}
    for file, wanted in about.files.items():
        content = read(path / file)
        if isinstance(content, str):
            damage[file] = content
        elif _layout.checksum(content) != wanted:
            damage[file] = "does not fit its checksum"
    for index in range(about.batches):
        if not about.finished and not (path / about.mark(index)).exists():
            continue  # not computed yet
        damaged = batch(path, about, index)[1]
        done[index] = not damaged
        damage |= damaged
    return done, damage


def batch(path: pathlib.Path, about: About, index: int) -> tuple[dict[str, bytes], dict[str, str]]:
    """The values of a batch by name, and file -> reason of those that are not as they were written."""
    mark = about.mark(index)
    sums = read(path / mark)
    if isinstance(sums, str):
        return {}, {mark: sums}
    if len(sums) != 8 * len(about.results):
        return {}, {mark: f"has {len(sums)} bytes, not {8 * len(about.results)}"}
    found, damage = {}, {}
    for place, name in enumerate(about.results):
        file, content = about.chunk(name, index), read(path / about.chunk(name, index))
        size = about.dtype(name).itemsize * int(np.prod(about.shape(name)))
        if isinstance(content, str):
            damage[file] = content
        elif len(content) != size:
            damage[file] = f"has {len(content)} bytes, not {size}"
        elif about.checksum(name, index, content) != sums[8 * place : 8 * place + 8]:
            damage[file] = f"does not fit its checksum in {mark}"
        else:
            found[name] = content
    return found, damage


def read(path: pathlib.Path) -> bytes | str:
    """Content of a file, or why there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def about(path: pathlib.Path) -> About | None:
    """What a store holds; None where nothing is.

    Raises: ValueError for what is no store of a sweep; Damage.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return None
    content = read(path / ABOUT)
    try:
        if isinstance(content, str):
            raise ValueError(content)
        return _layout.decode(content)
    except ValueError as error:
        if not any((path / BATCHES / part).is_dir() for part in ("values", "done")):
            raise ValueError(
                f"store must be the path of a sweep or a new one, got other data in {str(path)!r}"
            ) from None
        raise Damage(path, ABOUT, str(error)) from error
