"""From a wanted change to pulses, and from pulses to weights."""

from memjax.training.pulses._apply import apply_net as apply_net
from memjax.training.pulses._apply import apply_pulses as apply_pulses
from memjax.training.pulses._apply import response as response
from memjax.training.pulses._coincide import coincide as coincide
from memjax.training.pulses._noise import normal as normal
from memjax.training.pulses._noise import uniform as uniform
from memjax.training.pulses._rules import AbstractRule as AbstractRule
from memjax.training.pulses._rules import Counts as Counts
from memjax.training.pulses._rules import Deterministic as Deterministic
from memjax.training.pulses._rules import Sign as Sign
from memjax.training.pulses._rules import Stochastic as Stochastic
from memjax.training.pulses._send import Sent as Sent
from memjax.training.pulses._send import send as send
from memjax.training.pulses._trains import PulseTrains as PulseTrains
