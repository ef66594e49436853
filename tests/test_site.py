"""The site: every public name in the reference, every page in the navigation, every link to a file that is there."""

import importlib
import inspect
import pathlib
import re
import runpy

import pytest

import memjax as mj

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if ROOT / "docs" / "results" not in page.parents),
]


@pytest.fixture(scope="module")
def reference():
    """{path: page} of the reference, as the site makes it."""
    return runpy.run_path(str(ROOT / "docs" / "hook.py"))["reference"]()


def offered(package: str) -> list[str]:
    """Classes and functions of memjax in a package; in a module of its own those that it defines."""
    module = importlib.import_module(package)
    collects = hasattr(module, "__path__") or package == "memjax.spec"
    found = {name: value for name, value in vars(module).items() if inspect.isclass(value) or inspect.isfunction(value)}
    begins = "memjax." if collects else package
    return [name for name, value in found.items() if name[0] != "_" and value.__module__.startswith(begins)]


def test_every_public_package_has_a_page(reference):
    folders = {path.parent for path in (ROOT / "memjax").glob("*/__init__.py")}
    packages = {f"memjax.{folder.name}" for folder in folders if not folder.name.startswith("_")} - {"memjax.cli"}
    assert {f"api/{name}.md" for name in {"memjax", "memjax.spec", *packages}} <= set(reference)


def test_every_public_name_is_on_a_page(reference):
    missing = []
    for path, page in reference.items():
        package = path.removeprefix("api/").removesuffix(".md")
        described = lambda name: f"::: {name}\n" in page or f"{{: #{name} }}" in page  # noqa: B023
        missing += [f"{package}.{name}" for name in offered(package) if not described(f"{package}.{name}")]
    assert missing == []


def test_what_is_described_elsewhere_is_described_there(reference):
    described = set(re.findall(r"^::: (\S+)$", "\n".join(reference.values()), re.MULTILINE))
    pointed = re.findall(r"The same as \[(\S+)\]\[\]", "\n".join(reference.values()))
    assert pointed
    assert set(pointed) <= described


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    assert listed == {str(page.relative_to(ROOT / "docs")) for page in PAGES[1:]}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    files = (link.partition("#")[0] for link in links if not re.match(r"https?:|#|mailto:", link))
    made = "api/"  # pages of the reference are made with the site
    assert [file for file in files if made not in file and not (page.parent / file).exists()] == []


# Names as pages write them: mj.plot.sweep, memjax.spec, and effects.Drift alone.
NAME = re.compile(r"(?<![\w./-])(?:(?:mj|memjax)\.|(?=(?:effects|converters)\.[A-Z]))([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")


def exists(dotted: str) -> bool:
    """Whether memjax has what the name stands for; fields of specifications count."""
    value = mj
    for part in dotted.split("."):
        if not hasattr(value, part) and part not in getattr(value, "__dataclass_fields__", {}):
            return False
        value = getattr(value, part, None)
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_exist(page):
    text = re.sub(r"\]\([^)\s]+\)", "]", page.read_text("utf-8"))  # without addresses
    found = set(NAME.findall(text)) - {"presets.NAME", "training.presets.NAME"}  # NAME: any of them
    assert [name for name in sorted(found) if not exists(name)] == []
