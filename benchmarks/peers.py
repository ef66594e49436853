"""Time and outputs of memjax beside digital JAX, digital PyTorch and other simulators of memristive crossbars.

    benchmarks/install_peers.sh FOLDER                                  # once: an environment for each peer
    python benchmarks/peers.py --peers FOLDER --out docs/results/peers
    python benchmarks/peers.py --peers FOLDER --only VGG-8 --rounds 9
    python benchmarks/peers.py --quick                                  # seconds: memjax and digital JAX alone

Everyone gets the same weights, inputs and configuration as far as it can express it, each in a process of its own with
the same number of threads, all on the CPU. The processes are made first and then timed in turn (A, B, C, A, B, C, ...),
so that a machine whose speed drifts slows all. Of each: the ratio to the digital network of its own framework, timed
beside it, the ratio to digital JAX, the difference of its outputs from the digital ones (in the ideal limit; as
configured), and what it could not express. A peer that is not installed is named with the command that installs it; one
that takes longer than --limit for a call is timed once, and not at a larger batch. Cases measured again, with --only,
take the place of the earlier ones in --out, unless those are of another machine.

Configuration of the networks, that of Lammie et al. (Array 13, 2022): double columns, 10 to 100 kΩ, 6 levels, 8-bit
DAC, 6-bit ADC, tiles of 16x16 and 128x128. Training: pulsed updates by presets of aihwkit, perfect reads, plain SGD.
Wires: one array of 1 to 100 µS, 1 Ω a segment.
"""

import argparse
import contextlib
import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from _peer_worker import difference

HERE = pathlib.Path(__file__).parent
BITS = {"dac": 8, "adc": 6}
TILES = (16, 128)
OHM = 1.0
RATE = 0.05


class Peer(NamedTuple):
    """A simulator: the script that drives it, and why it cannot run whole kinds of jobs."""

    script: str
    cannot: dict[str, str]


# By the name of their environment.
PEERS = {
    "memjax": Peer("_peer_jax.py", {}),
    "pytorch": Peer("_peer_torch.py", {"wires": "it solves no network of resistors"}),
    "aihwkit": Peer(
        "_peer_aihwkit.py", {"wires": "it solves no network of wires (its torch tile approximates their voltage drop)"}
    ),
    "memtorch": Peer("_peer_memtorch.py", {"training": "it trains nothing on crossbars"}),
    "crosssim": Peer("_peer_crosssim.py", {"training": "it has no updates by pulses"}),
    "badcrossbar": Peer("_peer_badcrossbar.py", dict.fromkeys(("inference", "training"), "it solves single arrays")),
}


class Entry(NamedTuple):
    """A line of a table: its name, the peer, which of its ways."""

    name: str
    peer: str
    variant: str = ""


DIGITAL = (Entry("digital JAX", "memjax", "digital"), Entry("digital PyTorch", "pytorch"))
OTHERS = {name: Entry(name, peer) for name, peer in (("MemTorch", "memtorch"), ("CrossSim", "crosssim"))}
ENTRIES = {
    "inference": (
        *DIGITAL,
        Entry("memjax", "memjax"),
        Entry("aihwkit, C++ tile", "aihwkit", "C++ tile"),
        Entry("aihwkit, torch tile", "aihwkit", "torch tile"),
        *OTHERS.values(),
        Entry("badcrossbar", "badcrossbar"),
    ),
    "training": (
        *DIGITAL,
        Entry("memjax, every coincidence", "memjax", "sequential"),
        Entry("memjax, by moments", "memjax", "moments"),
        Entry("aihwkit", "aihwkit"),
        *OTHERS.values(),
        Entry("badcrossbar", "badcrossbar"),
    ),
    "wires": (
        Entry("memjax", "memjax"),
        Entry("badcrossbar", "badcrossbar"),
        *OTHERS.values(),
        Entry("aihwkit", "aihwkit"),
    ),
}


class Case(NamedTuple):
    """What everyone computes.

    group: cases in which who was too slow in one is not run in the next, larger ones. check: whether outputs are
    compared in the ideal limit as well.
    """

    name: str
    kind: str
    settings: dict[str, Any]
    group: str
    check: bool = False

    @property
    def entries(self) -> tuple[Entry, ...]:
        entries = ENTRIES[self.kind]
        if self.settings.get("preset") == "tiki_taka_v2":  # memjax has its outer products sample by sample
            return tuple(entry for entry in entries if entry.variant != "moments")
        return entries


