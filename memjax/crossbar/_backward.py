"""The backward pass through the array itself: errors on the bit lines, read at the word lines."""

from memjax._field import Spec, part, parts
from memjax.circuit import Wires
from memjax.converters import AbstractAdc, Adc, Dac
from memjax.effects import Noise


class Backward(Spec):
    """The transposed read: gradients by inputs are read from the chip, not computed.

    The errors d of the outputs drive the bit lines through `dac`, the currents of the word lines go through `adc`:

        dL/dx = W^T d,   one conversion for each word line of each tile

    Scales are undone as in the forward read. Only for `mapping.DoubleColumn`, whose pair is subtracted before the
    converter. Converters, wires and noise are those of this read alone, so that the two may differ in everything but
    the cells. Gradients by conductances stay products of inputs and errors.

    Args:
        dac: converters on the bit lines; without a range of its own it follows each vector of errors.
        adc: converters on the word lines; without a range of its own it is estimated from the conductances. Of errors
            it may have `converters.Noise`.
        wires: the lines as this read finds them: segments `row` of the word lines and `column` of the bit lines as in
            the forward read, `source` now of the drivers of the bit lines (a number or [n]) and `sense` of the
            terminals of the word lines (a number or [m]); `Wires()`: ideal ones. None: those of `Hardware.wires`, each
            terminal with the resistance that it has in the forward read, which makes the matrix exactly its transpose
            (reciprocity).
        effects: noise of this read, drawn anew for each vector of errors: `effects.ReadNoise` and its kin. Those that
            remember (`effects.PhaseChange`) must be in `Hardware.effects` too. The noise there acts on forward reads
            alone, unless it is named here as well. Gradients then need the key of the forward read.

    Raises: TypeError for parts of another kind; ValueError for other errors of the converters.

    Source: transposable arrays as in Gokmen and Vlasov (Front. Neurosci. 10:333, 2016); reciprocity of resistive
        networks, by algebra.
    """

    dac: Dac = part(Dac, example="Dac(bits=8)", default=Dac(bits=8))
    adc: AbstractAdc = part(AbstractAdc, example="Adc(bits=8)", default=Adc(bits=8))
    wires: Wires | None = part(Wires, optional=True, example="Wires(row=1.0)", default=None)
    effects: tuple[Noise, ...] = parts(Noise, example="(effects.ReadNoise(0.1),)", default=())

    def check_relations(self) -> None:
        if self.adc.subtract != "analog" or self.adc.mismatches:
            raise ValueError("Backward.adc must subtract 'analog' and have no errors of its own but Noise")

    @property
    def links(self) -> Wires | None:
        """The wires as the forward read would have to find them for the transposed matrix."""
        w = self.wires
        return None if w is None else Wires(w.row, w.column, w.sense, w.source, w.double_sense, w.double_drive)
