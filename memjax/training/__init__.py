"""In-situ training: update laws of devices, pulse rules and algorithms as optax transformations.

Weights are in units of a law, conductances are mapped onto its range.
"""

from memjax.contraction import Outer as Outer
from memjax.training import presets as presets
from memjax.training._clip import clipped as clipped
from memjax.training._fit import LawFit as LawFit
from memjax.training._fit import fit_law as fit_law
from memjax.training._pulse_response import PulseResponse as PulseResponse
from memjax.training._pulse_response import read_pulse_response as read_pulse_response
from memjax.training._zero_shift import zero_shift as zero_shift
from memjax.training.algorithms import AbstractTransfer as AbstractTransfer
from memjax.training.algorithms import Buffered as Buffered
from memjax.training.algorithms import Chopped as Chopped
from memjax.training.algorithms import Direct as Direct
from memjax.training.algorithms import Dynamic as Dynamic
from memjax.training.algorithms import OneSidedState as OneSidedState
from memjax.training.algorithms import PulsedState as PulsedState
from memjax.training.algorithms import Reading as Reading
from memjax.training.algorithms import TikiTakaState as TikiTakaState
from memjax.training.algorithms import WageState as WageState
from memjax.training.algorithms import agad as agad
from memjax.training.algorithms import chopped_tiki_taka as chopped_tiki_taka
from memjax.training.algorithms import coincidence as coincidence
from memjax.training.algorithms import mixed_precision as mixed_precision
from memjax.training.algorithms import neurosim_wage as neurosim_wage
from memjax.training.algorithms import one_sided as one_sided
from memjax.training.algorithms import pulsed as pulsed
from memjax.training.algorithms import tiki_taka as tiki_taka
from memjax.training.algorithms import tiki_taka_v2 as tiki_taka_v2
from memjax.training.algorithms import wage_step as wage_step
from memjax.training.laws import AbstractLaw as AbstractLaw
from memjax.training.laws import AbstractMirroredLaw as AbstractMirroredLaw
from memjax.training.laws import ConstantStep as ConstantStep
from memjax.training.laws import DevicePulse as DevicePulse
from memjax.training.laws import ExponentialStep as ExponentialStep
from memjax.training.laws import Facing as Facing
from memjax.training.laws import LinearStep as LinearStep
from memjax.training.laws import Made as Made
from memjax.training.laws import NeuroSimStep as NeuroSimStep
from memjax.training.laws import PiecewiseStep as PiecewiseStep
from memjax.training.laws import Population as Population
from memjax.training.laws import PowerStep as PowerStep
from memjax.training.laws import Referenced as Referenced
from memjax.training.laws import SoftBounds as SoftBounds
from memjax.training.laws import curvature as curvature
from memjax.training.laws import spread as spread
from memjax.training.laws import symmetry_point as symmetry_point
from memjax.training.pulses import AbstractRule as AbstractRule
from memjax.training.pulses import Counts as Counts
from memjax.training.pulses import Deterministic as Deterministic
from memjax.training.pulses import Sign as Sign
from memjax.training.pulses import Stochastic as Stochastic
from memjax.training.pulses import apply_net as apply_net
from memjax.training.pulses import apply_pulses as apply_pulses
from memjax.training.pulses import response as response
