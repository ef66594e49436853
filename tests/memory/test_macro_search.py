"""The search over organisations: complete, at least as good as NVSim's, and what follows from it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memjax import memory

SAMPLE = memory.process(45e-9, "HP", 350.0)
CELLS = {"rram": memory.MemoryCell.rram(), "sram": memory.MemoryCell.sram()}
FEW = {"muxes": (256, 1, 1)}
# What NVSim 6334d00 finds with m2 = m3 = 1 at 45 nm, HP, 350 K, words of 128 bits: (cell, KB, objective) to SI figures.
NVSIM = {
    ("sram", 64, "read_latency"): 0.07274121e-9,
    ("sram", 1024, "read_latency"): 0.4072631e-9,
    ("sram", 1024, "write_latency"): 0.2599407e-9,
    ("sram", 256, "read_edp"): 0.197592e-9 * 58.53485e-12,
    ("sram", 1024, "write_edp"): 0.2985345e-9 * 107.3147e-12,
    ("rram", 64, "read_latency"): 0.9360837e-9,
    ("rram", 1024, "read_latency"): 1.044463e-9,
    ("rram", 256, "read_energy"): 17.38477e-12,
    ("rram", 256, "leakage"): 12.25434e-3,
    ("rram", 1024, "write_energy"): 104.8771e-12,
    ("rram", 1024, "area"): 126987.9e-12,
}


@pytest.fixture(scope="module")
def found():
    """All macros of each cell and capacity, once."""
    kept = {}

    def explored(cell, kilobytes, word=128, **limits):
        key = cell, kilobytes, word, *limits.items()
        if key not in kept:
            kept[key] = memory.explore(8192 * kilobytes, word, CELLS[cell], SAMPLE, **(limits or FEW))
        return kept[key]

    return explored


@pytest.mark.parametrize(("cell", "kilobytes", "objective"), NVSIM)
def test_as_good_as_nvsim(found, cell, kilobytes, objective):
    best = memory.best(found(cell, kilobytes), objective)
    assert float(getattr(best, objective)) <= NVSIM[cell, kilobytes, objective] * (1.0 + 1e-4)


@pytest.mark.parametrize(("cell", "count"), [("rram", 25054), ("sram", 31903)])
def test_every_organisation_of_nvsim(found, cell, count):
    macros = found(cell, 64, 64)
    assert len(macros) == count
    assert np.all(macros.valid)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(macros))
    organisation = macros.organisation
    bits = macros.rows * macros.columns * np.prod(organisation.mats, 0) * np.prod(organisation.subarrays, 0)
    assert np.all(bits == 8192 * 64)
    np.testing.assert_array_equal(np.stack(organisation.shape(8192 * 64, 64)), np.stack([macros.rows, macros.columns]))


def test_a_found_macro_is_that_of_its_organisation(found):
    best = memory.best(found("rram", 64), "read_energy")
    counts = memory.Organisation(
        *jax.tree.map(int, jax.tree.leaves(best.organisation, is_leaf=lambda x: type(x) is tuple))
    )
    again = memory.macro(8192 * 64, 128, CELLS["rram"], SAMPLE, organisation=counts)
    for one, other in zip(jax.tree.leaves(best.parts), jax.tree.leaves(again.parts), strict=True):
        np.testing.assert_allclose(one, other, 1e-4, 1e-20)


def test_larger_is_larger(found):
    small, large = (memory.best(found("sram", kilobytes), "area") for kilobytes in (64, 1024))
    assert all(getattr(small, name) < getattr(large, name) for name in ("area", "read_latency", "leakage"))


def test_front(found):
    """No member is dominated, by any organisation; each objective's optimum is on it."""
    macros, names = found("rram", 64), ("area", "read_latency", "read_energy")
    front = memory.pareto(macros, names)
    everyone, members = (np.stack([getattr(one, name) for name in names], -1) for one in (macros, front))
    for member in members:
        assert not np.any(np.all(everyone <= member, 1) & np.any(everyone < member, 1))
    np.testing.assert_array_equal(members.min(0), everyone.min(0))
    beaten = [np.any(np.all(members <= one, 1)) for one in everyone[::97]]
    assert all(beaten)


def test_objective_of_ones_own(found):
    macros = found("rram", 64)
    best = memory.best(macros, lambda macros: macros.area * macros.read_latency**2)
    assert best.area * best.read_latency**2 == np.min(macros.area * macros.read_latency**2)


def organised(**cell):
    """A fixed macro with some numbers of its cell or process."""
    numbers = {name: cell.pop(name) for name in ("vdd", "on_n") if name in cell}
    changed = memory.MemoryCell(**(vars(CELLS["rram"]) | cell))
    process = memory.Process(**(vars(SAMPLE) | numbers))
    return memory.macro(2**19, 128, changed, process, organisation=ORGANISATION)


ORGANISATION = memory.Organisation((2, 4), (1, 2), (2, 2), (2, 1), (8, 2, 1))
NUMBERS = {"r_off": 1e7, "read_voltage": 0.4, "area": 4.0, "vdd": 1.0, "on_n": 1745.8, "sense_voltage": 0.08}


def test_gradients_are_slopes():
    """Of every figure by numbers of the cell and of the process, one compiled program for values and derivatives."""

    def figures(factors):
        found = organised(**{name: value * factors[name] for name, value in NUMBERS.items()})
        return jnp.log(jnp.stack([getattr(found, name) for name in ("area", "read_latency", "read_energy", "leakage")]))

    ones = {name: jnp.ones(()) for name in NUMBERS}
    slopes = jax.jit(jax.jacfwd(figures))(ones)
    step, values = 2e-3, jax.jit(jax.vmap(figures))
    for name in NUMBERS:
        moved = {one: jnp.ones(2) + (jnp.array([step, -step]) if one == name else 0.0) for one in NUMBERS}
        up, down = values(moved)
        assert np.isfinite(slopes[name]).all()
        np.testing.assert_allclose(slopes[name], (up - down) / (2 * step), 0.02, 3e-3, err_msg=name)


def test_many_cells_at_once():
    resistances = jnp.array([2e6, 1e7, 1e8])
    together = jax.vmap(lambda r_off: organised(r_off=r_off).read_latency)(resistances)
    np.testing.assert_allclose(together, [organised(r_off=r_off).read_latency for r_off in resistances], 1e-5)


def test_refresh_of_dram():
    """Leakage of the cells: every row is read once in 64 ms."""
    organisation = memory.Organisation((4, 2), (2, 1), (2, 2), (2, 2), (1, 8, 4))
    cell = memory.MemoryCell.dram()
    found = memory.macro(2**20, 128, cell, SAMPLE, organisation=organisation)
    (mats, subarrays), (active, used) = organisation.mats_and_subarrays(), organisation.active()
    rows = float(found.rows) * mats * subarrays / (active * used)
    refresh = float(found.parts["read_energy"]["bit_lines"]) * rows / 64e-3
    assert float(found.parts["leakage"]["cells"]) == pytest.approx(refresh, rel=1e-5)
    assert min(float(getattr(found, name)) for name in ("area", "read_latency", "write_energy")) > 0
    shared = memory.Organisation((4, 2), (2, 1), (2, 2), (2, 2), (2, 8, 2))
    with pytest.raises(ValueError, match="organisation must be one that"):
        memory.macro(2**20, 128, cell, SAMPLE, organisation=shared)


def test_text():
    assert str(ORGANISATION) == "bank 2x4 (1x2 active), mat 2x2 (2x1 active), mux 8x2x1"
    assert "Read latency" in str(organised())
