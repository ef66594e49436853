"""The quickstart: a small run, what it writes, and what it says of wrong arguments."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest

from memjax.cli import _quickstart, main

SMALL = ["--chips", "3", "--tile", "32", "16", "--adc-bits", "4", "8", "--variability", "0", "0.5", "--images", "100"]


def command(*args: str) -> list[str]:
    return [sys.executable, "-c", "from memjax.cli import main; main()", *args]


def run(*args: str, **environment: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "COLUMNS": "120", **environment}
    return subprocess.run(command(*args), capture_output=True, text=True, env=environment, timeout=500)


@pytest.fixture
def refused(capsys):
    """refused(*arguments): what the command says of wrong ones, on stdout and stderr. The exit status is 2."""

    def refusal(*arguments: str):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
        return capsys.readouterr()

    return refusal


@pytest.fixture(scope="module", params=["briefly trained", pytest.param("as users run it", marks=pytest.mark.slow)])
def done(request, tmp_path_factory):
    """One small run: exit status, stdout, stderr, the accuracy that its network must have, and its folder.

    As users run it, it is a process of its own.
    """
    out = tmp_path_factory.mktemp("run") / "new" / "results"
    arguments = ["quickstart", *SMALL, "--out", str(out)]
    if request.param == "as users run it":
        process = run(*arguments)
        return process.returncode, process.stdout, process.stderr, 0.97, out
    shown, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(shown), redirect_stderr(errors):
        patch.setenv("COLUMNS", "120")
        network = _quickstart.FILE["network"] | {"steps": 500}
        patch.setattr(_quickstart, "FILE", _quickstart.FILE | {"network": network})
        main(arguments)
    return 0, shown.getvalue(), errors.getvalue(), 0.96, out


def test_a_small_run_succeeds_and_shows_what_it_did(done):
    status, shown, errors, _, out = done
    assert (status, errors) == (0, "")
    for text in (
        "conv1/kernel",
        "head/kernel",
        "training",
        "Chips made",
        "variability",
        "ADC resolution",
        "(bit)",
        "Digital model",
        "±",
    ):
        assert text in shown
    assert str(out / "accuracy.png") in shown


def test_the_results_are_whole_and_agree(done, documented):
    out = done[-1]
    assert sorted(path.name for path in out.iterdir()) == ["accuracy.csv", "accuracy.json", "accuracy.png"]
    report = json.loads((out / "accuracy.json").read_text())
    assert set(report) == documented("accuracy.json")
    assert (report["dataset"], report["chips"], report["images"], report["tile"]) == ("digits", 3, 100, [32, 16])
    assert report["seed"] == 0
    assert {"memjax", "jax", "flax", "python"} <= report["versions"].keys()
    lines = list(csv.DictReader((out / "accuracy.csv").read_text().splitlines()))
    assert len(lines) == 2 * 2 * 3
    for entry in report["results"]:
        chips = [
            float(line["accuracy"])
            for line in lines
            if (float(line["variability"]), int(line["adc_bits"])) == (entry["variability"], entry["adc_bits"])
        ]
        assert len(chips) == 3
        np.testing.assert_allclose([entry["mean"], entry["std"]], [np.mean(chips), np.std(chips, ddof=1)], atol=1e-12)
        assert entry["worst"] == min(chips)
    assert (out / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def test_the_network_works_and_the_hardware_matters(done):
    report = json.loads((done[-1] / "accuracy.json").read_text())
    mean = {(entry["variability"], entry["adc_bits"]): entry["mean"] for entry in report["results"]}
    assert report["digital_accuracy"] >= done[-2]
    assert mean[0.0, 8] >= report["digital_accuracy"] - 0.02
    assert mean[0.5, 8] < mean[0.0, 8]
    assert mean[0.0, 4] < mean[0.0, 8]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--chips", "0"], "chips must be at least 1; got 0"),
        (["--tile", "0", "16"], "tile must be two numbers of lines, each at least 1; got 0 16"),
        (["--adc-bits", "8", "0"], "adc-bits must be one or more numbers from 1 to 32; got 8 0"),
        (["--adc-bits"], "adc-bits must be one or more numbers from 1 to 32; got none"),
        (["--variability", "-0.1"], "variability must be one or more finite numbers, 0 or above; got -0.1"),
        (["--variability", "nan"], "variability must be one or more finite numbers, 0 or above; got nan"),
        (["--images", "0"], "images must be at least 1; got 0"),
        (["--seed", "-1"], "seed must be from 0 to 4294967295; got -1"),
        (["--dataset", "imagenet"], "dataset must be one of digits, mnist, fashion_mnist, cifar10, cifar100; got"),
        (["--dataset", "cifar100"], "data set 'cifar100' is not in"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(refused, monkeypatch, tmp_path, arguments, message):
    if arguments[-1] == "cifar100":
        pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    out = tmp_path / "out"
    said, errors = refused("quickstart", *arguments, "--out", str(out))
    assert said == ""
    assert errors.startswith(f"memjax: error: {message}")
    assert errors.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("where", ["file", "below a file"])
def test_an_unwritable_folder_is_one_line_before_any_work(refused, tmp_path, where):
    (tmp_path / "file").write_text("kept")
    out = tmp_path / "file" if where == "file" else tmp_path / "file" / "out"
    _, errors = refused("quickstart", "--out", str(out))
    assert errors.startswith(f"memjax: error: out must be a folder that can be written; got '{out}': ")
    assert errors.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_one_line(refused, tmp_path):
    tmp_path.chmod(0o500)
    assert "Permission denied" in refused("quickstart", "--out", str(tmp_path / "out")).err


@pytest.mark.parametrize("arguments", [["quickstart", "--chips", "many"], ["quickstart", "--colour"], ["unknown"], []])
def test_an_unreadable_command_line_is_refused(refused, arguments):
    refused(*arguments)


def test_a_refusal_fails_the_process_without_traceback():
    process = run("quickstart", "--chips", "0")
    assert process.returncode == 2
    assert process.stderr.startswith("memjax: error: chips must be")
    assert process.stderr.count("\n") == 1


def test_an_interrupt_is_clean(tmp_path):
    process = subprocess.Popen(
        command("quickstart", "--out", str(tmp_path / "out")), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "digits" in process.stdout.readline()  # the work has begun
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors == "memjax: interrupted, nothing was written\n"
    assert list((tmp_path / "out").iterdir()) == []


def test_help_explains_itself(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")

    def shown(*arguments: str) -> str:
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert not stop.value.code
        return capsys.readouterr().out

    assert "quickstart" in shown("--help")
    quickstart = shown("quickstart", "--help")
    for option in ("--dataset", "--chips", "--tile", "--adc-bits", "--variability", "--images", "--seed", "--out"):
        assert option in quickstart
    assert "(default: digits)" in " ".join(quickstart.replace("│", " ").split())
