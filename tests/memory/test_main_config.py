"""Configurations, NVMain's files of them, addresses, energies, and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from memory_minis import DDR3, RRAM, WORKED, at, mixed

from memjax import memory
from memjax.memory._main._address import place

TEXT = """; a memory
CLK 400 ; MHz
CPUFreq 2000
CHANNELS 2
RANKS 1
BANKS 4
ROWS 1024
COLS 512
MATHeight 256
RBSize 8
UseRefresh false
tRCD 25ns
tRP 1
tWP 0.15us
tREFW 64ms
MEM_CTL FRFCFS-WQF
WriteQueueSize 16
HighWaterMark 32
LowWaterMark 4
ClosePage 1
ScheduleScheme 2
AddressMappingScheme R:SA:RK:BK:CH:C
INTERCONNECT OnChipBus
EnergyModel energy
Erd 0.0812
Ewrpb 0.0002
PrintGraphs false
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "memory.config"
        path.write_text(text)
        return path

    return write


def test_files_of_nvmain_are_read(file):
    config = memory.read_config(file(TEXT), StarvationThreshold=2)
    assert (config.channels, config.ranks, config.banks, config.subarrays, config.sensed) == (2, 1, 4, 4, 8)
    assert (config.policy, config.page, config.turn) == ("nvmain-frfcfs-wqf", "relaxed", "bank")
    assert (config.write_queue_size, config.high_mark, config.low_mark, config.starvation) == (16, 16, 4, 2)
    assert (config.timing.t_rcd, config.timing.t_wp, config.timing.t_refw) == (10, 60, 25_600_000)
    assert (config.timing.t_cas, config.link, config.clock) == (10, 0, 400e6)
    np.testing.assert_allclose(config.energy.activate, 0.0812e-9)
    assert config.energy.unchanged == 0.0  # all bits are written
    assert memory.read_config(file(TEXT), WriteAllBits=False).energy.unchanged == pytest.approx(0.0002e-9)
    assert config.capacity == 64 * 2 * 4 * 1024 * 512


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Ewrpb = 0.0002", "line 28: Ewrpb must be written without '='"),
        ("RBsize 4", "line 28: unknown key RBsize: did you mean RBSize"),
        ("tRCD -3", "line 28: tRCD must be at least 0, got '-3'"),
        ("tRCD 3 ps", None),
        ("tRCD 3ps", "tRCD must be cycles or a time"),
        ("MEM_CTL LIFO", "MEM_CTL must be one of FCFS, FRFCFS"),
        ("MM_CONFIG x.config", "MM_CONFIG x.config is not simulated"),
        ("CONFIG_CHANNEL0 x.config", "CONFIG_CHANNEL0 is not simulated"),
        ("MemoryPrefetcher STeMS", "MemoryPrefetcher STeMS is not simulated"),
        ("AddressMappingScheme R:RK:BK:XX:C", "MemoryConfig.mapping must be made of"),
        ("CLK 3000", "MemoryConfig.clock must be at most cpu_clock"),
        ("UsePrecharge maybe", "UsePrecharge must be true or false"),
        ("ROWS many", "ROWS must be a number"),
    ],
)
def test_lines_that_mean_something_else_than_they_say_are_refused(file, text, message):
    path = file(TEXT + text + "\n")
    if message is None:
        assert memory.read_config(path).timing.t_rcd == 3
        return
    with pytest.raises(ValueError, match=message):
        memory.read_config(path)


def test_compatible_reads_what_nvmain_reads(file):
    config = memory.read_config(file(TEXT + "Ewrpb = 0.0002\nRBsize 4\nWriteAllBits false\n"), compatible=True)
    assert (config.energy.unchanged, config.sensed) == (0.0, 8)


