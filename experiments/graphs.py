"""Graph algorithms on imperfect crossbars: errors by algorithm and by type of computation, as GraphRSim asks.

    python experiments/graphs.py [--chips 20] [--out DIR]     # minutes
    python experiments/graphs.py --quick                      # seconds: that it runs; no results

PageRank sums currents; breadth-first search (BFS) and connected components compare them with a threshold; shortest
paths (SSSP) read single weights and add digitally. They run on chips that hold the adjacency matrix of random graphs
(Erdős–Rényi, Barabási–Albert, Watts–Strogatz, and one in fragments; 128 vertices, lengths 1 to 10) and of two real ones
(karate club, les misérables), in pairs of cells or in single cells without a reference (`mj.graph.SingleCell`), in
tiles of 64 x 64. Cells have R_on = 10 kilohm; both states scatter from write to write (`CycleVariation`, log-normal).

    cells        spread of the resistances x on/off ratio, ideal converters
    converters   bits of DAC and ADC x spread, on/off ratio 100

The error of an algorithm is the fraction of the vertices with a wrong level or component, or with a PageRank or
distance that is more than 5 % off; of PageRank also the sum of magnitudes L1 and the overlap of the ten largest. Each
graph and mapping is one `memjax.sweep` of each study; a run that was stopped goes on from its stores. Writes a table
of each study and graphs.png; prints claims with 95 % intervals over the chips.

Needs networkx: pip install "memjax[graph]".
"""

import argparse
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np
import xarray
from _intervals import interval

import memjax as mj
from memjax.plot import look

try:
    import _graphs
    import networkx as nx
except ImportError as error:
    raise SystemExit(f"{error}: pip install 'memjax[graph]'") from None

R_ON = 10e3
TAU = 0.05
SPREADS, RATIOS, BITS = (0.0, 0.05, 0.1, 0.2, 0.4), (10.0, 100.0, 1000.0), (1, 2, 3, 4, 5, 6, 8, 10)
MAPPINGS = {"pairs": mj.mapping.DoubleColumn(), "single cells": mj.graph.SingleCell()}
ERRORS = {
    "pagerank": "PageRank: sums",
    "sssp": "SSSP: single weights",
    "bfs": "BFS: threshold",
    "components": "components: threshold",
}
# A calculation with NumPy on one graph, n = 128, p = 0.05, by spread; GraphRSim's abstract has no numbers.
REFERENCE = {0.05: (0.018, 1.0), 0.1: (0.032, 0.9), 0.2: (0.060, 0.9), 0.4: (0.140, 0.5)}
PUBLISHED = "GraphRSim (DATE 2020) [unverified]: errors depend on the algorithm and on the type of computation"


def hardware(mapping, spread, ratio, bits=None, tile: int = 64) -> mj.Hardware:
    """The hardware of one point; its numbers may be traced."""
    spreading = mj.effects.CycleVariation(spread * R_ON, spread * ratio * R_ON, "lognormal")
    return mj.Hardware(
        mj.Cell(R_ON, ratio * R_ON), mapping, (tile, tile), mj.Dac(bits=bits), mj.Adc(bits=bits), (spreading,)
    )


def experiment(case: _graphs.Case, mapping):
    """The function that is swept: the errors of one chip."""

    def errors(key, spread, ratio, bits=None):
        on, a, source = hardware(mapping, spread, ratio, bits), case.adjacency, case.source
        rank = mj.graph.pagerank(on, a, key)
        return {
            "pagerank": mj.graph.relative_error(rank, case.pagerank, TAU),
            "l1": jnp.sum(jnp.abs(rank - case.pagerank)),
            "top10": mj.graph.top_k_overlap(rank, case.pagerank, 10),
            "sssp": mj.graph.relative_error(mj.graph.sssp(on, a, source, key), case.distances, TAU),
            "bfs": mj.graph.wrong_levels(mj.graph.bfs(on, a, source, key), case.levels),
            "components": mj.graph.wrong_levels(mj.graph.connected_components(on, a, key), case.components),
        }

    return errors


def study(name: str, grid: dict, graphs, chips: int, out: pathlib.Path) -> xarray.Dataset:
    """Errors of every chip: [graph, mapping, *grid, sample]."""
    rows = []
    for graph in graphs:
        case = _graphs.case(graph)
        parts = [
            mj.sweep(
                experiment(case, mapping),
                grid,
                key=jax.random.key(0),
                samples=chips,
                batch_size=chips,
                store=out / f"{name}-{graph}-{kind}.zarr",
            )
            for kind, mapping in MAPPINGS.items()
        ]
        rows.append(xarray.concat(parts, xarray.Variable("mapping", list(MAPPINGS)), combine_attrs="drop"))
    return xarray.concat(rows, xarray.Variable("graph", list(graphs)))


