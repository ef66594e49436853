"""Result files: written whole or not at all."""

import io
import os
import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from memjax import _check, _disk


def check_writable(out: str | os.PathLike) -> None:
    """Makes a folder and tries to write in it, so that an hour of work is not lost at the end.

    Raises:
        TypeError: `out` is no path.
        OSError: it cannot be made or written.

    Example:
        >>> import memjax as mj
        >>> import tempfile
        >>> mj.study.check_writable(tempfile.mkdtemp())
    """
    folder = _check.path("out", out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"out must be a folder that can be written; got {str(folder)!r}: {reason}") from error


def write(out: str | os.PathLike, contents: Mapping[str, Any]) -> list[pathlib.Path]:
    """Writes files into a folder, all of them or none: what was there before stays until every one is complete.

    Args:
        out: the folder, which is made where it is not there.
        contents: name of each file -> bytes; text, written in UTF-8; a pandas DataFrame or a list of rows {column:
            value}, written as CSV; or Matplotlib's Axes, an array of them (both as of `memjax.plot`) or a figure, in
            the format of the name (.png, .pdf, .svg).

    Returns: the paths written.

    Raises:
        TypeError, ValueError: for a name with a folder in it and other contents, before anything is written.
        OSError: a file cannot be written.

    Example:
        >>> import memjax as mj
        >>> import tempfile
        >>> [path.name for path in mj.study.write(tempfile.mkdtemp(), {"answer.txt": "42"})]
        ['answer.txt']
    """
    folder = _check.path("out", out)
    if not isinstance(contents, Mapping):
        raise TypeError(f"contents must map names of files to contents, got {_check.shown(contents)}")
    whole = {_plain(name): _encoded(name, content) for name, content in contents.items()}
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in whole]
    partial = [_disk.partial(path) for path in paths]
    try:
        for path, content in zip(partial, whole.values(), strict=True):
            path.write_bytes(content)
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        for source, target in zip(partial, paths, strict=True):
            os.replace(source, target)
    finally:
        for path in partial:
            path.unlink(missing_ok=True)
    return paths


def _plain(name: Any) -> str:
    """A name without a folder."""
    if not isinstance(name, str) or not name or pathlib.PurePath(name).name != name:
        raise ValueError(f"contents must have names of files, without folders, got {_check.shown(name)}")
    return name


def _is_rows(content: Any) -> bool:
    return isinstance(content, list) and bool(content) and all(isinstance(row, Mapping) for row in content)


def _figure(content: Any) -> Any:
    """The figure that this is, or that these axes are of."""
    first: Any = content.flat[0] if isinstance(content, np.ndarray) and content.size else content
    figure = first.get_figure(root=True) if hasattr(first, "get_figure") else first
    return figure if hasattr(figure, "savefig") else None


def _encoded(name: str, content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    if _is_rows(content):
        import pandas

        return pandas.DataFrame(content, dtype=object).to_csv(index=False).encode()
    if hasattr(content, "to_csv"):
        return content.to_csv(index=False).encode()
    figure = _figure(content)
    if figure is None:
        kinds = "bytes, text, a DataFrame, a list of rows, Axes or a figure"
        raise TypeError(f"contents[{name!r}] must be {kinds}, got {_check.shown(content)}")
    picture = io.BytesIO()
    figure.savefig(picture, format=pathlib.PurePath(name).suffix[1:] or None)
    return picture.getvalue()
