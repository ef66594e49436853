"""Converters between numbers and the analog array: DACs on the word lines, ADCs on the bit lines."""

from memjax.converters._adc import AbstractAdc as AbstractAdc
from memjax.converters._adc import Adc as Adc
from memjax.converters._adc import LogAdc as LogAdc
from memjax.converters._adc import never_clips as never_clips
from memjax.converters._dac import Dac as Dac
from memjax.converters._range import Dynamic as Dynamic
from memjax.converters._round import clip as clip
from memjax.converters._round import replace_value as replace_value
