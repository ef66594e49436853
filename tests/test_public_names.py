"""Experiments, benchmarks and notebooks are users: they import nothing that is private to memjax."""

import ast
import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def private(source: str) -> list[str]:
    """Names of memjax in the imports of a Python text that no user should need; the command line is one of them."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [f"{node.module}.{each.name}" for each in node.names]
    parts = {name: name.split(".") for name in names if name.startswith("memjax.")}
    return [name for name, path in parts.items() if path[1] == "cli" or any(part.startswith("_") for part in path)]


@pytest.mark.parametrize(
    "source",
    [
        "from memjax.cli import main",
        "import memjax.study._files",
        "from memjax.study._files import write",
        "from memjax import _check",
        "def f():\n    import memjax.cli",
    ],
)
def test_it_is_seen(source):
    assert private(source)
    assert not private(source.replace("cli", "plot").replace("_", ""))


def test_users_need_public_names_alone():
    texts = {
        path: path.read_text("utf-8") for each in ("experiments", "benchmarks") for path in ROOT.glob(f"{each}/**/*.py")
    }
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = (cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code")
        lines = "".join("".join(cell["source"]) + "\n" for cell in cells).splitlines()
        texts[path] = "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in lines)
    assert len(texts) > 50
    found = {str(path.relative_to(ROOT)): names for path, text in texts.items() if (names := private(text))}
    assert found == {}
