"""Every number of the hardware is a traced leaf: one compilation serves a sweep."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj

W = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(8, 10)).astype(np.float32)
BASE = mj.Hardware(
    cell=mj.Cell(10e3, 100e3, levels=6),
    mapping=mj.mapping.CurrentMirror(gain_error=0.01, percentile=99.0),
    tile=(4, 3),
    dac=mj.Dac(bits=6, v_max=0.2, range=2.0),
    adc=mj.Adc(bits=6, range=mj.Dynamic(overflow=0.1)),
    effects=(
        mj.effects.DeviceVariation(1e2, 1e3),
        mj.effects.StuckAt(0.01, 0.02),
        mj.effects.ProgrammingNoise(0.01, 1e-7),
        mj.effects.ReadNoise(0.01, 1e-8),
        mj.effects.Drift(0.05, 1.0),
    ),
)
SWEEPS = {
    "r_on": (lambda h: h.cell.r_on, [5e3, 10e3]),
    "r_off": (lambda h: h.cell.r_off, [50e3, 1e6]),
    "levels": (lambda h: h.cell.levels, [2, 16]),
    "percentile": (lambda h: h.mapping.percentile, [80.0, 100.0]),
    "gain_error": (lambda h: h.mapping.gain_error, [0.0, 0.1]),
    "dac_bits": (lambda h: h.dac.bits, [2, 8]),
    "v_max": (lambda h: h.dac.v_max, [0.1, 1.0]),
    "dac_range": (lambda h: h.dac.range, [1.0, 3.0]),
    "adc_bits": (lambda h: h.adc.bits, [3, 9]),
    "overflow": (lambda h: h.adc.range.overflow, [0.0, 0.4]),
    "r_on_std": (lambda h: h.effects[0].r_on_std, [0.0, 1e3]),
    "lrs": (lambda h: h.effects[1].lrs, [0.0, 0.3]),
    "relative": (lambda h: h.effects[2].relative, [0.0, 0.2]),
    "read": (lambda h: h.effects[3].relative, [0.0, 0.1]),
    "nu": (lambda h: h.effects[4].nu, [0.0, 0.2]),
}


def run(hardware, key):
    chip = mj.age(hardware, mj.program(hardware, W, key), key, seconds=100.0)
    return mj.matmul(hardware, chip, X, key)


def test_one_compilation_for_every_number():
    compiled = jax.jit(run)
    key = jax.random.key(0)
    nominal = compiled(jax.tree.map(jnp.asarray, BASE), key)
    for where, values in SWEEPS.values():
        swept = [eqx.tree_at(where, BASE, value) for value in values]
        results = [compiled(jax.tree.map(jnp.asarray, hardware), key) for hardware in swept]
        assert all(bool(jnp.isfinite(y).all()) for y in results)
        # v_max cancels; every other number matters.
        assert where is SWEEPS["v_max"][0] or max(float(jnp.abs(y - nominal).max()) for y in results) > 1e-3
    assert compiled._cache_size() == 1


@pytest.mark.parametrize("names", [("r_on", "dac_bits", "adc_bits"), ("levels", "lrs", "nu", "overflow")])
def test_vmap_over_the_hardware(names):
    """A batch of hardware gives what each gives alone; bits and levels included."""
    hardware = [BASE, BASE]
    for name in names:
        where, values = SWEEPS[name]
        hardware = [eqx.tree_at(where, h, v) for h, v in zip(hardware, values, strict=True)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *hardware)
    key = jax.random.key(1)
    together = jax.jit(jax.vmap(run, (0, None)))(stacked, key)
    alone = jnp.stack([jax.jit(run)(jax.tree.map(jnp.asarray, h), key) for h in hardware])
    close = np.abs(together - alone) < 1e-4 * np.abs(alone).max()
    assert close.mean() > 0.97  # rounding ties


def test_concrete_and_traced_numbers_agree():
    key = jax.random.key(2)
    concrete = jax.jit(lambda: run(BASE, key))()
    traced = jax.jit(run)(BASE, key)
    assert (np.abs(concrete - traced) < 1e-4 * np.abs(traced).max()).mean() > 0.97
