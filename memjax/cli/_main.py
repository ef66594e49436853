import contextlib
import os
import sys
from collections.abc import Sequence

from tyro.extras import SubcommandApp

import memjax
from memjax.cli import _compiling
from memjax.cli._cost import cost
from memjax.cli._device import device
from memjax.cli._doctor import doctor
from memjax.cli._errors import UsageError
from memjax.cli._memory_macro import macro
from memjax.cli._memory_run import run
from memjax.cli._quickstart import quickstart
from memjax.cli._spice import spice
from memjax.cli._sweep import sweep

_DESCRIPTION = (
    "Run JAX programs on simulated memristive crossbars. `memjax COMMAND --help` explains a command, "
    "`memjax --version` says which memjax this is."
)
_MEMORY = """Design memory macros, and serve traces by main memories.

Example: memjax memory macro --capacity 524288 --word 512 --cell pcm"""

_app = SubcommandApp()
_app.command(quickstart)
_app.command(device)
_app.command(sweep)
_app.command(spice)
_app.command(cost)
_app.command(doctor)
_memory = SubcommandApp()
_memory.command(macro)
_memory.command(run)
_app.command(_memory, name="memory", help=_MEMORY)


def main(args: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 damage was found, 2 wrong arguments, 130 interrupted."""
    args = sys.argv[1:] if args is None else args
    if list(args) == ["--version"]:
        print(f"memjax {memjax.__version__}")
        return
    try:
        with _compiling.shown() if sys.stderr.isatty() else contextlib.nullcontext():
            _app.cli(prog="memjax", description=_DESCRIPTION, args=args)
    except UsageError as error:
        print(f"memjax: error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as stop:
        # A command that keeps what it has done says so in its message.
        print(f"memjax: interrupted, {stop if stop.args else 'nothing was written'}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        # Not sys.exit: the end of the interpreter would tear down what threads of a running computation still use.
        os._exit(130)
