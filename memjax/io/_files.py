"""A chip and its hardware in one file: written whole or not at all, read without running anything in it."""

import json
import os
import pathlib
import zlib
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import equinox as eqx
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as tensors

from memjax import _check, _disk
from memjax.crossbar import Hardware
from memjax.io._specs import decode, encode, public_specs, qualified

FORMAT = "memjax chip 1"


def save(path: str | os.PathLike, chip: dict[str, Any], hardware: Any = None) -> None:
    """Save a chip with its hardware beside it, in the safetensors format.

    Arrays are tensors of the file, named after their place ("chip/Dense_0/kernel/conductance/pos"), so that other
    programs can read them; the hardware stands in its metadata. `load` gives both back, bit for bit. An existing file
    is replaced when the new one is complete.

    Args:
        path: the file.
        chip: of one matrix or a whole model: nested dicts of arrays, empty ones kept.
        hardware: a `Hardware`, a dict {pattern: `Hardware` or None} for hardware of each layer, or None.

    Raises: TypeError, naming the place, for what cannot be stored (PRNG keys, functions); ValueError for traced values;
        OSError where the file cannot be written.

    Example:
        ```python
        import jax
        import memjax as mj

        hardware = mj.Hardware()
        chip = mj.program(hardware, jax.random.normal(jax.random.key(0), (20, 10)), jax.random.key(1))
        mj.save("chip.safetensors", chip, hardware)
        chip, hardware = mj.load("chip.safetensors")
        ```
    """
    if not isinstance(chip, dict):
        raise TypeError(f"chip must be a dict, as made by program, got {type(chip).__name__}")
    _check_hardware(hardware)
    path, arrays = _check.path("path", path), {}
    text = json.dumps({"chip": encode(chip, "chip", arrays), "hardware": encode(hardware, "hardware", arrays)})
    # All that a reader must know before it trusts the rest.
    header = {"format": FORMAT, "memjax": version("memjax"), "content": text, "crc32": _checksum(text, arrays)}
    _disk.put(path, tensors(arrays, header), durable=True)


def load(path: str | os.PathLike, specs: Iterable[type] = ()) -> tuple[dict[str, Any], Any]:
    """The chip and the hardware of a file that `save` wrote.

    Specs are made of the public classes of memjax, and of `specs`; nothing in the file is run.

    Args:
        path: the file.
        specs: classes of your own that the hardware is made of.

    Returns: (chip, hardware), as they were given to `save`. 64-bit arrays are NumPy's where JAX has only 32 bits.

    Raises: FileNotFoundError; ValueError for a file that holds no chip, is damaged or was written by another memjax,
        and for a spec of an unknown class.
    """
    path, mine = _check.path("path", path), {}
    if not isinstance(specs, Iterable) or isinstance(specs, str | bytes | dict):
        raise TypeError(f"specs must be a tuple of classes, got {_check.shown(specs)}")
    for kind in specs:
        if not isinstance(kind, type) or not issubclass(kind, eqx.Module):
            raise TypeError(f"specs must be subclasses of the specs of memjax, got {_check.shown(kind)}")
        mine[qualified(kind)] = kind
    header, arrays = _read(path)
    if "content" not in header or not header.get("format", "").startswith("memjax chip"):
        raise ValueError(f"{path} holds no chip of memjax.save, only {len(arrays)} arrays")
    if header["format"] != FORMAT:
        raise ValueError(f"{path} has the format {header['format']!r} of another memjax, this one reads {FORMAT!r}")
    if header.get("crc32") != _checksum(header["content"], arrays):
        raise ValueError(f"{path} is damaged: its checksum does not fit its content")
    try:
        content = decode(json.loads(header["content"])["chip"], arrays, {})
        hardware = decode(json.loads(header["content"])["hardware"], arrays, public_specs() | mine)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path}: {error}") from error
    return content, hardware


def _read(path: pathlib.Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file")
    try:
        with safe_open(path, framework="np") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is no whole safetensors file: {error}") from error


def _check_hardware(hardware: Any) -> None:
    if isinstance(hardware, dict):
        for pattern, each in hardware.items():
            if not isinstance(pattern, str) or not (each is None or isinstance(each, Hardware)):
                raise TypeError(f"hardware[{pattern!r}] must be a Hardware or None, got {_check.shown(each)}")
    elif hardware is not None and not isinstance(hardware, Hardware):
        raise TypeError(f"hardware must be a Hardware, a dict of patterns or None, got {_check.shown(hardware)}")


def _checksum(text: str, arrays: Mapping[str, np.ndarray]) -> str:
    """Of the text and of name, type, shape and bytes of every array."""
    total = zlib.crc32(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), total)
        total = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, total)
    return f"{total:08x}"
