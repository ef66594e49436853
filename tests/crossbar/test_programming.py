"""Chips written by pulses on a device model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax.programming import Ramp, WriteVerify

CELL = mj.Cell(r_on=100.0, r_off=2500.0)
RANGE = CELL.g_on - CELL.g_off


def writer(**options):
    return WriteVerify(mj.devices.VTEAM.pt_hf_ti(), **options)


def hardware(writer, **options):
    return mj.Hardware(
        **{"cell": CELL, "dac": mj.Dac(), "adc": mj.Adc(), "tile": (16, 16), "programming": writer} | options
    )


@pytest.fixture(scope="module")
def weights():
    return jax.random.normal(jax.random.key(0), (40, 20))


@pytest.fixture(scope="module")
def exact(weights):
    """The same matrix written without error."""
    return mj.program(hardware(None), weights, jax.random.key(1))


def test_every_cell_is_written_within_the_tolerance(weights, exact):
    chip = mj.program(hardware(writer(tolerance=0.005)), weights, jax.random.key(1))
    for name, target in exact["conductance"].items():
        error = jnp.abs(chip["conductance"][name] - target) / RANGE
        assert 1e-4 < error.max() <= 0.00501
        assert not chip["writes"]["failed"][name].any()
        moved = target > CELL.g_off * 1.2
        assert jnp.all(chip["writes"]["pulses"][name][moved] > 0)
        assert jnp.all(chip["writes"]["energy"][name][moved] > 0)
    x = jax.random.normal(jax.random.key(2), (8, 40))
    y = mj.matmul(hardware(writer()), chip, x)
    assert 1e-3 < jnp.linalg.norm(y - x @ weights) / jnp.linalg.norm(x @ weights) < 0.06


def test_tighter_tolerance_less_error_more_pulses(weights, exact):
    errors, pulses = [], []
    for tolerance in (0.02, 0.01, 0.005):
        chip = mj.program(hardware(writer(tolerance=tolerance)), weights, jax.random.key(1))
        errors.append(jnp.std(chip["conductance"]["pos"] - exact["conductance"]["pos"]))
        pulses.append(chip["writes"]["pulses"]["pos"].mean())
    assert errors[0] > errors[1] > errors[2]
    assert pulses[0] < pulses[1] < pulses[2]


def test_half_selected_threshold_cells_are_not_disturbed(weights):
    """V/2 and V/3 of VTEAM pulses stay below the thresholds: every tile as with a transistor in each cell."""
    small = weights[:8, :4]
    chips = [
        mj.program(hardware(writer(scheme=s), tile=(4, 4)), small, jax.random.key(1)) for s in ("1t1r", "v/2", "v/3")
    ]
    for chip in chips[1:]:
        jax.tree.map(np.testing.assert_array_equal, chip["conductance"], chips[0]["conductance"])
        assert chip["writes"]["energy"]["pos"].sum() > chips[0]["writes"]["energy"]["pos"].sum()


def test_cells_beyond_pulses_are_reported_and_limited(weights, exact):
    weak = Ramp(start=0.3, step=0.0, stop=0.3, width=1e-3)
    chip = mj.program(hardware(writer(set_ramp=weak, reset_ramp=weak, max_pulses=3)), weights, jax.random.key(1))
    np.testing.assert_allclose(chip["conductance"]["pos"], CELL.g_off, rtol=1e-5)
    failed = chip["writes"]["failed"]["pos"]
    np.testing.assert_array_equal(failed, exact["conductance"]["pos"] - CELL.g_off > 0.01 * RANGE)
    np.testing.assert_array_equal(chip["writes"]["pulses"]["pos"], 3 * failed)


def test_stuck_cells_stay_stuck(weights):
    stuck = mj.effects.StuckAt(lrs=0.2, hrs=0.2)
    chip = mj.program(hardware(writer(), effects=(stuck,)), weights, jax.random.key(1))
    held = chip["low"]["pos"] == chip["high"]["pos"]
    assert 0.25 < held.mean() < 0.55
    np.testing.assert_array_equal(chip["conductance"]["pos"][held], chip["low"]["pos"][held])


def test_cells_with_ranges_of_their_own_keep_to_them(weights):
    spread = mj.effects.DeviceVariation(r_on_std=20.0, r_off_std=500.0)
    chip = mj.program(hardware(writer(), effects=(spread,)), weights, jax.random.key(1))
    for name, g in chip["conductance"].items():
        assert jnp.all((g >= chip["low"][name]) & (g <= chip["high"][name]))


def test_one_key_one_chip(weights):
    """Noise of the pulses: the same for a key alone and in a batch, for a cell whatever the size of the matrix."""
    spec = hardware(writer(write_noise=0.005, read_noise=0.005))
    weights = weights[:20, :20].at[0, 0].set(5.0)  # the scale of every part that is programmed here
    keys = jax.random.split(jax.random.key(3), 2)
    program = lambda weights, key: mj.program(spec, weights, key)["conductance"]["pos"]
    alone = [program(weights, key) for key in keys]
    batch = jax.vmap(lambda key: program(weights, key))(keys)
    np.testing.assert_allclose(batch, jnp.stack(alone), rtol=1e-5)
    assert jnp.abs(alone[0] - alone[1]).max() > 1e-3 * RANGE
    np.testing.assert_allclose(program(weights[:16, :16], keys[0])[0], alone[0][0, :, :16], rtol=1e-5)


def test_gradients_pass_straight_through(weights, exact):
    x = jax.random.normal(jax.random.key(2), (8, 40))

    def loss(spec, w):
        return jnp.sum(mj.matmul(spec, mj.program(spec, w, jax.random.key(1)), x) ** 2)

    through, ideal = (jax.grad(loss, argnums=1)(hardware(w), weights) for w in (writer(tolerance=0.005), None))
    assert jnp.linalg.norm(through - ideal) / jnp.linalg.norm(ideal) < 0.1


def test_a_chip_can_be_differentiated(weights):
    """Nothing in it is an integer."""
    spec = hardware(writer())
    chip = mj.program(spec, weights, jax.random.key(1))
    gradient = jax.grad(lambda chip: jnp.sum(mj.matmul(spec, chip, jnp.ones((1, 40)))))(chip)
    assert jnp.abs(gradient["conductance"]["pos"]).max() > 0
    assert jnp.abs(gradient["writes"]["energy"]["pos"]).max() == 0


def test_a_whole_network_is_written(weights):
    params = {"first": weights, "second": jax.random.normal(jax.random.key(4), (20, 5))}
    model = lambda p, x: jax.nn.relu(x @ p["first"]) @ p["second"]
    x = jax.random.normal(jax.random.key(2), (8, 40))
    analog = mj.crossbarify(model, hardware(writer()))
    chip = analog.program(params, jax.random.key(1), x)
    expected = model(params, x)
    assert jnp.linalg.norm(analog.apply(chip, params, x) - expected) / jnp.linalg.norm(expected) < 0.12
    assert all(not entry["writes"]["failed"]["pos"].any() for entry in chip.values())


SPREAD = {"v_on": 0.05, "v_off": 0.05, "k_on": 0.3, "r_on": 0.1}


def test_cells_differ_and_stay_who_they_are(weights):
    """Devices are drawn with the chip, whatever the size of the matrix, and met again by the next write."""
    spec = hardware(writer(spread=SPREAD))
    weights = weights[:20, :20].at[0, 0].set(5.0)
    chip = mj.program(spec, weights, jax.random.key(1))
    assert all(jnp.mean(failed) < 0.02 for failed in chip["writes"]["failed"].values())
    assert set(chip["device"]["pos"]) == set(SPREAD)
    assert jnp.std(jnp.log(chip["device"]["pos"]["r_on"])) == pytest.approx(0.1, rel=0.2)
    assert jnp.any(chip["device"]["pos"]["v_on"] != chip["device"]["neg"]["v_on"])
    part = mj.program(spec, weights[:16, :16], jax.random.key(1))
    np.testing.assert_array_equal(part["device"]["pos"]["v_on"][0], chip["device"]["pos"]["v_on"][0, :, :16])
    again = mj.reprogram(spec, chip, weights, jax.random.key(2))
    total = lambda chip: sum(pulses.sum() for pulses in chip["writes"]["pulses"].values())
    assert total(again) < 0.02 * total(chip)  # of cells that failed, or lie at the edge of the tolerance
    other = mj.reprogram(spec, chip, weights[::-1], jax.random.key(2))
    jax.tree.map(np.testing.assert_array_equal, other["device"], chip["device"])
    with pytest.raises(ValueError, match="chip must hold the parameters .* of the devices in array '(pos|neg)'"):
        mj.reprogram(spec, {k: v for k, v in chip.items() if k != "device"}, weights, jax.random.key(2))


def population():
    return mj.devices.population(mj.devices.VTEAM.pt_hf_ti(), jax.random.key(0), 3, r_on=mj.devices.lognormal(0.1))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: mj.Hardware(programming=writer()),
            ValueError,
            "Hardware.cell must lie within the range of VTEAM in Hardware.programming, 100 to 2500 ohm, got r_on=1",
        ),
        (lambda: hardware(mj.devices.VTEAM.pt_hf_ti()), TypeError, "Hardware.programming must be a WriteVerify"),
        (lambda: hardware(WriteVerify(population())), ValueError, "Hardware.programming must have scalar parameters"),
        (lambda: WriteVerify("VTEAM"), TypeError, "WriteVerify.device must be a Device such as .*, got 'VTEAM'"),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
