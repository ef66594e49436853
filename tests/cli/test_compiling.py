"""Compiled programs of the commands: kept on disk, and named while they take long."""

import re
import time

import jax
import jax.numpy as jnp
import pytest

from memjax.cli import _compiling


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.parametrize("patience", [0.0, 1000.0])
def test_a_long_compilation_is_named_with_its_time(capsys, patience):
    def said(number: int) -> list[str]:
        """By the compilation of a program with one number in it."""

        def slowly(x):
            return jnp.linalg.inv(jnp.sin(x) @ jnp.cos(x + number))

        with _compiling.shown(patience):
            jax.jit(slowly)(jnp.eye(3))
            time.sleep(0.05)
        return [re.sub(r"\d+ s", "N s", line) for line in capsys.readouterr().err.splitlines() if "slowly" in line]

    named, ended = "memjax: compiling slowly ...", "memjax: compiled slowly in N s"
    if patience:
        assert said(1) == said(2) == []
    else:
        assert said(1) == [named, ended]
        assert said(2) == [f"{named} about N s, as last time", ended]


@pytest.mark.parametrize(
    ("backend", "chosen", "found"), [("gpu", None, "memjax/compiled"), ("gpu", "mine", "mine"), ("cpu", None, None)]
)
def test_programs_are_kept_on_accelerators_and_where_the_user_says(monkeypatch, tmp_path, backend, chosen, found):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    before = jax.config.jax_compilation_cache_dir
    try:
        jax.config.update("jax_compilation_cache_dir", chosen)
        _compiling.keep()
        kept = jax.config.jax_compilation_cache_dir
        assert kept == (str(tmp_path / found) if backend == "gpu" and chosen is None else found)
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
