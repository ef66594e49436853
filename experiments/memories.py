"""Memories: read latency against capacity, how long cells last, and networks whose weights are swapped in.

    python experiments/memories.py [--seeds 10] [--out DIR]     # about twenty minutes
    python experiments/memories.py --quick                      # seconds: that it runs; no results

    macros      read latency, area and write energy of SRAM, RRAM, PCM and STT-MRAM macros of 64 KB to 8 MB: 45 nm,
                words of 128 bits, the organisation that reads fastest and that of the least energy x delay of reads
    lives       fraction of the ideal life of 512 lines under writes by Zipf's law, the most used lines side by side,
                without levelling, with Start-Gap and with random swaps, against endurance / interval
    encoders    cells that a write changes and rounds until the first is worn out, for random bits and for the weights
                of a network in training, by encoder
    swapping    time of a call of a network against the tiles of its chip, the others in a DDR3 or an RRAM main memory

Writes a table of each part and memories.png; prints claims, with 95 % intervals over the seeds.
"""

import argparse
import pathlib
import time

import _memories
import jax
import jax.numpy as jnp
import networks
import numpy as np
from _intervals import interval
from _memories import DATA, ENCODERS, LEVELLINGS, LINES, ROUNDS
from flax import nnx

import memjax as mj
from memjax.plot import look

memory = mj.memory

CELLS = {
    "SRAM": memory.MemoryCell.sram(),
    "RRAM": memory.MemoryCell.rram(),
    "PCM": memory.MemoryCell.pcm(),
    "STT-MRAM": memory.MemoryCell.stt(),
}
KILOBYTES = tuple(2**k for k in range(6, 14))
OBJECTIVES = ("read_latency", "read_edp")
PUBLISHED = (
    "Start-Gap (MICRO 2009, abstract): 5 % of the ideal life without levelling, 97 % with it, 16 GB, real programs"
)

# One channel of each. RRAM: the timings of a 4 GB memory of RRAM (ISSCC 2012) that NVMain ships.
MEMORIES = {
    "DDR3-1333": memory.MemoryConfig(policy="fcfs"),
    "RRAM": memory.MemoryConfig(
        memory.Timing(
            t_ras=0, t_rcd=10, t_ccd=2, t_cwd=4, t_wtr=3, t_wr=0, t_rp=1, t_cas=6, t_rtp=3, t_ost=0, t_rrd=4, t_wp=4
        ),
        clock=400e6,
        row_buffer=8,
        policy="fcfs",
    ),
}  # fmt: skip


def macros(kilobytes, objectives, cells=tuple(CELLS)) -> list[dict]:
    process = memory.process(45e-9, temperature=350.0)
    rows = []
    for name in cells:
        for size in kilobytes:
            every = memory.explore(size * 2**13, 128, CELLS[name], process, muxes=(256, 1, 1))
            for objective in objectives:
                one = memory.best(every, objective)
                rows.append(
                    {
                        "cell": name,
                        "kilobytes": size,
                        "objective": objective,
                        "read_latency_s": float(one.read_latency),
                        "write_latency_s": float(one.write_latency),
                        "read_energy_j": float(one.read_energy),
                        "write_energy_j": float(one.write_energy),
                        "area_m2": float(one.area),
                        "leakage_w": float(one.leakage),
                        "organisation": str(one.organisation),
                    }
                )
            print(f"{name}, {size} KB: {len(every)} organisations", flush=True)
    return rows


def lives(rounds, seeds: int, lines: int, count: int) -> list[dict]:
    rows = []
    for name, levelling in LEVELLINGS.items():
        for many in rounds:
            for seed, fraction in enumerate(_memories.lives(levelling, many, seeds, lines, count)):
                rows.append({"levelling": name, "rounds": many, "seed": seed, "fraction": float(fraction)})
            print(
                f"{name}, {many} rounds: {100 * np.mean([row['fraction'] for row in rows[-seeds:]]):.1f} %", flush=True
            )
    return rows


def encoders(seeds: int, lines: int, count: int) -> list[dict]:
    rows = []
    for data, make in DATA.items():
        for seed in range(seeds):
            trace = make(jax.random.key(seed), lines, count)
            for encoder in ENCODERS:
                found = _memories.written(trace, encoder, lines)
                rows.append({"data": data, "encoder": encoder, "seed": seed, **found._asdict()})
        print(f"{data}: {len(ENCODERS)} encoders", flush=True)
    return rows


