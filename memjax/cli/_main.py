import sys
from collections.abc import Sequence

from tyro.extras import SubcommandApp

from memjax.cli._errors import UsageError
from memjax.cli._quickstart import quickstart

_DESCRIPTION = "Run JAX programs on simulated memristive crossbars. `memjax COMMAND --help` explains a command."

_app = SubcommandApp()
_app.command(quickstart)


def main(args: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 2 wrong arguments, 130 interrupted."""
    try:
        _app.cli(prog="memjax", description=_DESCRIPTION, args=args)
    except UsageError as error:
        print(f"memjax: error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("memjax: interrupted, nothing was written", file=sys.stderr)
        sys.exit(130)
