"""The `memjax` command. One file for each subcommand; `_main` lists them."""

from memjax.cli._main import main as main
from memjax.cli._quickstart import quickstart as quickstart