def table(found: xarray.Dataset) -> str:
    """Mean and standard deviation of every error at every point, as CSV."""
    columns = {"mean": found.mean("sample"), "std": found.std("sample", ddof=1)}
    named = [part.rename({error: f"{error}_{name}" for error in part}) for name, part in columns.items()]
    return xarray.merge(named).to_dataframe().round(6).to_csv()


def of_chips(values) -> tuple[float, float]:
    """Mean of the values of chips, and half its 95 % interval."""
    mean, _, high = interval(values)
    return mean, high - mean


def anchors(chips: int) -> list[str]:
    """What a plain calculation found on random graphs of 128 vertices, beside what the hardware gives."""
    graph = nx.gnp_random_graph(_graphs.VERTICES, 0.05, seed=1)
    case, keys = _graphs.of(graph), jax.random.split(jax.random.key(1), chips)
    lines = ["PageRank, Erdős–Rényi without lengths, pairs, no current in the HRS (calculated | measured):"]

    @jax.jit
    def ranks(spread):
        on = hardware(MAPPINGS["pairs"], spread, 1e6)
        return jax.vmap(lambda key: mj.graph.pagerank(on, case.adjacency, key))(keys)

    for spread, (l1, top) in REFERENCE.items():
        found = ranks(spread)
        mean, half = of_chips(jnp.sum(jnp.abs(found - case.pagerank), -1))
        overlap, _ = of_chips(mj.graph.top_k_overlap(found, case.pagerank, 10))
        lines.append(f"  spread {spread:g}: L1 {l1:.3f} | {mean:.3f} ± {half:.3f}; top ten {top:.1f} | {overlap:.2f}")

    sources = np.linspace(0, len(graph) - 1, chips).astype(int)
    levels = np.stack([_graphs.of(graph, source).levels for source in sources.tolist()])

    @jax.jit
    def wrong(spread, ratio):
        on = hardware(MAPPINGS["single cells"], spread, ratio, tile=128)
        found = jax.vmap(lambda key, source: mj.graph.bfs(on, case.adjacency, source, key))(keys, jnp.asarray(sources))
        return mj.graph.wrong_levels(found, levels)

    lines.append(
        "BFS, the same graph, single cells in one tile of 128 x 128, from as many sources as chips (the same):"
    )
    for spread, ratio, calculated in ((0.0, 100.0, "0.8"), (0.0, 1000.0, "0"), (0.3, 1000.0, "0")):
        mean, half = of_chips(100 * wrong(spread, ratio))
        lines.append(f"  spread {spread:g}, G_off / G_on {1 / ratio:g}: {calculated} % | {mean:.2f} ± {half:.2f} %")
    return lines


def claims(cells: xarray.Dataset, converters: xarray.Dataset) -> list[str]:
    """What can be said of the errors, with differences for the same keys and their 95 % intervals."""
    spread, ratio, lowest = 0.1, 100.0, float(cells.ratio.min())
    at, pairs = cells.sel(spread=spread, ratio=ratio), cells.sel(spread=spread, ratio=ratio, mapping="pairs")
    none = cells.sel(spread=0.0, ratio=lowest)
    lines = [PUBLISHED, f"At a spread of {spread:g} and an on/off ratio of {ratio:g}, mean over the graphs:"]
    for error, name in ERRORS.items():
        for kind in MAPPINGS:
            mean, half = of_chips(100 * at[error].sel(mapping=kind).mean("graph"))
            lines.append(f"  {name}, {kind}: {mean:.2f} ± {half:.2f} % wrong vertices")

    def more(text, one, other, either=False):
        mean, half = of_chips(100 * (one.mean("graph") - other.mean("graph")))
        verdict = "confirmed" if (abs(mean) if either else mean) > half else "not confirmed"
        lines.append(f"{verdict}: {text}: {mean:.2f} ± {half:.2f} points")

    more("the algorithm matters: PageRank does not err as SSSP does (pairs)", pairs.pagerank, pairs.sssp, True)
    values, thresholds = pairs.pagerank + pairs.sssp, pairs.bfs + pairs.components
    more("the type of computation matters: values err more than thresholds (pairs)", values / 2, thresholds / 2)
    single = at.sel(mapping="single cells")
    more("sums need the reference: PageRank errs more in single cells", single.pagerank, pairs.pagerank)
    of = {kind: none.bfs.sel(mapping=kind) for kind in MAPPINGS}
    text = f"thresholds need the on/off ratio: BFS errs more in single cells (spread 0, ratio {lowest:g})"
    more(text, of["single cells"], of["pairs"])
    exact = converters.sel(mapping="pairs", spread=0.0)
    for error, name in ERRORS.items():
        mean = exact[error].mean(("graph", "sample"))
        good = [int(bits) for bits in converters.bits if (mean.sel(bits=slice(bits, None)) <= 0.01).all()]
        least = f"from {good[0]} bits on" if good else f"in no case up to {int(converters.bits.max())} bits"
        lines.append(f"converters: {name} has at most 1 % wrong vertices {least} (pairs, spread 0, mean over graphs)")
    return lines


