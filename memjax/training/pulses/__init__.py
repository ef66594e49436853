"""From a wanted change to pulses, and from pulses to weights."""

from memjax.training.pulses._apply import apply_net as apply_net
from memjax.training.pulses._apply import apply_pulses as apply_pulses
from memjax.training.pulses._apply import pulse_cells as pulse_cells
from memjax.training.pulses._apply import response as response
from memjax.training.pulses._few import put as put
from memjax.training.pulses._lists import apply_drawn as apply_drawn
from memjax.training.pulses._lists import apply_listed as apply_listed
from memjax.training.pulses._noise import normal as normal
from memjax.training.pulses._outer import counts_of as counts_of
from memjax.training.pulses._outer import moments_of as moments_of
from memjax.training.pulses._outer import trains_of as trains_of
from memjax.training.pulses._rules import AbstractRule as AbstractRule
from memjax.training.pulses._rules import Counts as Counts
from memjax.training.pulses._rules import Deterministic as Deterministic
from memjax.training.pulses._rules import Sign as Sign
from memjax.training.pulses._rules import Stochastic as Stochastic
from memjax.training.pulses._slots import visit as visit
from memjax.training.pulses._trains import SLOTS as SLOTS
