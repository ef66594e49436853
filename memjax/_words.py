"""What stands on axes and above tables: words for names of the code, and units with SI prefixes."""

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import xarray

PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
# Units that take a prefix.
SI = ("V", "A", "S", "Ω", "s", "Hz", "W", "J", "F", "m", "m²", "eV")
# Words that are not written as they are in the code.
_WRITTEN = {
    **{
        name: name.upper() for name in ("adc", "dac", "alu", "mvm", "hrs", "lrs", "pcm", "ecram", "rram", "snr", "sram")
    },
    "hfo2": "HfO$_2$",
    "neg": "negative",
    "pos": "positive",
    "reram": "ReRAM",
}
_WHOLE = {
    "adc_bits": "ADC resolution",
    "dac_bits": "DAC resolution",
    "sample_hold": "sample and hold",
    "shift_add": "shift and add",
}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")
_MATHS = re.compile(r"\$([^$]*)\$")
_SYMBOL = re.compile(r"\b([rgvi]) (on|off|min|max|read|set|reset)\b")


def words(name: str) -> str:
    """A name of the code in words: "adc_range" is "ADC range", "SoftBounds" "soft bounds"; other text as it is."""
    if name in _WHOLE or not name.isidentifier():
        return _WHOLE.get(name, name)
    parts = _CAMEL.sub("_", name).split("_")
    text = " ".join(_WRITTEN.get(part, part.lower() if part.istitle() else part) for part in parts if part)
    return _SYMBOL.sub(lambda found: f"$\\mathit{{{found[1].upper()}}}_\\mathrm{{{found[2]}}}$", text)


def plain(text: str) -> str:
    """Without the mathematics of figures, for a terminal: R_on."""
    return _MATHS.sub(lambda found: re.sub(r"\\math\w+|[{}]", "", found[1]), text)


def capital(text: str) -> str:
    """With a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def layer(path: str) -> str:
    """The name of a layer without what all have: params/Conv_0/kernel -> Conv_0."""
    return "/".join(part for part in path.split("/") if part not in ("params", "kernel")) or path


def unit(name: Any) -> str:
    """A unit as it is printed: nothing for numbers."""
    return {"1": "", "": "", "ohm": "Ω", "ohms": "Ω", "percent": "%", "bits": "bit", "m2": "m²"}.get(name, str(name))


def exponent(largest: float, unit: str) -> int:
    """The power of ten of the prefix with which numbers up to `largest` are read best."""
    if unit not in SI or not (0 < largest < math.inf):
        return 0
    if unit == "m²":  # each prefix is squared; 0.01 mm² rather than 10 000 µm²
        return 6 * max(-2, min(0, math.floor((math.log10(largest) + 2) / 6)))
    if 0.1 <= largest < 1:  # 0.45 V rather than 450 mV
        return 0
    return max(-15, min(12, 3 * math.floor(math.log10(largest) / 3 + 1e-9)))


def prefixed(power: int, unit: str) -> str:
    """The unit with the prefix of a power of ten."""
    return PREFIXES[power // 2 if unit == "m²" else power] + unit


def quantity(value: Any, unit: str, digits: int = 6) -> str:
    """A number with its unit: 1 kΩ, 5 %, 4 bit; what is no number as it is."""
    if isinstance(value, bool | np.bool_ | str) or not hasattr(value, "__float__"):
        return str(value)
    power = exponent(abs(float(value)), unit)
    whole = isinstance(value, int | np.integer) and not power  # a key, of which every digit counts
    text = str(value) if whole else f"{float(value) / 10.0**power:.{digits}g}"
    return f"{minus(text)} {prefixed(power, unit)}" if unit else minus(text)


def minus(text: str) -> str:
    """With a minus sign in place of a hyphen before digits and in exponents."""
    return re.sub(r"-(?=\d)", "\u2212", text)


def named(label: str, unit: str) -> str:
    """A label of an axis with its unit in brackets."""
    return f"{label} ({unit})" if unit else label


class Parameter(NamedTuple):
    """A coordinate: its values as they are shown, its name in words, and their unit."""

    label: str
    unit: str
    values: np.ndarray

    @property
    def title(self) -> str:
        """Of an axis whose ticks are numbers."""
        return named(capital(self.label), self.unit)

    @property
    def head(self) -> str:
        """Above `entries`: units that take a prefix stand there, the others here."""
        return named(capital(self.label), "" if self.unit in SI else self.unit)

    @property
    def entries(self) -> list[str]:
        return [quantity(value, self.unit if self.unit in SI else "") for value in self.values]


def parameter(values: "xarray.DataArray", percent: bool) -> Parameter:
    """A coordinate as it is shown; with `percent` fractions, floats from 0 to 1 whose `units` are "1", in percent."""
    numbers = values.values
    is_fraction = (
        values.attrs.get("units") == "1" and numbers.dtype.kind == "f" and bool(((numbers >= 0) & (numbers <= 1)).all())
    )
    if percent and is_fraction:
        return Parameter(label_of(values), "%", 100 * numbers)
    return Parameter(label_of(values), unit_of(values), numbers)


def label_of(values: "xarray.DataArray") -> str:
    """The name in words: an attribute, or made of the name in the code."""
    return str(values.attrs.get("long_name") or values.attrs.get("description") or words(str(values.name or "value")))


def unit_of(values: "xarray.DataArray") -> str:
    return unit(values.attrs.get("units", "1"))
