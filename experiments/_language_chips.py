"""Chips of the character model (experiments/language_model.py): their hardware, their life, bits per character."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from _language_model import decoded, encoded, surprise
from jax import Array

import memjax as mj

E = mj.effects
TILE = (128, 128)
BITS = 8  # of all converters, where they are not varied
SCORED_FROM = 32  # characters that the model has seen of a piece before it is judged

CELLS = {
    "PCM": mj.Cell(r_on=40e3, r_off=4e6),  # up to the 25 uS of Joshi et al.
    "RRAM": mj.Cell(r_on=1 / 88.2e-6, r_off=1 / 9e-6),  # CMO/HfOx
    "bare": mj.Cell(r_on=40e3, r_off=4e6),
}
EFFECTS = {
    "PCM": (E.PhaseChange(),),
    "RRAM": (E.ProgrammingError.cmo_hfox(), E.Relaxation.cmo_hfox(), E.FlickerNoise.cmo_hfox()),
    "bare": (),
}


def hardware(kind: str, bits: Any = BITS, programming: Any = None, read: Any = None) -> mj.Hardware:
    """Tiles of a kind of cells.

    Args:
        bits: of the ADC.
        programming, read: standard deviation of additional noise of every write and read as a fraction of the
            conductance range; None: there is none.
    """
    cell, more = CELLS[kind], ()
    if programming is not None:
        more = (E.ProgrammingNoise(span=programming), E.ReadNoise(absolute=read * (cell.g_on - cell.g_off)))
    converters: dict[str, Any] = {"dac": mj.Dac(bits=BITS), "adc": mj.Adc(bits=bits)}
    return mj.Hardware(cell=cell, tile=TILE, effects=(*EFFECTS[kind], *more), **converters)


class Network(NamedTuple):
    """A model that is to run on chips; of several models, with an axis of them in front of every array."""

    params: Any
    ranges: dict[str, dict[str, Array]]  # of the converters of "bare" cells, by crossbar


def networks(call: Callable, models: dict[str, Any], sample: Array, percentile: float = 99.99) -> dict[str, Network]:
    """Parameters of models with the converter ranges found on a sample of text [B, T]."""
    analog = mj.crossbarify(call, hardware("bare"))

    def one(params):
        chip = analog.calibrate(
            analog.program(params, jax.random.key(0), sample), params, sample, percentile=percentile
        )
        return {name: {part: entry[part] for part in ("dac_range", "adc_range")} for name, entry in chip.items()}

    return {name: Network(params, one(params)) for name, params in models.items()}


def stacked(networks: dict[str, Network]) -> Network:
    return jax.tree.map(lambda *arrays: jnp.stack(arrays), *networks.values())


def made(analog: mj.Analog, network: Network, kind: str, text: Any, key: Array):
    """A chip, written and not aged, with the ranges of the network's converters."""
    span = lambda kind: CELLS[kind].g_on - CELLS[kind].g_off
    currents = span(kind) / span("bare")
    chip = analog.program(network.params, key, text)
    ranges = {name: found | {"adc_range": currents * found["adc_range"]} for name, found in network.ranges.items()}
    return {name: entry | ranges[name] for name, entry in chip.items()}


def bits_per_character(read: Callable, pieces: Array) -> Array:
    """Mean over the characters of `pieces` [B, T + 1] from SCORED_FROM on; `read` is text [B, T] to logits."""
    return surprise(read(pieces[:, :-1]), pieces)[:, SCORED_FROM:].mean()


def life(call: Callable, networks: Network, pieces: Array) -> Callable:
    """Bits per character of one chip of one of the networks, as a function for `mj.sweep`."""

    def measured(key, kind, network, bits=BITS, seconds=None, programming=None, read=None):
        one = jax.tree.map(lambda array: array[network], networks)
        analog = mj.crossbarify(call, hardware(kind, bits, programming, read))
        cells, ageing, reading, compensating = jax.random.split(key, 4)
        on = lambda chip: lambda text: analog.apply(chip, one.params, text, key=reading)
        fresh = made(analog, one, kind, pieces[:, :-1], cells)
        if seconds is None:
            return {"bits_per_character": bits_per_character(on(fresh), pieces)}
        aged = analog.age(fresh, ageing, seconds=seconds)
        again = analog.compensate(aged, fresh, compensating)
        return {
            "bits_per_character": bits_per_character(on(aged), pieces),
            "compensated": bits_per_character(on(again), pieces),
        }

    return measured


def continued(
    step: Callable, empty: Callable, prompt: str, count: int, key: Array, context: int, temperature: float = 0.7
) -> str:
    """`count` characters that a model makes of a prompt, one after the other with its cache.

    Args:
        step: (text [1, T], cache, position, key of the read) -> (logits, cache).
        empty: context -> a cache.
        context: characters that are looked at; where they are full, the last half is read anew.
        key: with the same key models make the same choice of the same logits.
    """
    codes = [int(code) for code in encoded(prompt)]
    cache, position, new = empty(context), 0, codes[-context // 2 :]
    for index in range(count):
        draw, noise = jax.random.split(jax.random.fold_in(key, index))
        logits, cache = step(jnp.asarray([new]), cache, jnp.asarray(position), noise)
        position += len(new)
        codes.append(int(jax.random.categorical(draw, logits[0, -1] / temperature)))
        new = codes[-1:]
        if position == context:
            cache, position, new = empty(context), 0, codes[-context // 2 :]
    return decoded(codes)
