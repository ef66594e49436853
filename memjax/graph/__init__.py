"""Graph algorithms on crossbars that hold an adjacency matrix."""

from memjax.graph._blocks import Blocks as Blocks
from memjax.graph._blocks import blocks as blocks
from memjax.graph._levels import bfs as bfs
from memjax.graph._levels import connected_components as connected_components
from memjax.graph._metrics import relative_error as relative_error
from memjax.graph._metrics import top_k_overlap as top_k_overlap
from memjax.graph._metrics import wrong_levels as wrong_levels
from memjax.graph._pagerank import pagerank as pagerank
from memjax.graph._single_cell import SingleCell as SingleCell
from memjax.graph._sssp import sssp as sssp
