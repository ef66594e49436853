"""Arrays with resistive wires: plain arrays in and out."""

from memjax.circuit._solve import Solution as Solution
from memjax.circuit._solve import solve as solve
from memjax.circuit._transfer import transfer_matrix as transfer_matrix
from memjax.circuit._wires import Wires as Wires
