"""Compilations of the commands: kept on disk for the next run, and named while they take long."""

import contextlib
import logging
import pathlib
import sys
import threading
from collections.abc import Iterator

from memjax.cli import _usual

# Seconds after which a compilation is worth a line.
PATIENCE = 3.0
# Where JAX logs what it compiles: "Compiling jit(f) with ...", "Finished XLA compilation of jit(f) in ...".
LOGGERS = ("jax._src.interpreters.pxla", "jax._src.dispatch")


def folder() -> pathlib.Path:
    """Where compiled programs are kept."""
    return _usual.cache() / "compiled"


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
    """Lines on stderr for every compilation that is not over after some seconds."""

    def __init__(self, patience: float):
        super().__init__(logging.DEBUG)
        self.patience = patience
        self.running: dict[str, tuple[threading.Timer, str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage().split()
        if words[0] == "Compiling":
            self._begin(words[1], record.getMessage())
        elif words[:3] == ["Finished", "XLA", "compilation"] and words[4] in self.running:
            self._end(words[4], float(words[6]))

    def _begin(self, name: str, what: str) -> None:
        """`what` has the shapes as well, and is the same for the same program."""
        usual = _usual.seconds(what)
        left = "" if usual is None else f" about {usual:.0f} s, as last time"
        line = f"memjax: compiling {_plain(name)} ...{left}"
        timer = threading.Timer(self.patience, print, [line], {"file": sys.stderr, "flush": True})
        self.running[name] = timer, what
        timer.start()

    def _end(self, name: str, seconds: float) -> None:
        timer, what = self.running.pop(name)
        timer.cancel()
        if seconds > self.patience:
            _usual.remember(what, seconds)
            print(f"memjax: compiled {_plain(name)} in {seconds:.0f} s", file=sys.stderr, flush=True)


def _plain(name: str) -> str:
    return name.removeprefix("jit(").removesuffix(")")


@contextlib.contextmanager
def shown(patience: float = PATIENCE) -> Iterator[None]:
    """Say on stderr what is being compiled where that takes longer than `patience` [s], and how long it took before."""
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
        for timer, _ in lines.running.values():
            timer.cancel()
