"""Sweeps in processes that are killed."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from memjax import _disk

SCRIPT = """
import os, sys, time, jax, memjax as mj, xarray, zarr

def fn(key, sigma, bits):
    jax.debug.callback(lambda: time.sleep(0.01))
    return {"y": sigma * jax.random.normal(key, (2,)) + bits}

def run(store):
    grid = {"sigma": [0.1, 0.2, 0.3], "bits": [2, 4]}
    try:
        mj.sweep(fn, grid, key=jax.random.key(0), samples=10, batch_size=3, store=store)
    except BaseException as error:
        print(type(error).__name__, error, flush=True)
    os._exit(0)

for line in sys.stdin:  # each run is a child that has all modules already, which takes seconds to import
    child = os.fork()
    if child == 0:
        run(line.strip())
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


def files(store) -> dict[str, bytes]:
    """Every file of a store."""
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(pathlib.Path(store).rglob("*")) if p.is_file()}


class Runs:
    """Sweeps in processes of their own."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def start(self, store) -> int:
        """The number of the process."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{store}\n")
        return int(self._line())

    def end(self) -> list[str]:
        """What it said, once it has ended."""
        return list(iter(self._line, "ended"))

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture(scope="module")
def runs():
    made = Runs()
    yield made
    made.process.communicate()


@pytest.fixture(scope="module")
def undisturbed(runs, tmp_path_factory):
    """Files of a store that nobody has disturbed, and the seconds that it took."""
    store = tmp_path_factory.mktemp("undisturbed") / "a.zarr"
    runs.start(store)
    start = time.perf_counter()
    assert runs.end() == []
    return files(store), time.perf_counter() - start


def killed_at_random(runs, undisturbed, tmp_path, kills: int) -> int:
    """Killed at random moments and started again till it ends, over and over; the number of stores that ended."""
    (whole, seconds), random, ended, killed = undisturbed, np.random.default_rng(0), 0, 0
    while killed < kills:
        process = runs.start(tmp_path / "a.zarr")
        time.sleep(random.uniform(0, seconds))
        with contextlib.suppress(ProcessLookupError):  # it may have ended before
            os.kill(process, signal.SIGKILL)
            killed += 1
        assert runs.end() == []
        if random.random() < 0.3 or killed == kills:
            runs.start(tmp_path / "a.zarr")
            assert runs.end() == []
            assert files(tmp_path / "a.zarr") == whole
            assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]
            shutil.rmtree(tmp_path / "a.zarr")
            ended += 1
    return ended


def test_killed_at_random_it_ends_with_the_same_bytes(runs, undisturbed, tmp_path):
    killed_at_random(runs, undisturbed, tmp_path, 3)


@pytest.mark.slow
def test_killed_forty_times_at_random_it_ends_with_the_same_bytes(runs, undisturbed, tmp_path):
    assert killed_at_random(runs, undisturbed, tmp_path, 40) > 5


def finished_batches(store) -> int:
    return len(list((pathlib.Path(store) / "batches" / "done" / "c").glob("*/0")))


def test_an_interrupt_says_how_to_go_on_and_a_second_process_is_refused(runs, undisturbed, tmp_path):
    process = runs.start(tmp_path / "a.zarr")
    while finished_batches(tmp_path / "a.zarr") < 2:
        time.sleep(0.001)
    refused = pytest.raises(BlockingIOError, match=f"a.zarr is being written by process {process} on ")
    with refused, _disk.locked(tmp_path / "a.zarr"):
        pass
    os.kill(process, signal.SIGINT)
    (said,) = runs.end()
    assert re.match(r"KeyboardInterrupt sweep stopped after \d+ of 20 batches: the same call goes on from there", said)
    runs.start(tmp_path / "a.zarr")
    assert runs.end() == []
    assert files(tmp_path / "a.zarr") == undisturbed[0]
