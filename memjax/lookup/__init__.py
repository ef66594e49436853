"""Networks of look-up tables: weights and inputs are codes, products are looked up and counted."""

from memjax.lookup._calibrate import Calibration as Calibration
from memjax.lookup._calibrate import calibrate as calibrate
from memjax.lookup._calibrate import cluster as cluster
from memjax.lookup._codebook import codebook as codebook
from memjax.lookup._lookup import Codebook as Codebook
from memjax.lookup._lookup import Lookup as Lookup
