"""Files are there whole or not at all, and what is damaged is found."""

import contextlib
import os

import jax
import numpy as np
import pandas
import pytest
from matplotlib.figure import Figure

from memjax import study


def test_files_are_written_whole(tmp_path):
    paths = study.write(tmp_path, {"a.csv": b"1", "b.json": b"2"})
    assert [path.read_bytes() for path in paths] == [b"1", b"2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.json"]


def test_text_frames_and_figures_are_encoded_by_their_kind(tmp_path):
    frame = pandas.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    rows = [{"a": 1, "b": 0.5}, {"a": 2, "c": True}]
    contents = {"a.txt": "µ", "a.csv": frame, "rows.csv": rows, "a.png": Figure(), "a.pdf": Figure()}
    contents |= {"ax.png": Figure().subplots(), "axes.pdf": Figure().subplots(2, 2)}
    text, csv, table, png, pdf, of_axes, of_several = (
        path.read_bytes() for path in study.write(tmp_path / "new", contents)
    )
    assert text == "µ".encode()
    assert csv == b"a,b\n1,0.5\n2,1.5\n"
    assert table == b"a,b,c\n1,0.5,\n2,,True\n"
    assert png.startswith(b"\x89PNG")
    assert pdf.startswith(b"%PDF")
    assert of_axes.startswith(b"\x89PNG")
    assert of_several.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([b"1"], "contents must map names of files to contents, got"),
        ({"a/b": b"1"}, "contents must have names of files, without folders, got 'a/b'"),
        ({"": b"1"}, "contents must have names of files, without folders, got ''"),
        (
            {"a": b"1", "b": 1.0},
            r"contents\['b'\] must be bytes, text, .* Axes or a figure, got 1.0",
        ),
    ],
)
def test_wrong_contents_are_named_before_anything_is_written(tmp_path, contents, message):
    with pytest.raises((TypeError, ValueError), match=message):
        study.write(tmp_path, contents)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("when", [OSError("No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_files_and_nothing_else(tmp_path, monkeypatch, when):
    study.write(tmp_path, {"a.csv": b"old", "b.json": b"old"})
    write_bytes = type(tmp_path).write_bytes

    def fails_on_the_second(path, content):
        write_bytes(path, content[:1])
        if "b.json" in path.name:
            raise when

    monkeypatch.setattr(type(tmp_path), "write_bytes", fails_on_the_second)
    with pytest.raises(type(when)):
        study.write(tmp_path, {"a.csv": b"new", "b.json": b"new"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.json"]
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"old"}


def test_a_folder_is_made_with_its_parents(tmp_path):
    folder = tmp_path / "a" / "b"
    study.check_writable(folder)
    assert os.listdir(folder) == []


def test_any_damage_of_a_file_of_arrays_is_found(tmp_path):
    path, tree = tmp_path / "a.npz", {"w": np.arange(6.0), "b": np.ones((2, 1), np.int32)}
    whole = study.packed({"steps": 3}, tree)
    for at in range(0, len(whole), 2):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        with contextlib.suppress(ValueError):  # some bytes mean nothing, as those of a date
            origin, arrays = study.unpacked(path)
            assert origin == {"steps": 3}
            for one, other in zip(arrays, jax.tree.leaves(tree), strict=True):
                np.testing.assert_array_equal(one, other)
    for content in (whole[: len(whole) // 2], whole[:-1], b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="a.npz is missing, damaged or something else"):
            study.unpacked(path)
