"""A sweep on disk: a zarr store that holds whole batches, whatever happens."""

import json
import os
import pathlib
import shutil
import warnings
from typing import Any

import numpy as np

from memjax.montecarlo._batch import Outputs


class Store:
    """Finished batches under `batches/`, each written whole and then marked as done.

    Zarr replaces a chunk on disk in one step, a chunk is one batch, and the mark is a chunk of its own: a process that
    is killed leaves a batch that counts, or one that is computed again.
    """

    def __init__(self, path: pathlib.Path, group: Any):
        self.path, self._group = path, group

    @classmethod
    def open(cls, path: str | os.PathLike) -> "Store | None":
        """The store at a path, or None where there is nothing.

        Raises: ValueError where something else is.
        """
        import zarr

        path = pathlib.Path(path)
        if not path.exists():
            return None
        try:
            group = zarr.open_group(path, mode="r+")
        except Exception as error:
            raise ValueError(f"store must be the path of a sweep or a new one, got {str(path)!r}: {error}") from error
        if "batches" not in group or "identity" not in group["batches"].attrs:
            raise ValueError(f"store must be the path of a sweep or a new one, got other data in {str(path)!r}")
        for unfinished in path.rglob("*.partial"):  # of a write during which the process was killed
            unfinished.unlink(missing_ok=True)
        return cls(path, group["batches"])

    @classmethod
    def create(cls, path: str | os.PathLike, identity: dict, outputs: Outputs, batches: int, size: int) -> "Store":
        """An empty store; it appears under its name only when it is complete.

        Raises: OSError where it cannot be written.
        """
        import zarr

        path = pathlib.Path(path)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            group = zarr.open_group(partial, mode="w").create_group("batches", attributes={"identity": identity})
            inside = group.create_group("values")
            for name, shape in outputs.shapes.items():
                dtype = outputs.dtypes[name]
                inside.create_array(name, shape=(batches * size, *shape), chunks=(size, *shape), dtype=dtype)
            group.create_array("done", shape=(batches,), chunks=(1,), dtype=bool)
            os.replace(partial, path)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise OSError(f"store must be a path that can be written, got {str(path)!r}: {error}") from error
        return cls(path, zarr.open_group(path, mode="r+")["batches"])

    @property
    def identity(self) -> dict:
        """What was computed into the store."""
        return dict(self._group.attrs["identity"])

    def done(self) -> np.ndarray:
        """Which batches are there `[batches]`."""
        return np.asarray(self._group["done"][:])

    def write(self, index: int, values: dict[str, np.ndarray]) -> None:
        """Add one batch.

        Raises: OSError, with what to do; the batches written before stay as they are.
        """
        try:
            for name, value in values.items():
                rows = slice(index * len(value), (index + 1) * len(value))
                self._group["values"][name][rows] = value
            self._group["done"][index : index + 1] = True
        except OSError as error:
            raise OSError(
                f"store {self.path} could not be written: {error}. {int(self.done().sum())} batches are safe in it: "
                "make room and call sweep again with the same arguments"
            ) from error

    def read(self) -> dict[str, np.ndarray]:
        """All batches, one after another, by name."""
        return {name: np.asarray(array[:]) for name, array in self._group["values"].arrays()}

    def finish(self, dataset) -> None:
        """Put the labelled result beside the batches, where `xarray.open_zarr` finds it."""
        with warnings.catch_warnings():
            # Zarr 3 has no final specification for strings and for metadata in one file.
            warnings.simplefilter("ignore")
            dataset.to_zarr(self.path, mode="a", consolidated=True)


def differences(found: dict, wanted: dict) -> list[str]:
    """Where two identities differ, in words."""
    lines = []
    for name in sorted(found.keys() | wanted.keys()):
        old, new = found.get(name), wanted.get(name)
        if old != new:
            lines.append(f"{name} was {_short(old)} and is {_short(new)}")
    return lines


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 120 else text[:117] + "..."
