"""Stores that are damaged, full, moved or shared.

Without a sweep: the same calls with numbers of NumPy, which takes milliseconds.
"""

import fcntl
import itertools
import os
import pathlib
import re
import shutil

import numpy as np
import pytest
import xarray

import memjax as mj
from memjax import _disk
from memjax.montecarlo import _layout, _store
from memjax.montecarlo._batch import Outputs

ATTRS = {"y": {"units": "V"}}
WANTED = _layout.about(
    {"function": "f", "batch_size": 4},
    Outputs({"y": (2,), "z": ()}, {"y": np.dtype("float32"), "z": np.dtype(bool)}),
    3,
    ATTRS,
)


def files(store) -> dict[str, bytes]:
    """Every file of a store."""
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(pathlib.Path(store).rglob("*")) if p.is_file()}


def batch(index: int) -> dict[str, np.ndarray]:
    values = np.random.default_rng(index).normal(size=(4, 2)).astype(np.float32)
    return {"y": values, "z": values[:, 0] > 0}


def compute(path) -> list[int]:
    """What `sweep` does with a store; the batches that it computed."""
    computed = []
    with _store.opened(path, WANTED) as store:
        for index in np.flatnonzero(~store.done()):
            store.write(index, batch(index))
            computed.append(int(index))
        found = store.read()
        y = (("sample", "y_0"), found["y"], ATTRS["y"])
        store.finish(xarray.Dataset({"y": y, "z": ("sample", found["z"])}, {"sample": np.arange(12)}))
    np.testing.assert_array_equal(found["y"], np.concatenate([batch(index)["y"] for index in range(3)]))
    return computed


class Killed(BaseException):
    pass


