"""`memjax sweep`: results, resume in another process, and what is said when something is wrong."""

import contextlib
import csv
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
import xarray
from rich.console import Console

import memjax as mj
from memjax import _disk, data
from memjax.cli import _config, _run, _sweep, _units, _weights, main
from memjax.montecarlo._store import Store

CONFIG = """\
samples = 3
batch_size = 4
[data]
name = "digits"
images = 40
[network]
name = "mlp"
steps = 60
[hardware]
tile = [32, 16]
[[effects]]
kind = "DeviceVariation"
r_off_std = 1e4
[grid]
"hardware.adc.bits" = [4, 8]
"effects.DeviceVariation.r_on_std" = [0, 2e3]
"""
POINTS = [("4", 0.0), ("4", 2e3), ("8", 0.0), ("8", 2e3)]
ORIGIN = {"data": "digits", "network": "mlp", "steps": 60, "seed": 0}
FILES = ["sweep.csv", "sweep.json", "sweep.png", "sweep.zarr", "weights.npz"]


def run(*arguments) -> int:
    """The exit status."""
    try:
        main(["sweep", *map(str, arguments)])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def start(*arguments) -> subprocess.Popen:
    """The command in a process of its own, which compiles quickly."""
    flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    command = [sys.executable, "-c", "from memjax.cli import main; main()", "sweep", *map(str, arguments)]
    environment = os.environ | {"XLA_FLAGS": flags}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "my sweep.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def interrupted(config):
    """A folder in which two of three batches are there; what was said; its files; when the batches were written.

    The first run has --resume already, as a job that may be started again, and one before it was killed while it wrote.
    """
    out, write, errors = config.parent / "out", Store.write, io.StringIO()
    out.mkdir()
    (out / f".weights.npz.{32 * 'a'}.partial").write_bytes(b"litter")

    def dies_at_the_third(self, index, values):
        if index == 2:
            raise KeyboardInterrupt
        write(self, index, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "write", dies_at_the_third)
        patch.setattr(os, "_exit", sys.exit)
        with contextlib.redirect_stderr(errors):
            assert run(config, "--out", out, "--resume") == 130
    return out, errors.getvalue(), sorted(path.name for path in out.iterdir()), written(out)


@pytest.fixture(scope="module")
def done(config, interrupted):
    """Results of the whole sweep, the last batch by another process."""
    out = interrupted[0]
    process = start(config, "--out", out, "--resume")
    shown, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    assert "training" not in shown.splitlines()[1]
    assert "Digital model" in shown
    return out


def written(folder) -> dict[str, int]:
    """Time of every batch in a store."""
    chunks = folder / "sweep.zarr" / "batches" / "values" / "accuracy" / "c"
    return {path.name: path.stat().st_mtime_ns for path in chunks.iterdir()}


def accuracies(folder):
    return xarray.open_zarr(folder / "sweep.zarr")["accuracy"].values


def test_the_files_agree(done, documented):
    assert sorted(path.name for path in done.iterdir()) == FILES
    dataset = xarray.open_zarr(done / "sweep.zarr")
    assert dataset["accuracy"].dims == ("adc_bits", "DeviceVariation_r_on_std", "sample")
    assert dataset["DeviceVariation_r_on_std"].attrs["path"] == "effects.DeviceVariation.r_on_std"
    lines = list(csv.DictReader((done / "sweep.csv").read_text().splitlines()))
    assert [(line["adc_bits"], float(line["DeviceVariation_r_on_std"])) for line in lines[::3]] == POINTS
    assert [int(line["chip"]) for line in lines] == 4 * [0, 1, 2]
    table = np.array([float(line["accuracy"]) for line in lines])
    np.testing.assert_allclose(table, dataset["accuracy"].values.ravel(), rtol=1e-6)
    assert np.all(table * 40 == np.rint(table * 40))
    report = json.loads((done / "sweep.json").read_text())
    assert set(report) == documented("sweep.json")
    assert report["config"]["hardware"] == {"tile": [32, 16]}
    assert {"memjax", "jax", "flax", "python"} <= report["versions"].keys()
    assert [entry["worst"] for entry in report["results"]] == table.reshape(-1, 3).min(1).tolist()
    assert report["parameters"]["adc_bits"] == "hardware.adc.bits"
    assert (done / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_every_number_is_that_of_a_chip_made_by_hand(config, done):
    settings = _config.read(config)
    examples = data.load("digits")
    forward, like = mj.study.as_function(mj.study.untrained(examples, network="mlp"))
    case = _run.case(settings, examples, forward, _weights.load(done, settings, like))
    state, images, labels = case.params, case.images, case.labels
    hardware = mj.Hardware(
        tile=(32, 16), adc=mj.Adc(bits=8), effects=(mj.effects.DeviceVariation(r_on_std=2e3, r_off_std=1e4),)
    )
    analog = mj.crossbarify(forward, hardware)
    making = jax.random.split(jax.random.fold_in(jax.random.key(0), 1), 3)[0]
    logits = np.asarray(analog.apply(analog.program(state, making, images), state, images))
    top = np.sort(logits, axis=-1)
    ties = np.mean(top[:, -1] - top[:, -2] < 1e-5)  # may be resolved either way
    assert abs(accuracies(done)[1, 1, 1] - np.mean(logits.argmax(-1) == labels)) <= ties + 1e-6
    assert json.loads((done / "sweep.json").read_text())["digital_accuracy"] > 0.7


def test_an_interrupted_sweep_goes_on_in_another_process(interrupted, done):
    _, message, files, before = interrupted
    assert message.startswith("memjax: interrupted, sweep stopped after 2 of 3 batches, go on with: memjax sweep '")
    assert message.endswith("out --resume\n")
    assert files == ["sweep.zarr", "weights.npz"]
    assert before.keys() == {"0", "1"}
    after = written(done)
    assert after.keys() == {"0", "1", "2"}
    assert before.items() <= after.items()


def test_a_store_is_not_touched_without_resume(config, done, capsys):
    before = {path: path.stat().st_mtime_ns for path in done.iterdir()}
    assert run(config, "--out", done) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("memjax: error: ")
    assert "sweep.zarr exists: go on with it by --resume" in errors
    assert errors.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in done.iterdir()} == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("samples = 3", "samples = 4", "samples was 3 and is 4"),
        ("batch_size = 4", "batch_size = 2", "batch_size must be that of the store, 4, or None, got 2"),
        ("r_off_std = 1e4", "r_off_std = 2e4", "holds another sweep: code was"),
        ("steps = 60", "steps = 61", "weights.npz was trained otherwise: steps was 60 and is 61"),
        ("2e3]", "3e3]", "holds another sweep: grid was"),
    ],
)
def test_resuming_another_sweep_is_refused(done, tmp_path, capsys, old, new, message):
    path = tmp_path / "other.toml"
    path.write_text(CONFIG.replace(old, new))
    before = (done / "sweep.csv").read_bytes()
    assert run(path, "--out", done, "--resume") == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert (done / "sweep.csv").read_bytes() == before


