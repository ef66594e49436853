"""Area, latency and energy of hardware, from components with citations."""

from memjax.cost._adc import AbstractAdcCost as AbstractAdcCost
from memjax.cost._adc import SarAdc as SarAdc
from memjax.cost._adc_survey import SurveyAdc as SurveyAdc
from memjax.cost._component import Component as Component
from memjax.cost._counts import Counts as Counts
from memjax.cost._counts import count as count
from memjax.cost._hwcomponents import from_hwcomponents as from_hwcomponents
from memjax.cost._inventory import Inventory as Inventory
from memjax.cost._isaac import isaac_node as isaac_node
from memjax.cost._puma import puma_node as puma_node
from memjax.cost._report import Report as Report
from memjax.cost._report import report as report
from memjax.cost._technology import Technology as Technology
from memjax.cost._technology import technology as technology
from memjax.cost._training import Pulse as Pulse
from memjax.cost._training import Training as Training
from memjax.cost._training import training as training
from memjax.cost._used import Cost as Cost
from memjax.cost._used import PartTotals as PartTotals
from memjax.cost._used import Totals as Totals
from memjax.cost._used import used as used