def figure(cells: xarray.Dataset, converters: xarray.Dataset, ratio: float):
    """Rows: against the spread in pairs and in single cells, against the bits; a column for each graph."""
    graphs = list(cells.graph.values)
    rows = (
        ("pairs", cells.sel(mapping="pairs", ratio=ratio), "spread", "Relative spread of resistances (%)"),
        (
            "single cells",
            cells.sel(mapping="single cells", ratio=ratio),
            "spread",
            "Relative spread of resistances (%)",
        ),
        ("pairs, no spread", converters.sel(mapping="pairs", spread=0.0), "bits", "Resolution of the converters (bit)"),
    )
    with look.panels(len(rows), len(graphs), 2.5 * len(graphs) + 0.6, 2.5 * len(rows)) as (new, grid):
        for axes, (title, part, along, label) in zip(grid, rows, strict=True):
            for ax, graph in zip(axes, graphs, strict=True):
                of = part.sel(graph=graph)
                places = 100 * of[along] if along == "spread" else of[along]
                for index, (error, name) in enumerate(ERRORS.items()):
                    ax.errorbar(
                        places, 100 * of[error].mean("sample"), 100 * of[error].std("sample"), capsize=2,
                        label=name, color=look.COLOURS[index], marker=look.MARKERS[index],
                    )  # fmt: skip
                ax.set_title(f"{graph}: {title}", loc="left", fontsize=8)
                ax.set_xlabel(label)
                ax.set_ylim(-3, 103)
            axes[0].set_ylabel("Wrong vertices (%)")
        new.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(ERRORS))
    return new


def run(out: pathlib.Path, chips: int, graphs, spreads, ratios, bits) -> None:
    start = time.perf_counter()
    of_cells = study("cells", {"spread": np.array(spreads), "ratio": np.array(ratios)}, graphs, chips, out)
    grid = {"bits": np.array(bits, float), "spread": np.array([0.0, 0.1]), "ratio": np.array([100.0])}
    of_bits = study("converters", grid, graphs, chips, out).squeeze("ratio")
    on = hardware(MAPPINGS["pairs"], 0.0, 100.0, tile=16)
    text = [f"{name}, tiles of 16 x 16: {mj.graph.blocks(on, _graphs.case(name).adjacency)}" for name in graphs]
    text += anchors(chips) + claims(of_cells, of_bits)
    print(*text, f"{time.perf_counter() - start:.0f} s", sep="\n")
    written = {
        "cells.csv": table(of_cells),
        "converters.csv": table(of_bits),
        "graphs.txt": "\n".join(text) + "\n",
        "graphs.png": figure(of_cells, of_bits, 100.0),
    }
    print("Written:", *mj.study.write(out, written), sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/graphs"))
    parser.add_argument("--graphs", nargs="+", choices=_graphs.GRAPHS, default=list(_graphs.GRAPHS), metavar="GRAPH")
    parser.add_argument("--chips", type=int, default=20, help="chips at each point, at least 2")
    parser.add_argument("--quick", action="store_true", help="the karate club, 2 chips, few points: seconds")
    args = parser.parse_args()
    if args.chips < 2:
        parser.error(f"--chips must be at least 2, got {args.chips}")
    spreads, ratios, bits = SPREADS, RATIOS, BITS
    if args.quick:
        args.graphs, args.chips, spreads, ratios, bits = ["karate club"], 2, (0.0, 0.1), (10.0, 100.0), (1, 8)
    mj.study.check_writable(args.out)
    run(args.out, args.chips, args.graphs, spreads, ratios, bits)
    if args.quick:
        print("A quick run shows that the script works: no results.")


if __name__ == "__main__":
    main()
