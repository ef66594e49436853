import json
import pathlib
from typing import Annotated, Any

import tyro
from rich.console import Console

from memjax import _check
from memjax.cli import _report
from memjax.cli._errors import usage_errors

CELLS = ("rram", "pcm", "stt", "stt_aggressive", "sram", "dram", "cbram")
QUANTITIES = {
    "area": "area_m2",
    "read_latency": "read_latency_s",
    "write_latency": "write_latency_s",
    "read_energy": "read_energy_j",
    "write_energy": "write_energy_j",
    "leakage": "leakage_w",
}
OBJECTIVES = (*QUANTITIES, "read_edp", "write_edp")


def macro(
    capacity: int,
    word: int,
    cell: str = "rram",
    node: float = 45e-9,
    roadmap: str = "HP",
    temperature: float = 350.0,
    objective: str = "read_latency",
    design: Annotated[dict[str, str] | None, tyro.conf.arg(metavar="KEY VALUE ...")] = None,
    out: Annotated[pathlib.Path | None, tyro.conf.arg(metavar="FOLDER")] = None,
) -> None:
    """Area, latencies, energies and leakage of a memory macro in its best organisation.

    Writes macro.json (the best), macro.csv (the Pareto front of area, read latency and read energy) and macro.png.

    Example: memjax memory macro --capacity 524288 --word 512 --cell pcm --objective read_edp --out macro

    Args:
        capacity: in bits, a power of two: 64 KB are 524288
        word: in bits, a power of two
        cell: rram, pcm, stt, stt_aggressive, sram, dram, cbram, or a .cell file of NVSim
        node: technology node in m, from 22e-9 to 120e-9
        roadmap: HP, LSTP or LOP
        temperature: in K, from 300 to 400
        objective: what is least in the best: area, read_latency, write_latency, read_energy, write_energy, leakage,
            read_edp or write_edp
        design: fields of memjax.memory.Design with their values, such as: buffers area global_wire semi_aggressive
        out: folder for the results; if left out, nothing is written
    """
    # Late, because it takes a second that `memjax --help` should not cost.
    import memjax as mj
    from memjax import memory

    console = Console(highlight=False)
    with usage_errors():
        _check.choice("objective", objective, OBJECTIVES)
        if out is not None:
            mj.study.check_writable(out)
        if cell not in CELLS and not pathlib.Path(cell).is_file():
            raise ValueError(f"--cell must be {', '.join(CELLS)} or a file, got {cell!r}")
        chosen = getattr(memory.MemoryCell, cell)() if cell in CELLS else memory.read_cell(cell)
        process = memory.process(node, roadmap, temperature)
        plans = memory.Design(**_fields(design or {}))
        with _report.waiting(console, "exploring organisations", (capacity, word, cell, design)):
            macros = memory.explore(capacity, word, chosen, process, design=plans)
            best = memory.best(macros, objective)
            front = memory.pareto(macros)
    console.print(f"{len(macros)} organisations, {len(front)} on the Pareto front; least {objective}:")
    console.print(str(best), markup=False, soft_wrap=True)
    if out is None:
        return
    settings = {"capacity_bits": capacity, "word_bits": word, "cell": cell, "node_m": node, "roadmap": roadmap}
    settings |= {"temperature_k": temperature, "objective": objective, "design": design or {}}
    with usage_errors():
        content = json.dumps(settings | _as_json(best), indent=1)
        files = {"macro.json": content, "macro.csv": _rows(front), "macro.png": mj.plot.macros(macros)}
        paths = mj.study.write(out, files)
    console.print("Written:", *paths, sep="\n  ", soft_wrap=True)


def _fields(design: dict[str, str]) -> dict[str, Any]:
    """The texts of the command line as values of a `Design`."""
    words = {"true": True, "false": False}
    return {
        name: float(value) if name == "widest" else words.get(value.lower(), value) for name, value in design.items()
    }


def _as_json(best: Any) -> dict[str, Any]:
    figures = {label: float(getattr(best, name)) for name, label in QUANTITIES.items()}
    parts = {
        quantity: {component: float(value) for component, value in components.items()}
        for quantity, components in best.parts.items()
    }
    shape = {"rows": int(best.rows), "columns": int(best.columns)}
    return figures | {"organisation": str(best.organisation)} | shape | {"parts": parts}


def _rows(front: Any) -> list[dict[str, Any]]:
    """A row for each organisation."""
    return [
        {"organisation": str(one.organisation), "rows": int(one.rows), "columns": int(one.columns)}
        | {label: float(getattr(one, name)) for name, label in QUANTITIES.items()}
        for one in (front[index] for index in range(len(front)))
    ]
