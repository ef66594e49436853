"""Monte-Carlo sweeps over any pure function: grid x samples, in one compilation, never lost."""

from memjax.montecarlo._sweep import sweep as sweep
