"""What a chip is: the arrays of one programmed matrix, what they say, and every check of them.

A chip of a model is a dict of such entries by name. All checks look at shapes, and at numbers where these are concrete.
"""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import jax
from jax import Array
from jax.tree_util import keystr

from memjax import _check
from memjax.crossbar._hardware import Hardware
from memjax.crossbar._layout import Layout, join
from memjax.effects import Remembering, Wear, acting

# The parts that have a number for each cell, by array.
CELL_PARTS = ("conductance", "low", "high")
ADVICE = "read a chip with the hardware it was programmed with"


class Entry(TypedDict):
    """One programmed matrix [K, N], cut into T row tiles; `*leading` are the axes of loops and of groups.

    Every array of the mapping has tiles [*leading, T, rows, width], padding included (see `memjax.program`).
    """

    conductance: dict[str, Array]
    """By array [S]."""
    scale: Array
    """[*leading, N]: the weight that the full range of conductance stands for."""
    drive: Array
    """[*leading, K]: relative gain of each word-line driver."""
    low: NotRequired[dict[str, Array]]
    """Smallest conductance that each cell can be written to [S], like `conductance`."""
    high: NotRequired[dict[str, Array]]
    """The largest [S]."""
    memory: NotRequired[dict[str, dict[str, dict[str, Array]]]]
    """By array and effect, what it remembers: [*leading, T, rows, width], or one number for each tile."""
    writes: NotRequired[dict[str, dict[str, Array]]]
    """What writing by pulses took: "pulses", "energy" [J] and "failed", each like `conductance`."""
    device: NotRequired[dict[str, dict[str, Array]]]
    """By array and parameter, the devices of cells that pulses write, each like `conductance`."""
    middle: NotRequired[Array]
    """[*leading, N]: the weight that is added digitally to those that the cells hold."""
    adc_range: NotRequired[Array]
    """[*leading]: full-scale current of the ADCs [A]."""
    driven: NotRequired[Array]
    """[*leading]: number of inputs of a tile that a vector drives, where those of several groups share it."""
    dac_range: NotRequired[Array]
    """[*leading]: the number that maps to the largest voltage, where it was calibrated."""
    adc: NotRequired[dict[str, dict[str, Array]]]
    """By conversion and error, the numbers of every converter [LSB], [*leading, T, numbers, width]."""


def inputs(entry: Mapping[str, Any]) -> int:
    """Rows K of the matrix."""
    return entry["drive"].shape[-1]


def outputs(entry: Mapping[str, Any]) -> int:
    """Columns N of the matrix."""
    return entry["scale"].shape[-1]


def leading(entry: Mapping[str, Any]) -> tuple[int, ...]:
    """Axes before those of the matrix."""
    return entry["scale"].shape[:-1]


def cells(entry: Mapping[str, Any], part: str = "conductance") -> dict[str, Array]:
    """A part with a number for each cell by array, without padding cells.

    Each is [*leading, K, N], of a reference column shared by the columns of a tile [*leading, K, column tiles].
    """
    return {name: join(tiles, inputs(entry), outputs(entry)) for name, tiles in entry[part].items()}


def check_entry(name: str, entry: Any) -> None:
    """Raise unless `entry`, the argument `name`, has the arrays of one programmed matrix, of shapes that fit together.

    Raises: TypeError for something else; ValueError, naming the part, for shapes that contradict one another and for
        conductances, scales and ranges that are NaN or infinite.
    """
    if not isinstance(entry, dict) or not {"conductance", "scale", "drive"} <= entry.keys():
        found = sorted(map(str, entry)) if isinstance(entry, dict) else type(entry).__name__
        raise TypeError(f"{name} must be a dict with conductance, scale and drive, as made by program, got {found}")
    if not all(hasattr(leaf, "shape") for leaf in jax.tree.leaves(entry)):
        path, leaf = next(pair for pair in jax.tree.leaves_with_path(entry) if not hasattr(pair[1], "shape"))
        raise TypeError(f"{name}{keystr(path)} must be an array, got {_check.shown(leaf)}")
    if not isinstance(entry["conductance"], dict) or not entry["conductance"]:
        raise TypeError(f"{name}['conductance'] must be a dict of arrays, got {entry['conductance']!r}")
    _check_shapes(name, entry)
    for part in ("scale", "drive", "middle", "adc_range", "dac_range"):
        if part in entry:
            _check.finite(f"{name}[{part!r}]", entry[part])
    for part in CELL_PARTS:
        for array, tiles in entry.get(part, {}).items():
            _check.finite(f"{name}[{part!r}][{array!r}]", tiles)


def check_single(name: str, entry: Any) -> None:
    """As `check_entry`, and raise where there is more than one matrix."""
    check_entry(name, entry)
    if leading(entry):
        raise ValueError(f"{name} must hold one matrix, got leading axes {leading(entry)}: use jax.vmap")


