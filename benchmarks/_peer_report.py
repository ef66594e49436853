"""Tables and figure of `peers.py`."""

import json
import os
import pathlib
import platform
import statistics
from typing import Any

import matplotlib.pyplot as plt

Rows = dict[str, dict[str, Any]]

BASELINES = {"inference": "digital JAX", "training": "digital JAX", "wires": "memjax"}
# The last columns of each kind: title and what is shown.
LAST = {
    "inference": {"difference, ideal": "ideal", "difference, as set": "as_set"},
    "training": {"loss": "loss"},
    "wires": {"difference": "as_set"},
}
INTRODUCTION = """# memjax beside its peers

`python benchmarks/peers.py` (its `--help` says what is measured and how). Medians over rounds in which all take
turns, quartiles in brackets. "× own digital": ratio to the same without crossbars in the same framework, timed
beside it (of wires: to the plain product). "difference": of the outputs from the digital ones of JAX (of wires: from a
float64 solution of all nodes), relative 2-norm; "ideal" without converters and levels, "as set" with them. Trainings:
loss after ten steps. "peak": largest memory of the process until it is ready, with all that it has loaded and made.
"""


def load() -> list[float] | None:
    """Mean numbers of running programs in the last 1, 5 and 15 minutes."""
    return [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else None


def machine() -> dict[str, Any]:
    """What the times are taken on."""
    information = pathlib.Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in _lines(information) if line.startswith("model name")]
    return {"CPU": names[0] if names else platform.processor(), "cores": os.cpu_count(), "system": platform.system()}


