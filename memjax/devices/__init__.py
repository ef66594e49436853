"""Physics of one memristive cell: models, integration, pulses, fitting, populations."""

from memjax.devices import windows as windows
from memjax.devices._base import AbstractDevice as AbstractDevice
from memjax.devices._data_driven import DataDriven as DataDriven
from memjax.devices._fit import Fit as Fit
from memjax.devices._fit import fit as fit
from memjax.devices._linear_ion_drift import LinearIonDrift as LinearIonDrift
from memjax.devices._measurement import Measurement as Measurement
from memjax.devices._measurement import read_measurement as read_measurement
from memjax.devices._memdiode import Memdiode as Memdiode
from memjax.devices._pcm import PCM as PCM
from memjax.devices._population import lognormal as lognormal
from memjax.devices._population import normal as normal
from memjax.devices._population import population as population
from memjax.devices._population import uniform as uniform
from memjax.devices._pulse import apply_pulse as apply_pulse
from memjax.devices._series import Series as Series
from memjax.devices._simmons import Simmons as Simmons
from memjax.devices._simulate import StepSizeWarning as StepSizeWarning
from memjax.devices._simulate import Trace as Trace
from memjax.devices._simulate import evolve as evolve
from memjax.devices._simulate import simulate as simulate
from memjax.devices._stanford_pku import StanfordPKU as StanfordPKU
from memjax.devices._stt_mram import STTMRAM as STTMRAM
from memjax.devices._team import TEAM as TEAM
from memjax.devices._vteam import VTEAM as VTEAM
from memjax.devices._yakopcic import Yakopcic as Yakopcic
