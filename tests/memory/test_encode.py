"""Encoders: bounds, what is stored can be read back, and sums by hand."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

memory: Any = mj.memory


@pytest.fixture(scope="module")
def trace():
    return memory.with_old(memory.random_trace(jax.random.key(1), 250, 30, data=True))


def _bits(words):
    return np.unpackbits(np.asarray(words).astype(">u4").view(np.uint8)).reshape(len(words), 512)


def _by_hand(trace, granularity):
    """Cells and flags that Flip-N-Write changes, one bit at a time."""
    stored: dict[int, np.ndarray] = {}
    flags: dict[int, np.ndarray] = {}
    total = 0
    for line, write, data in zip(np.asarray(trace.line), trace.write, _bits(trace.data), strict=True):
        if not write:
            continue
        now = stored.setdefault(line, np.zeros(512, int)).reshape(-1, granularity)
        flag = flags.setdefault(line, np.zeros(512 // granularity, int))
        for group, new in enumerate(data.reshape(-1, granularity)):
            plain = np.sum(new != now[group]) + (flag[group] != 0)
            turned = np.sum(new == now[group]) + (flag[group] != 1)
            now[group], flag[group] = (new, 0) if plain <= turned else (1 - new, 1)
            total += min(plain, turned)
    return total


@pytest.mark.parametrize("granularity", [16, 64])
def test_flip_n_write_changes_what_a_count_by_hand_says(trace, granularity):
    encoded = memory.encode(trace, memory.FlipNWrite(granularity))
    total = int(memory.changed_bits(encoded.trace).sum() + encoded.flag_bits.sum())
    assert total == _by_hand(trace, granularity)


@pytest.mark.parametrize("granularity", [8, 32, 512])
def test_flip_n_write_keeps_its_bound_in_the_worst_case(granularity):
    # Each write is the complement of the one before, or differs in half of the bits.
    half = np.uint32(0x55555555)
    data = np.array([[0xFFFFFFFF] * 16, [0] * 16, [half] * 16, [~half] * 16], np.uint32)
    trace = memory.make_trace(np.arange(4), np.ones(4, bool), np.zeros(4, int), data)
    encoded = memory.encode(trace, memory.FlipNWrite(granularity))
    each = memory.changed_bits(encoded.trace) + encoded.flag_bits
    groups = 512 // granularity
    assert int(each.max()) <= groups * (granularity + 1) // 2
    assert each[:2].tolist() == [groups, groups]  # the flags alone
    assert int(each[2]) == 256 if granularity > 8 else int(each[2]) <= 256


@pytest.mark.parametrize(
    "encoder", [memory.FlipNWrite(32), memory.Coset(3, 16), memory.FlipNWrite(32, compatible=True)]
)
def test_reads_return_the_data_and_cells_hold_what_was_stored(trace, encoder):
    encoded = memory.encode(trace, encoder).trace
    # What is stored for the data of a read is one of the patterns of the data that the line holds.
    patterns = np.asarray(encoder.patterns(trace.old))
    parts = patterns.view(np.uint8).reshape(len(patterns), len(trace), 64)
    stored = np.asarray(encoded.old).view(np.uint8).reshape(len(trace), 64)
    assert np.all(np.any(parts == stored, axis=0))
    # Each request finds in the cells what the last write left there.
    cells: dict[int, np.ndarray] = {}
    for i in range(len(trace)):
        line = int(trace.line[i])
        if line in cells:
            assert np.array_equal(encoded.old[i], cells[line]), i
        if trace.write[i]:
            cells[line] = np.asarray(encoded.data[i])


def test_more_masks_change_fewer_cells(trace):
    def cost(encoder):
        encoded = memory.encode(trace, encoder)
        return int(memory.changed_bits(encoded.trace).sum() + encoded.flag_bits.sum())

    plain = int(memory.changed_bits(trace).sum())
    assert cost(memory.Coset(1)) == cost(memory.FlipNWrite())
    assert cost(memory.Coset(4)) < cost(memory.Coset(2)) < cost(memory.FlipNWrite()) < plain


def test_batches_are_encoded_as_single_traces(trace):
    other = memory.random_trace(jax.random.key(2), 100, 30, data=True)
    batch = memory.stack_traces([trace, memory.with_old(other)])
    encoded = jax.jit(jax.vmap(lambda one: memory.encode(one, memory.FlipNWrite())))(batch)
    single = memory.encode(other, memory.FlipNWrite())
    assert np.array_equal(encoded.trace.data[1, :100], single.trace.data)
    assert int(encoded.flag_bits[1].sum()) == int(single.flag_bits.sum())
    assert not np.any(encoded.flag_bits[1, 100:])


def test_an_encoder_of_ones_own():
    class Rotated(memory.AbstractEncoder):
        granularity: int = 512

        def patterns(self, words):
            return jnp.stack([jnp.roll(words, shift, axis=-1) for shift in range(4)])

        def choose(self, data, flags):
            return jnp.argmin(data + flags, axis=0)

    data = np.zeros((2, 16), np.uint32)
    data[0, 1] = data[1, 0] = 7
    trace = memory.make_trace(np.arange(2), np.ones(2, bool), np.zeros(2, int), data)
    encoded = memory.encode(trace, Rotated())
    assert memory.changed_bits(encoded.trace).tolist() == [3, 0]
    assert encoded.flag_bits.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: memory.encode(t, "flip"), TypeError, "encoder must be an Encoder such as FlipNWrite"),
        (lambda t: memory.encode(memory.stream_trace(3), memory.FlipNWrite()), ValueError, "must have data"),
        (lambda t: memory.FlipNWrite(5), ValueError, "granularity must be one of 8, 16"),
        (lambda t: memory.Coset(0), ValueError, r"Coset.bits must be in \[1, 8\]"),
        (
            lambda t: memory.changed_bits(memory.random_trace(jax.random.key(0), 3, 3, data=True)),
            ValueError,
            "old data",
        ),
    ],
)
def test_wrong_arguments_are_named(trace, call, error, message):
    with pytest.raises(error, match=message):
        call(trace)
