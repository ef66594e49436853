"""Compiled programs of the commands: kept on disk, and named while they take long."""

import time

import jax
import jax.numpy as jnp
import pytest

from memjax.cli import _compiling


@pytest.mark.parametrize(("patience", "said"), [(0.0, ["memjax: compiling slowly ..."]), (1000.0, [])])
def test_a_long_compilation_is_named(capsys, patience, said):
    def slowly(x):
        return jnp.linalg.inv(jnp.sin(x) @ jnp.cos(x + patience))

    with _compiling.shown(patience):
        jax.jit(slowly)(jnp.eye(3))
        time.sleep(0.05)
    assert [line for line in capsys.readouterr().err.splitlines() if "slowly" in line] == said


def test_programs_are_kept_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = jax.config.read("jax_compilation_cache_dir")
    try:
        jax.config.update("jax_compilation_cache_dir", None)
        _compiling.keep()
        assert jax.config.read("jax_compilation_cache_dir") == str(tmp_path / "memjax" / "compiled")
        jax.config.update("jax_compilation_cache_dir", "mine")
        _compiling.keep()
        assert jax.config.read("jax_compilation_cache_dir") == "mine"
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
