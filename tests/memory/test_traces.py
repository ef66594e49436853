"""Traces: files, what lines held, batches, generators."""

from typing import Any

import jax
import numpy as np
import pytest

import memjax as mj

memory: Any = mj.memory
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def trace():
    return memory.with_old(memory.random_trace(KEY, 300, 40, data=True, interval=3))


def test_a_trace_file_is_read_as_it_was_written(trace, tmp_path):
    memory.write_trace(tmp_path / "a.nvt", trace)
    read = memory.read_trace(tmp_path / "a.nvt")
    for field in ("cycle", "write", "line", "data", "old", "count"):
        assert np.array_equal(getattr(read, field), getattr(trace, field)), field


def test_the_text_is_nvmains(tmp_path):
    data = "0123456789abcdef" * 8
    (tmp_path / "a").write_text(f"NVMV1\n5 R 0x1040 {data} {'0' * 128} 3\n7 W 80 {'f' * 128} {data} 0\n")
    (tmp_path / "b").write_text(f"NVMV0\n5 R 0x1040 {data} 3\n7 W 80 {'f' * 128} 0\n")
    (tmp_path / "c").write_text(f"5 R 0x1040 {data} 3\n7 W 80 {'f' * 128} 0\n")
    (tmp_path / "d").write_text("NVMV1\n5 R 0x1040\n\n7 W 80\n")
    for name in "abcd":
        trace = memory.read_trace(tmp_path / name)
        assert trace.cycle.tolist() == [5, 7]
        assert trace.write.tolist() == [False, True]
        assert trace.address.tolist() == [0x1040, 0x80]
        if name != "d":
            assert trace.data[0, :2].tolist() == [0x01234567, 0x89ABCDEF]
        assert (trace.old is None) == (name != "a")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("8 X 0x40", "line 3: the operation must be R or W, got 'X'"),
        ("4 R 0x40", "line 3: the cycle must not decrease, got 4 after 5"),
        ("x R 0x40", "line 3: the cycle must be a whole number, got 'x'"),
        ("8 R 0xzz", "line 3: the address must be a hexadecimal number, got '0xzz'"),
        ("8 R 0x4000000000", "line 3: the address must be at least 0 and below 137438953472"),
        ("8 R", "line 3: a request has 3 to 6 fields"),
        ("8 R 0x40 12", "line 3: the data must be 128 hexadecimal digits, got 2 characters"),
        ("8 R 0x40 " + "0" * 128, "line 3: all requests must have data or none, got both"),
    ],
)
def test_what_is_no_request_is_refused_with_its_line(line, message, tmp_path):
    (tmp_path / "a").write_text(f"NVMV1\n5 R 0x0\n{line}\n")
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        memory.read_trace(tmp_path / "a")


def test_old_data_is_what_was_written_last(trace):
    held: dict[int, np.ndarray] = {}
    for i in range(len(trace)):
        line = int(trace.line[i])
        assert np.array_equal(trace.old[i], held.get(line, np.zeros(16))), i
        if trace.write[i]:
            held[line] = np.asarray(trace.data[i])


def test_a_batch_holds_each_trace_and_padding():
    short, long = memory.stream_trace(3, interval=2), memory.random_trace(KEY, 7, 5)
    batch = memory.stack_traces([short, long])
    assert batch.count.tolist() == [3, 7]
    assert batch.real.sum(1).tolist() == [3, 7]
    assert batch.cycle[0].tolist() == [0, 2, 4, 4, 4, 4, 4]
    assert np.array_equal(batch.line[1], long.line)


def test_generators_draw_what_they_say():
    stream = memory.stream_trace(6, interval=4, stride=128, start=64, write_every=3)
    assert stream.address.tolist() == [64 + 128 * i for i in range(6)]
    assert stream.write.tolist() == [False, False, True] * 2
    assert stream.cycle.tolist() == [0, 4, 8, 12, 16, 20]
    zipf = memory.zipf_trace(KEY, 20_000, 50, exponent=1.2, write_share=0.3)
    used = np.sort(np.bincount(zipf.line, minlength=50))[::-1] / 20_000
    law = np.arange(1, 51) ** -1.2
    law /= law.sum()
    assert np.all(
        np.abs(used - law) < 5 * np.sqrt(law / 20_000) + 1e-3
    )  # five standard deviations, and order by chance
    assert abs(float(zipf.write.mean()) - 0.3) < 5 * np.sqrt(0.21 / 20_000)
    flat = memory.random_trace(KEY, 20_000, 50)
    counts = np.bincount(flat.line, minlength=50)
    assert np.all(np.abs(counts - 400) < 5 * 20)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: memory.make_trace(np.array([2, 1]), np.zeros(2, bool), np.arange(2)), "got 1 after 2 at request 1"),
        (lambda: memory.make_trace(np.arange(2), np.zeros(2, bool), np.array([0, -64])), "address must be at least 0"),
        (lambda: memory.make_trace(np.arange(2), np.zeros(3, bool), np.arange(2)), "must have one shape"),
        (lambda: memory.make_trace(np.arange(2), np.zeros(2, bool), np.arange(2), np.zeros((2, 8))), "uint32 array"),
        (lambda: memory.with_old(memory.stream_trace(3)), "trace must have data"),
        (lambda: memory.stream_trace(3, stride=2**36), "below 2"),
        (lambda: memory.zipf_trace(KEY, 10, 5, exponent=-1.0), "exponent must be"),
        (lambda: memory.random_trace(KEY, 10, 5, write_share=1.5), "write_share must be"),
        (lambda: memory.stack_traces([]), "at least one trace"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
