"""Hardware-aware training: small pieces that make a digital training prepare a network for chips."""

from memjax.training.recipes._clipped import ClippedState as ClippedState
from memjax.training.recipes._clipped import clipped as clipped
from memjax.training.recipes._distillation import distillation as distillation
from memjax.training.recipes._input_ranges import input_ranges as input_ranges
from memjax.training.recipes._modifiers import AbstractModifier as AbstractModifier
from memjax.training.recipes._modifiers import AdditiveNoise as AdditiveNoise
from memjax.training.recipes._modifiers import Discretised as Discretised
from memjax.training.recipes._modifiers import DoReFa as DoReFa
from memjax.training.recipes._modifiers import DropConnect as DropConnect
from memjax.training.recipes._modifiers import MultiplicativeNoise as MultiplicativeNoise
from memjax.training.recipes._noisy import noisy as noisy
