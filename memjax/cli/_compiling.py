"""Compilations of the commands: kept on disk for the next run, and named while they take long."""

import contextlib
import logging
import os
import pathlib
import sys
import threading
from collections.abc import Iterator

# Seconds after which a compilation is worth a line.
PATIENCE = 3.0
# Where JAX logs what it compiles: "Compiling jit(f) with ...", "Finished XLA compilation of jit(f) in ...".
LOGGERS = ("jax._src.interpreters.pxla", "jax._src.dispatch")


def folder() -> pathlib.Path:
    """Where compiled programs are kept."""
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "memjax" / "compiled"


def keep() -> None:
    """Switch on JAX's persistent compilation cache, unless the user has chosen a folder for it.

    Not on a CPU: there XLA prints errors about features of the processor with every program it loads, which only a
    variable of the environment (TF_CPP_MIN_LOG_LEVEL=3) that is set before JAX is imported can stop.
    """
    import jax

    chosen = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    if chosen is None and jax.default_backend() != "cpu":
        jax.config.update("jax_compilation_cache_dir", str(folder()))


class _Lines(logging.Handler):
    """A line on stderr for every compilation that is not over after some seconds."""

    def __init__(self, patience: float):
        super().__init__(logging.DEBUG)
        self.patience = patience
        self.timers: dict[str, threading.Timer] = {}

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage().split()
        if words[0] == "Compiling":
            name = words[1]
            line = f"memjax: compiling {name.removeprefix('jit(').removesuffix(')')} ..."
            self.timers[name] = threading.Timer(self.patience, print, [line], {"file": sys.stderr, "flush": True})
            self.timers[name].start()
        elif words[:3] == ["Finished", "XLA", "compilation"] and (timer := self.timers.pop(words[4], None)):
            timer.cancel()


@contextlib.contextmanager
def shown(patience: float = PATIENCE) -> Iterator[None]:
    """Say on stderr what is being compiled, where that takes longer than `patience` [s]."""
    lines, loggers = _Lines(patience), [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(lines)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(lines)
            logger.setLevel(level)
            logger.propagate = propagate
        for timer in lines.timers.values():
            timer.cancel()
