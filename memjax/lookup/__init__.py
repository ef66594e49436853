"""Networks of look-up tables: weights and inputs are codes, products are looked up and counted."""

from memjax.lookup._calibrate import Calibration as Calibration
from memjax.lookup._calibrate import calibrate as calibrate
from memjax.lookup._calibrate import cluster as cluster
from memjax.lookup._codebook import kmeans as kmeans
from memjax.lookup._cost import LookupCounts as LookupCounts
from memjax.lookup._cost import LookupReport as LookupReport
from memjax.lookup._cost import cost_report as cost_report
from memjax.lookup._lookup import Codebook as Codebook
from memjax.lookup._lookup import Lookup as Lookup