def test_a_broken_weights_file_is_one_line(config, done, tmp_path, capsys):
    out = tmp_path / "out"
    (out / "sweep.zarr").mkdir(parents=True)
    for content in (None, b"", b"no archive"):
        if content is not None:
            (out / "weights.npz").write_bytes(content)
        assert run(config, "--out", out, "--resume") == 2
        assert "weights.npz must hold the trained network, to resume" in capsys.readouterr().err


def test_a_network_without_a_store_is_not_trained_again(config, done, tmp_path, monkeypatch):
    """A run that was killed before its first batch."""
    (tmp_path / "weights.npz").write_bytes((done / "weights.npz").read_bytes())
    monkeypatch.setattr(mj.study, "train", None)
    settings, examples = _config.read(config), data.load("digits")
    _, state = _sweep._network(settings, examples, tmp_path, Console(file=io.StringIO()), resume=True)
    assert (tmp_path / "weights.npz").read_bytes() == mj.study.packed(ORIGIN, state)


def test_a_store_is_verified(done, tmp_path, capsys):
    store = tmp_path / "sweep.zarr"
    shutil.copytree(done / "sweep.zarr", store)
    assert run("--verify", store) == 0
    assert "3 of 3 batches are there and whole, finished, no damage" in capsys.readouterr().out
    for name in ("batches/values/accuracy/c/1", "accuracy/c/0/0/0"):
        content = bytearray((store / name).read_bytes())
        content[-1] ^= 1
        (store / name).write_bytes(content)
        assert run("--verify", store) == 1
        assert f"{store / name} does not fit its checksum" in capsys.readouterr().out
    with pytest.raises(ValueError, match="checksum"):  # zarr itself does not take it for numbers either
        xarray.open_zarr(store)["accuracy"].load()


def test_a_folder_has_one_writer(config, done, capsys):
    with _disk.locked(done / "sweep"):
        assert run(config, "--out", done, "--resume") == 2
    assert "sweep is being written by process" in capsys.readouterr().err
    assert sorted(path.name for path in done.iterdir()) == FILES


