"""`memjax sweep --verify`: whether a store is what was written."""

import pathlib
import sys

from rich.console import Console

from memjax.cli._errors import usage_errors


def verify(store: pathlib.Path) -> None:
    """Print the state of a store; exit with 1 where anything in it is damaged."""
    from memjax import montecarlo  # late, because it takes a second

    with usage_errors():
        found = montecarlo.verify(store)
    console = Console(highlight=False)
    for file, reason in found.damage.items():
        console.print(f"{store / file} {reason}", markup=False, soft_wrap=True)
    how_far = "finished" if found.finished else "not finished"
    damage = f"{len(found.damage)} damaged files" if found.damage else "no damage"
    console.print(
        f"{store}: {found.whole} of {found.batches} batches are there and whole, {how_far}, {damage}",
        markup=False,
        soft_wrap=True,
    )
    if found.damage:
        console.print("--resume computes them again", markup=False)
        sys.exit(1)
