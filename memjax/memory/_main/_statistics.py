"""What came of the requests of a trace."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp


class Counts(NamedTuple):
    """Numbers of commands, int32 []: of reads and writes those with a precharge too; precharges of all kinds."""

    activations: Any
    reads: Any
    writes: Any
    precharges: Any
    refreshes: Any


class Energies(NamedTuple):
    """Energies by command and of the background [J]: `write` without the pulses of its cells, `pulses` theirs."""

    activate: Any
    read: Any
    write: Any
    pulses: Any
    refresh: Any
    background: Any


class Command(NamedTuple):
    """One command: its cycle, its name (ACT, RD, RDA, WR, WRA, PRE, PREALL, REF; A closes the row), where it went, and
    the number of its request (-1: none)."""

    cycle: int
    name: str
    channel: int
    rank: int
    bank: int
    subarray: int
    row: int
    request: int


class Statistics(eqx.Module):
    """What `simulate_memory` has found; times in cycles of the memory, entries of padding are -1.

    Attributes:
        arrival: when a request entered its queue, int32 [n].
        issue: when its commands were made, int32 [n].
        answer: when its data, or the end of its write, were at the controller, int32 [n].
        hit: whether its row was open by then, bool [n].
        read: whether it reads, bool [n].
        channel: int32 [n].
        count: requests, int32 [].
        counts: of commands.
        energies: by command [J].
        cycles: until the last answer, int32 []; seconds: the same [s]; clocks: the same in clocks of the processor.
        active: cycles in which a rank had a row open, int32 [channels, ranks].
        paused, cancelled: interruptions of writes, int32 []; a write that comes back is another WR in `counts`.
        utilisation: fraction of time in which data were on the bus of a channel, mean of the channels.
        log: the commands in order, or None.
    """

    arrival: Any
    issue: Any
    answer: Any
    hit: Any
    read: Any
    channel: Any
    count: Any
    counts: Counts
    energies: Energies
    cycles: Any
    seconds: Any
    clocks: Any
    active: Any
    paused: Any
    cancelled: Any
    utilisation: Any
    log: tuple[Command, ...] | None = eqx.field(static=True, default=None)

    @property
    def energy(self) -> Any:
        """The whole energy [J]."""
        return sum(self.energies)

    @property
    def power(self) -> Any:
        """Mean power [W]."""
        return self.energy / self.seconds

    @property
    def latency(self) -> Any:
        """Mean cycles from arrival to answer."""
        return self._mean(self.answer - self.arrival)

    @property
    def queue_latency(self) -> Any:
        """Mean cycles in the queue."""
        return self._mean(self.issue - self.arrival)

    @property
    def service_latency(self) -> Any:
        """Mean cycles from the queue to the answer."""
        return self._mean(self.answer - self.issue)

    @property
    def hits(self) -> Any:
        """Requests that found their row open."""
        return jnp.sum(self.hit & self._real, -1)

    @property
    def misses(self) -> Any:
        """Requests that did not."""
        return self.count - self.hits

    @property
    def bandwidth(self) -> Any:
        """Bytes moved in a second [B/s]."""
        return 64.0 * self.count / self.seconds

    @property
    def _real(self) -> Any:
        return jnp.arange(self.arrival.shape[-1]) < self.count[..., None]

    def _mean(self, cycles: Any) -> Any:
        # Long traces: a sum of whole cycles loses digits in single precision, a mean of means of short runs does not.
        shares = jnp.where(self._real, cycles, 0) / jnp.maximum(self.count, 1)[..., None]
        return jnp.sum(shares, -1)
