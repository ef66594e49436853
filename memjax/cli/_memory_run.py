"""`memjax memory run`: a trace served by a main memory."""

import json
import pathlib
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import tyro
from rich.console import Console

from memjax._text import columns
from memjax.cli._errors import usage_errors

if TYPE_CHECKING:
    import pandas

    from memjax.memory import Statistics

_Policy = Literal["fcfs", "frfcfs", "nvmain-fcfs", "nvmain-frfcfs", "nvmain-frfcfs-wqf"]


def run(
    trace: Annotated[tyro.conf.Positional[pathlib.Path], tyro.conf.arg(metavar="TRACE")],
    config: Annotated[pathlib.Path, tyro.conf.arg(metavar="FILE")],
    policy: _Policy | None = None,
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE ...")] = (),
    compatible: bool = False,
    requests: int | None = None,
    out: Annotated[pathlib.Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
) -> None:
    """Serve the requests of a trace by a main memory: latencies, energy by command, row hits, bandwidth.

    Writes memory.json (the statistics), memory.csv (one line for each request) and memory.png.

    Example: memjax memory run requests.nvt --config RRAM.config --policy fcfs --set tRCD=12 RBSize=16

    Args:
        trace: requests in NVMain's text format
        config: the memory, a configuration file of NVMain
        policy: how requests are taken from the queue; if left out, the file's own
        set: values of keys in place of those of the file
        compatible: read the file as NVMain does, with its mistakes
        requests: how many of the trace are served; if left out, all
        out: folder for the results; if left out, the name of the trace without its suffix
    """
    # Late, because it takes a second that `memjax --help` should not cost.
    import memjax as mj

    folder = pathlib.Path(trace.stem) if out is None else out
    with usage_errors():
        memory = mj.memory.read_config(config, compatible=compatible, **_pairs(set))
        if policy is not None:
            memory = _with_policy(memory, policy)
        served = mj.memory.read_trace(trace)
        if requests is not None:
            served = _first(served, requests)
        if not len(served):
            raise ValueError(f"{trace} must have at least one request, got none")
        mj.study.check_writable(folder)
    statistics = mj.memory.simulate_memory(served, memory, progress=True)
    found = _numbers(statistics)
    console = Console(highlight=False)
    console.print("\n".join(columns([(name, f"{value:.6g}") for name, value in found.items()])), soft_wrap=True)
    with usage_errors():
        content = {
            "memory.json": json.dumps(found, indent=2),
            "memory.csv": _table(statistics),
            "memory.png": mj.plot.requests(statistics, f"{trace.name} on {config.name}"),
        }
        paths = mj.study.write(folder, content)
    console.print("Written:", *paths, sep="\n  ", soft_wrap=True)


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    found = [text.partition("=") for text in texts]
    wrong = [text for text, (key, sign, value) in zip(texts, found, strict=True) if not (key and sign and value)]
    if wrong:
        raise ValueError(f"--set must be KEY=VALUE, got {wrong[0]!r}")
    return {key: value for key, _, value in found}


def _with_policy(memory, policy: str):
    import dataclasses

    return dataclasses.replace(memory, policy=policy)


def _first(trace, count: int):
    """The first requests of a trace."""
    import jax

    if not 1 <= count <= len(trace):
        raise ValueError(f"--requests must be from 1 to {len(trace)}, got {count}")
    cut = jax.tree.map(lambda field: field[:count] if field.ndim else field, trace)
    return type(trace)(cut.cycle, cut.write, cut.line, cut.data, cut.old, np.int32(count))


def _numbers(statistics: "Statistics") -> dict[str, float]:
    """The statistics by names with units."""
    counts = {f"{name}": int(value) for name, value in statistics.counts._asdict().items()}
    energies = {f"{name} energy (J)": float(value) for name, value in statistics.energies._asdict().items()}
    return {
        "requests": int(statistics.count),
        "row hits": int(statistics.hits),
        **counts,
        "latency (cycles)": float(statistics.latency),
        "queue latency (cycles)": float(statistics.queue_latency),
        "end (cycles)": int(statistics.cycles),
        "end (s)": float(statistics.seconds),
        "bandwidth (B/s)": float(statistics.bandwidth),
        "utilisation": float(statistics.utilisation),
        **energies,
        "energy (J)": float(statistics.energy),
        "power (W)": float(statistics.power),
    }


def _table(statistics: "Statistics") -> "pandas.DataFrame":
    """A row for each request."""
    import pandas

    names = {"read": "read", "channel": "channel", "arrival": "arrival_cycle", "issue": "issue_cycle"}
    names |= {"answer": "answer_cycle", "hit": "hit"}
    count = int(statistics.count)
    found = {label: np.asarray(getattr(statistics, name))[:count].astype(int) for name, label in names.items()}
    return pandas.DataFrame({"request": range(count)} | found)