def inference(network: str, batch: int, tile: int) -> Case:
    settings = {"network": network, "batch": batch, "tile": tile, **BITS}
    name = f"{network}, batch {batch}, tiles {tile}x{tile}"
    return Case(name, "inference", settings, f"{network} {tile}", check=tile == max(TILES))


def training(network: str, batch: int, preset: str) -> Case:
    settings = {"network": network, "batch": batch, "preset": preset, "rate": RATE}
    return Case(f"step of {network}, batch {batch}, {preset}", "training", settings, f"{network} {preset}")


def wires(n: int) -> Case:
    return Case(f"wires, {n}x{n} cells", "wires", {"n": n, "ohm": OHM}, "wires")


CASES = (
    *(inference("linear 512x512", 128, tile) for tile in TILES),
    *(inference("LeNet", 128, tile) for tile in TILES),
    *(inference("VGG-8", batch, tile) for tile in TILES for batch in (32, 128)),
    *(training("MLP", 64, preset) for preset in ("gokmen_vlasov", "reram_es", "tiki_taka_v2")),
    training("VGG-8", 32, "reram_es"),
    *(wires(n) for n in (64, 128)),
)
QUICK = (inference("LeNet", 8, 128), wires(16))


Data = tuple[dict[str, Any], dict[str, np.ndarray]]


class Failure(Exception):
    """A peer's process that ended or did not answer."""