def _lines(path: pathlib.Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def quartiles(values: list[float]) -> list[float]:
    """[lower quartile, median, upper quartile]."""
    return [values[0]] * 3 if len(values) == 1 else statistics.quantiles(values, n=4, method="inclusive")


def summary(rows: Rows) -> Rows:
    """Rows with quartiles of the seconds and of the ratios, pair by pair, beside their times."""
    found = {}
    for name, row in rows.items():
        times = row.get("times") or []
        row = {**row, "runs": len(times)}
        if times:
            row["seconds"] = quartiles([time["seconds"] for time in times])
            pairs = [time["seconds"] / time["digital_seconds"] for time in times if time.get("digital_seconds")]
            row["to_own_digital"] = quartiles(pairs) if pairs else None
        found[name] = row
    for row in found.values():
        for baseline in set(BASELINES.values()):
            theirs = found.get(baseline, {}).get("times")
            if row["runs"] and theirs:
                row[f"to_{baseline}"] = quartiles(_paired(row["times"], theirs))
    return found


def _paired(times: list[dict], theirs: list[dict]) -> list[float]:
    """Ratios of a round each; of what was run once: to the median."""
    if len(times) != len(theirs):
        middle = statistics.median(time["seconds"] for time in theirs)
        return [time["seconds"] / middle for time in times]
    return [a["seconds"] / b["seconds"] for a, b in zip(times, theirs, strict=True)]


def three(x: float) -> str:
    """Three significant digits without an exponent."""
    return f"{x:.3g}" if abs(x) < 1000 else f"{x:.0f}"


def spread(values: list[float] | None, runs: int) -> str:
    if values is None:
        return "–"
    low, middle, high = values
    return f"{three(middle)} (once)" if runs == 1 else f"{three(middle)} [{three(low)}–{three(high)}]"


def mebibytes(size: int | None) -> str:
    return "–" if size is None else f"{size / 2**20:.0f}"


def table(name: str, case: dict[str, Any]) -> str:
    """One case as a Markdown table, with notes on what peers could not express."""
    baseline = BASELINES[case["kind"]]
    last = LAST[case["kind"]]
    heads = ["", "ms", "× own digital", f"× {baseline}", *last, "peak MiB", "notes"]
    lines, notes = [f"### {name}", "", _line(heads), _line(["---"] * len(heads))], []

    def note(texts: list[str]) -> str:
        marks = []
        for text in texts:
            if text not in notes:
                notes.append(text)
            marks.append(str(notes.index(text) + 1))
        return ", ".join(marks)

    for entry, row in case["rows"].items():
        runs = row["runs"]
        if not runs:
            lines.append(_line([entry, f"{row['status']}: {row['why']}", *[""] * (len(heads) - 2)]))
            continue
        numbers = [row.get(key) for key in last.values()]
        values = [
            spread([1e3 * x for x in row["seconds"]], runs),
            spread(row["to_own_digital"], runs),
            spread(row.get(f"to_{baseline}"), runs),
            *["–" if number is None else f"{number:.3g}" for number in numbers],
        ]
        texts = [*row["cannot"], *([row["why"]] if "why" in row else [])]
        lines.append(_line([entry, *values, mebibytes(row["peak_bytes"]), note(texts)]))
    if notes:
        lines += ["", "Not expressed: " + "; ".join(f"({i + 1}) {text}" for i, text in enumerate(notes)) + "."]
    return "\n".join([*lines, "", circumstances(case), ""])


def circumstances(case: dict[str, Any]) -> str:
    """When and beside what a case was measured."""
    loads = " and ".join(" ".join(map(str, case[f"load {when}"] or ["unknown"])) for when in ("before", "after"))
    levels = f"Difference by the six levels alone: {case['levels alone']:.3g}. " if "levels alone" in case else ""
    how = f"{case['rounds']} rounds, {case['threads']} threads each"
    return f"{levels}{how}, {case['date']}, load before and after: {loads}."


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def versions(result: dict[str, Any]) -> str:
    """What answered, and with which versions."""
    found: dict[str, set[str]] = {}
    for case in result["cases"].values():
        for entry, row in case["rows"].items():
            if "versions" in row:
                packages = ", ".join(f"{package} {version}" for package, version in row["versions"].items())
                found.setdefault(f"{packages} (Python {row['python']})", set()).add(entry.partition(",")[0])
    return "; ".join(sorted(found))


def page(result: dict[str, Any]) -> str:
    """All of it as Markdown."""
    tables = [table(name, case) for name, case in result["cases"].items()]
    machine = "{CPU}, {cores} cores, {system}".format(**result["machine"])
    return "\n".join([INTRODUCTION, f"Machine: {machine}. Versions: {versions(result)}.", "", *tables])


def appearances(entries: list[str]) -> dict[str, dict[str, str]]:
    """A colour for each peer, a marker for each of its ways."""
    ways: dict[str, list[str]] = {}
    for entry in entries:
        ways.setdefault(entry.partition(",")[0], []).append(entry)
    return {
        entry: {"color": f"C{index}", "marker": "os^d"[place]}
        for index, members in enumerate(ways.values())
        for place, entry in enumerate(members)
    }


def figure(result: dict[str, Any]) -> Any:
    """Ratios to the baseline of each kind: a row of dots for each case."""
    kinds = [kind for kind in BASELINES if any(case["kind"] == kind for case in result["cases"].values())]
    groups = {kind: [c for c in result["cases"].items() if c[1]["kind"] == kind] for kind in kinds}
    entries = list(dict.fromkeys(entry for case in result["cases"].values() for entry in case["rows"]))
    looks = appearances(entries)
    made, axes = plt.subplots(
        len(kinds),
        figsize=(9, 1.2 + 0.6 * len(kinds) + 0.32 * len(result["cases"])),
        height_ratios=[len(groups[kind]) for kind in kinds],
        layout="constrained",
        squeeze=False,
    )
    for ax, kind in zip(axes[:, 0], kinds, strict=True):
        for place, (_, case) in enumerate(groups[kind]):
            for entry, row in case["rows"].items():
                ratio = row.get(f"to_{BASELINES[kind]}")
                if ratio:
                    ax.plot(ratio[1], -place, linestyle="", label=entry, **looks[entry])
        ax.set(
            xscale="log", xlabel=f"Time, in times of {BASELINES[kind]}", yticks=[-i for i in range(len(groups[kind]))]
        )
        ax.set_yticklabels([name for name, _ in groups[kind]])
        ax.set_ylim(-len(groups[kind]) + 0.5, 0.5)
        ax.grid(axis="both", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    handles = {
        label: handle for ax in axes[:, 0] for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    made.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4, frameon=False)
    return made


def write(folder: pathlib.Path, result: dict[str, Any], order: list[str]) -> None:
    """peers.json, peers.md and peers.png, with the cases that were there from the same machine, in an order."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "peers.json"
    earlier = json.loads(path.read_text()) if path.exists() else {}
    cases = result["cases"]
    if earlier.get("machine") == result["machine"]:
        cases = earlier["cases"] | cases
    names = [name for name in order if name in cases]
    result = result | {"cases": {name: cases[name] for name in [*names, *sorted(cases.keys() - set(names))]}}
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    (folder / "peers.md").write_text(page(result))
    made = figure(result)
    made.savefig(folder / "peers.png", dpi=150)
    plt.close(made)
