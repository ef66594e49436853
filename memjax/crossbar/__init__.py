"""Crossbars: matrices programmed into tiles of cells, and read."""

from memjax.crossbar._age import age as age
from memjax.crossbar._age import age_all as age_all
from memjax.crossbar._backward import Backward as Backward
from memjax.crossbar._correct import compensate as compensate
from memjax.crossbar._correct import compensate_all as compensate_all
from memjax.crossbar._correct import tune as tune
from memjax.crossbar._correct import tune_all as tune_all
from memjax.crossbar._hardware import Hardware as Hardware
from memjax.crossbar._matmul import check_chip as check_chip
from memjax.crossbar._matmul import check_entry as check_entry
from memjax.crossbar._matmul import check_key as check_key
from memjax.crossbar._matmul import matmul as matmul
from memjax.crossbar._mvm import Observation as Observation
from memjax.crossbar._mvm import merge as merge
from memjax.crossbar._program import program as program
from memjax.crossbar._program import program_all as program_all
from memjax.crossbar._program import reprogram as reprogram
from memjax.crossbar._program import reprogram_all as reprogram_all
from memjax.crossbar._read import Ready as Ready
from memjax.crossbar._read import prepare as prepare
from memjax.crossbar._read import read as read
