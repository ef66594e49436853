"""memjax: JAX programs on simulated memristive crossbars.

All quantities are in SI units (V, A, S, ohm, s, K).
"""

from memjax import converters as converters
from memjax import effects as effects
from memjax import mapping as mapping
from memjax.converters import Adc as Adc
from memjax.converters import Dac as Dac
from memjax.converters import Dynamic as Dynamic
from memjax.converters import LogAdc as LogAdc
from memjax.crossbar import Hardware as Hardware
from memjax.crossbar import age as age
from memjax.crossbar import matmul as matmul
from memjax.crossbar import program as program
from memjax.mapping import Cell as Cell
from memjax.transform import Analog as Analog
from memjax.transform import crossbarify as crossbarify
