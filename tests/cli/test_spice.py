"""Tiles of chips as netlists."""

import shutil
import subprocess

import jax
import numpy as np
import pytest

import memjax as mj
from memjax.cli import main

KEY = jax.random.key(1)
WIRES = mj.Wires(row=20.0, column=10.0, source=30.0)
W = np.asarray(jax.random.normal(jax.random.key(0), (9, 7)))


@pytest.fixture
def saved(tmp_path):
    def save(mapping, **options):
        hardware = mj.Hardware(mapping=mapping, tile=(8, 4), wires=WIRES, **options)
        chip = mj.program(hardware, W, jax.random.key(1))
        mj.save(tmp_path / "chip.safetensors", {"a/kernel": chip}, hardware)
        return chip, str(tmp_path / "chip.safetensors"), tmp_path / "tile.cir"

    return save


def run(*args):
    try:
        main(list(map(str, args)))
    except SystemExit as stop:
        return stop.code
    return 0


def test_a_dual_row_tile_is_one_array_driven_by_opposite_voltages(saved):
    chip, path, out = saved(mj.mapping.DualRow())
    assert run("spice", path, "--crossbar", "a/kernel", "--tile", 1, 1, "--out", out) == 0
    pos, neg = (np.asarray(chip["conductance"][name])[1][:, 4:] for name in ("pos", "neg"))
    cells = np.stack([pos, neg], 1).reshape(8, 4)
    assert out.read_text() == mj.circuit.to_spice(cells, np.tile([0.2, -0.2], 4), WIRES)


@pytest.mark.parametrize(("matrix", "down", "across", "array"), [(1, 1, 0, "neg"), (0, 1, 1, "neg"), (1, 0, 1, "pos")])
def test_the_numbers_of_a_netlist_are_those_of_the_chip(tmp_path, matrix, down, across, array):
    """One tile of a stack of matrices: ohms of every cell, wire and driver, volts of every input."""
    hardware = mj.Hardware(mapping=mj.mapping.DoubleColumn(), tile=(8, 4), wires=WIRES)
    chip = jax.vmap(lambda w, key: mj.program(hardware, w, key))(np.stack([W, -2 * W]), jax.random.split(KEY))
    mj.save(tmp_path / "chip.safetensors", {"a": chip}, hardware)
    out = tmp_path / "tile.cir"
    options = ("--crossbar", "a", "--matrix", matrix, "--tile", down, across, "--array", array, "--volts", 0.15)
    assert run("spice", tmp_path / "chip.safetensors", *options, "--out", out) == 0
    lines = [line.split() for line in out.read_text().splitlines()]
    cells = np.asarray(chip["conductance"][array], np.float64)[matrix, down][:, 4 * across : 4 * across + 4]
    ohms = {line[0]: float(line[3]) for line in lines if line and line[0].startswith("R")}
    for row, column in np.ndindex(8, 4):
        assert ohms.pop(f"Rc_{row}_{column}") == pytest.approx(1 / cells[row, column], rel=1e-6)
        assert ohms.pop(f"Rw{row}_{column}") == (20.0 if column else 20.0 + 30.0)
        assert ohms.pop(f"Rb{column}_{row}") == 10.0
    assert ohms == {}
    assert [float(line[4]) for line in lines if line and line[0].startswith("Vin")] == 8 * [0.15]


@pytest.mark.ngspice
@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
def test_ngspice_finds_the_currents_of_a_tile(saved):
    effects = (mj.effects.SinhConduction(4.0),)
    chip, path, out = saved(mj.mapping.DoubleColumn(), effects=effects)
    options = ("--crossbar", "a/kernel", "--tile", 0, 1, "--array", "neg", "--volts", 0.3, "--out", out)
    assert run("spice", path, *options) == 0
    subprocess.run(["ngspice", "-b", out.name], cwd=out.parent, check=True, capture_output=True, timeout=60)
    found = mj.circuit.from_spice(out.parent / "crossbar.raw")
    cells = np.asarray(chip["conductance"]["neg"])[0][:, 4:]
    wanted = mj.circuit.solve(cells, np.full(8, 0.3, np.float32), WIRES, conduction=effects[0])
    np.testing.assert_allclose(found.current, wanted.current, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "crossbar must be one of a/kernel; got None"),
        (("--crossbar", "b"), "crossbar must be one of a/kernel; got 'b'"),
        (("--crossbar", "a/kernel", "--tile", "2", "0"), "row tile must be from 0 to 1; got 2"),
        (("--crossbar", "a/kernel", "--matrix", "1"), "matrix must be from 0 to 0; got 1"),
        (("--crossbar", "a/kernel", "--array", "cell"), "array must be one of pos, neg; got 'cell'"),
    ],
)
def test_what_is_not_there_is_named(saved, capsys, options, message):
    _, path, out = saved(mj.mapping.DoubleColumn())
    assert run("spice", path, *options, "--out", out) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()
