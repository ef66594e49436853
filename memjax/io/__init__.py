"""Chips in files, and measured conductances from files."""

from memjax.io._files import load as load
from memjax.io._files import save as save
from memjax.io._tables import read_conductances as read_conductances
from memjax.io._tables import read_levels as read_levels