def swapped(width: int) -> dict[str, tuple]:
    """(function, parameters, inputs) of the networks that are swapped."""
    model = networks.untrained("cifar10")
    model.eval()
    graphdef, state = nnx.split(model)
    convolutions = lambda state, x: nnx.merge(graphdef, state)(x)
    dense, weights = _memories.perceptron(jax.random.key(0), width, 4)
    return {
        "CNN, 1 image": (convolutions, state, jnp.zeros((1, 32, 32, 3))),
        "dense, 1 vector": (dense, weights, jnp.zeros((1, width))),
        "dense, 32 vectors": (dense, weights, jnp.zeros((32, width))),
    }


def swapping(width: int, fractions) -> list[dict]:
    rows = []
    for name, (function, params, x) in swapped(width).items():
        analog = mj.crossbarify(function, mj.Hardware(tile=(128, 128), dac=mj.Dac(bits=8), adc=mj.Adc(bits=8)))
        plan = analog.plan(params, x)
        report = mj.cost.report(analog, params, x, "isaac")
        seconds = {layer: float(cost.latency) for layer, cost in report.by_layer.items()}
        for kind, config in MEMORIES.items():
            for fraction in fractions:
                tiles = max(1, round(fraction * plan.tiles))
                found = _memories.swapped(plan, seconds, tiles, config)
                rows.append({"network": name, "memory": kind, "tiles": tiles, "of": plan.tiles, **found._asdict()})
        print(f"{name}: {plan.tiles} tiles", flush=True)
    return rows


def claims(of_macros, of_lives, of_encoders, of_swapping) -> list[str]:
    """What can be said, with 95 % intervals over the seeds where there are seeds."""
    lines = []
    latency = {
        (row["cell"], row["kilobytes"]): row["read_latency_s"]
        for row in of_macros
        if row["objective"] == "read_latency"
    }
    sizes = sorted({size for _, size in latency})
    for cell in dict.fromkeys(row["cell"] for row in of_macros):
        span = f"{1e9 * latency[cell, sizes[0]]:.3f} to {1e9 * latency[cell, sizes[-1]]:.3f} ns"
        faster = [size for size in sizes if latency[cell, size] < latency["SRAM", size]]
        than = "" if cell == "SRAM" else f"; faster than SRAM at {', '.join(map(str, faster)) or 'no size'} KB"
        lines.append(f"{cell}: read latency {span} from {sizes[0]} to {sizes[-1]} KB{than}")
    lines.append(PUBLISHED)
    for name in LEVELLINGS:
        for many in sorted({row["rounds"] for row in of_lives}):
            values = [row["fraction"] for row in of_lives if (row["levelling"], row["rounds"]) == (name, many)]
            mean, low, high = interval(100 * np.array(values))
            lines.append(f"  {name}, endurance {many} intervals: {mean:.1f} % [{low:.1f}, {high:.1f}]")
    for data in DATA:
        for encoder in ENCODERS:
            found = [row for row in of_encoders if (row["data"], row["encoder"]) == (data, encoder)]
            cells, life = (interval([row[name] for row in found]) for name in ("cells", "life"))
            lines.append(
                f"  {data}, {encoder}: {cells[0]:.1f} [{cells[1]:.1f}, {cells[2]:.1f}] cells a write, "
                f"life x {life[0]:.2f} [{life[1]:.2f}, {life[2]:.2f}]"
            )
    for row in of_swapping:
        lines.append(
            f"  {row['network']}, {row['memory']}, {row['tiles']} of {row['of']} tiles: "
            f"{1e6 * row['time']:.4g} us a call, {1e6 * row['computing']:.4g} us computing, {row['lines']:.0f} lines"
        )
    return lines


def figure(of_macros, of_lives, of_encoders, of_swapping):
    """Four panels, one for each part."""
    with look.panels(2, 2, 8.4, 6.4) as (new, grid):
        _draw_macros(grid[0, 0], of_macros)
        _draw_lives(grid[0, 1], of_lives)
        _draw_encoders(grid[1, 0], of_encoders)
        _draw_swapping(grid[1, 1], of_swapping)
    return new


def _draw_macros(ax, rows) -> None:
    for index, cell in enumerate(CELLS):
        for objective, line in zip(OBJECTIVES, ("-", ":"), strict=True):
            of = [row for row in rows if (row["cell"], row["objective"]) == (cell, objective)]
            ax.loglog(
                [row["kilobytes"] for row in of], [1e9 * row["read_latency_s"] for row in of], line,
                color=look.COLOURS[index], marker=look.MARKERS[index], label=cell if line == "-" else None,
            )  # fmt: skip
    ax.set_xlabel("Capacity (KB)")
    ax.set_ylabel("Read latency (ns)")
    ax.set_title("Macros, 45 nm: fastest (lines), least energy × delay (dots)", loc="left", fontsize=8)
    ax.legend()


