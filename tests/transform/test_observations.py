"""What is seen of a run: bins and percentiles, and what several sites, steps and branches see together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import memjax as mj
from memjax.transform._calibrate import histogram, quantile

KEY = jax.random.key(0)
BIN = 2.0 ** (1 / 256)  # ratio of the edges of a bin


@pytest.mark.parametrize(
    ("percentile", "expected"),
    [(20.0, 1 * BIN), (25.0, 1 * BIN), (26.0, 2 * BIN), (50.0, 2 * BIN), (75.0, 4 * BIN), (99.0, 8.0), (100.0, 8.0)],
)
def test_a_percentile_is_the_upper_edge_of_its_bin_and_at_most_the_largest(percentile, expected):
    """Of four numbers the second is the median: half of them are not above it."""
    seen = histogram(jnp.asarray([[4.0, -2.0], [8.0, 1.0]]))
    assert float(quantile(seen, percentile)) == pytest.approx(expected, rel=1e-5)


def test_bins_hold_any_scale():
    """256 in an octave, from 2^-64 to 2^32; beyond are the first and the last."""
    values = 2.0 ** np.array([-70.0, -64.0, -63.99, 0.0, 0.0020, 0.0040, 31.99, 33.0])
    counts = np.asarray(histogram(jnp.asarray(values, jnp.float32)).total)
    found = np.repeat(np.arange(counts.size), counts.astype(int))
    np.testing.assert_array_equal(found, [0, 0, 2, 64 * 256, 64 * 256, 64 * 256 + 1, 96 * 256 - 3, 96 * 256 - 1])
    assert counts.size == 96 * 256


def test_a_percentile_is_within_a_bin_of_the_exact_one():
    values = np.random.default_rng(0).lognormal(size=5000).astype(np.float32)
    seen = histogram(jnp.asarray(values))
    for percentile in (1.0, 37.0, 99.5):
        exact = np.sort(values)[round(percentile * 50) - 1]
        assert exact <= float(quantile(seen, percentile)) * (1 + 1e-5)
        assert float(quantile(seen, percentile)) <= exact * BIN * (1 + 1e-5)


def test_of_nothing_but_zeros_it_is_one():
    assert float(quantile(histogram(jnp.zeros(5)), 50.0)) == 1.0
    assert float(quantile(histogram(jnp.zeros(5)), 100.0)) == 1.0


SIZES = (1.0, 3.0, 0.2, 2.0, 2.5, 0.7, 1.7)  # of the data at each read of "w"


def many_sites(p, x):
    """Every way in which one crossbar is read several times."""
    twice = [(size * x) @ p["w"] for size in SIZES[:2]]
    scan = lax.scan(lambda c, size: (c, (size * x) @ p["w"]), 0.0, jnp.asarray(SIZES[2:4]))[1]
    branch = lax.cond(x.sum() > 1e9, lambda x: x @ p["w"], lambda x: (SIZES[4] * x) @ p["w"], x)

    def step(state):
        index, read = state
        return index + 1, read.at[index].set((jnp.asarray(SIZES[5:])[index] * x) @ p["w"])

    steps = 2 * jnp.isfinite(x).all().astype(int)  # known to the data alone
    loop = lax.while_loop(lambda state: state[0] < steps, step, (0, jnp.stack([branch, branch])))[1]
    return [*twice, scan[0], scan[1], branch, loop[0], loop[1]]


@pytest.fixture(scope="module")
def seen():
    rng = np.random.default_rng(1)
    p, x = {"w": rng.normal(size=(6, 5)).astype(np.float32)}, rng.uniform(0, 1, (7, 6)).astype(np.float32)
    return p, x, np.stack([size * x @ p["w"] for size in SIZES])


def test_errors_of_all_sites_together(seen):
    """sqrt(sum (y - W x)^2 / sum (W x)^2), the sums over all reads."""
    p, x, exact = seen
    analog = mj.crossbarify(many_sites, mj.Hardware(tile=(4, 4), dac=mj.Dac(3, range=1.5), adc=mj.Adc(5)))
    chip = analog.program(p, KEY, x)
    gap = np.asarray(analog.apply(chip, p, x)) - exact
    expected = np.sqrt((gap**2).sum() / (exact**2).sum())
    assert len({round(float((gap[i] ** 2).sum()), 5) for i in range(len(SIZES))}) == len(SIZES)
    assert float(analog.errors(chip, p, x)["w"]) == pytest.approx(expected, rel=1e-4)


def test_clipping_and_largest_current_of_all_sites_together(seen):
    p, x, _ = seen
    top = 4e-6
    spec = mj.Hardware(tile=(8, 8), dac=mj.Dac(range=8.0), adc=mj.Adc(8, range=top))
    analog = mj.crossbarify(many_sites, spec)
    chip = analog.program(p, KEY, x)
    siemens = p["w"] / np.abs(p["w"]).max() * 9e-5
    currents = np.abs(np.stack([size * x / 8.0 * spec.dac.v_max @ siemens for size in SIZES]))
    rate = (currents > top * 127.5 / 127).mean()
    assert 0.02 < rate < 0.5
    use = analog.converters(chip, p, x)["w"]
    for found in (use.clipping[0, 0], analog.clipping(chip, p, x)["w"]):
        assert float(found) == pytest.approx(rate, abs=1e-6)
    assert float(use.used[0, 0]) == pytest.approx(currents.max() / top, rel=1e-4)


def test_ranges_of_all_sites_together(seen):
    """The median of the inputs, and of the currents of a DAC with that range."""
    p, x, _ = seen
    analog = mj.crossbarify(many_sites, mj.Hardware(tile=(8, 8)))
    chip = analog.calibrate(analog.program(p, KEY, x), p, x, percentile=50.0)["w"]
    inputs = np.stack([size * x for size in SIZES])
    volts = 0.2 * np.minimum(inputs / float(chip["dac_range"]), 1.0)
    currents = volts @ p["w"] / np.abs(p["w"]).max() * 9e-5
    for found, values in ((chip["dac_range"], inputs), (chip["adc_range"], currents)):
        exact = np.sort(np.abs(values), axis=None)[-(-values.size // 2) - 1]
        assert exact <= float(found) * (1 + 1e-5) <= exact * BIN * (1 + 1e-4)
