"""Crossbars: matrices programmed into tiles of cells, and read."""

from memjax.crossbar._backward import Backward as Backward
from memjax.crossbar._chip import Entry as Entry
from memjax.crossbar._chip import cells as cells
from memjax.crossbar._chip import check_chip as check_chip
from memjax.crossbar._chip import check_entry as check_entry
from memjax.crossbar._chip import check_key as check_key
from memjax.crossbar._chip import inputs as inputs
from memjax.crossbar._chip import leading as leading
from memjax.crossbar._chip import outputs as outputs
from memjax.crossbar._correct import compensate as compensate
from memjax.crossbar._correct import tune as tune
from memjax.crossbar._hardware import Hardware as Hardware
from memjax.crossbar._matmul import matmul as matmul
from memjax.crossbar._measured import chip_from_conductances as chip_from_conductances
from memjax.crossbar._mvm import Observation as Observation
from memjax.crossbar._mvm import merge as merge
from memjax.crossbar._program import age as age
from memjax.crossbar._program import program as program
from memjax.crossbar._program import reprogram as reprogram
from memjax.crossbar._read import Ready as Ready
from memjax.crossbar._read import prepare as prepare
from memjax.crossbar._read import read as read
from memjax.crossbar._weights import weights as weights
from memjax.crossbar._weights import weights_of as weights_of