def _draw_lives(ax, rows) -> None:
    for index, name in enumerate(LEVELLINGS):
        rounds = sorted({row["rounds"] for row in rows})
        of = [[100 * r["fraction"] for r in rows if (r["levelling"], r["rounds"]) == (name, n)] for n in rounds]
        ax.errorbar(
            rounds, np.mean(of, 1), np.std(of, 1), capsize=2, color=look.COLOURS[index], marker=look.MARKERS[index],
            label=name,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylim(0, 105)
    ax.set_xlabel("Endurance / interval between moves")
    ax.set_ylabel("Share of the ideal life (%)")
    ax.legend()


def _draw_encoders(ax, rows) -> None:
    place, width = np.arange(len(ENCODERS)), 0.4
    for index, data in enumerate(DATA):
        of = [[r["cells"] for r in rows if (r["data"], r["encoder"]) == (data, name)] for name in ENCODERS]
        bars = ax.bar(place + (index - 0.5) * width, np.mean(of, 1), width, color=look.COLOURS[index], label=data)
        lives = [np.mean([r["life"] for r in rows if (r["data"], r["encoder"]) == (data, name)]) for name in ENCODERS]
        ax.bar_label(bars, [f"×{life:.2f}" for life in lives], fontsize=7)
    ax.set_xticks(place, [name.replace(", ", ",\n") for name in ENCODERS])
    ax.set_ylabel("Cells that a write of 512 bits changes")
    ax.set_title("On the bars: rounds until the first cell is worn out", loc="left", fontsize=8)
    ax.grid(False, axis="x")
    ax.legend()


def _draw_swapping(ax, rows) -> None:
    for index, network in enumerate(dict.fromkeys(row["network"] for row in rows)):
        for kind, line in zip(MEMORIES, ("-", ":"), strict=True):
            of = [row for row in rows if (row["network"], row["memory"]) == (network, kind)]
            ax.semilogy(
                [100 * row["tiles"] / row["of"] for row in of], [row["time"] / row["computing"] for row in of], line,
                color=look.COLOURS[index], marker=look.MARKERS[index], label=network if line == "-" else None,
            )  # fmt: skip
    ax.set_xlabel("Tiles of the chip (% of those of the network)")
    ax.set_ylabel("Time of a call / time of its crossbars")
    ax.set_title(
        " and ".join(f"{kind} ({how})" for kind, how in zip(MEMORIES, ("lines", "dots"), strict=True)),
        loc="left",
        fontsize=8,
    )
    ax.legend()


def table(rows: list[dict]) -> str:
    """Rows as CSV."""
    texts = [",".join(rows[0])]
    for row in rows:
        texts.append(
            ",".join(
                f"{v:.6g}" if isinstance(v, float) else f'"{v}"' if "," in str(v) else str(v) for v in row.values()
            )
        )
    return "\n".join(texts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/memories"))
    parser.add_argument("--seeds", type=int, default=10, help="of traces, at least 2")
    parser.add_argument("--quick", action="store_true", help="small: seconds")
    args = parser.parse_args()
    if args.seeds < 2:
        parser.error(f"--seeds must be at least 2, got {args.seeds}")
    mj.study.check_writable(args.out)
    start = time.perf_counter()
    if args.quick:
        parts = (
            macros((4,), OBJECTIVES, ("SRAM", "RRAM")),
            lives((10, 30), 2, 16, 2000),
            encoders(2, 4, 200),
            swapping(256, (0.5, 1.0)),
        )
    else:
        parts = (
            macros(KILOBYTES, OBJECTIVES),
            lives(ROUNDS, args.seeds, LINES, 20_000),
            encoders(args.seeds, 32, 6400),
            swapping(1024, (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)),
        )
    text = claims(*parts)
    print(*text, f"{time.perf_counter() - start:.0f} s", sep="\n")
    names = ("macros.csv", "lives.csv", "encoders.csv", "swapping.csv")
    written = {name: table(rows) for name, rows in zip(names, parts, strict=True)}
    written |= {"memories.txt": "\n".join(text) + "\n", "memories.png": figure(*parts)}
    print("Written:", *mj.study.write(args.out, written), sep="\n  ")
    if args.quick:
        print("A quick run shows that the script works: no results.")


if __name__ == "__main__":
    main()
