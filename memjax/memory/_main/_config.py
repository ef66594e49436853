"""Which main memory is simulated: its shape, its controller, its numbers."""

from functools import partial
from typing import Any

from memjax import _check
from memjax._field import Spec, choice, flag, integer, number, part, text
from memjax.memory._main._address import check_mapping
from memjax.memory._main._energy import AbstractEnergy, CurrentEnergy
from memjax.memory._main._timing import Timing, WritePulses

_MHZ = 1e6
_clock = partial(number, low=_MHZ, high=1e11, unit="Hz")


class WritePausing(Spec):
    """A read may interrupt a write of its subarray (reads are served over a write in progress).

    Progress is the fraction of the pulse that is done when the read opens the row. Above `threshold` the write pauses
    and later does the rest, else it is cancelled and later done again; after `cancellations` it is not interrupted any
    more.

    Args:
        mode: "iteration" (a read waits for the boundary of an iteration of the write), "restart" (the iteration in
            progress is done again) or "exact" (nothing is lost) (static).
        threshold: of the progress.
        cancellations: of one write.
        iterations: of a write; t_wp // iterations cycles each.

    Raises: ValueError for a value out of its range.

    Source: M. K. Qureshi et al., HPCA 2010.
    """

    mode: str = choice("iteration", "restart", "exact", default="iteration")
    threshold: Any = number(low=0.0, high=1.0, default=0.4)
    cancellations: Any = number(low=0, high=2**20, whole=True, default=4)
    iterations: Any = number(low=1, high=2**20, whole=True, default=3)


