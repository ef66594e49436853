"""Traces in NVMain's text format."""

import os
import pathlib
from typing import Any, NamedTuple

import numpy as np

from memjax import _check, _disk
from memjax.memory._trace import LINE, WORDS, MemoryTrace, check_trace, make_trace

_DIGITS = 8 * WORDS


class _Request(NamedTuple):
    cycle: int
    write: bool
    address: int
    data: bytes | None
    old: bytes | None


def read_trace(path: str | os.PathLike) -> MemoryTrace:
    """A trace from a file in NVMain's text format.

    The first line is `NVMV1` (or `NVMV0`); every other one is a request:

        CYCLE R|W 0xADDRESS DATA OLD THREAD

    CYCLE in clocks of the processor, ADDRESS in bytes, DATA and OLD 128 hexadecimal digits each; files of version 0
    have no OLD. DATA and what follows may be left out, then of all lines. A file without its first line is read too
    (NVMain loses the first request of such a file). THREAD is not used.

    Raises: ValueError, with the number of the line, for unknown operations, decreasing cycles and all that is not a
        request; FileNotFoundError.
    """
    path = pathlib.Path(path)
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    version = 1
    if lines and lines[0].startswith("NVMV"):
        if lines[0].strip() not in ("NVMV0", "NVMV1"):
            raise ValueError(f"{path}, line 1: the version must be NVMV0 or NVMV1, got {_check.shown(lines[0])}")
        version = int(lines[0].strip()[4:])
    elif lines:
        version = 0 if len(lines[0].split()) == 5 else 1
    requests: list[_Request] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("NVMV"):
            continue
        try:
            requests.append(_request(line.split(), version))
            _fits(requests)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
    return make_trace(
        np.array([request.cycle for request in requests], np.int64),
        np.array([request.write for request in requests], bool),
        np.array([request.address for request in requests], np.int64),
        _array([request.data for request in requests]),
        _array([request.old for request in requests]),
    )


def _request(fields: list[str], version: int) -> _Request:
    most = 6 if version == 1 else 5
    if not 3 <= len(fields) <= most:
        raise ValueError(f"a request has 3 to {most} fields, CYCLE R|W ADDRESS DATA..., got {len(fields)}")
    if fields[1] not in ("R", "W"):
        raise ValueError(f"the operation must be R or W, got {_check.shown(fields[1])}")
    cycle, address = _integer("the cycle", fields[0], 10, 2**31), _integer("the address", fields[2], 16, 2**37)
    data = _line("the data", fields[3]) if len(fields) > 3 else None
    old = _line("the old data", fields[4]) if version == 1 and len(fields) > 4 else None
    return _Request(cycle, fields[1] == "W", address, data, old)


def _integer(name: str, text: str, base: int, end: int) -> int:
    kind = "a whole number" if base == 10 else "a hexadecimal number"
    try:
        value = int(text, base)
    except ValueError:
        raise ValueError(f"{name} must be {kind}, got {_check.shown(text)}") from None
    if not 0 <= value < end:
        raise ValueError(f"{name} must be at least 0 and below {end}, got {_check.shown(text)}")
    return value


def _line(name: str, text: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(text) != _DIGITS or len(value) != LINE:
        raise ValueError(f"{name} must be {_DIGITS} hexadecimal digits, got {len(text)} characters")
    return value


def _fits(requests: list[_Request]) -> None:
    """Raise unless the last request follows those before it."""
    last, before = requests[-1], requests[-2] if len(requests) > 1 else requests[-1]
    if last.cycle < before.cycle:
        raise ValueError(f"the cycle must not decrease, got {last.cycle} after {before.cycle}")
    for name in ("data", "old"):
        if (getattr(last, name) is None) != (getattr(before, name) is None):
            raise ValueError(f"all requests must have {name} or none, got both")


def _array(lines: list[bytes | None]) -> Any:
    known = [line for line in lines if line is not None]
    return np.frombuffer(b"".join(known), ">u4").reshape(-1, WORDS).astype(np.uint32) if known else None


def write_trace(path: str | os.PathLike, trace: MemoryTrace) -> None:
    """Write a trace in NVMain's text format (see `read_trace`), whole or not at all.

    NVMain needs data: zeros are written where the trace has none.
    """
    check_trace("trace", trace)
    cycle, write, address = np.asarray(trace.cycle), np.asarray(trace.write), trace.address
    data, old = (_hexadecimal(field, len(trace)) for field in (trace.data, trace.old))
    lines = (
        f"{cycle[i]} {'W' if write[i] else 'R'} 0x{address[i]:X} {data[i]} {old[i]} 0\n"
        for i in range(int(trace.count))
    )
    _disk.put(pathlib.Path(path), ("NVMV1\n" + "".join(lines)).encode())


def _hexadecimal(words: Any, count: int) -> list[str]:
    if words is None:
        return ["0" * _DIGITS] * count
    return [line.tobytes().hex() for line in np.asarray(words).astype(">u4")]
