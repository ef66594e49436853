"""How long the commands of a memory take and keep others waiting."""

from functools import partial
from typing import Any

from memjax._field import Spec, choice, number

_cycles = partial(number, low=0, high=2**24, unit="cycles", whole=True)


class Timing(Spec):
    """Times between commands [cycles of the memory's clock]; all may be traced.

    A command that issues at cycle n keeps others waiting until n + these, with B = max(t_burst, t_ccd):

        ACT: PRE max(t_rcd, t_ras);  RD, WR t_rcd - t_al;  another ACT of the rank t_rrd
        RD:  PRE t_al + t_burst + t_rtp - t_ccd;  RD B;  WR t_cas + t_burst + t_rtrs - t_cwd
        WR:  PRE t_al + t_cwd + t_burst + t_wp + t_wr;  RD t_cwd + t_burst + t_wtr + t_wp;  WR B + t_wp
        PRE: ACT max(1, t_rp);  another PRE of the rank t_ppd
        REF: ACT t_rfc

    The subarray waits for t_wp, the others of its bank and rank do not. Data are done t_cas + t_burst after RD and
    t_cwd + B + t_wp after WR.

    Args:
        t_cmd: before the first command.
        t_rcd: from opening a row to its first column.
        t_ras: least time that a row stays open.
        t_rp: precharge.
        t_cas: from RD to its data.
        t_cwd: from WR to its data.
        t_al: additive latency: columns are commanded so much earlier.
        t_burst: data of a request on the bus.
        t_ccd: between columns.
        t_wtr: from the data of a write to a read.
        t_wr: write recovery, from the data of a write to a precharge.
        t_wp: write pulse of the cells (0: DRAM).
        t_rtp: from a read to a precharge.
        t_rtrs: between the data of two ranks.
        t_ost: switching of the terminations between writes of two ranks.
        t_rrd: between the openings of two rows of a rank.
        t_raw: in which a rank opens no more rows than `MemoryConfig.window`.
        t_ppd: between the precharges of a rank.
        t_rfc: refresh.
        t_refw: in which each row is refreshed once.

    Raises: ValueError for a time below zero or not whole.

    Source: JESD79-3 for the names; values of DDR3-1333 as in NVMain 2.0 (M. Poremba et al., IEEE CAL 2015).
    """

    t_cmd: Any = _cycles(default=1)
    t_rcd: Any = _cycles(default=9)
    t_ras: Any = _cycles(default=24)
    t_rp: Any = _cycles(default=9)
    t_cas: Any = _cycles(default=10)
    t_cwd: Any = _cycles(default=7)
    t_al: Any = _cycles(default=0)
    t_burst: Any = _cycles(default=4)
    t_ccd: Any = _cycles(default=4)
    t_wtr: Any = _cycles(default=5)
    t_wr: Any = _cycles(default=10)
    t_wp: Any = _cycles(default=0)
    t_rtp: Any = _cycles(default=5)
    t_rtrs: Any = _cycles(default=1)
    t_ost: Any = _cycles(default=1)
    t_rrd: Any = _cycles(default=5)
    t_raw: Any = _cycles(default=20)
    t_ppd: Any = _cycles(default=0)
    t_rfc: Any = _cycles(default=107)
    t_refw: Any = number(low=1, high=2**31 - 1, unit="cycles", whole=True, default=42_666_667)


class WritePulses(Spec):
    """A write pulse that lasts as long as the bits of the request need, in place of `Timing.t_wp`.

    One bit a cell: max(t_reset if any bit is 0, t_set if any bit is 1). Two bits a cell: one pulse and then N others,

        RESET, then N of SET (order "srms"), or SET, then N of RESET ("ssmr"),  N ~ Normal(max of present n_xx, spread)

    clipped to within `limit` of its mean, if any cell goes to 01 or 10; else only the pulse that 00 or 11 needs.
    A trace without data needs t_reset.

    Args:
        bits: of a cell, 1 or 2 (static).
        t_reset, t_set: pulses that write 0 and 1 [cycles].
        n_00, n_01, n_10, n_11: pulses to a state of two bits.
        spread: standard deviation of the number of pulses.
        limit: largest distance of the number from its mean.
        order: "srms" or "ssmr" (static).

    Raises: ValueError for a value out of its range.

    Source: M. Poremba et al., NVMain 2.0, IEEE CAL 2015; single RESET multiple SET: L. Jiang et al., HPCA 2012.
    """

    bits: int = choice(1, 2, default=1)
    t_reset: Any = _cycles(default=40)
    t_set: Any = _cycles(default=60)
    n_00: Any = number(low=0, high=2**10, whole=True, default=0)
    n_01: Any = number(low=0, high=2**10, whole=True, default=7)
    n_10: Any = number(low=0, high=2**10, whole=True, default=5)
    n_11: Any = number(low=0, high=2**10, whole=True, default=1)
    spread: Any = number(low=0.0, high=2**10, default=1.0)
    limit: Any = number(low=0, high=2**10, whole=True, default=2)
    order: str = choice("srms", "ssmr", default="srms")
