"""What a product of data with a weight is: its matrix form, the way back, and the gradient as an outer product.

Knows nothing of crossbars: arrays in, arrays out.
"""

from memjax.contraction._convolution import Convolution as Convolution
from memjax.contraction._dot import Dot as Dot
from memjax.contraction._observation import Observation as Observation
from memjax.contraction._observation import merge as merge
from memjax.contraction._observation import merged as merged
from memjax.contraction._outer import Order as Order
from memjax.contraction._outer import Outer as Outer
from memjax.contraction._precision import matmul as matmul
