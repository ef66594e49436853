"""Update laws: what one pulse makes of the weight that a cell stands for."""

from memjax.training.laws._constant_step import ConstantStep as ConstantStep
from memjax.training.laws._device_pulse import DevicePulse as DevicePulse
from memjax.training.laws._exponential_step import ExponentialStep as ExponentialStep
from memjax.training.laws._law import AbstractLaw as AbstractLaw
from memjax.training.laws._law import symmetry_point as symmetry_point
from memjax.training.laws._linear_step import LinearStep as LinearStep
from memjax.training.laws._linear_step import SoftBounds as SoftBounds
from memjax.training.laws._mirrored import AbstractMirroredLaw as AbstractMirroredLaw
from memjax.training.laws._mirrored import Facing as Facing
from memjax.training.laws._neurosim_step import NeuroSimStep as NeuroSimStep
from memjax.training.laws._neurosim_step import curvature as curvature
from memjax.training.laws._piecewise_step import PiecewiseStep as PiecewiseStep
from memjax.training.laws._population import Made as Made
from memjax.training.laws._population import Population as Population
from memjax.training.laws._population import spread as spread
from memjax.training.laws._power_step import PowerStep as PowerStep
from memjax.training.laws._referenced import Referenced as Referenced
from memjax.training.laws._window import Range as Range
from memjax.training.laws._window import Window as Window
from memjax.training.laws._window import check_range as check_range
from memjax.training.laws._window import from_weight as from_weight
from memjax.training.laws._window import to_weight as to_weight
