"""What the process of every peer does: make one job's programs, then time them whenever `peers.py` says so.

    PYTHON _peer_NAME.py JOB.json

JOB names kind and variant of the job, its threads, the archive with its arrays and the limit of seconds. The process
answers on its standard output with one JSON line when all is made and warm, then with one for each line it reads.
Needs NumPy alone and runs on Python 3.8, since MemTorch does.
"""

from __future__ import annotations

import json
import math
import os
import pathlib
import sys
import time
from importlib import metadata
from typing import Any, Callable, NamedTuple  # noqa: UP035 (Python 3.8)

import numpy as np

STEPS = 10  # of a training, after which its loss is told
AT_LEAST = 0.1  # seconds of one timing: a short program is called several times in it


class Built(NamedTuple):
    """Programs of one job, functions without arguments that return when their numbers are there.

    run: what is timed. digital: the same without crossbars in the same framework, None where `run` is that.
    ideal: the output without converters, levels or noise; None where the peer cannot. loss: of a training, now.
    cannot: what of the configuration the peer cannot express.
    """

    run: Callable[[], Any]
    digital: Callable[[], Any] | None = None
    ideal: Callable[[], Any] | None = None
    loss: Callable[[], float] | None = None
    cannot: tuple[str, ...] = ()


def difference(found: Any, reference: np.ndarray) -> float:
    """||found - reference|| / ||reference||."""
    found, reference = np.asarray(found, float), np.asarray(reference, float)
    return float(np.linalg.norm(found - reference) / np.linalg.norm(reference))


def seconds(function: Callable[[], Any], calls: int = 1) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def peak_bytes() -> int | None:
    """Largest resident memory of this process so far, where the system tells (the usual call counts its parent's)."""
    status = pathlib.Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), None)


def calls_of(function: Callable[[], Any]) -> int:
    """How many calls make a timing long enough."""
    return max(1, math.ceil(AT_LEAST / max(seconds(function), 1e-6)))


def answers(job: dict[str, Any], built: Built, reference: np.ndarray | None) -> dict[str, Any]:
    """What is said once: seconds of the first call, differences from the reference, or the loss after some steps."""
    start = time.perf_counter()
    output = built.run()
    said: dict[str, Any] = {"cannot": built.cannot, "first_seconds": time.perf_counter() - start}
    if built.digital is not None:
        said["digital_seconds"] = seconds(built.digital)
    if reference is not None:
        said["as_set"] = difference(output, reference)
        if built.ideal is not None and job["check"]:
            said["ideal"] = difference(built.ideal(), reference)
    if built.loss is not None:
        for _ in range(STEPS - 1):
            built.run()
        said["loss"] = built.loss()
    return said


def serve(
    kinds: dict[str, Callable[[dict[str, Any], dict[str, np.ndarray]], Built]], versions: tuple[str, ...]
) -> None:
    """Answer `peers.py` about the job named on the command line.

    kinds: for each kind of job, (job, arrays) -> its programs. versions: packages whose versions are told.
    """
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a peer prints goes elsewhere

    def say(what: dict[str, Any]) -> None:
        print(json.dumps(what), file=answer, flush=True)

    job = json.loads(pathlib.Path(sys.argv[1]).read_text())
    with np.load(job["data"]) as archive:
        data = {name: archive[name] for name in archive.files}
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["threads"]])
    start = time.perf_counter()
    built = kinds[job["kind"]](job, data)
    making = time.perf_counter() - start
    found = {name: metadata.version(name) for name in versions}
    said = answers(job, built, data.get("reference"))
    once = said["first_seconds"] > job["limit"]
    about = {"versions": found, "python": sys.version.split()[0], "peak_bytes": peak_bytes()}
    say({**said, **about, "setup_seconds": making, "once": once})
    programs = [(name, f) for name, f in (("seconds", built.run), ("digital_seconds", built.digital)) if f is not None]
    calls = {} if once else {name: calls_of(function) for name, function in programs}
    for _ in sys.stdin:
        say({name: seconds(function, calls[name]) for name, function in programs})
