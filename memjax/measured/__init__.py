"""From files of measured cells to the hardware that they describe."""

from memjax.measured._curves import Curves as Curves
from memjax.measured._curves import CurvesFit as CurvesFit
from memjax.measured._curves import fit_curves as fit_curves
from memjax.measured._curves import read_curves as read_curves
from memjax.measured._writes import Writes as Writes
from memjax.measured._writes import WritesFit as WritesFit
from memjax.measured._writes import fit_writes as fit_writes
from memjax.measured._writes import read_writes as read_writes
