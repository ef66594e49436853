"""Result files: written whole or not at all."""

import os
import pathlib
import tempfile
from collections.abc import Mapping

from memjax import _disk


def check_writable(folder: pathlib.Path) -> None:
    """Makes the folder and tries to write in it, so that an hour of work is not lost at the end.

    Raises:
        OSError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"out must be a folder that can be written; got {str(folder)!r}: {error.strerror}") from error


def write(folder: pathlib.Path, contents: Mapping[str, bytes]) -> list[pathlib.Path]:
    """Writes all files under other names first and renames them only when every one is complete.

    Args:
        folder: exists.
        contents: file names and what goes into them.

    Returns:
        The paths written.
    """
    paths = [folder / name for name in contents]
    partial = [_disk.partial(path) for path in paths]
    try:
        for path, content in zip(partial, contents.values(), strict=True):
            path.write_bytes(content)
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        for source, target in zip(partial, paths, strict=True):
            os.replace(source, target)
    finally:
        for path in partial:
            path.unlink(missing_ok=True)
    return paths