def _check_shapes(name: str, entry: Mapping[str, Any]) -> None:
    """Raise unless the parts of an entry have the same leading axes and, where they are per cell, the same shape."""
    lead = leading(entry) if entry["scale"].ndim else None
    if lead is None or entry["drive"].ndim == 0 or entry["drive"].shape[:-1] != lead:
        raise ValueError(
            f"{name} must have a scale [*leading, N] and a drive [*leading, K], got shapes {entry['scale'].shape} and "
            f"{entry['drive'].shape}"
        )
    for array, tiles in entry["conductance"].items():
        if tiles.ndim < 3 or tiles.shape[:-3] != lead:
            raise ValueError(
                f"{name}['conductance'][{array!r}] must have shape {_shown(lead)}[tiles, rows, width], those of the "
                f"scale first, got {tiles.shape}"
            )
    like = {array: tiles.shape for array, tiles in entry["conductance"].items()}
    writes = {f"['writes'][{key!r}]": part for key, part in entry.get("writes", {}).items()}
    per_cell = {f"[{part!r}]": entry[part] for part in CELL_PARTS if part in entry} | writes
    for place, part in per_cell.items():
        found = jax.tree.map(lambda tiles: tiles.shape, part)
        if found != like:
            raise ValueError(f"{name}{place} must have the shapes of the conductances, {like}, got {found}")
    rest = {
        part: entry[part]
        for part in ("memory", "device", "adc", "middle", "adc_range", "dac_range")
        if lead and part in entry
    }
    for path, leaf in jax.tree.leaves_with_path(rest):
        if leaf.shape[: len(lead)] != lead:
            raise ValueError(
                f"{name}{keystr(path)} must have the leading axes {lead} of the scale, got shape {leaf.shape}"
            )


def _shown(lead: tuple[int, ...]) -> str:
    return f"{list(lead)} + " if lead else ""


def check_chip(hardware: Hardware, entry: Mapping[str, Any], name: str = "chip") -> None:
    """Raise ValueError unless an entry that passed `check_entry` can be read with the hardware."""
    check_tiles(hardware, entry, name)
    if hardware.adc.in_chip and "adc_range" not in entry:
        raise ValueError(
            f"{name} must hold 'adc_range' for Adc(range={_check.shown(hardware.adc.range)}): program it with this "
            "Hardware"
        )
    if hardware.mapping.has_middle and ("middle" not in entry or entry["middle"].shape != entry["scale"].shape):
        raise ValueError(f"{name} must hold 'middle', a weight for each output, for this mapping: {ADVICE}")
    check_memory(hardware, entry, name)
    check_converters(hardware, entry, name)


def check_tiles(hardware: Hardware, entry: Mapping[str, Any], name: str = "chip") -> None:
    """Raise unless the arrays of one matrix are those of the mapping, in tiles of the hardware's shape."""
    found, expected = entry["conductance"], hardware.mapping.arrays
    if found.keys() != expected.keys():
        raise ValueError(
            f"{name} must hold the arrays {list(expected)} of {type(hardware.mapping).__name__}, got {list(found)}: "
            f"{ADVICE}"
        )
    layout = Layout.of(hardware, (inputs(entry), outputs(entry)))
    for array in expected:
        shape = layout.shape(array)
        if found[array].shape[-3:] != shape:
            raise ValueError(
                f"{name} must have tiles of shape {shape} in array {array!r} for this Hardware, got "
                f"{found[array].shape[-3:]}: {ADVICE}"
            )


def check_memory(hardware: Hardware, entry: Mapping[str, Any], name: str = "chip") -> None:
    """Raise unless an entry holds what the effects of the hardware remember of it."""
    if acting(hardware.effects, Wear) and not {"low", "high"} <= entry.keys():
        raise ValueError(f"{name} must hold 'low' and 'high', the range of each cell, for effects that wear: {ADVICE}")
    expected = {effect for effect, _ in acting(hardware.effects, Remembering)}
    for array in entry["conductance"] if expected else ():
        missing = expected - entry.get("memory", {}).get(array, {}).keys()
        if missing:
            raise ValueError(
                f"{name} must hold the memory of {', '.join(sorted(missing))} in array {array!r} for this Hardware: "
                f"{ADVICE}"
            )


def check_devices(hardware: Hardware, entry: Mapping[str, Any], name: str = "chip") -> None:
    """Raise unless an entry holds the devices of its cells, where pulses are to write cells that differ."""
    expected = set() if hardware.programming is None else set(hardware.programming.spread)
    for array in entry["conductance"] if expected else ():
        missing = expected - entry.get("device", {}).get(array, {}).keys()
        if missing:
            raise ValueError(
                f"{name} must hold the parameters {sorted(missing)} of the devices in array {array!r} for "
                "Hardware.programming with a spread: write a chip again with the hardware it was programmed with"
            )


def check_converters(hardware: Hardware, entry: Mapping[str, Any], name: str = "chip") -> None:
    """Raise unless an entry holds the numbers of the converter errors of the hardware."""
    expected = {error.name for error in hardware.adc.mismatches}
    for conversion in hardware.conversions[0] if expected else ():
        found = entry.get("adc", {}).get(conversion.name, {})
        if not expected <= found.keys():
            raise ValueError(
                f"{name} must hold the converter errors {sorted(expected)} of {conversion.name!r} under 'adc' for this "
                f"Hardware, got {sorted(found)}: {ADVICE}"
            )


def check_key(hardware: Hardware, key: Any) -> None:
    """Raise unless the key of a read is a PRNG key, or None where reads are not random."""
    if key is not None:
        _check.key("key", key)
    elif hardware.noisy:
        source = "Hardware.adc has noise" if hardware.adc.noisy else "Hardware.effects has read noise"
        raise ValueError(f"key must be a PRNG key, since {source}, got None")
