"""What a network of look-up tables costs: how often everything acts, and energy by the components of a technology."""

import math
from dataclasses import dataclass
from typing import Any

import equinox as eqx

from memjax import _check
from memjax._text import columns
from memjax.cost import Component, Cost, PartTotals, Technology, used
from memjax.cost import technology as named
from memjax.lookup._lookup import Lookup
from memjax.transform import SiteRow


@dataclass(frozen=True)
class LookupCounts:
    """How often everything of one layer acts in one call. An output is a sum of K products of k_w x k_x kinds.

    Attributes:
        searches: numbers of the data that are coded, each by a search for the nearest of k_x keys.
        increments: pairs of codes that are counted: the multiply-accumulates of the digital product.
        reads: products read from tables, at most: one for every kind of pair that occurs, min(K, k_w k_x) an output.
        additions: shifted products that are added up, at most: one for every bit that is set in a counter. Counters of
            P kinds whose sum is K have at most min(K, P log2(1 + K/P)) such bits, since a number n has no more than
            log2(1 + n), which is concave.
        keys: k_x.
        products: k_w k_x, of one table.
        tables: tables, one for each step of a loop with weights of its own.
        columns: outputs of a vector that are counted at the same time.
        rows: K.
        vectors: vectors that are read one after another.
        weight_bits: bits of the code of a weight.
    """

    searches: int
    increments: int
    reads: int
    additions: float
    keys: int
    products: int
    tables: int
    columns: int
    rows: int
    vectors: int
    weight_bits: int

    @property
    def counter_bits(self) -> int:
        """Bits of a counter that no vector fills."""
        return math.ceil(math.log2(self.rows + 1))


class LookupReport(PartTotals):
    """Area, latency, energy and leakage of one call of a look-up network. `print` it.

    Attributes:
        parts: {layer: {component: `Cost`}}.
        digital: energy of the same products by digital multiply-accumulates of the technology [J].
    """

    parts: dict[str, dict[str, Cost]]
    digital: Any
    counts_: tuple[tuple[str, LookupCounts], ...] = eqx.field(static=True)
    sources_: tuple[tuple[str, str], ...] = eqx.field(static=True)

    @property
    def counts(self) -> dict[str, LookupCounts]:
        """How often everything acts, by layer."""
        return dict(self.counts_)

    @property
    def sources(self) -> dict[str, str]:
        """Where the numbers of every component are from, and what is assumed."""
        return dict(self.sources_)

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("", "Area (mm²)", "Latency (µs)", "Energy (µJ)")]
        for name, cost in [*self.by_layer.items(), *self.by_component.items(), ("total", self.total)]:
            numbers = (float(cost.area) * 1e6, float(cost.latency) * 1e6, float(cost.energy) * 1e6)
            rows.append((name, *(f"{number:.4g}" for number in numbers)))
        digital = f"Digital multiply-accumulates: {float(self.digital) * 1e6:.4g} µJ."
        return "\n".join([*columns(rows), digital, *(f"{name}: {source}" for name, source in self.sources.items())])


def cost_report(
    lookup: Lookup, params: Any, *args: Any, technology: Technology | str | float = "isaac"
) -> LookupReport:
    """What the layers of a look-up network cost in one call. Activations and what stays digital are not counted.

    Args:
        lookup: the network.
        params, *args: the arguments of the function, as arrays or `jax.ShapeDtypeStruct`; only shapes matter.
        technology: a `Technology`, or what `memjax.cost.technology` makes one of.

    Raises: TypeError for what is no `Lookup`.
    """
    _check.part("lookup", lookup, Lookup)
    chosen = named(technology)
    program, _ = lookup.network.sites.program(params, args)
    rows = {name: [row for row in program.table if row.crossbar == name] for name in program.crossbars}
    counts = {name: _counts(lookup, name, of_layer) for name, of_layer in rows.items()}
    return LookupReport(
        {name: _parts(one, chosen) for name, one in counts.items()},
        chosen.mac.energy * sum(one.increments for one in counts.values()),
        tuple(counts.items()),
        tuple((name, f"{note}; {part.source}") for name, (part, note) in _components(chosen).items()),
    )


def _counts(lookup: Lookup, name: str, rows: list[SiteRow]) -> LookupCounts:
    """The counts of one layer from the products that use it."""
    weights, inputs = (keys.shape[-1] for keys in lookup.codebooks[name])
    (inner, width), kinds = rows[0].matrix, weights * inputs
    outputs = sum(row.reads for row in rows) * width
    return LookupCounts(
        searches=sum(row.data for row in rows),
        increments=sum(row.macs for row in rows),
        reads=outputs * min(inner, kinds),
        additions=outputs * min(inner, kinds * math.log2(1 + inner / kinds)),
        keys=inputs,
        products=kinds,
        tables=math.prod(lookup.codebooks[name].weights.shape[:-1]),
        columns=width * rows[0].stack,
        rows=inner,
        vectors=sum(row.reads // row.stack for row in rows),
        weight_bits=max(1, math.ceil(math.log2(weights))),
    )


def _components(technology: Technology) -> dict[str, tuple[Component, str]]:
    """The component that stands for each part, of one bit but for the adder, and what is assumed."""
    register, buffer = technology.register, technology.buffer
    return {
        "search": (register, "assumed: a search reads every bit of all keys, and one follows another"),
        "codes": (register, "assumed: the codes of the weights are read bit by bit, a row at a time"),
        "counters": (register, "assumed: an increment changes two bits, which is the mean of a binary counter"),
        "tables": (buffer, "assumed: a table is a buffer of words, with one port for each output"),
        "adders": (technology.shift_add, "assumed: one for each output"),
    }


def _parts(counts: LookupCounts, technology: Technology) -> dict[str, Cost]:
    """What each part of a layer costs; the stages of a vector follow one another."""
    word, part = technology.word_bits, {name: component for name, (component, _) in _components(technology).items()}
    outputs = counts.vectors * counts.columns
    in_turn = counts.vectors * counts.rows
    counters = counts.columns * counts.products * counts.counter_bits
    held = counts.rows * counts.columns * counts.tables * counts.weight_bits
    return {
        "search": used(part["search"], counts.keys * word, counts.searches * counts.keys * word, counts.searches),
        "codes": used(part["codes"], held, counts.increments * counts.weight_bits, 0),
        "counters": used(part["counters"], counters, 2 * counts.increments, in_turn),
        "tables": used(
            part["tables"],
            counts.tables * counts.products * word,
            counts.reads * word,
            counts.reads / outputs * counts.vectors,
        ),
        "adders": used(part["adders"], counts.columns, counts.additions, counts.additions / outputs * counts.vectors),
    }
