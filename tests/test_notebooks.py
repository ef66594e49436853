"""Every notebook runs from its first cell to its last and shows what it promises."""

import pathlib
import re
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


def cells(path: pathlib.Path):
    return nbformat.read(path, as_version=4).cells


def execute(name: str, folder: pathlib.Path):
    """The notebook's cells after a run in `folder`, with all outputs."""
    done = folder / name
    command = [sys.executable, "-c", RUN, str(NOTEBOOKS / name), str(done)]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return cells(done)


def numbers(text: str, start: str) -> list[float]:
    """The numbers in the line that starts so, which must be one line, behind its start."""
    (line,) = (line for line in text.splitlines() if line.startswith(start))
    return [
        float(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", line.removeprefix(start))
    ]


def first(text: str, *starts: str) -> list[float]:
    """The first number of each line."""
    return [numbers(text, start)[0] for start in starts]


def quickstart(text: str) -> None:
    digital, chip = first(text, "digital accuracy:", "one chip:")
    assert digital > 95
    assert chip > digital - 5
    assert "conv1/kernel" in text


def device(text: str) -> None:
    moved = first(text, *(f"{frequency} Hz: the state moves by" for frequency in (30, 100, 300, 1000)))
    assert moved == sorted(moved, reverse=True)
    for name in ("r_on:", "r_off:"):
        value, spread, true = numbers(text, name)
        assert abs(value - true) < 5 * spread
    one_pulse, verified = first(text, "one pulse: std", "write-verify: std")
    assert verified < 1 < one_pulse
    pulses = []
    for tolerance in (10.0, 5.0, 2.0, 1.0, 0.5, 0.2):
        count, _, error, failed = numbers(text, f"tolerance {tolerance} %:")
        assert error <= 1.01 * tolerance
        assert failed == 0
        pulses.append(count)
    assert pulses == sorted(pulses)
    tight, loose = (numbers(text, f"network, tolerance {tolerance} %:") for tolerance in (2, 30))
    (digital,) = first(text, "digital:")
    assert digital - 2 < tight[0] < digital + 1
    assert loose[0] < tight[0] - 5
    assert loose[2] < tight[2]


def architect(text: str) -> None:
    (digital,) = first(text, "digital accuracy:")
    cells = [numbers(text, f"tiles of {side} x {side}:")[1] for side in (16, 32, 64, 128)]
    assert cells == sorted(cells)
    narrow, wide = (numbers(text, f"sigma {sigma}:") for sigma in (0.0, 0.4))
    mean, low, high, worst, share, share_low, share_high = narrow
    assert worst <= mean
    assert low < mean < high
    assert share_low <= share <= share_high
    assert wide[0] < mean
    assert wide[4] < share
    everything, nothing = (numbers(text, start) for start in ("everything: accuracy", "none of it: accuracy"))
    assert everything[0] < nothing[0]
    assert abs(nothing[0] - digital) < 0.5
    assert nothing[1] < 0.5
    for without in ("exact ADCs", "equal devices", "no stuck cells", "wires without resistance"):
        assert nothing[1] < numbers(text, f"{without}: accuracy")[1] < everything[1]


def algorithm(text: str) -> None:
    digital, ecram, pulsed, tiki_taka = first(
        text, "digital:", "ECRAM, pulsed:", "ReRAM, pulsed:", "ReRAM, Tiki-Taka v2:"
    )
    assert digital > 93
    assert ecram > digital - 3
    assert pulsed + 5 < tiki_taka < digital
    for name in ("plain", "hardware-aware"):
        (fresh, mended), (left, compensated) = (
            numbers(text, f"{name}, after a {time}:") for time in ("minute", "year")
        )
        assert abs(fresh - mended) < 1
        assert left < fresh - 3
        assert left + 2 < compensated <= fresh + 0.5


def wires(text: str) -> None:
    assert "solved: True" in text
    smallest, driven = numbers(text, "smallest cell voltage:")
    assert 0 < smallest < driven
    assert first(text, "voltage @ transfer matrix against the solution:")[0] < 1e-5
    losses = first(
        text, "one end: currents", "driven at both ends: currents", "driven and sensed at both ends: currents"
    )
    assert losses == sorted(losses)
    assert losses[-1] < 0
    by_size = [numbers(text, f"{n} x {n},")[1] for n in (16, 32, 64)]
    assert 3 < by_size[1] / by_size[0] < 4.2  # n^2, less what is lost
    assert 2.5 < by_size[2] / by_size[1] < 4.2
    near, far = numbers(text, "by the first segments:")
    assert near < far < 0
    (digital,) = first(text, "digital:")
    plain, gain, predistorted = (
        numbers(text, f"{name}:")[1::2] for name in ("no remedy", "gain", "predistortion")
    )  # at 0, 1, 2, 4, 8 and 12 ohm
    assert abs(plain[0] - digital) < 2
    assert plain[-1] < plain[0] - 10
    assert gain[3] > plain[3]
    assert predistorted[3] > plain[3]


def cost(text: str) -> None:
    (digital,) = first(text, "digital accuracy:")
    for table in ("ISAAC, 32 nm:", "PUMA, 32 nm:", "MNSIM, 130 nm:", "converter survey:"):
        area, latency, energy, efficiency = numbers(text, table)
        assert min(area, latency, energy, efficiency) > 0
        # 2 (64 64 + 64 10) operations; the energy is printed with two digits behind the point, leakage is beside it.
        assert efficiency < 2 * 64 * 74 / (energy - 0.005) / 1e3 + 0.005
    front = [line for line in text.splitlines() if line.startswith("ADC ")]
    accuracies, energies = zip(*(numbers(line.split(":")[1], "") for line in front), strict=True)
    assert list(accuracies) == sorted(accuracies)
    assert list(energies) == sorted(energies)
    assert accuracies[-1] > digital - 2
    before, after = (numbers(text, start)[-1] for start in ("from ADCs", "to ADCs"))
    assert after < 0.8 * before
    right, energy = numbers(text, "with whole bits, on test images:")
    assert right > digital - 5
    assert abs(energy / after - 1) < 0.3


def transformer(text: str) -> None:
    digital, guessing = numbers(text, "held-out text:")
    assert digital < guessing - 2.5
    by_bits = first(text, *(f"ADC of {bits} bits:" for bits in (4, 5, 6, 7, 8, 10)))
    assert by_bits[0] > by_bits[-1] + 0.1
    assert digital - 0.02 < by_bits[-1] < digital + 0.5
    (fresh, mended), (left, compensated) = (numbers(text, f"after a {time}:") for time in ("minute", "year"))
    assert abs(fresh - mended) < 0.05
    assert left > fresh + 0.2
    assert mended < compensated < left
    written = re.split(r"--- .*:\n", text)[1:]
    assert len(written) == 3
    assert min(map(len, written)) > 100


# Of each notebook: what its printed results must be, and how many figures it shows.
PROMISES = {
    "algorithm": (algorithm, 3),
    "architect": (architect, 4),
    "cost": (cost, 4),
    "device": (device, 8),
    "quickstart": (quickstart, 1),
    "transformer": (transformer, 2),
    "wires": (wires, 6),
}


def test_every_notebook_is_run():
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(PROMISES)


@pytest.mark.parametrize("name", PROMISES)
def test_notebooks_start_with_their_badge_and_install_what_is_not_there(name):
    head, install, *_ = cells(NOTEBOOKS / f"{name}.ipynb")
    assert head.source.startswith("# ")
    assert f"colab.research.google.com/github/memjax/memjax/blob/main/notebooks/{name}.ipynb)" in head.source
    assert install.source == cells(NOTEBOOKS / "quickstart.ipynb")[1].source


def test_the_page_of_notebooks_has_the_badge_of_each():
    page = (NOTEBOOKS.parent / "docs" / "notebooks.md").read_text("utf-8")
    linked = re.findall(r"\[!\[.*?\]\(.*?\)\]\(\S*/memjax/blob/main/notebooks/(\w+)\.ipynb\)", page)
    assert sorted(linked) == sorted(PROMISES)


@pytest.mark.parametrize("name", PROMISES)
def test_notebooks_are_stored_without_outputs(name):
    for cell in cells(NOTEBOOKS / f"{name}.ipynb"):
        assert cell.cell_type != "code" or (cell.outputs == [] and cell.execution_count is None)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROMISES)
def test_notebooks_show_what_they_promise(name, tmp_path):
    check, figures = PROMISES[name]
    code = [cell for cell in execute(f"{name}.ipynb", tmp_path) if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == figures
    check("".join(output.get("text", "") for output in outputs))
