"""How long something took on this machine when it was last done, so that a wait can say when it is over."""

import contextlib
import hashlib
import json
import os
import pathlib

from memjax import _disk

# The oldest are forgotten.
_KEPT = 500


def cache() -> pathlib.Path:
    """The folder of memjax for what can be made again."""
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "memjax"


def file() -> pathlib.Path:
    """Where the times are."""
    return cache() / "seconds.json"


def seconds(what: str) -> float | None:
    """How long it took last; None where that is not known."""
    return _all().get(_name(what))


def remember(what: str, seconds: float) -> None:
    """Keeps a time. A courtesy: where the cache cannot be written nothing is kept."""
    times = _all()
    times.pop(_name(what), None)
    times[_name(what)] = round(seconds, 1)
    with contextlib.suppress(OSError):
        cache().mkdir(parents=True, exist_ok=True)
        _disk.put(file(), json.dumps(dict(list(times.items())[-_KEPT:]), indent=0).encode())


def _all() -> dict[str, float]:
    """All times; none where the file is absent or something else."""
    try:
        times = json.loads(file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    numbers = isinstance(times, dict) and all(isinstance(value, int | float) for value in times.values())
    return times if numbers else {}


def _name(what: str) -> str:
    return hashlib.blake2b(what.encode(), digest_size=12).hexdigest()
