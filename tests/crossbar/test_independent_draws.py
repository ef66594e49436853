"""Every random number of a chip and of its reads is drawn with a key of its own: nothing is drawn twice."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import memjax as mj
from memjax import crossbar
from memjax.converters import BitSerial
from memjax.crossbar import _codes

E = mj.effects
KEY = jax.random.key(5)
ROWS, COLUMNS = 4, 3


class Probe(E.Fabrication, E.Programming, E.Ageing):
    """Shows the key of every hook: as numbers, one for each word line, on the bit line `slot` of every tile."""

    slot: int = eqx.field(static=True)

    def _marked(self, cells, key):
        numbers = 1.0 + jax.random.uniform(key, (cells.shape[0], 1))
        return jnp.where(jnp.arange(cells.shape[1]) == self.slot, numbers * cells, cells)

    def fabricate(self, low, high, key):
        return self._marked(low, key), high

    def write(self, conductance, low, high, key):
        return self._marked(conductance, key)

    def start(self, conductance, low, high, key, before):
        return {"drawn": self._marked(jnp.ones_like(conductance), key)}

    def age(self, conductance, memory, key, stress):
        return conductance, {"drawn": self._marked(jnp.ones_like(conductance), key)}


class Other(Probe):
    """One of another kind."""


def by_tile(array):
    """[..., T, rows, width] -> the numbers of every bit line of every tile, [tiles, bit lines, rows]."""
    whole = np.asarray(array, np.float64)
    split = whole.reshape(-1, ROWS, whole.shape[-1] // COLUMNS, COLUMNS)
    return split.transpose(0, 2, 3, 1).reshape(-1, COLUMNS, ROWS)


def test_every_hook_of_every_effect_in_every_tile_has_its_own_key():
    """Of six arrays, in row and column tiles, of a stack of matrices and of several crossbars."""
    effects = (Probe(0), Other(1), Probe(2))
    names = ("Probe", "Other", "Probe_2")
    hardware = mj.Hardware(tile=(ROWS, COLUMNS), mapping=mj.mapping.BitSliced(3), effects=effects)
    weights = {name: np.zeros(shape, np.float32) for name, shape in {"a": (2, 2, 8, 6), "b": (8, 6)}.items()}
    chip = crossbar.program_all(hardware, weights, KEY)
    old = crossbar.age_all(hardware, chip, KEY, seconds=1.0)
    numbers = []
    for name, entry in chip.items():
        for array, low in entry["low"].items():
            numbers.append(by_tile(low) / hardware.cell.g_off)
            numbers.append(by_tile(entry["conductance"][array]) / by_tile(low))
            for memory in (entry["memory"][array], old[name]["memory"][array]):
                numbers.append(np.stack([by_tile(memory[n]["drawn"])[:, slot] for slot, n in enumerate(names)], axis=1))
    drawn = np.concatenate(numbers).reshape(-1, ROWS)
    assert len(drawn) == 4 * 3 * 6 * (4 + 1) * 4  # hooks, effects, arrays, matrices, places
    assert drawn.std() > 0.2
    assert len(np.unique(np.round(drawn, 4), axis=0)) == len(drawn)


def test_errors_of_a_converter_are_drawn_independently():
    errors = (mj.converters.Gain(1.0), mj.converters.Offset(1.0))
    hardware = mj.Hardware(tile=(2, 400), adc=mj.Adc(6, errors=errors, subtract="digital"))
    made = mj.program(hardware, np.ones((2, 400)), KEY)["adc"]
    drawn = np.stack([np.ravel(made[array][error.name]) for array in ("pos", "neg") for error in errors])
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 5 / np.sqrt(400)


N = 900
UNCORRELATED = 5 / np.sqrt(N)
NOISE = E.ReadNoise(absolute=1e-6)


def correlation(*reads):
    """The largest correlation, over the bit lines, of any two reads."""
    rows = np.concatenate([np.reshape(y, (-1, N)) for y in reads])
    return np.abs(np.corrcoef(rows) - np.eye(len(rows))).max()


def test_planes_of_all_chunks_have_noise_of_their_own(monkeypatch):
    """Twelve equal vectors of three bits each, in chunks of a few vectors."""
    monkeypatch.setattr(_codes, "CACHE_BYTES", {jax.default_backend(): 4 * (ROWS + N) * 3 * 5})
    dac = mj.Dac(bits=4, range=7.0, encoding=BitSerial(3))
    hardware = mj.Hardware(tile=(ROWS, N), dac=dac, adc=mj.Adc(), effects=(NOISE,))
    chip = mj.program(hardware, np.zeros((ROWS, N)), KEY)
    y = mj.matmul(hardware, chip, np.full((12, ROWS), 7.0), KEY)
    assert correlation(y) < UNCORRELATED


def test_converters_and_cells_have_noise_of_their_own():
    """Read with one key each: noise of the cells, of the converters, and of a mirrored reference beside its cells."""
    hardware = mj.Hardware(tile=(ROWS, N), dac=mj.Dac(range=1.0), adc=mj.Adc(16, range=1e-4), effects=(NOISE,))
    noisy = mj.Hardware(
        tile=(ROWS, N), dac=mj.Dac(range=1.0), adc=mj.Adc(16, range=1e-4, errors=(mj.converters.Noise(50.0),))
    )
    chip = mj.program(hardware, np.zeros((ROWS, N)), KEY)
    x = np.ones((1, ROWS))
    cells, converters = (np.asarray(mj.matmul(h, chip, x, KEY)) for h in (hardware, noisy))
    assert min(cells.std(), converters.std()) > 1e-3
    assert correlation(cells, converters) < UNCORRELATED


def test_tiles_of_a_correction_have_noise_of_their_own():
    """The same weights in two column tiles, corrected column by column by noisy reads: two sets of factors."""
    hardware = mj.Hardware(tile=(ROWS, 8), dac=mj.Dac(range=1.0), adc=mj.Adc(), effects=(E.ReadNoise(0.2),))
    weights = np.tile(np.random.default_rng(0).normal(size=(ROWS, 8)), 2).astype(np.float32)
    chip = mj.program(hardware, weights, KEY)
    factor = np.asarray(mj.compensate(hardware, chip, chip, KEY, columns=True)["scale"] / chip["scale"])
    assert (np.abs(factor - 1.0) > 1e-4).all()  # the reads before and after have noise of their own, too
    assert (np.abs(factor[:8] - factor[8:]) > 1e-4).all()
    assert np.abs(factor - 1.0).max() < 0.3
