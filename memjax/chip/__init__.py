"""Chips of many cores: where tiles lie, and when they work."""

from memjax.chip._architecture import Architecture as Architecture
from memjax.chip._energy import energy as energy
from memjax.chip._fixed_point import fixed_point_mvm as fixed_point_mvm
from memjax.chip._operations import Operation as Operation
from memjax.chip._pipeline import Replicas as Replicas
from memjax.chip._pipeline import pipeline_buffers as pipeline_buffers
from memjax.chip._pipeline import pipeline_cycles as pipeline_cycles
from memjax.chip._pipeline import replicate as replicate
from memjax.chip._place import place as place
from memjax.chip._placement import Place as Place
from memjax.chip._placement import Placement as Placement
from memjax.chip._runs import Run as Run
from memjax.chip._schedule import Schedule as Schedule
from memjax.chip._schedule import schedule as schedule
from memjax.chip._tasks import KINDS as KINDS
