"""memjax: JAX programs on simulated memristive crossbars.

All quantities are in SI units (V, A, S, ohm, s, K).
"""

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING

from memjax import circuit as circuit
from memjax import converters as converters
from memjax import devices as devices
from memjax import effects as effects
from memjax import io as io
from memjax import mapping as mapping
from memjax import montecarlo as montecarlo
from memjax import programming as programming
from memjax import spec as spec
from memjax.circuit import Wires as Wires
from memjax.converters import Adc as Adc
from memjax.converters import Dac as Dac
from memjax.converters import Dynamic as Dynamic
from memjax.converters import LogAdc as LogAdc
from memjax.crossbar import Backward as Backward
from memjax.crossbar import Hardware as Hardware
from memjax.crossbar import age as age
from memjax.crossbar import chip_from_conductances as chip_from_conductances
from memjax.crossbar import compensate as compensate
from memjax.crossbar import matmul as matmul
from memjax.crossbar import program as program
from memjax.crossbar import reprogram as reprogram
from memjax.crossbar import tune as tune
from memjax.crossbar import weights as weights
from memjax.devices import apply_pulse as apply_pulse
from memjax.devices import simulate as simulate
from memjax.io import load as load
from memjax.io import read_conductances as read_conductances
from memjax.io import read_levels as read_levels
from memjax.io import save as save
from memjax.mapping import Cell as Cell
from memjax.montecarlo import sweep as sweep
from memjax.transform import Analog as Analog
from memjax.transform import Plan as Plan
from memjax.transform import crossbarify as crossbarify
from memjax.transform import value_and_outer as value_and_outer

if TYPE_CHECKING:
    from memjax import chip as chip
    from memjax import compress as compress
    from memjax import cost as cost
    from memjax import data as data
    from memjax import flax as flax
    from memjax import graph as graph
    from memjax import lookup as lookup
    from memjax import measured as measured
    from memjax import memory as memory
    from memjax import plot as plot
    from memjax import reliability as reliability
    from memjax import study as study
    from memjax import training as training

__version__ = version("memjax")

# Imported at first use: with them `import memjax` takes twice as long.
_LAZY = (
    *("chip", "compress", "cost", "data", "flax", "graph", "lookup"),
    *("measured", "memory", "plot", "reliability", "study", "training"),
)


def __getattr__(name: str):
    if name in _LAZY:
        return importlib.import_module(f"memjax.{name}")
    raise AttributeError(f"module 'memjax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
