"""Where in a memory a line of 64 bytes lies."""

from typing import TYPE_CHECKING, Any, NamedTuple

from jax import Array

if TYPE_CHECKING:
    from memjax.memory._main._config import MemoryConfig

_FIELDS = ("R", "C", "BK", "RK", "CH", "SA")
_OPTIONAL = ("SA", "CH", "RK")


class Place(NamedTuple):
    """Channel, rank, bank, subarray of the bank, row of the subarray, column of each line, int32 [n]."""

    channel: Any
    rank: Any
    bank: Any
    subarray: Any
    row: Any
    column: Any


def check_mapping(name: str, value: str) -> None:
    """Raise unless `value` names the fields of an address, each once: R, C, BK, and where wanted RK, CH, SA."""
    fields = value.split(":")
    unknown = [field for field in fields if field not in _FIELDS]
    if unknown:
        raise ValueError(f"{name} must be made of {', '.join(_FIELDS)} and colons, got {unknown[0]!r} in {value!r}")
    missing = [field for field in _FIELDS if field not in fields and field not in _OPTIONAL]
    if missing or len(set(fields)) < len(fields):
        raise ValueError(f"{name} must have each of R, C and BK once and RK, CH, SA at most once, got {value!r}")


def widths(config: "MemoryConfig") -> dict[str, int]:
    """Bits of each field of an address: floor(log2(count)), so that counts are used up to a power of two."""
    counts = {
        "R": config.rows if config.mat_rows is None else config.mat_rows,
        "C": config.columns,
        "BK": config.banks,
        "RK": config.ranks,
        "CH": config.channels,
        "SA": config.subarrays,
    }
    return {field: count.bit_length() - 1 for field, count in counts.items()}


def place(line: Array, config: "MemoryConfig") -> Place:
    """Where lines lie: the fields of `config.mapping` from the highest bits, below them those that it leaves out.

    Bits above all fields are ignored: such addresses are aliases.

    Args:
        line: addresses // 64, int32 [n].
    """
    width, found, shift = widths(config), {}, 0
    named = config.mapping.split(":")
    for field in reversed([*named, *(field for field in _OPTIONAL if field not in named)]):
        found[field] = (line >> min(shift, 31)) & ((1 << width[field]) - 1)
        shift += width[field]
    return Place(found["CH"], found["RK"], found["BK"], found["SA"], found["R"], found["C"])
