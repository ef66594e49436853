"""The arrays of a pytree in one file with a checksum, in NumPy's format: read without running anything in it."""

import hashlib
import io
import json
import pathlib
from typing import Any

import jax
import numpy as np


def packed(origin: Any, tree: Any) -> bytes:
    """The file.

    Args:
        origin: where the arrays come from, as JSON.
        tree: a pytree of arrays.
    """
    content = io.BytesIO()
    arrays: dict[str, Any] = {f"leaf{index}": np.asarray(leaf) for index, leaf in enumerate(jax.tree.leaves(tree))}
    about = {"origin": origin, "checksum": _checksum(origin, list(arrays.values()))}
    np.savez(content, about=np.array(json.dumps(about)), **arrays)
    return content.getvalue()


def unpacked(path: pathlib.Path) -> tuple[Any, list[np.ndarray]]:
    """Origin and arrays of a file of `packed`.

    Raises: ValueError for a file that is missing, damaged or something else.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            about = json.loads(archive["about"].item())
            arrays = [archive[f"leaf{index}"] for index in range(len(archive.files) - 1)]
        if about["checksum"] != _checksum(about["origin"], arrays):
            raise ValueError("its checksum does not fit its content")
    except Exception as error:  # NumPy and zipfile raise many kinds
        raise ValueError(f"{path} is missing, damaged or something else: {' '.join(str(error).split())}") from error
    return about["origin"], arrays


def _checksum(origin: Any, arrays: list[np.ndarray]) -> str:
    digest = hashlib.blake2b(json.dumps(origin, sort_keys=True).encode(), digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
