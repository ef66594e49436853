"""Mappings between signed weights and the conductances that hold them."""

from memjax.mapping._base import AbstractMapping as AbstractMapping
from memjax.mapping._base import weight_middle as weight_middle
from memjax.mapping._base import weight_scale as weight_scale
from memjax.mapping._bit_sliced import BitSliced as BitSliced
from memjax.mapping._cell import Cell as Cell
from memjax.mapping._conversion import Conversion as Conversion
from memjax.mapping._conversion import copy_columns as copy_columns
from memjax.mapping._convert import conductances_to_weights as conductances_to_weights
from memjax.mapping._convert import weights_to_conductances as weights_to_conductances
from memjax.mapping._differential import DoubleColumn as DoubleColumn
from memjax.mapping._differential import DualRow as DualRow
from memjax.mapping._offset import CurrentMirror as CurrentMirror
from memjax.mapping._offset import Offset as Offset
from memjax.mapping._pairs import Pairs as Pairs
from memjax.mapping._placement import Placement as Placement
