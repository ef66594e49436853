"""Matrices from comma-separated files."""

import io

import numpy as np
import pytest

import memjax as mj

CELL = mj.Cell(levels=4)


def test_conductances(tmp_path):
    path = tmp_path / "pos.csv"
    path.write_text("1e-5, 2e-5,3e-5\r\n\n4e-5,5e-5 ,1e-4\n", encoding="utf-8-sig")
    expected = np.array([[1e-5, 2e-5, 3e-5], [4e-5, 5e-5, 1e-4]], np.float32)
    np.testing.assert_array_equal(mj.read_conductances(path), expected)
    np.testing.assert_array_equal(mj.read_conductances(str(path), CELL), expected)
    with open(path, encoding="utf-8-sig") as file:
        np.testing.assert_array_equal(mj.read_conductances(file), expected)


def test_levels_are_those_of_the_cell():
    found = mj.read_levels(io.StringIO("0,1\n2,3"), CELL)
    np.testing.assert_allclose(found, [[1e-5, 4e-5], [7e-5, 1e-4]], rtol=1e-6)


def test_a_chip_of_levels_multiplies_with_integers():
    """With G_off taken off by the pair, level differences are the weights."""
    pair = {"pos": "3,0\n1,2\n", "neg": "0,1\n0,2\n"}
    hardware = mj.Hardware(cell=CELL, tile=(2, 2), dac=mj.Dac(), adc=mj.Adc())
    read = {name: mj.read_levels(io.StringIO(text), CELL) for name, text in pair.items()}
    chip = mj.chip_from_conductances(hardware, read, scale=3.0)
    x = np.array([[1.0, 0.0], [2.0, -1.0]], np.float32)
    np.testing.assert_allclose(mj.matmul(hardware, chip, x), x @ [[3, -1], [1, 0]], atol=1e-5)


BAD = [
    (lambda f: mj.read_conductances(f), "1,2\n3\n", "file: line 2 must have 2 numbers, got 1"),
    (lambda f: mj.read_conductances(f), "1,2\n\n3,4,\n", "file: line 3 must have 2 numbers, got 3"),
    (lambda f: mj.read_conductances(f), "1,nan\n", "file: entry 2 of line 1 must be a conductance in [0, inf] S"),
    (lambda f: mj.read_conductances(f), "g0,g1\n1,2\n", "got 'g0'"),
    (lambda f: mj.read_conductances(f), "1e-5,-1e-5\n", "got '-1e-5'"),
    (lambda f: mj.read_conductances(f, CELL), "2e-4\n", "must be a conductance in [1e-05, 0.0001] S, got '2e-4'"),
    (
        lambda f: mj.read_conductances(f),
        "1,2\n3,1_0\n",
        "entry 2 of line 2 must be a conductance in [0, inf] S, got '1_0'",
    ),
    (lambda f: mj.read_conductances(f), "1,1e39\n", "got '1e39'"),
    (lambda f: mj.read_conductances(f), "1,1e-400\n", "got '1e-400'"),
    (lambda f: mj.read_conductances(f), "1,١\n", "entry 2 of line 1 must be a conductance"),
    (lambda f: mj.read_conductances(f), "1,2\n1,\x002" + "9" * 200000 + "\n", "line 2 must be"),
    (lambda f: mj.read_conductances(f), " \n", "file must hold a matrix, got no numbers"),
    (lambda f: mj.read_levels(f, CELL), "0,4\n", "entry 2 of line 1 must be a level from 0 to 3, got '4'"),
    (lambda f: mj.read_levels(f, CELL), "0.5\n", "must be a level from 0 to 3, got '0.5'"),
    (lambda f: mj.read_levels(f, mj.Cell()), "0\n", "cell must have a number of levels (such as Cell(levels=16))"),
    (lambda f: mj.read_conductances(f, mj.Cell(r_on=np.array([1e3, 2e3]))), "0\n", "cell must have one range"),
]


@pytest.mark.parametrize(("read", "text", "expected"), BAD)
def test_bad_input(read, text, expected):
    with pytest.raises(ValueError, match="must") as error:
        read(io.StringIO(text))
    assert expected in str(error.value)


def test_a_file_in_another_encoding_is_named_with_its_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("1,2\n3,µ\n".encode("latin-1"))
    with pytest.raises(ValueError, match="a.csv: line 2 must be text in UTF-8"):
        mj.read_conductances(path)
    with (
        open(path, encoding="utf-8") as file,
        pytest.raises(ValueError, match="a.csv: after line 0 it must be text in UTF-8"),
    ):
        mj.read_conductances(file)
