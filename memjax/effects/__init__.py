"""Non-idealities of the cells: hooks at fabrication, programming, ageing and reading."""

from memjax.effects._base import AbstractEffect as AbstractEffect
from memjax.effects._base import Ageing as Ageing
from memjax.effects._base import Fabrication as Fabrication
from memjax.effects._base import Programming as Programming
from memjax.effects._base import Reading as Reading
from memjax.effects._device_variation import DeviceVariation as DeviceVariation
from memjax.effects._drift import Drift as Drift
from memjax.effects._programming_noise import ProgrammingNoise as ProgrammingNoise
from memjax.effects._read_noise import ReadNoise as ReadNoise
from memjax.effects._stuck_at import StuckAt as StuckAt
