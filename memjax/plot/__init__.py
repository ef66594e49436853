"""Figures for papers and slides.

Every function takes arrays and returns a `matplotlib.figure.Figure`, which belongs to no window: save it with
`figure.savefig(path)`, or let a notebook show it. Matplotlib is imported at the first call.
"""

from memjax.plot._accuracy import accuracy as accuracy