class Process:
    """The process of one entry in one case."""

    def __init__(self, python: pathlib.Path, script: str, job: pathlib.Path, log: pathlib.Path, threads: int):
        self.log = log
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                [python, HERE / script, job],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(threads, own=str(python) == sys.executable),
                bufsize=0,
            )

    def answer(self, patience: float) -> dict[str, Any]:
        """The next line that it says."""
        output: Any = self.process.stdout
        if not select.select([output], [], [], patience)[0]:
            raise Failure(f"no answer in {patience:.0f} s")
        line = output.readline()
        if not line:
            said = self.log.read_text(errors="replace").strip().splitlines()
            raise Failure(f"ended with {self.process.wait()}: {said[-1] if said else 'nothing said'}")
        return json.loads(line)

    def ask(self, patience: float) -> dict[str, Any]:
        """One more timing."""
        standard_input: Any = self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # `answer` says why
            standard_input.write(b"time\n")
        return self.answer(patience)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def environment(threads: int, own: bool) -> dict[str, str]:
    """Variables of a peer's process: the same threads for all, no accelerator; modules of this process for its own."""
    kept = {name: value for name, value in os.environ.items() if own or name != "PYTHONPATH"}
    counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    return kept | counts | {"OMP_WAIT_POLICY": "passive", "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}


def data_of(case: Case) -> Data:
    """(what the job says, arrays) for everyone."""
    import _peer_data

    settings = case.settings
    if case.kind == "wires":
        return {}, _peer_data.wires(settings["n"], settings["ohm"])
    if case.kind == "training":
        layers, arrays = _peer_data.training(settings["network"])
    else:
        layers, arrays = _peer_data.inference(settings["network"], settings["batch"])
    return {"layers": layers}, arrays


def python_of(peer: str, folder: pathlib.Path | None) -> pathlib.Path | None:
    """The interpreter that has a peer, if there is one."""
    if peer == "memjax":
        return pathlib.Path(sys.executable)
    return folder / peer / "bin" / "python" if folder is not None and (folder / peer / "installed").exists() else None


def unable(entry: Entry, case: Case, options: argparse.Namespace, slow: dict[tuple[str, str], str]) -> dict | None:
    """Why an entry is not run, as a row."""
    if case.kind in PEERS[entry.peer].cannot:
        return {"status": "cannot", "why": PEERS[entry.peer].cannot[case.kind]}
    if python_of(entry.peer, options.peers) is None:
        folder = options.peers or "FOLDER"
        return {"status": "absent", "why": f"install it: benchmarks/install_peers.sh {folder} {entry.peer}"}
    if (entry.name, case.group) in slow:
        return {"status": "not run", "why": slow[entry.name, case.group]}
    return None


@contextlib.contextmanager
def running(case: Case, data: Data, options: argparse.Namespace, slow: dict) -> Iterator[tuple[dict, dict]]:
    """(processes that are ready to be timed, rows so far) by the names of the entries."""
    described, arrays = data
    processes, rows = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        np.savez(folder / "data.npz", **arrays)
        try:
            for index, entry in enumerate(case.entries):
                row = unable(entry, case, options, slow)
                if row is None:
                    job = case.settings | described | {"kind": case.kind, "variant": entry.variant}
                    job |= {"data": str(folder / "data.npz"), "threads": options.threads}
                    job |= {"limit": options.limit, "check": case.check and not options.no_check}
                    path = folder / f"{index}.json"
                    path.write_text(json.dumps(job))
                    python: Any = python_of(entry.peer, options.peers)
                    log = folder / f"{index}.log"
                    processes[entry.name] = Process(python, PEERS[entry.peer].script, path, log, options.threads)
                    try:
                        row = {"status": "timed", "times": [], **processes[entry.name].answer(options.patience)}
                    except Failure as failure:
                        row = {"status": "failed", "why": str(failure)}
                rows[entry.name] = row
                print(f"  {entry.name}: {row.get('why') or 'ready'}", file=sys.stderr, flush=True)
                if row["status"] != "timed" or row["once"]:
                    ended = processes.pop(entry.name, None)
                    if ended is not None:
                        ended.close()
            yield processes, rows
        finally:
            for process in processes.values():
                process.close()


def measure(case: Case, data: Data, options: argparse.Namespace, slow: dict) -> dict[str, dict]:
    """Rows by the names of the entries: the times of every round in `times`, or why there are none in `why`."""
    with running(case, data, options, slow) as (processes, rows):
        for _ in range(options.rounds):
            for name, process in list(processes.items()):
                try:
                    rows[name]["times"].append(process.ask(options.patience))
                except Failure as failure:
                    rows[name] |= {"status": "failed", "why": str(failure)}
                    processes.pop(name).close()
    for name, row in rows.items():
        if row.get("once"):
            row["times"] = [{"seconds": row["first_seconds"], "digital_seconds": row.get("digital_seconds")}]
            slow[name, case.group] = f"took {row['first_seconds']:.0f} s in {case.name}"
        elif row["status"] == "failed":
            slow[name, case.group] = f"failed in {case.name}"
    return rows


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run the cases named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=pathlib.Path, help="folder of install_peers.sh: FOLDER/NAME/bin/python")
    parser.add_argument("--only", nargs="+", help="cases whose names hold one of these texts")
    parser.add_argument("--rounds", type=int, help="timings of each (default 7, --quick 3)")
    parser.add_argument("--threads", type=int, default=2, help="of every peer")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of a call above which it is made once")
    parser.add_argument("--patience", type=float, default=900.0, help="seconds after which a silent peer is ended")
    parser.add_argument("--no-check", action="store_true", help="leave out the ideal limit, whose making takes long")
    parser.add_argument("--quick", action="store_true", help="two small cases")
    parser.add_argument("--out", type=pathlib.Path, help="folder of peers.json, .md and .png: cases are added")
    options = parser.parse_args(arguments)
    if options.threads < 1:
        parser.error(f"--threads must be at least 1, got {options.threads}")
    options.rounds = options.rounds or (3 if options.quick else 7)
    cases = [
        c for c in (QUICK if options.quick else CASES) if not options.only or any(t in c.name for t in options.only)
    ]
    if not cases:
        parser.error(f"--only must name one of {', '.join(case.name for case in CASES)}")

    import _peer_report as report

    machine, measured = report.machine(), {}
    slow: dict[tuple[str, str], str] = {}
    for case in cases:
        print(case.name, file=sys.stderr, flush=True)
        how = {"kind": case.kind, "settings": case.settings, "rounds": options.rounds, "threads": options.threads}
        when = {"date": time.strftime("%Y-%m-%d %H:%M"), "load before": report.load()}
        data = data_of(case)
        arrays = data[1]
        if "levels" in arrays:
            how["levels alone"] = difference(arrays["levels"], arrays["reference"])
        rows = report.summary(measure(case, data, options, slow))
        measured[case.name] = how | when | {"load after": report.load(), "rows": rows}
        print(report.table(case.name, measured[case.name]), flush=True)
        if options.out:
            report.write(options.out, {"machine": machine, "cases": measured}, [case.name for case in CASES])
    return measured


if __name__ == "__main__":
    main()
