"""The transformation of a function into one that runs on crossbars."""

from memjax.transform._analog import Analog as Analog
from memjax.transform._analog import crossbarify as crossbarify
from memjax.transform._calibrate import ConverterUse as ConverterUse
from memjax.transform._calibrate import InputUse as InputUse
from memjax.transform._fleet import ByName as ByName
from memjax.transform._outer import value_and_outer as value_and_outer
from memjax.transform._plan import CrossbarPlan as CrossbarPlan
from memjax.transform._plan import Plan as Plan
from memjax.transform._record import SiteRow as SiteRow
from memjax.transform._sites import Program as Program
from memjax.transform._sites import Sites as Sites
