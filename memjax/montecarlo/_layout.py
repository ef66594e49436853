"""The files of a store, as names and bytes.

    batches/zarr.json             what was computed, and checksums of all metadata and of the labelled result
    batches/values/NAME/c/I/0..   values of one result in batch I
    batches/done/c/I/0            checksums of those of every result: written last, the mark of a batch that is there
    zarr.json, NAME/...           the labelled result, once everything is computed

All but the batches follows from the arguments of the sweep and from the batches. So it needs no transaction: whatever
was lost or damaged, or not yet written when a process was killed, is made again, to the same bytes.
"""

import dataclasses
import functools
import hashlib
import json
import warnings
from typing import Any

import numpy as np

from memjax.montecarlo._batch import Outputs

BATCHES = "batches"
ABOUT = f"{BATCHES}/zarr.json"


@dataclasses.dataclass(frozen=True)
class About:
    """What a store holds."""

    identity: dict[str, Any]
    """Everything that the numbers depend on, as JSON."""
    results: dict[str, list]
    """Of each: its type, and its shape in one evaluation."""
    batches: int
    attributes: str
    """Checksum of the attributes of the labelled result."""
    files: dict[str, str]
    """Checksums of the files that hold metadata and the labelled result, but for this one."""
    finished: bool

    @property
    def size(self) -> int:
        """Evaluations in one batch."""
        return int(self.identity["batch_size"])

    def shape(self, name: str) -> tuple[int, ...]:
        """Of one batch of a result."""
        return (self.size, *self.results[name][1])

    def dtype(self, name: str) -> np.dtype:
        """Of a result, as it is on disk."""
        return np.dtype(self.results[name][0]).newbyteorder("<")

    def chunk(self, name: str, index: int) -> str:
        """The file of one result in one batch."""
        return "/".join((BATCHES, "values", name, "c", str(index), *("0" for _ in self.results[name][1])))

    def mark(self, index: int) -> str:
        """The file of the checksums of one batch."""
        return f"{BATCHES}/done/c/{index}/0"

    def checksum(self, name: str, index: int, content: bytes) -> bytes:
        """Eight bytes; those of another sweep, batch or result are others."""
        return hashlib.blake2b(f"{index} {name} ".encode() + content, digest_size=8, key=self._key).digest()

    @functools.cached_property
    def _key(self) -> bytes:
        return hashlib.blake2b(_text(self.identity).encode(), digest_size=32).digest()


def about(identity: dict, outputs: Outputs, batches: int, attrs: Any) -> About:
    """Of a sweep that begins."""
    results = {name: [outputs.dtypes[name].name, list(shape)] for name, shape in outputs.shapes.items()}
    return About(json.loads(_text(identity)), results, batches, checksum(_text(attrs).encode()), {}, False)


def checksum(content: bytes) -> str:
    """Of a file."""
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def encode(what: About) -> bytes:
    """The file ABOUT: a group of zarr."""
    attributes = dataclasses.asdict(what)
    attributes["checksum"] = checksum(_text(attributes).encode())
    return _group(attributes)


def decode(content: bytes) -> About:
    """What `encode` wrote.

    Raises: ValueError, saying what is wrong.
    """
    try:
        group = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError("is no JSON") from error
    found = group.get("attributes") if isinstance(group, dict) else None
    if not isinstance(found, dict) or found.pop("checksum", None) != checksum(_text(found).encode()):
        raise ValueError("does not fit its checksum")
    if encode(made := About(**found)) != content:
        raise ValueError("is not as it was written")
    return made


def skeleton(what: About) -> dict[str, bytes]:
    """The metadata of all batches, but for ABOUT.

    Raises: ValueError for a result that zarr cannot hold.
    """
    import zarr
    from zarr.storage import MemoryStore

    files: dict = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batches = zarr.create_group(MemoryStore(files), path=BATCHES)
        values = batches.create_group("values")
        for name, (kind, event) in what.results.items():
            chunk = (what.size, *(max(size, 1) for size in event))
            plain: Any = {"chunks": chunk, "dtype": kind, "compressors": None}
            try:
                values.create_array(name, shape=(what.batches * what.size, *event), **plain)
            except (TypeError, ValueError) as error:
                raise ValueError(f"store cannot hold the result {name!r} of type {kind}: {error}") from error
        many = len(what.results)
        batches.create_array("done", shape=(what.batches, many), chunks=(1, many), dtype="uint64", compressors=None)
    return {path: made.to_bytes() for path, made in files.items() if path not in ("zarr.json", ABOUT)}


def labelled(dataset) -> dict[str, bytes]:
    """The labelled result: what `xarray.open_zarr` finds. Its chunks end with a checksum that zarr looks at."""
    from zarr.codecs import Crc32cCodec, ZstdCodec
    from zarr.storage import MemoryStore

    files: dict = {}
    with warnings.catch_warnings():
        # Zarr 3 has no final specification for strings and for metadata in one file.
        warnings.simplefilter("ignore")
        codecs = {name: {"compressors": (ZstdCodec(), Crc32cCodec())} for name in dataset.variables}
        dataset.to_zarr(MemoryStore(files), consolidated=True, encoding=codecs)
    # The group comes last: it makes the result one that can be opened.
    return {path: files[path].to_bytes() for path in sorted(files, key=lambda path: (path == "zarr.json", path))}


def differences(found: dict, wanted: dict) -> list[str]:
    """Where two identities differ, in words."""
    lines = []
    for name in sorted(found.keys() | wanted.keys()):
        old, new = _text(found.get(name)), _text(wanted.get(name))
        if old != new:  # as text: NaN is not equal to itself
            lines.append(f"{name} was {_short(old)} and is {_short(new)}")
    return lines


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _group(attributes: dict[str, Any]) -> bytes:
    return json.dumps({"attributes": attributes, "zarr_format": 3, "node_type": "group"}, indent=2).encode()


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."
