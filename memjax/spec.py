"""For specifications of one's own: fields that say what they may hold, and checks that name the argument.

A device, a window, an effect, a mapping, a converter and a law are `Spec`s by their abstract classes.
"""

from memjax._check import concrete as concrete
from memjax._check import finite as finite
from memjax._check import key as key
from memjax._check import ordered as ordered
from memjax._check import real as real
from memjax._check import satisfies as satisfies
from memjax._field import Spec as Spec
from memjax._field import choice as choice
from memjax._field import flag as flag
from memjax._field import integer as integer
from memjax._field import number as number
from memjax._field import numbers as numbers
from memjax._field import parameter as parameter
from memjax._field import part as part
from memjax._field import parts as parts
from memjax._field import rule as rule
from memjax._field import ruled as ruled
from memjax._field import ruled_fields as ruled_fields
from memjax._field import series as series
from memjax._field import shape as shape
from memjax._field import text as text