def test_fields_of_addresses():
    line = jnp.arange(2**15)
    config = dataclasses.replace(DDR3, channels=2, ranks=2, mapping="R:RK:BK:CH:C", mat_rows=512)
    found = place(line, config)
    # The field that is not named, the subarray, is in the lowest bit.
    np.testing.assert_array_equal(found.subarray, line % 2)
    np.testing.assert_array_equal(found.column, line // 2 % 32)
    np.testing.assert_array_equal(found.channel, line // 64 % 2)
    np.testing.assert_array_equal(found.bank, line // 128 % 4)
    np.testing.assert_array_equal(found.rank, line // 512 % 2)
    np.testing.assert_array_equal(found.row, line // 1024 % 512)
    assert [int(field) for field in place(jnp.array(at(2, 7, 3) // 64), DDR3)] == [0, 0, 2, 0, 7, 3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"timing": (memory.Timing, {"t_rcd": -1})}, "Timing.t_rcd must be finite and in"),
        ({"timing": (memory.Timing, {"t_rcd": 1.5})}, "Timing.t_rcd must be a whole number"),
        ({"mapping": "R:C"}, "MemoryConfig.mapping must have each of R, C and BK once"),
        ({"mapping": "R:C:BK:C"}, "MemoryConfig.mapping must have each of"),
        ({"policy": "lifo"}, "MemoryConfig.policy must be one of"),
        ({"clock": 667.5e3}, "MemoryConfig.clock must be"),
        ({"mat_rows": 2048}, "MemoryConfig.mat_rows must be at most rows 1024"),
        ({"refresh": True, "refresh_banks": 3}, "MemoryConfig.refresh_banks must divide banks 4"),
        ({"policy": "nvmain-frfcfs-wqf", "high_mark": 64}, "MemoryConfig.high_mark must be"),
        ({"high_mark": 8}, "MemoryConfig.low_mark must be at most high_mark"),
        ({"energy": (memory.CommandEnergy, {"read": -1.0})}, "CommandEnergy.read must be finite and in"),
        ({"pulses": (memory.WritePulses, {"bits": 3})}, "WritePulses.bits must be one of 1, 2"),
    ],
)
def test_memories_that_cannot_be_are_refused(changes, message):
    def made():
        return dataclasses.replace(DDR3, **{k: v[0](**v[1]) if isinstance(v, tuple) else v for k, v in changes.items()})

    with pytest.raises(ValueError, match=message):
        made()


def test_runs_that_cannot_be_are_refused():
    two = dataclasses.replace(DDR3, pulses=memory.WritePulses(bits=2))
    with pytest.raises(ValueError, match="key must be given"):
        memory.simulate_memory(WORKED, two)
    with pytest.raises(ValueError, match="config.refresh must be False with policy 'fcfs'"):
        memory.simulate_memory(WORKED, dataclasses.replace(DDR3, policy="fcfs", refresh=True))
    with pytest.raises(ValueError, match="use jax.vmap to run over many"):
        memory.simulate_memory(memory.stack_traces([WORKED, WORKED]), DDR3)
    with pytest.raises(ValueError, match="log and progress must be False inside"):
        jax.jit(lambda trace: memory.simulate_memory(trace, DDR3, log=True))(WORKED)
    with pytest.raises(ValueError, match="cycle must not decrease"):
        memory.make_trace(np.array([3, 2]), np.array([False, False]), np.array([0, 64]))


def test_energies_of_writes_follow_their_bits_and_have_gradients():
    plain = mixed(8, 4096)
    words = np.random.default_rng(0).integers(0, 2**32, (2, 300, 16), dtype=np.uint32)
    trace = memory.make_trace(*map(np.asarray, (plain.cycle, plain.write, plain.address)), *words)
    fcfs = dataclasses.replace(RRAM, policy="fcfs")

    def energies(energy, trace):
        return memory.simulate_memory(trace, dataclasses.replace(fcfs, energy=energy)).energies

    energy = memory.CommandEnergy(unchanged=2e-12)
    found, writes = energies(energy, trace), np.asarray(plain.write)
    ones = np.bitwise_count(words[0][writes]).sum()
    kept = 512 * writes.sum() - np.bitwise_count((words[0] ^ words[1])[writes]).sum()
    np.testing.assert_allclose(found.write, writes.sum() * energy.write - kept * 2e-12, rtol=1e-5)
    pulses = ones * energy.set + (512 * writes.sum() - ones) * energy.reset
    np.testing.assert_allclose(found.pulses, pulses, rtol=1e-5)
    half = 256 * writes.sum() * (energy.set + energy.reset)
    np.testing.assert_allclose(energies(energy, plain).pulses, half, rtol=1e-5)
    slope = jax.grad(lambda energy: sum(energies(energy, trace)))(jax.tree.map(jnp.asarray, energy))
    np.testing.assert_allclose([slope.set, slope.unchanged, slope.write], [ones, -kept, writes.sum()], rtol=1e-5)


def test_gradients_go_through_the_search_too():
    def total(energy):
        return memory.simulate_memory(WORKED, dataclasses.replace(DDR3, policy="frfcfs", energy=energy)).energy

    slope = jax.grad(total)(jax.tree.map(jnp.asarray, memory.CommandEnergy()))
    np.testing.assert_allclose([slope.read, slope.write], [6, 2])
    assert float(slope.active + slope.idle) == pytest.approx(116)


def test_pulses_last_as_long_as_their_bits_need():
    n = 4
    data = np.zeros((n, 16), np.uint32)
    data[1] = 0xFFFFFFFF
    data[2, 3] = 1  # one cell at 01
    data[3] = 0x12345678
    where = np.array([at(0, 0, column) for column in range(n)])
    trace = memory.make_trace(1000 * np.arange(n), np.ones(n, bool), where, data)

    def lasts(pulses, key=None):
        return memory.simulate_memory(trace, dataclasses.replace(DDR3, policy="fcfs", pulses=pulses), key=key)

    fixed = 7 + 4 + 10  # t_cwd, burst, link
    one = lasts(memory.WritePulses(t_reset=30, t_set=50))
    np.testing.assert_array_equal(one.answer[1:] - one.issue[1:] - fixed, [50, 50, 50])
    two = lasts(memory.WritePulses(bits=2, t_reset=30, t_set=50, spread=0.0), jax.random.key(0))
    np.testing.assert_array_equal(two.answer[1:] - two.issue[1:] - fixed, [50, 30 + 7 * 50, 30 + 7 * 50])
    other = lasts(memory.WritePulses(bits=2, t_reset=30, t_set=50, spread=0.0, order="ssmr"), jax.random.key(0))
    np.testing.assert_array_equal(other.answer[2:] - other.issue[2:] - fixed, [50 + 7 * 30] * 2)
    drawn = lasts(memory.WritePulses(bits=2, t_reset=30, t_set=50, spread=9.0), jax.random.key(0))
    number = (np.asarray(drawn.answer - drawn.issue)[2:] - fixed - 30) / 50
    assert set(number) <= {5, 6, 7, 8, 9}
