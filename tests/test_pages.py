"""Every Python block of README.md, of the pages in docs/ and of the docstrings runs when it is pasted alone."""

import ast
import pathlib
import re
import runpy
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

# Languages of blocks that are no Python. All Python is in ```python blocks, so that none is left out.
OTHERS = {"bash", "text", "toml", "csv", "bibtex"}

# Blocks that take more than a few seconds.
SLOW = {"docs/memory_macro.md:0", "docs/memory_main.md:0", "docs/language_model.md:0", "docs/graph.md:0"}
SLOW |= {f"docs/gallery.md:{number}" for number in (6, 9, 10)}


class Block(NamedTuple):
    """A block of code with its place: page:number, or module:name:number."""

    name: str
    code: str


def fences(text: str) -> Iterator[tuple[str, str]]:
    return ((language.strip(), code) for language, code in FENCE.findall(text))


def pages() -> list[pathlib.Path]:
    """README.md and the site; what experiments wrote is no page."""
    found = sorted((ROOT / "docs").rglob("*.md"))
    return [ROOT / "README.md", *(page for page in found if ROOT / "docs" / "results" not in page.parents)]


def of_pages() -> Iterator[Block]:
    for page in pages():
        python = [code for language, code in fences(page.read_text("utf-8")) if language == "python"]
        yield from (Block(f"{page.relative_to(ROOT)}:{number}", code) for number, code in enumerate(python))


def of_docstrings() -> Iterator[Block]:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.Module)
    for path in sorted((ROOT / "memjax").rglob("*.py")):
        source = path.read_text("utf-8")
        if "```python" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            text = ast.get_docstring(node) if isinstance(node, kinds) else None
            for number, (_, code) in enumerate(fences(dedented(text or ""))):
                name = getattr(node, "name", path.stem)
                yield Block(f"{path.relative_to(ROOT)}:{name}:{number}", textwrap.dedent(code))


def dedented(text: str) -> str:
    """Fences of an indented section moved to the left."""
    return re.sub(r"^ +```", "```", text, flags=re.MULTILINE)


def run(block: Block, folder: pathlib.Path) -> dict[str, Any]:
    """The names that a block defines, run as a file of its own."""
    program = folder / "block.py"
    program.write_text(block.code, "utf-8")
    return runpy.run_path(str(program))


def schedule_is_as_printed(page: str, names: dict, out: str):
    assert f"{names['schedule'].cycles} cycles of 1 ns" in page
    assert out.strip() in page
    assert names["balanced"].cycles < names["schedule"].cycles < names["slower"].cycles


def replicas_are_as_printed(page: str, names: dict, out: str):
    assert f"{names['copies']}, {names['cycles']} cycles, {names['tiles']} tiles" in page


def tiles_are_left(page: str, names: dict, out: str):
    assert "whole=16, occupied=4" in out
    assert len({round(float(level), 6) for level in abs(names["found"].params["first"]).reshape(-1)}) <= 8


def errors_are_injected(page: str, names: dict, out: str):
    assert float(out) == pytest.approx(0.108, abs=0.001)
    digital = np.asarray(names["x"] @ names["params"]["w"])
    assert np.corrcoef(names["y"].mean(0), digital[0])[0, 1] > 0.9


def text_is_read(page: str, names: dict, out: str):
    assert names["first"].shape == (1, 1, 96)
    assert names["logits"].shape == (1, 20, 96)


def figures_are_shown(page: str, names: dict, out: str):
    drawn = sorted(pathlib.Path().glob("*.png"))
    assert drawn
    for path in drawn:
        assert f"](gallery/{path.name})" in page
        assert (ROOT / "docs" / "gallery" / path.name).exists()


# What a page says that its block gives.
GIVES: dict[str, Callable[[str, dict, str], None]] = {
    "docs/chip.md:0": schedule_is_as_printed,
    "docs/chip.md:1": replicas_are_as_printed,
    "docs/compress.md:0": tiles_are_left,
    "docs/reliability.md:0": errors_are_injected,
    "docs/language_model.md:0": text_is_read,
    **{f"docs/gallery.md:{number}": figures_are_shown for number in range(11)},
}

BLOCKS = [*of_pages(), *of_docstrings()]


def parameter(block: Block):
    return pytest.param(block, id=block.name, marks=[pytest.mark.slow] if block.name in SLOW else [])


@pytest.mark.parametrize("block", [parameter(block) for block in BLOCKS])
def test_block_runs_alone(block, tmp_path, monkeypatch, capsys, few_programs):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names = run(block, tmp_path)
    if block.name in GIVES:
        page = ROOT / block.name.split(":")[0]
        GIVES[block.name](page.read_text("utf-8"), names, capsys.readouterr().out)
    few_programs()


def test_every_name_above_is_a_block():
    assert SLOW | set(GIVES) <= {block.name for block in BLOCKS}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_python_is_left_out(page):
    assert {language for language, _ in fences(page.read_text("utf-8"))} <= {"python", *OTHERS}
    assert page.read_text("utf-8").count("\n```") % 2 == 0
