"""Files are read as data: nothing in them is ever run."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOLDERS = ("memjax", "experiments", "benchmarks", "tests", "notebooks", "docs")
# Modules whose readers run what a file says.
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def runs(source: str) -> list[str]:
    """What in a Python text could run the content of a file."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [each.name for each in names if each.name.partition(".")[0] in MODULES]
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in MODULES:
                found.append(module)
            case ast.Call(func=ast.Name(id="eval" | "exec" | "__import__" as name)):
                found.append(name)
            case ast.keyword(arg="allow_pickle", value=value) if ast.unparse(value) != "False":
                found.append(f"allow_pickle={ast.unparse(value)}")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import numpy, pickle",
        "from cloudpickle import load",
        "x = eval(text)",
        "np.load(file, allow_pickle=True)",
        "np.load(file, None, allow_pickle=wanted)",
    ],
)
def test_it_is_seen(source):
    assert runs(source)


def test_no_file_is_run():
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(paths) > 300
    found = {str(path.relative_to(ROOT)): each for path in paths if (each := runs(path.read_text("utf-8")))}
    assert found == {}
    for notebook in (ROOT / "notebooks").rglob("*.ipynb"):
        assert "pickle" not in notebook.read_text("utf-8"), notebook
