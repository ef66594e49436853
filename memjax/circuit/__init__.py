"""Wires: arrays of cells with resistive lines, solved as circuits."""

from memjax.circuit._spice import SpiceResult as SpiceResult
from memjax.circuit._spice import from_spice as from_spice
from memjax.circuit._spice import to_spice as to_spice
