"""Waits that say how long they took last time, and tables that stay whole."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from memjax.cli import _report, _usual


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "memjax"


def test_times_are_those_of_last_time(cache):
    assert _usual.seconds("a") is None
    _usual.remember("a", 12.34)
    _usual.remember("b", 5.0)
    _usual.remember("a", 20.0)
    assert (_usual.seconds("a"), _usual.seconds("b"), _usual.seconds("c")) == (20.0, 5.0, None)
    assert [path.name for path in cache.iterdir()] == ["seconds.json"]


def test_the_oldest_times_are_forgotten(monkeypatch):
    monkeypatch.setattr(_usual, "_KEPT", 2)
    for name in "abc":
        _usual.remember(name, 1.0)
    _usual.remember("b", 2.0)
    _usual.remember("d", 1.0)
    assert [_usual.seconds(name) for name in "abcd"] == [None, 2.0, None, 1.0]


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": "b"}'])
def test_a_file_of_times_that_is_something_else_is_replaced(cache, content):
    cache.mkdir()
    _usual.file().write_text(content)
    assert _usual.seconds("a") is None
    _usual.remember("a", 3.0)
    assert _usual.seconds("a") == 3.0


def test_a_cache_that_cannot_be_written_is_no_error(cache):
    cache.write_text("a file where the folder should be")
    _usual.remember("a", 3.0)
    assert _usual.seconds("a") is None


def test_a_wait_says_what_is_left_on_a_terminal_alone(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal, pipe = io.StringIO(), io.StringIO()
    _usual.remember("counting ('x', 1)", 100.0)
    with _report.waiting(Console(file=terminal, force_terminal=True, width=100), "counting", ("x", 1)):
        pass
    assert "counting" in terminal.getvalue()
    assert "100 s left, as last time" in terminal.getvalue()
    assert _usual.seconds("counting ('x', 1)") < 100.0
    with _report.waiting(Console(file=pipe), "counting", ("y", 1)):
        pass
    assert pipe.getvalue() == ""
    assert _usual.seconds("counting ('y', 1)") is None


def test_a_step_that_fails_leaves_no_time(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    with (
        pytest.raises(ValueError, match="wrong"),
        _report.waiting(Console(file=io.StringIO(), force_terminal=True), "counting"),
    ):
        raise ValueError("wrong")
    assert _usual.seconds("counting None") is None


def test_no_word_of_a_table_is_broken_where_the_terminal_is_narrow():
    words = ["DeviceVariation_r_on_std", "mean ± std (%)", "97.50 ± 0.25", "a/path/that/is/longer/than/the/terminal"]
    table, text = Table(), io.StringIO()
    for word in words[:2]:
        table.add_column(word, overflow="fold")
    table.add_row(*words[2:])
    _report.show_table(Console(file=text, width=20), table)
    assert all(word in text.getvalue() for word in words)
    assert len(text.getvalue().splitlines()) == 5
