"""Ctrl-C between two batches, not in the middle of one."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stoppable(wanted: bool) -> Iterator[Callable[[], bool]]:
    """A function that says whether Ctrl-C was pressed; pressed twice, it interrupts at once, as always.

    Only where Python's own handler is in place, and in the main thread, which alone may replace it.
    """
    usual = signal.getsignal(signal.SIGINT)
    possible = threading.current_thread() is threading.main_thread() and usual is signal.default_int_handler
    if not (wanted and possible):
        yield lambda: False
        return
    asked = threading.Event()

    def handle(number, frame):
        if asked.is_set():
            signal.default_int_handler(number, frame)
        asked.set()
        if sys.stderr.isatty():
            print("\nsweep: stopping after this batch; Ctrl-C again stops at once", file=sys.stderr)

    signal.signal(signal.SIGINT, handle)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, usual)
