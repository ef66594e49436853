"""Algorithms of in-situ training as optax transformations: an algorithm is its recursion."""

from memjax.training.algorithms._coincidence import coincidence as coincidence
from memjax.training.algorithms._mixed_precision import mixed_precision as mixed_precision
from memjax.training.algorithms._one_sided import OneSidedState as OneSidedState
from memjax.training.algorithms._one_sided import one_sided as one_sided
from memjax.training.algorithms._pulsed import PulsedState as PulsedState
from memjax.training.algorithms._pulsed import pulsed as pulsed
from memjax.training.algorithms._tiki_taka import TikiTakaState as TikiTakaState
from memjax.training.algorithms._tiki_taka import agad as agad
from memjax.training.algorithms._tiki_taka import chopped_tiki_taka as chopped_tiki_taka
from memjax.training.algorithms._tiki_taka import tiki_taka as tiki_taka
from memjax.training.algorithms._tiki_taka import tiki_taka_v2 as tiki_taka_v2
from memjax.training.algorithms._transfer import AbstractTransfer as AbstractTransfer
from memjax.training.algorithms._transfer import Buffered as Buffered
from memjax.training.algorithms._transfer import Chopped as Chopped
from memjax.training.algorithms._transfer import Direct as Direct
from memjax.training.algorithms._transfer import Dynamic as Dynamic
from memjax.training.algorithms._transfer import Reading as Reading
from memjax.training.algorithms._wage import WageState as WageState
from memjax.training.algorithms._wage import neurosim_wage as neurosim_wage
from memjax.training.algorithms._wage import wage_step as wage_step
