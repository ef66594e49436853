"""Two small memories and traces, on which NVMain 2.0 (ad28c0c) was run for the tables of these tests."""

import dataclasses

import numpy as np

from memjax import memory

DDR3 = memory.MemoryConfig(
    policy="nvmain-frfcfs", banks=4, rows=1024, turn="bank", clock=667e6, cpu_clock=667e6, refresh_banks=4
)
RRAM = dataclasses.replace(
    DDR3,
    timing=memory.Timing(
        t_ras=0, t_rcd=10, t_ccd=2, t_cwd=4, t_wtr=3, t_wr=0, t_rp=1, t_cas=6, t_rtp=3, t_ost=0, t_rrd=4, t_wp=4
    ),
    energy=memory.CommandEnergy(),
    row_buffer=8,
    clock=400e6,
    cpu_clock=400e6,
)


def at(bank, row, column):
    """Address of a column in both."""
    return 8192 * row + 2048 * bank + 64 * column


WORKED = memory.make_trace(
    np.array([0, 0, 1, 2, 3, 4, 60, 61]),
    np.array([0, 0, 0, 0, 1, 0, 0, 1], bool),
    np.array([at(0, 0, 0), at(0, 0, 1), at(0, 5, 0), at(1, 0, 0), at(0, 0, 2), at(1, 0, 3), at(0, 5, 1), at(2, 7, 0)]),
)


def reads(cycle, address):
    return memory.make_trace(cycle, np.zeros(len(cycle), bool), address)


def mixed(step, span):
    """300 reads and writes, partly of few rows."""
    i = np.arange(300)
    return memory.make_trace(step * i // 4, i * 5 % 7 < 2, 64 * ((i * i * 7919 + 13 * i) % span // (1 + i % 3)))


def runs():
    """Streams, conflicts of rows, and two streams: of 200, 1000, 200 and 400 reads."""
    i, j = np.arange(1000), np.arange(400)
    return [
        reads(2 * i[:200], 64 * i[:200]),
        reads(2 * i, 64 * i),
        reads(3 * i[:200], 8192 * (i[:200] % 97)),
        reads(2 * j, 64 * (j // 2) + j % 2 * 2**18),
    ]
