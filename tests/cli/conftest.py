"""What docs/command-line.md says of the files."""

import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "command-line.md"


@pytest.fixture(scope="session")
def documented():
    """documented(heading): the keys in the first column of the table below a heading."""

    def keys(heading: str) -> set[str]:
        _, _, after = PAGE.read_text("utf-8").partition(f"# {heading}\n")
        section = re.split("^#", after, maxsplit=1, flags=re.MULTILINE)[0]
        first = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        return {key for cell in first for key in re.findall("`([^`]+)`", cell)}

    return keys
