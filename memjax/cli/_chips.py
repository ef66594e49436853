"""The experiment of the quickstart: one trained network on many simulated chips."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

import memjax as mj

R_ON, R_OFF = 10e3, 100e3
DAC_BITS = 8
# Chips and images in one call: bounds the memory, whatever the number of chips and images.
CHIPS_AT_ONCE = 8
IMAGES_AT_ONCE = 500


def hardware(tile: tuple[int, int], sigma: float | Array, bits: int | Array) -> mj.Hardware:
    """Crossbars whose cells each have their own resistances, of relative standard deviation `sigma`, at both ends."""
    return mj.Hardware(
        cell=mj.Cell(r_on=R_ON, r_off=R_OFF),
        mapping=mj.mapping.DoubleColumn(),
        tile=tile,
        dac=mj.Dac(bits=DAC_BITS),
        adc=mj.Adc(bits=bits),
        effects=(mj.effects.DeviceVariation(r_on_std=sigma * R_ON, r_off_std=sigma * R_OFF),),
    )


def as_function(model: nnx.Module):
    """An NNX model as a pure function and its parameters: `fn(state, x)`, `state`."""
    graphdef, state = nnx.split(model)
    return lambda state, x: nnx.merge(graphdef, state)(x), state


def accuracies(
    model: nnx.Module,
    images: np.ndarray,
    labels: np.ndarray,
    tile: tuple[int, int],
    variability: Sequence[float],
    adc_bits: Sequence[int],
    chips: int,
    key: Array,
    progress: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Accuracy of every chip, for every variability and every ADC resolution.

    Variability and bits are traced numbers, so that the whole grid is compiled once. Chip i has the same key at every
    point of the grid, whatever the number of chips: differences between points are not those between keys.

    Args:
        model: maps images to logits.
        images: `[N, height, width, channels]`.
        labels: `[N]`.
        tile: word lines and bit lines of one tile.
        variability: relative standard deviations `[S]`.
        adc_bits: `[B]`.
        chips: chips for each point of the grid.
        key: of all randomness.
        progress: called `calls(...)` times.

    Returns:
        Fraction of images classified correctly `[S, B, chips]`.
    """
    forward, state = as_function(model)
    batches = _batches(images, labels)

    @jax.jit
    def program(keys, sigma, bits):
        analog = mj.crossbarify(forward, hardware(tile, sigma, bits))
        return jax.vmap(lambda key: analog.program(state, key, batches[0][0]))(keys)

    @jax.jit
    def correct(chips, sigma, bits, x, y):
        analog = mj.crossbarify(forward, hardware(tile, sigma, bits))
        logits = jax.vmap(lambda chip: analog.apply(chip, state, x))(chips)
        return jnp.sum(logits.argmax(-1) == y, axis=-1)

    # The last group is filled up with chips that are not counted: one shape, one compilation.
    groups = -(-chips // CHIPS_AT_ONCE)
    size = min(chips, CHIPS_AT_ONCE)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(groups * size)).reshape(groups, size)
    result = np.zeros((len(variability), len(adc_bits), groups, size))
    for s, sigma in enumerate(variability):
        for b, bits in enumerate(adc_bits):
            for g in range(groups):
                programmed = program(keys[g], sigma, bits)
                for x, y in batches:
                    result[s, b, g] += correct(programmed, sigma, bits, x, y)
                    progress()
    return result.reshape(*result.shape[:2], -1)[..., :chips] / len(labels)


def calls(images: int, variability: Sequence[float], adc_bits: Sequence[int], chips: int) -> int:
    """How often `accuracies` calls `progress`."""
    return len(variability) * len(adc_bits) * -(-chips // CHIPS_AT_ONCE) * -(-images // IMAGES_AT_ONCE)


def _batches(images: np.ndarray, labels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Equal parts of the test set; the last is filled up with black images of a label that none has."""
    size = min(len(labels), IMAGES_AT_ONCE)
    fill = -len(labels) % size
    images = np.pad(images, ((0, fill), *[(0, 0)] * (images.ndim - 1)))
    labels = np.pad(labels, (0, fill), constant_values=-1)
    return [(images[i : i + size], labels[i : i + size]) for i in range(0, len(labels), size)]
