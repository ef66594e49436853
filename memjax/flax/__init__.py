"""Flax: a thin adapter for NNX. Linen needs none: `mj.crossbarify(model.apply, hardware)`."""

from memjax.flax._crossbars import Conductance as Conductance
from memjax.flax._crossbars import Crossbars as Crossbars
from memjax.flax._crossbars import Periphery as Periphery
