"""The code of docs/chip.md, and what it says it gives."""

import pathlib
import re
import runpy

import pytest

TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "chip.md").read_text()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The names that the code of the page defines."""
    program = tmp_path_factory.mktemp("page") / "chip.py"
    program.write_text("\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)))
    return runpy.run_path(str(program))


def test_numbers_are_those_of_the_page(page):
    assert f"{page['schedule'].cycles} cycles of 1 ns" in TEXT
    assert str(page["placement"]) in TEXT
    assert page["balanced"].cycles < page["schedule"].cycles < page["slower"].cycles
    assert f"{page['copies']}, {page['cycles']} cycles, {page['tiles']} tiles" in TEXT