def test_wrong_input_is_one_line_and_writes_nothing(config, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(CONFIG.replace("2e3]", '"x"]'))
    for arguments, message in (
        ([wrong], "wrong.toml, line 16: grid.effects.DeviceVariation.r_on_std: must be a number, got 'x'"),
        (["none.toml"], "none.toml cannot be read: No such file or directory"),
        ([], "sweep needs CONFIG.toml, or --verify STORE alone"),
        ([config, "--verify", tmp_path], "sweep needs CONFIG.toml, or --verify STORE alone"),
        (["--verify", tmp_path], "store must be the path of a sweep or a new one, got other data"),
        (["--verify", tmp_path / "none"], "none' is not there"),
        ([config, "--out", wrong], "out must be a folder that can be written"),
    ):
        assert run(*arguments) == 2
        errors = capsys.readouterr().err
        assert errors.startswith("memjax: error: ")
        assert message in errors
        assert errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == [wrong]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_says_how_to_go_on(tmp_path):
    path = tmp_path / "long.toml"
    path.write_text(CONFIG.replace("samples = 3", "samples = 3000"))
    process = start(path, "--out", tmp_path / "out")
    first_chunk = tmp_path / "out" / "sweep.zarr" / "batches" / "values" / "accuracy" / "c" / "0"
    while not first_chunk.exists() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.startswith("memjax: interrupted, sweep stopped after ")
    assert f"go on with: memjax sweep {path} --out {tmp_path / 'out'} --resume\n" in errors
    assert errors.count("\n") == 1


def test_noise_and_age_reach_the_chips(tmp_path):
    path = tmp_path / "a.toml"
    effects = "kind = 'Drift'\nnu = 0.5\n[[effects]]\nkind = 'ReadNoise'\n"
    grid = "[grid]\nage.seconds = [0, 1e4]\neffects.ReadNoise.relative = [0, 1]\n"
    path.write_text(CONFIG[: CONFIG.index("kind")] + effects + grid)
    config = _config.read(path)
    forward, state = mj.study.as_function(mj.study.untrained(data.load("digits"), network="mlp"))
    images = data.load("digits").test_images[:40]
    labels = np.asarray(forward(state, images)).argmax(-1)
    experiment = jax.jit(_run.experiment(config, mj.study.Case(forward, state, images, labels)))
    fresh, noisy, old, _ = (
        float(experiment(jax.random.key(0), **jax.tree.map(float, point))["accuracy"]) for point in config.points()
    )
    assert fresh > 0.8
    assert noisy < fresh
    assert old < fresh  # drift under converters of fixed range


def test_the_example_is_valid():
    example = pathlib.Path(__file__).parents[2] / "experiments" / "digits.toml"
    config = _config.read(example)
    assert len(list(config.points())) == 12


GRID = (
    CONFIG[: CONFIG.index('"effects')]
    + "hardware.mapping = ['Offset', 'DualRow']\n"
    + "'hardware.tile, hardware.dac.bits' = [[[16, 16], 4], [[32, 32], 6]]\n"
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A file with three axes, and accuracies of three chips at each point, as they come from a sweep."""
    path = tmp_path_factory.mktemp("grid") / "a.toml"
    path.write_text(GRID)
    config = _config.read(path)
    results = mj.sweep(
        lambda key, **point: {"accuracy": jax.random.uniform(key)},
        config.grid,
        key=jax.random.key(0),
        samples=3,
        batch_size=24,
        progress=False,
    )
    return config, _run.Measured(_run._readable(config, results["accuracy"], 40), 0.9, mj.Plan, 1.0)


def test_the_figure_takes_any_grid(measured):
    """Against the first numeric axis, with a curve for every combination of the others."""
    axes = _run.figure(*measured)
    assert axes.get_xlabel() == "ADC resolution (bit)"
    assert axes.get_ylabel() == "Classification accuracy (%)"
    curves = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert list(curves) == [
        "mapping = Offset, tile = 16x16, DAC resolution = 4 bit",
        "mapping = Offset, tile = 32x32, DAC resolution = 6 bit",
        "mapping = DualRow, tile = 16x16, DAC resolution = 4 bit",
        "mapping = DualRow, tile = 32x32, DAC resolution = 6 bit",
        "digital model (90 %)",
    ]
    np.testing.assert_allclose(curves["digital model (90 %)"].get_ydata(), 90)
    found = measured[1].found
    for line, (mapping, tile) in zip(curves.values(), np.ndindex(2, 2), strict=False):
        np.testing.assert_allclose(line.get_ydata(), 100 * found[:, mapping, tile].mean("sample"))


def test_parameters_have_the_units_of_their_fields():
    grid = {"hardware.cell.r_on, age.seconds": [[1e4, 1.0]], "effects.StuckAt.lrs": [0.1], "hardware.adc.bits": [8]}
    effects = [{"kind": "Drift", "nu": 0.1}, {"kind": "StuckAt"}]
    content = {"data": {"name": "digits"}, "network": {"name": "mlp"}, "hardware": {}, "effects": effects, "grid": grid}
    config = _config.parse(content | {"age": {"seconds": 1.0}})
    assert _units.of(config) == {"cell_r_on": "ohm", "age_seconds": "s", "StuckAt_lrs": "1", "adc_bits": "bit"}


def test_the_report_has_whole_images_and_plain_numbers(measured):
    config, done = measured
    np.testing.assert_array_equal(done.found * 40, np.rint(done.found * 40))
    report = json.loads(json.dumps(_run.report(config, done)))
    assert report["digital_accuracy"] == 0.9
    first = report["results"][0]
    assert {name: first[name] for name in ("adc_bits", "mapping", "tile", "dac_bits")} == {
        "adc_bits": 4,
        "mapping": "Offset",
        "tile": "16x16",
        "dac_bits": 4,
    }
    assert list(first)[4:] == ["mean", "std", "worst"]
    alone = done._replace(found=done.found.isel(sample=[0]))
    assert json.loads(json.dumps(_run.report(config, alone)))["results"][0]["std"] is None
