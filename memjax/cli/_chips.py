"""The experiment of the quickstart: one trained network on many simulated chips."""

from collections.abc import Sequence

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
) -> np.ndarray:
    """Accuracy of every chip, for every variability and every ADC resolution: one `memjax.sweep`.

    Args:
        model: maps images to logits.
        images: `[N, height, width, channels]`.
        labels: `[N]`.
        tile: word lines and bit lines of one tile.
        variability: relative standard deviations `[S]`.
        adc_bits: `[B]`.
        chips: chips for each point of the grid.
        key: of all randomness.

    Returns:
        Fraction of images classified correctly `[S, B, chips]`.
    """
    forward, state = as_function(model)
    parts, answers = parts_of(images, labels)

    def experiment(key, sigma, bits):
        analog = mj.crossbarify(forward, hardware(tile, sigma, bits))
        chip = analog.program(state, key, parts[0])
        correct = jax.lax.map(lambda part: analog.apply(chip, state, part[0]).argmax(-1) == part[1], (parts, answers))
        return {"correct": jnp.sum(correct)}

    grid: dict[str | tuple[str, ...], np.ndarray] = {
        "sigma": np.asarray(variability, float),
        "bits": np.asarray(adc_bits),
    }
    results = mj.sweep(experiment, grid, key=key, samples=chips, batch_size=CHIPS_AT_ONCE)
    return results["correct"].values / len(labels)


def parts_of(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The test set in equal parts; the last is filled up with black images of a label that none has."""
    size = min(len(labels), IMAGES_AT_ONCE)
    fill = -len(labels) % size
    images = np.pad(images, ((0, fill), *[(0, 0)] * (images.ndim - 1)))
    labels = np.pad(labels, (0, fill), constant_values=-1)
    return images.reshape(-1, size, *images.shape[1:]), labels.reshape(-1, size)
