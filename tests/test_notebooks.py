"""Every notebook runs from its first cell to its last and shows what it promises."""

import pathlib
import subprocess
import sys

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOKS = pathlib.Path(__file__).parent.parent / "notebooks"


RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=500).execute()
nbformat.write(notebook, sys.argv[2])
"""


def execute(name: str, folder: pathlib.Path):
    """The notebook's cells after a run in `folder`, with all outputs."""
    done = folder / name
    command = [sys.executable, "-c", RUN, str(NOTEBOOKS / name), str(done)]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return nbformat.read(done, as_version=4).cells


def test_notebooks_are_stored_without_outputs():
    paths = list(NOTEBOOKS.glob("*.ipynb"))
    assert paths
    for path in paths:
        for cell in nbformat.read(path, as_version=4).cells:
            assert cell.cell_type != "code" or (cell.outputs == [] and cell.execution_count is None)


@pytest.mark.slow
def test_quickstart(tmp_path):
    cells = execute("quickstart.ipynb", tmp_path)
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(output.get("text", "") for output in outputs)
    assert not [output for output in outputs if output.get("name") == "stderr"]
    (digital,) = (float(line.split()[2]) for line in text.splitlines() if line.startswith("digital accuracy"))
    (chip,) = (float(line.split()[2]) for line in text.splitlines() if line.startswith("one chip"))
    assert digital > 95
    assert chip > digital - 5
    assert "conv1/kernel" in text
    assert "image/png" in outputs[-1]["data"]