def test_killed_at_any_operation_it_ends_the_same(tmp_path, monkeypatch, capsys):
    """At the n-th file of all that are written: with nothing of it there, or under a temporary name only."""
    compute(tmp_path / "whole")
    whole, put, count = files(tmp_path / "whole"), _disk.put, 0

    def dies(path, content, durable=False):
        nonlocal count
        count -= 1
        if count < 0:
            _disk.partial(path).write_bytes(content[: len(content) // 2])
            raise Killed
        put(path, content, durable)

    def killed_after(operations: int) -> bool:
        nonlocal count
        count = operations
        monkeypatch.setattr(_disk, "put", dies)
        monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # the dead do not tidy up
        try:
            compute(tmp_path / "store")
        except Killed:
            return True
        finally:
            monkeypatch.undo()
        return False

    operations = 0
    while killed_after(operations):
        killed_after(operations % 3)
        compute(tmp_path / "store")
        assert files(tmp_path / "store") == whole
        assert sorted(path.name for path in tmp_path.iterdir()) == ["store", "whole"]
        shutil.rmtree(tmp_path / "store")
        operations += 1
    assert operations == len(whole) + 1  # one file is written twice: what the store holds
    assert capsys.readouterr().err == ""


def damage_of(content: bytes) -> dict[str, bytes | None]:
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    return {
        "missing": None,
        "truncated": content[:-1],
        "emptied": b"",
        "flipped": bytes(flipped),
        "longer": content + b"0",
    }


@pytest.mark.parametrize("finished", [True, False])
def test_damage_of_any_file_is_named_and_mended(finished, tmp_path, capsys):
    """Only the batch in question is computed again, and the store is what it was."""
    path = tmp_path / "a.zarr"
    compute(path)
    whole = files(path)
    if not finished:
        shutil.rmtree(path)
        with _store.opened(path, WANTED) as store:
            for index in (0, 1):
                store.write(index, batch(index))
    before = files(path)
    kinds = itertools.cycle(("missing", "flipped", "truncated", "missing", "emptied", "flipped", "longer"))
    for name, content in before.items():
        for kind in (next(kinds), next(kinds)):
            damaged = damage_of(content)[kind]
            if damaged is None:
                (path / name).unlink()
            else:
                (path / name).write_bytes(damaged)
            lost = re.findall(r"/c/(\d)", name) if name.startswith("batches") else []
            found = mj.montecarlo.verify(path)
            unmarked = not finished and name.startswith("batches/done/c") and damaged is None
            assert unmarked or name in found.damage or any(name in reason for reason in found.damage.values()), kind
            computed = compute(path)
            assert computed == sorted({*map(int, lost), *([] if finished else [2])}), (name, kind)
            assert unmarked or name in capsys.readouterr().err
            assert files(path) == whole, (name, kind)
            assert mj.montecarlo.verify(path) == (3, 3, True, {})
            if not finished:
                for new in whole.keys() - before.keys():
                    (path / new).unlink()
                (path / "batches" / "zarr.json").write_bytes(before["batches/zarr.json"])


def test_damaged_batches_are_found_when_they_are_read(tmp_path):
    with _store.opened(tmp_path / "a", WANTED) as store:
        for index in range(3):
            store.write(index, batch(index))
        (tmp_path / "a" / "batches" / "values" / "z" / "c" / "1").rename(tmp_path / "elsewhere")
        with pytest.raises(ValueError, match="is damaged: batches/values/z/c/1 is missing: call sweep again"):
            store.read()


def test_a_batch_of_another_place_or_sweep_does_not_fit(tmp_path, capsys):
    compute(tmp_path / "a")
    chunks = [tmp_path / "a" / WANTED.chunk("y", index) for index in (0, 1)]
    marks = [tmp_path / "a" / WANTED.mark(index) for index in (0, 1)]
    for one, other in (chunks, marks):
        content = one.read_bytes(), other.read_bytes()
        one.write_bytes(content[1])
        other.write_bytes(content[0])
    assert compute(tmp_path / "a") == [0, 1]
    (tmp_path / "a" / "batches" / "zarr.json").write_text("{")
    other = _layout.about({"function": "g", "batch_size": 4}, Outputs({"y": (2,)}, {"y": np.dtype("float32")}), 3, {})
    refused = pytest.raises(ValueError, match="batches/zarr.json is no JSON: and no batch in it is of this sweep")
    with refused, _store.opened(tmp_path / "a", other):
        pass


def test_a_store_moved_or_removed_during_the_run_is_named(tmp_path):
    for move in (lambda: (tmp_path / "a").rename(tmp_path / "b"), lambda: shutil.rmtree(tmp_path / "a")):
        with _store.opened(tmp_path / "a", WANTED) as store:
            store.write(0, batch(0))
            move()
            with pytest.raises(OSError, match="/a' could not be written: it was moved, removed or replaced during the"):
                store.write(1, batch(1))
        assert not (tmp_path / "a").exists()
    assert compute(tmp_path / "b") == [1, 2]


@pytest.mark.parametrize("operations", [1, 6, 11, 18, 20])
def test_a_full_disk_leaves_what_was_written(operations, tmp_path, monkeypatch):
    """While the store is made, or batches or the result are written: the same call ends as if it had not been."""
    compute(tmp_path / "whole")
    put, count = _disk.put, 0

    def full(path, content, durable=False):
        nonlocal count
        count += 1
        if count > operations:
            raise OSError(28, "No space left on device")
        put(path, content, durable)

    with monkeypatch.context() as patch:
        patch.setattr(_disk, "put", full)
        with pytest.raises(OSError, match="store .*/a'.* No space left on device") as error:
            compute(tmp_path / "a")
    assert operations < 6 or "batches are safe in it: make room and call sweep again" in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == (["whole"] if operations < 6 else ["a", "whole"])
    compute(tmp_path / "a")
    assert files(tmp_path / "a") == files(tmp_path / "whole")


def test_a_second_writer_is_refused_and_nothing_is_lost(tmp_path, monkeypatch):
    """Also where both have the same number, as the first processes of two containers."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with _store.opened(tmp_path / "a", WANTED) as store:
        store.write(0, batch(0))
        (tmp_path / "link").symlink_to(tmp_path / "a")
        for path in ("a", "link"):
            with pytest.raises(BlockingIOError, match="store .*/a is being written by process 1 on "):
                compute(tmp_path / path)
        store.write(1, batch(1))
    assert compute(tmp_path / "link") == [2]
    assert compute(tmp_path / "a") == []


def test_a_finished_store_is_read_where_nothing_may_be_written(tmp_path, monkeypatch):
    compute(tmp_path / "a")
    (tmp_path / "b").mkdir()

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    for name in ("put", "_take"):
        monkeypatch.setattr(_disk, name, refuse)
    assert compute(tmp_path / "a") == []
    with pytest.raises(
        PermissionError, match="store must be a path that can be written, got .*/b/c': .*Permission denied"
    ):
        compute(tmp_path / "b" / "c")


def test_files_that_are_not_ours_stay(tmp_path):
    """Files of other names, and what links of our names lead to."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes").write_text("mine")
    random = 32 * "0"
    (tmp_path / f".a.{random}.partial").symlink_to(mine)
    for name in (".a.partial", ".b.12.partial", f".b.{random}.partial"):
        (tmp_path / name).write_text("mine")
    with _store.opened(tmp_path / "a", WANTED):
        (tmp_path / "a" / f".zarr.json.{random}.partial").write_text("litter")
        (tmp_path / "a" / "notes.partial").write_text("mine")
        (tmp_path / "a" / WANTED.chunk("z", 0)).parent.mkdir()
        (tmp_path / "a" / WANTED.chunk("z", 0)).symlink_to(mine / "notes")
    compute(tmp_path / "a")
    assert (mine / "notes").read_text() == "mine"
    left = {".a.partial", ".b.12.partial", f".b.{random}.partial", "a", "mine"}
    assert {path.name for path in tmp_path.iterdir()} == left
    assert sorted(p.name for p in (tmp_path / "a").glob("*partial")) == ["notes.partial"]
    (tmp_path / ".c.lock").write_text("mine")
    (tmp_path / ".d.lock").symlink_to(mine / "notes")
    for name in "cd":
        with pytest.raises(OSError, match=rf"\.{name}\.lock"):
            compute(tmp_path / name)
    assert ((tmp_path / ".c.lock").read_text(), (mine / "notes").read_text()) == ("mine", "mine")


def test_a_file_system_without_locks_is_spoken_of(tmp_path, monkeypatch, capsys):
    def none(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", none)
    assert compute(tmp_path / "a") == [0, 1, 2]
    assert "no lock for" in capsys.readouterr().err
