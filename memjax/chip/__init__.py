"""Chips of many cores: where tiles lie, and when they work."""

from memjax.chip._fixed_point import fixed_point_mvm as fixed_point_mvm
from memjax.chip._pipeline import Replicas as Replicas
from memjax.chip._pipeline import pipeline_buffers as pipeline_buffers
from memjax.chip._pipeline import pipeline_cycles as pipeline_cycles
from memjax.chip._pipeline import replicate as replicate
