"""Memories: macros designed from cells, and main memories that serve traces."""

from memjax.memory._encode import AbstractEncoder as AbstractEncoder
from memjax.memory._encode import Coset as Coset
from memjax.memory._encode import Encoded as Encoded
from memjax.memory._encode import FlipNWrite as FlipNWrite
from memjax.memory._encode import changed_bits as changed_bits
from memjax.memory._encode import encode as encode
from memjax.memory._generate import random_trace as random_trace
from memjax.memory._generate import stream_trace as stream_trace
from memjax.memory._generate import zipf_trace as zipf_trace
from memjax.memory._level import AbstractLevelling as AbstractLevelling
from memjax.memory._level import Moves as Moves
from memjax.memory._level import RandomSwap as RandomSwap
from memjax.memory._level import StartGap as StartGap
from memjax.memory._level import level as level
from memjax.memory._reload import Reload as Reload
from memjax.memory._reload import reloads as reloads
from memjax.memory._reload import trace_of as trace_of
from memjax.memory._trace import Trace as Trace
from memjax.memory._trace import make_trace as make_trace
from memjax.memory._trace import stack_traces as stack_traces
from memjax.memory._trace import with_old as with_old
from memjax.memory._trace_file import read_trace as read_trace
from memjax.memory._trace_file import write_trace as write_trace
from memjax.memory._wear import Lifetime as Lifetime
from memjax.memory._wear import lifetime as lifetime
from memjax.memory._wear import wear as wear