class MemoryConfig(Spec):
    """A main memory: channels of ranks of banks of rows of columns, and the controller of each channel.

    A column is one request: 64 bytes. Numbers may be traced, so that `jax.vmap` runs over many timings or energies with
    one compilation; what is called static may not.

    Args:
        timing, energy, pulses, pausing: see `Timing`, `CommandEnergy` and `CurrentEnergy`, `WritePulses` (None: every
            write takes t_wp) and `WritePausing` (None: writes are not interrupted).
        channels, ranks, banks, rows, columns: of the memory, of a channel, of a rank, of a bank, of a row (static).
        mat_rows: rows of a subarray (static; None: a bank is one subarray).
        row_buffer: columns that are sensed at once; another group of the same row has to be opened anew (static; None:
            all columns).
        mapping: fields of an address from the highest, of R(ow), C(olumn), BK, RK, CH and SA (subarray) (static).
        policy: how a controller takes requests from its queue (static). "fcfs": in the order in which they came.
            "frfcfs": the oldest that hits an open row, else the oldest; a bank that has served `starvation` hits serves
            its oldest miss first. "nvmain-frfcfs": as "frfcfs", but misses to banks with an open row come before those
            to closed banks. "nvmain-fcfs": "nvmain-frfcfs" without regard to hits, so not first come first served.
            "nvmain-frfcfs-wqf": "nvmain-frfcfs" with a queue of writes, drained from `high_mark` to `low_mark`.
        queues: commands wait by "bank", "rank" or "subarray" (static).
        turn: "rank" or "bank": which of them changes faster when the queues take turns (static).
        queue_size, write_queue_size: requests that a controller holds; the latter with a queue of writes (static).
        high_mark, low_mark: lengths of the queue of writes at which it begins and ends to be drained.
        starvation: hits of a subarray after which a miss goes first.
        page: rows stay "open"; "relaxed": close with the last request in the queue for them; "closed": close after
            each request (static).
        precharge: whether a row must be closed before another is opened (static).
        window: rows that a rank opens in t_raw (static).
        refresh: whether rows are refreshed (static).
        refresh_rows: rows that one refresh covers (static).
        refresh_banks: banks that are refreshed at once (static).
        refresh_delay: refreshes that are put off.
        link: cycles between a memory and its controller, on every answer.
        clock, cpu_clock: of the memory and of the trace [Hz], whole MHz, the latter not slower.
        bus_width, device_width: bits of the data bus and of one device (static).

    Raises: ValueError for values out of range and for a mapping with unknown, repeated or missing fields.

    Source: M. Poremba et al., NVMain 2.0, IEEE CAL 2015; defaults of it.
    """

    timing: Any = part(Timing, default_factory=Timing)
    energy: Any = part(AbstractEnergy, default_factory=CurrentEnergy)
    pulses: Any = part(WritePulses, optional=True, default=None)
    pausing: Any = part(WritePausing, optional=True, default=None)
    channels: int = integer(1, 64, default=1)
    ranks: int = integer(1, 64, default=1)
    banks: int = integer(1, 256, default=8)
    rows: int = integer(1, 2**24, default=65536)
    columns: int = integer(1, 2**24, default=32)
    mat_rows: int | None = integer(1, 2**24, optional=True, default=None)
    row_buffer: int | None = integer(1, 2**24, optional=True, default=None)
    mapping: str = text(default="R:RK:BK:CH:C")
    policy: str = choice("fcfs", "frfcfs", "nvmain-fcfs", "nvmain-frfcfs", "nvmain-frfcfs-wqf", default="frfcfs")
    queues: str = choice("bank", "rank", "subarray", default="bank")
    turn: str = choice("rank", "bank", default="rank")
    queue_size: int = integer(1, 1024, default=32)
    write_queue_size: int = integer(1, 1024, default=32)
    high_mark: Any = number(low=1, high=1024, whole=True, default=32)
    low_mark: Any = number(low=0, high=1024, whole=True, default=16)
    starvation: Any = number(low=0, high=2**30, whole=True, default=4)
    page: str = choice("open", "relaxed", "closed", default="open")
    precharge: bool = flag(default=True)
    window: int = integer(1, 64, default=4)
    refresh: bool = flag(default=False)
    refresh_rows: int = integer(1, 2**24, default=4)
    refresh_banks: int = integer(1, 256, default=8)
    refresh_delay: Any = number(low=0, high=2**20, whole=True, default=0)
    link: Any = number(low=0, high=2**20, unit="cycles", whole=True, default=10)
    clock: Any = _clock(default=666e6)
    cpu_clock: Any = _clock(default=2000e6)
    bus_width: int = integer(1, 4096, default=64)
    device_width: int = integer(1, 4096, default=8)

    def check_relations(self) -> None:
        check_mapping("MemoryConfig.mapping", self.mapping)
        for name in ("clock", "cpu_clock"):
            whole = lambda hertz: hertz % _MHZ == 0
            _check.satisfies(f"MemoryConfig.{name}", getattr(self, name), whole, "a whole number of MHz [Hz]")
        self._ordered("clock", "cpu_clock")
        self._ordered("low_mark", "high_mark")
        if self.pausing is not None and (
            self.precharge or self.refresh or self.pulses is not None or self.policy not in ("frfcfs", "nvmain-frfcfs")
        ):
            raise ValueError(
                "MemoryConfig.pausing needs precharge=False, refresh=False, pulses=None and policy 'frfcfs' or "
                f"'nvmain-frfcfs', got {self.precharge}, {self.refresh}, {_check.shown(self.pulses)}, {self.policy!r}"
            )
        if self.mat_rows is not None and self.mat_rows > self.rows:
            raise ValueError(f"MemoryConfig.mat_rows must be at most rows {self.rows}, got {self.mat_rows}")
        if self.policy == "nvmain-frfcfs-wqf":
            most = lambda mark: mark <= self.write_queue_size
            _check.satisfies("MemoryConfig.high_mark", self.high_mark, most, "at most write_queue_size")
        if self.refresh and (self.banks % self.refresh_banks or self.refresh_rows > self.rows):
            raise ValueError(
                f"MemoryConfig.refresh_banks must divide banks {self.banks}, and refresh_rows must be at most rows "
                f"{self.rows}, got {self.refresh_banks} and {self.refresh_rows}"
            )
        most = self.ranks * self.banks * self.subarrays
        if most > 2**14:
            raise ValueError(f"MemoryConfig: ranks, banks and subarrays must make at most {2**14}, got {most}")
        if self.refresh and self.queues == "rank" and self.refresh_banks < self.banks:
            raise ValueError(
                "MemoryConfig.refresh_banks must be all banks with queues='rank', which hold one refresh at a time, "
                f"got {self.refresh_banks} of {self.banks}"
            )

    def _ordered(self, low: str, high: str) -> None:
        small, large = _check.concrete(getattr(self, low)), _check.concrete(getattr(self, high))
        if small is not None and large is not None and (small > large).any():
            raise ValueError(f"MemoryConfig.{low} must be at most {high}, got {low}={small} and {high}={large}")

    @property
    def subarrays(self) -> int:
        """Subarrays of a bank."""
        return 1 if self.mat_rows is None else self.rows // self.mat_rows

    @property
    def sensed(self) -> int:
        """Columns that are sensed at once."""
        return self.columns if self.row_buffer is None else self.row_buffer

    @property
    def capacity(self) -> int:
        """Bytes that addresses tell apart."""
        from memjax.memory._main._address import widths

        return 64 * 2 ** sum(widths(self).values())
