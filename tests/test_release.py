"""What a release needs: one version, a changelog by kind, marks for type checkers, an import that is light."""

import pathlib
import re
import subprocess
import sys
import tomllib

import memjax as mj

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# What takes long to import and is not needed before it is used.
HEAVY = {"flax", "optax", "optimistix", "diffrax", "xarray", "zarr", "pandas", "matplotlib", "sklearn", "rich", "tyro"}


def test_one_version():
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited[1] == PROJECT["version"]


def test_the_changelog_is_by_kind():
    """Unreleased is its head, the version of the package is next; each names every kind once."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert versions[:2] == ["Unreleased", PROJECT["version"]]
    for section in text.split("\n## ")[1:]:
        kinds = re.findall(r"^### (.+)$", section, re.MULTILINE)
        assert len(kinds) == len(set(kinds))
        assert set(kinds) <= {"Added", "Changed", "Removed", "Fixed", "Deprecated", "Security"}
        for entries in re.split(r"^### .+$", section, flags=re.MULTILINE)[1:]:
            assert entries.strip().startswith("- ")


def test_python_versions_are_those_that_are_required():
    named = re.findall(r":: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_type_checkers_may_look():
    assert (pathlib.Path(mj.__file__).parent / "py.typed").is_file()


def test_importing_memjax_imports_little():
    program = f"import sys, memjax; print(sorted({HEAVY!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_rooms_that_are_imported_late_are_there():
    program = "import memjax as mj; print([getattr(mj, name).__name__ for name in mj._LAZY])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found.strip() == str([f"memjax.{name}" for name in mj._LAZY])
    assert set(mj._LAZY) <= set(dir(mj))
