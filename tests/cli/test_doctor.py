"""`memjax doctor`: what is there is found, what is missing comes with a command that mends it."""

import importlib.metadata
import json
import re
import shlex

import jax
import pytest

import memjax as mj
from memjax.cli import _health, main


def run(capsys, *arguments) -> tuple[int, str]:
    """The exit status, and what was printed."""
    try:
        main(["doctor", *arguments])
    except SystemExit as stop:
        return int(stop.code or 0), capsys.readouterr().out
    return 0, capsys.readouterr().out


@pytest.fixture
def requires(monkeypatch):
    """requires(*lines): memjax's requirements are these."""

    def set_to(*lines):
        monkeypatch.setattr(importlib.metadata, "requires", lambda name: list(lines))

    return set_to


def test_a_sound_machine_is_sound(capsys, documented):
    status, shown = run(capsys, "--json")
    found = json.loads(shown)
    assert status == 0
    assert found["ok"] is True
    assert found["memjax"] == mj.__version__
    assert found["devices"] == {"backend": "cpu", "kinds": [device.device_kind for device in jax.devices()]}
    versions = {one["name"]: one["version"] for one in found["packages"] if one["extra"] is None}
    assert versions["jax"] == jax.__version__
    assert all(one["ok"] for one in found["packages"] if one["extra"] is None)
    assert next(one for one in found["data"] if one["name"] == "digits")["folder"].endswith("sklearn")
    assert not any(one["essential"] for one in found["missing"])
    assert set(found) == documented("memjax doctor")


def test_what_people_read_says_the_same(capsys, requires):
    requires("jax", 'unheard-of>=2; extra == "data"')
    status, shown = run(capsys)
    assert status == 0
    assert f"memjax {mj.__version__}, Python" in shown
    assert re.search(rf"jax +│ {re.escape(jax.__version__)}", shown)
    assert "Missing: the extra 'data' needs unheard-of>=2. To mend it:\n" in shown
    assert "-m pip install 'unheard-of>=2'\n" in shown


@pytest.mark.parametrize("line", ["jax>=99", "unheard-of[more]>=2", "jax!=" + jax.__version__])
def test_what_memjax_cannot_do_without_is_broken(capsys, requires, line):
    requires("numpy", line)
    status, shown = run(capsys, "--json")
    found = json.loads(shown)
    assert status == 1
    assert found["ok"] is False
    (broken,) = (one for one in found["missing"] if one["essential"])
    assert broken["what"] == f"memjax needs {line}"
    assert shlex.split(broken["mend"])[1:] == ["-m", "pip", "install", line]


def test_requirements_of_other_machines_and_of_developers_do_not_count(capsys, requires):
    requires('unheard-of; python_version < "3"', 'unheard-of; extra == "dev"')
    assert json.loads(run(capsys, "--json")[1])["packages"] == []


def test_data_sets_that_are_not_prepared_come_with_the_command(monkeypatch, tmp_path):
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    found = {one["name"]: one for one in _health._data()}
    missing = found["mnist"]["missing"]
    assert found["mnist"]["folder"] is None
    assert missing["what"] == f"data set 'mnist' is not in {tmp_path}"
    python, flag, program = shlex.split(missing["mend"])
    assert (python, flag) == ("python", "-c")
    assert "builder('mnist', file_format='array_record').download_and_prepare()" in program


def test_without_the_packages_of_the_data_sets_the_extra_is_named(monkeypatch):
    def refuse(name):
        raise ImportError(f'data set {name!r} needs packages (no array_record): pip install "memjax[data]"')

    monkeypatch.setattr(mj.data, "locate", refuse)
    missing = _health._data()[1]["missing"]
    assert missing == {
        "what": "data set 'mnist' needs packages (no array_record)",
        "mend": 'pip install "memjax[data]"',
        "essential": False,
    }


def test_a_jax_that_cannot_compute_is_broken(monkeypatch):
    def fails():
        raise RuntimeError("no device")

    monkeypatch.setattr(jax, "devices", fails)
    found = _health._devices()
    assert found["kinds"] == []
    assert found["missing"][0]["essential"] is True
    assert "no device" in found["missing"][0]["what"]


def test_caches_are_weighed(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "memjax" / "compiled" / "deeper").mkdir(parents=True)
    (tmp_path / "memjax" / "compiled" / "deeper" / "a").write_bytes(b"12345")
    found = {one["name"]: one for one in _health._caches()}
    assert found["compiled programs"] == {
        "name": "compiled programs",
        "path": str(tmp_path / "memjax" / "compiled"),
        "bytes": 5,
    }
    assert found["times of steps"]["bytes"] is None
