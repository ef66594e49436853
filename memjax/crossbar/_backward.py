"""The backward pass through the array itself: errors on the bit lines, read at the word lines."""

from memjax._field import Spec, part
from memjax.converters import AbstractAdc, Adc, Dac


class Backward(Spec):
    """Converters of the transposed read: gradients by inputs are read from the chip, not computed.

    The errors d of the outputs drive the bit lines through `dac`, the currents of the word lines go through `adc`:

        dL/dx = W^T d,   one conversion for each word line of each tile

    Scales are undone as in the forward read. Only for `mapping.DoubleColumn`, whose pair is subtracted before the
    converter. The noise effects of the hardware act on forward reads alone. Gradients by conductances stay products of
    inputs and errors.

    Args:
        dac: converters on the bit lines; without a range of its own it follows each vector of errors.
        adc: converters on the word lines; without a range of its own it is estimated from the conductances.

    Raises: TypeError for converters of another kind.

    Source: transposable arrays as in Gokmen and Vlasov (Front. Neurosci. 10:333, 2016).
    """

    dac: Dac = part(Dac, example="Dac(bits=8)", default=Dac(bits=8))
    adc: AbstractAdc = part(AbstractAdc, example="Adc(bits=8)", default=Adc(bits=8))

    def check_relations(self) -> None:
        if self.adc.subtract != "analog" or self.adc.errors:
            raise ValueError("Backward.adc must subtract 'analog' and have no errors of its own")
