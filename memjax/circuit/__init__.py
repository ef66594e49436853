"""Arrays with resistive wires: plain arrays in and out."""

from memjax.circuit._operating_point import operating_point as operating_point
from memjax.circuit._predistort import predistort as predistort
from memjax.circuit._solve import Solution as Solution
from memjax.circuit._solve import solve as solve
from memjax.circuit._spice import SpiceResult as SpiceResult
from memjax.circuit._spice import from_spice as from_spice
from memjax.circuit._spice import to_spice as to_spice
from memjax.circuit._transfer import transfer_matrix as transfer_matrix
from memjax.circuit._transient import Transient as Transient
from memjax.circuit._transient import transient as transient
from memjax.circuit._wires import Wires as Wires
