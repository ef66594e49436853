"""Memories: macros of any cell, by their organisation."""

from memjax.memory._macro._cell import MemoryCell as MemoryCell
from memjax.memory._macro._cell_file import read_cell as read_cell
from memjax.memory._macro._design import Design as Design
from memjax.memory._macro._macro import Macro as Macro
from memjax.memory._macro._organisation import Organisation as Organisation
from memjax.memory._macro._pareto import pareto as pareto
from memjax.memory._macro._process import Process as Process
from memjax.memory._macro._process import process as process
from memjax.memory._macro._search import best as best
from memjax.memory._macro._search import explore as explore
from memjax.memory._macro._search import macro as macro
from memjax.memory._macro._wires import Wire as Wire
