"""In-situ training: update laws of devices, pulse rules and algorithms as optax transformations.

Weights are in units of a law, conductances are mapped onto its range.
"""

from memjax.contraction import Outer as Outer
from memjax.training import presets as presets
from memjax.training._clip import clipped as clipped
from memjax.training._coincidence import coincidence as coincidence
from memjax.training._constant_step import ConstantStep as ConstantStep
from memjax.training._device_pulse import DevicePulse as DevicePulse
from memjax.training._exponential_step import ExponentialStep as ExponentialStep
from memjax.training._fit import LawFit as LawFit
from memjax.training._fit import fit_law as fit_law
from memjax.training._law import AbstractLaw as AbstractLaw
from memjax.training._law import symmetry_point as symmetry_point
from memjax.training._linear_step import LinearStep as LinearStep
from memjax.training._linear_step import SoftBounds as SoftBounds
from memjax.training._mirrored import AbstractMirroredLaw as AbstractMirroredLaw
from memjax.training._mirrored import Facing as Facing
from memjax.training._mixed_precision import mixed_precision as mixed_precision
from memjax.training._neurosim_step import NeuroSimStep as NeuroSimStep
from memjax.training._neurosim_step import curvature as curvature
from memjax.training._one_sided import OneSidedState as OneSidedState
from memjax.training._one_sided import one_sided as one_sided
from memjax.training._piecewise_step import PiecewiseStep as PiecewiseStep
from memjax.training._population import Made as Made
from memjax.training._population import Population as Population
from memjax.training._population import spread as spread
from memjax.training._power_step import PowerStep as PowerStep
from memjax.training._pulse_response import PulseResponse as PulseResponse
from memjax.training._pulse_response import read_pulse_response as read_pulse_response
from memjax.training._pulsed import PulsedState as PulsedState
from memjax.training._pulsed import pulsed as pulsed
from memjax.training._pulses import apply_net as apply_net
from memjax.training._pulses import apply_pulses as apply_pulses
from memjax.training._pulses import response as response
from memjax.training._referenced import Referenced as Referenced
from memjax.training._rules import AbstractRule as AbstractRule
from memjax.training._rules import Counts as Counts
from memjax.training._rules import Deterministic as Deterministic
from memjax.training._rules import Sign as Sign
from memjax.training._rules import Stochastic as Stochastic
from memjax.training._tiki_taka import TikiTakaState as TikiTakaState
from memjax.training._tiki_taka import agad as agad
from memjax.training._tiki_taka import chopped_tiki_taka as chopped_tiki_taka
from memjax.training._tiki_taka import tiki_taka as tiki_taka
from memjax.training._tiki_taka import tiki_taka_v2 as tiki_taka_v2
from memjax.training._transfer import AbstractTransfer as AbstractTransfer
from memjax.training._transfer import Buffered as Buffered
from memjax.training._transfer import Chopped as Chopped
from memjax.training._transfer import Direct as Direct
from memjax.training._transfer import Dynamic as Dynamic
from memjax.training._transfer import Reading as Reading
from memjax.training._wage import WageState as WageState
from memjax.training._wage import neurosim_wage as neurosim_wage
from memjax.training._wage import wage_step as wage_step
from memjax.training._zero_shift import zero_shift as zero_shift
