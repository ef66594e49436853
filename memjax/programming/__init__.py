"""Writing conductances through the physics of the device: write-verify, one by one or in arrays."""

from memjax.programming._cells import Programmed as Programmed
from memjax.programming._ramp import Ramp as Ramp
from memjax.programming._write_verify import WriteVerify as WriteVerify
from memjax.programming._write_verify import write_verify as write_verify
