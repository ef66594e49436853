"""Memories: macros and trace-driven main memories."""

from memjax.memory._main._config import MemoryConfig as MemoryConfig
from memjax.memory._main._config import WritePausing as WritePausing
from memjax.memory._main._config_file import read_config as read_config
from memjax.memory._main._energy import AbstractEnergy as AbstractEnergy
from memjax.memory._main._energy import CommandEnergy as CommandEnergy
from memjax.memory._main._energy import CurrentEnergy as CurrentEnergy
from memjax.memory._main._timing import Timing as Timing
from memjax.memory._main._timing import WritePulses as WritePulses
