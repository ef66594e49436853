"""Figures for papers and slides.

Every function takes results and returns the Axes that it drew into, or an array of them where it has several panels.
Their figure belongs to no window: `ax.figure.savefig("figure.pdf")` saves it, and as the last line of a notebook's cell
`ax.figure` shows it. `ax=` (`axes=` for several panels) draws into axes of your own. What is drawn stays in SI units,
whatever the prefix on the axis, so that further curves can be added in V, A, S and s. `style` chooses sizes and fonts.
Matplotlib is imported at the first call.
"""

from memjax.plot import look as look
from memjax.plot._chip import conductances as conductances
from memjax.plot._cost import cost as cost
from memjax.plot._devices import conductance_against_pulses as conductance_against_pulses
from memjax.plot._devices import hysteresis as hysteresis
from memjax.plot._devices import population_spread as population_spread
from memjax.plot._devices import state_against_time as state_against_time
from memjax.plot._devices import switching as switching
from memjax.plot._laws import pulse_response as pulse_response
from memjax.plot._laws import update_laws as update_laws
from memjax.plot._macros import macros as macros
from memjax.plot._memory import requests as requests
from memjax.plot._schedule import schedule as schedule
from memjax.plot._sweep import heatmap as heatmap
from memjax.plot._sweep import sweep as sweep
from memjax.plot._wires import current_error as current_error
from memjax.plot._wires import node_voltages as node_voltages
from memjax.plot.look import style as style
