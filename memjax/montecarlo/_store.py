"""A sweep on disk: whole batches with checksums, whatever happens; one writer at a time."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from memjax import _disk
from memjax.montecarlo import _inspect, _layout
from memjax.montecarlo._layout import ABOUT, BATCHES, About


@contextlib.contextmanager
def opened(path: str | os.PathLike, wanted: About) -> Iterator["Store"]:
    """The store of a sweep at a path, new or with what there is of it, for this process alone.

    Raises: ValueError for the store of another sweep, and for what is none; OSError where it cannot be written, or
        another process writes it.
    """
    path = _inspect.real(path)
    with _explained(f"store {str(path)!r} cannot be read"):
        found = Store.find(path, wanted) if _is_finished(path) else None
    if found is not None and found.complete:
        _tidy(path)
        yield found  # nothing is left to write: neither the lock nor leave to write is needed
        return
    with _explained(f"store must be a path that can be written, got {str(path)!r}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = contextlib.ExitStack()
        has_locks = lock.enter_context(_disk.locked(path))
    with lock:
        with _explained(f"store must be a path that can be written, got {str(path)!r}"):
            if has_locks:
                _clear(path)
            store = Store.find(path, wanted) or Store.create(path, wanted)
            store.mend()
        yield store


class Store:
    """Finished batches, each written whole and then marked as done."""

    def __init__(self, path: pathlib.Path, wanted: About, about: About, done: np.ndarray, damage: dict[str, str]):
        self.path, self.about, self.damage = path, about, damage
        self._wanted, self._done, self._folder = wanted, done, os.stat(path)

    @classmethod
    def find(cls, path: pathlib.Path, wanted: About) -> "Store | None":
        """What there is of a sweep at a path; None where nothing is."""
        try:
            about = _inspect.about(path)
        except _inspect.Damage as damage:
            done, others = _inspect.inspect(path, wanted)
            marks = any((path / wanted.mark(index)).exists() for index in range(wanted.batches))
            if marks and not done.any():
                raise damage.error("and no batch in it is of this sweep: remove it or choose another path") from None
            return cls(path, wanted, wanted, done, {damage.file: damage.reason} | others)
        if about is None:
            return None
        if different := _layout.differences(about.identity, wanted.identity):
            raise ValueError(f"store {str(path)!r} holds another sweep: {'; '.join(different)}. Choose another path")
        return cls(path, wanted, about, *_inspect.inspect(path, about))

    @classmethod
    def create(cls, path: pathlib.Path, wanted: About) -> "Store":
        """An empty store; it appears under its name only when it is complete."""
        partial = _disk.partial(path)
        files = _layout.skeleton(wanted)
        about = dataclasses.replace(wanted, files={name: _layout.checksum(made) for name, made in files.items()})
        try:
            for name, content in (files | {ABOUT: _layout.encode(about)}).items():
                (partial / name).parent.mkdir(parents=True, exist_ok=True)
                _disk.put(partial / name, content)
            os.rename(partial, path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return cls(path, wanted, about, np.zeros(wanted.batches, bool), {})

    @property
    def complete(self) -> bool:
        """Whether everything was found there and whole, with the attributes that are wanted."""
        return self.about.finished and not self.damage and self.about.attributes == self._wanted.attributes

    def mend(self) -> None:
        """Write damaged metadata again, and say what was damaged."""
        if not self.damage:
            return
        lost = [f"{file} {reason}" for file, reason in self.damage.items()]
        missing = int((~self._done).sum())
        print(
            f"sweep: store {str(self.path)!r} is damaged: {'; '.join(lost[:5])}{' ...' * (len(lost) > 5)}. "
            f"{missing} of {self.about.batches} batches are to be computed",
            file=sys.stderr,
        )
        files = _layout.skeleton(self.about)
        for name in files.keys() - self.about.files.keys() | files.keys() & self.damage.keys():
            self._put(name, files[name])
        sums = {name: _layout.checksum(content) for name, content in files.items()}
        self._describe(files=self.about.files | sums)

    def done(self) -> np.ndarray:
        """Which batches are there `[batches]`."""
        return self._done.copy()

    def write(self, index: int, values: dict[str, np.ndarray]) -> None:
        """Add one batch.

        Raises: OSError, with what to do; the batches written before stay as they are.
        """
        sums = b""
        with self._writing():
            for name in self.about.results:
                content = np.asarray(values[name], self.about.dtype(name), order="C").tobytes()
                self._put(self.about.chunk(name, index), content)
                sums += self.about.checksum(name, index, content)
            self._put(self.about.mark(index), sums)
        self._done[index] = True

    def read(self) -> dict[str, np.ndarray]:
        """All batches, one after another, by name.

        Raises: ValueError, naming the file, where one is not as it was written.
        """
        parts: dict[str, list] = {name: [] for name in self.about.results}
        for index in range(self.about.batches):
            found, damage = _inspect.batch(self.path, self.about, index)
            for file, reason in damage.items():
                raise _inspect.Damage(self.path, file, reason).error("call sweep again, which computes it again")
            for name, content in found.items():
                values = np.frombuffer(content, self.about.dtype(name)).reshape(self.about.shape(name))
                parts[name].append(values)
        return {name: np.concatenate(each).astype(self.about.results[name][0]) for name, each in parts.items()}

    def finish(self, dataset: Any) -> None:
        """Put the labelled result beside the batches, where `xarray.open_zarr` finds it."""
        if self.complete:
            return
        files = _layout.labelled(dataset)
        with self._writing():
            for name, content in files.items():
                if _inspect.read(self.path / name) != content:
                    self._put(name, content)
            sums = {name: _layout.checksum(content) for name, content in files.items()}
            kept = {name: value for name, value in self.about.files.items() if name.startswith(f"{BATCHES}/")}
            self._describe(files=kept | sums, attributes=self._wanted.attributes, finished=True)

    def _describe(self, **changes: Any) -> None:
        self.about = dataclasses.replace(self.about, **changes)
        content = _layout.encode(self.about)
        if _inspect.read(self.path / ABOUT) != content:
            self._put(ABOUT, content)

    def _put(self, name: str, content: bytes) -> None:
        try:
            there = os.path.samestat(os.stat(self.path), self._folder)
        except OSError:
            there = False
        if not there:
            raise FileNotFoundError("it was moved, removed or replaced during the run")
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        _disk.put(self.path / name, content)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        safe = f"{int(self._done.sum())} batches are safe in it: make room and call sweep again with the same arguments"
        with _explained(f"store {str(self.path)!r} could not be written", safe):
            yield


def _is_finished(path: pathlib.Path) -> bool:
    try:
        about = _inspect.about(path)
    except _inspect.Damage:
        return False
    return about is not None and about.finished


def _tidy(path: pathlib.Path) -> None:
    """Remove what a killed writer of a finished store has left, where that can be done."""
    if _disk.lock_file(path).exists():
        with contextlib.suppress(OSError), _disk.locked(path) as has_locks:
            if has_locks:
                _clear(path)


def _clear(path: pathlib.Path) -> None:
    _disk.clear_beside(path)
    _disk.clear_inside(path)


@contextlib.contextmanager
def _explained(what: str, cure: str = "") -> Iterator[None]:
    """Errors of the system with the store that they concern."""
    try:
        yield
    except BlockingIOError as error:  # another process has the lock
        raise BlockingIOError(f"store {error}") from None
    except OSError as error:
        raise type(error)(f"{what}: {error}. {cure}" if cure else f"{what}: {error}") from error
