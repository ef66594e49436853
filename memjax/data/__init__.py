"""Image data sets as plain NumPy arrays.

>>> digits = memjax.data.load("digits")
>>> digits.train_images.shape
(1437, 8, 8, 1)
"""

from memjax.data._dataset import Dataset as Dataset
from memjax.data._load import NAMES as NAMES
from memjax.data._load import load as load
from memjax.data._load import locate as locate
