"""Reliability of sums of products when many word lines are driven at once."""

from memjax.reliability._binary_columns import BinaryColumns as BinaryColumns
from memjax.reliability._binary_columns import LognormalResistance as LognormalResistance
from memjax.reliability._binary_columns import sop_hardware as sop_hardware
from memjax.reliability._choose import choose_rows as choose_rows
from memjax.reliability._closed_forms import sop_confusion_exact as sop_confusion_exact
from memjax.reliability._closed_forms import sop_confusion_gaussian as sop_confusion_gaussian
from memjax.reliability._confusion import error_rates as error_rates
from memjax.reliability._confusion import sop_confusion as sop_confusion
from memjax.reliability._inject import inject as inject
from memjax.reliability._measure import hardware_confusion as hardware_confusion
