"""Decoded arrays kept in the user's cache folder."""

import hashlib
import os
import pathlib
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable

import numpy as np


def arrays(name: str, source: str, build: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What `build()` returns, from the cache where it holds it for this very state of the folder `source`.

    A cached file counts only if it can be read to its end, every checksum holds, and it was made from files of the
    same names, sizes and times as are in `source` now; otherwise it is built anew. It is written under another name
    and then renamed, so that no reader ever sees a part of it.

    Args:
        name: readable start of the file name, data set and version.
        source: the folder that `build` reads.
        build: makes the arrays.
    """
    state = _state(source)
    path = _folder() / f"{name}-{hashlib.sha256(os.path.abspath(source).encode()).hexdigest()[:16]}.npz"
    cached = _read(path, state)
    if cached is None:
        cached = build()
        try:
            _write(path, state, cached)
        except OSError as error:
            message = f"cannot keep decoded images in {path.parent} ({error}); the next load decodes them again"
            warnings.warn(message, stacklevel=2)
    return cached


def _folder() -> pathlib.Path:
    import platformdirs

    return platformdirs.user_cache_path("memjax") / "data"


def _state(source: str) -> str:
    """Changes whenever a file in the folder does."""
    files = sorted(path for path in pathlib.Path(source).iterdir() if path.is_file())
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _read(path: pathlib.Path, state: str) -> dict[str, np.ndarray] | None:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            if archive["state"].item() != state:
                return None
            return {name: archive[name] for name in archive.files if name != "state"}
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error):
        return None


def _write(path: pathlib.Path, state: str, content: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **{"state": np.array(state), **content})  # pyright: ignore[reportArgumentType]
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
