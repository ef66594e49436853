"""Monte-Carlo sweeps over any pure function: grid x samples, in one compilation, never lost; and their statistics."""

from memjax.montecarlo._inspect import State as State
from memjax.montecarlo._inspect import verify as verify
from memjax.montecarlo._statistics import summary as summary
from memjax.montecarlo._sweep import sweep as sweep
