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
