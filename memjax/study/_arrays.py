"""The arrays of a pytree in one file with a checksum, in NumPy's format: read without running anything in it."""

import hashlib
import io
import json
import os
from typing import Any

import jax
import numpy as np

from memjax import _check


def packed(origin: Any, tree: Any) -> bytes:
    """The arrays of a pytree and where they come from, as the content of one file, for `write`.

    Args:
        origin: where the arrays come from, as JSON can hold it.
        tree: a pytree of arrays.

    Raises: TypeError for an `origin` that is no JSON and a `tree` with leaves that are no numbers.

    Example:
        >>> import memjax as mj
        >>> import numpy as np
        >>> type(mj.study.packed({"seed": 0}, {"w": np.ones(3)}))
        <class 'bytes'>
    """
    try:
        json.dumps(origin)
    except (TypeError, ValueError) as error:
        raise TypeError(f"origin must be what JSON can hold, got {_check.shown(origin)}: {error}") from None
    content = io.BytesIO()
    arrays = {f"leaf{index}": _check.host("tree", leaf) for index, leaf in enumerate(jax.tree.leaves(tree))}
    for array in arrays.values():
        if array.dtype.kind not in "biufc":  # NumPy's format has no bfloat16
            raise TypeError(f"tree must have arrays of numbers as leaves, got one of {array.dtype}")
    about = {"origin": origin, "checksum": _checksum(origin, list(arrays.values()))}
    members: dict[str, Any] = arrays
    np.savez(content, about=np.array(json.dumps(about)), **members)
    return content.getvalue()


def unpacked(path: str | os.PathLike) -> tuple[Any, list[np.ndarray]]:
    """Origin and arrays of a file of `packed`, in the order of `jax.tree.leaves`.

    Raises: ValueError for a file that is missing, damaged or something else; TypeError for what is no path.

    Example:
        >>> import memjax as mj
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.npz"
        >>> _ = path.write_bytes(mj.study.packed({"seed": 0}, {"w": np.ones(3)}))
        >>> mj.study.unpacked(path)
        ({'seed': 0}, [array([1., 1., 1.])])
    """
    file = _check.path("path", path)
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as archive:
            about = json.loads(archive["about"].item())
            arrays = [archive[f"leaf{index}"] for index in range(len(archive.files) - 1)]
        if about["checksum"] != _checksum(about["origin"], arrays):
            raise ValueError("its checksum does not fit its content")
    except Exception as error:  # NumPy and zipfile raise many kinds
        reason = " ".join(str(error).split())
        raise ValueError(f"path {file} is missing, damaged or something else: {reason}") from error
    return about["origin"], arrays


def _checksum(origin: Any, arrays: list[np.ndarray]) -> str:
    digest = hashlib.blake2b(json.dumps(origin, sort_keys=True).encode(), digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
