"""Converters between numbers and the analog array: DACs on the word lines, ADCs on the bit lines."""

from memjax.converters._adc import AbstractAdc as AbstractAdc
from memjax.converters._adc import Adc as Adc
from memjax.converters._adc import LogAdc as LogAdc
from memjax.converters._adc import never_clips as never_clips
from memjax.converters._adc_error import AbstractAdcError as AbstractAdcError
from memjax.converters._adc_error import Asymmetry as Asymmetry
from memjax.converters._adc_error import Compression as Compression
from memjax.converters._adc_error import Gain as Gain
from memjax.converters._adc_error import Mismatch as Mismatch
from memjax.converters._adc_error import Noise as Noise
from memjax.converters._adc_error import Offset as Offset
from memjax.converters._dac import Dac as Dac
from memjax.converters._encoding import AbstractEncoding as AbstractEncoding
from memjax.converters._encoding import Amplitude as Amplitude
from memjax.converters._encoding import BitSerial as BitSerial
from memjax.converters._encoding import PulseWidth as PulseWidth
from memjax.converters._flash import Flash as Flash
from memjax.converters._ramp import Ramp as Ramp
from memjax.converters._range import Dynamic as Dynamic
from memjax.converters._range import RelativeToWeights as RelativeToWeights
from memjax.converters._range import full_scale as full_scale
from memjax.converters._round import clip as clip
from memjax.converters._round import limit as limit
from memjax.converters._round import quantise as quantise
from memjax.converters._round import replace_value as replace_value
from memjax.converters._sar import Sar as Sar
