"""Presets against the published constants, typed in again here."""

import jax
import jax.numpy as jnp
import pytest
from laws import T

# Source: aihwkit 1.2, simulator/presets/devices.py. dw_min, up_down, w_max, w_min; spreads of dw, up_down, w_max and
# w_min; cycle-to-cycle, write noise in units of dw_min.
DEVICES = {
    "reram_es": (0.00135, 0.259359, 1, -1, 0.2, 0.05, 0.3, 0.3, 5.0, 75),
    "reram_sb": (0.002, 0, 1.25, -0.75, 0.3, 0.01, 0.24, 0.4, 3.75, 56),
    "capacitor": (0.005, 0, 1, -1, 0.1, 0.06, 0.07, 0.07, 0.3, 0),
    "ecram": (0.002, 0, 1.1724, -0.8276, 0.1, 0.01, 0.05, 0.05, 0.3, 0),
    "ecram_mo": (2.8214e-4, 0, 1.1714, -0.8286, 0.1, 0.01, 0.05, 0.05, 2.0, 0),
    "idealized": (0.0002, 0, 1, -1, 0.3, 0, 0.3, 0.3, 0.3, 0),
    "gokmen_vlasov": (0.0016, 0, 1, -1, 0.3, 0.01, 0.3, 0.3, 0.3, 0),
    "pcm": (0.01, 0, 2, 0, 0.2, 0.05, 0.1, 0, 0.6, 0),
    "reram_array_om": (0.0949, 0, 1, -1, 0.7829, 0.01, 0.3499, 0.5695, 0.4158, 1.4113),
    "reram_array_hfo2": (0.4622, 0, 1, -1, 0.7125, 0.01, 0.4295, 0.5990, 0.2174, 0.5841),
}
FIELDS = ("step", "asymmetry", "high", "low", "step_spread", "asymmetry_spread", "high_spread", "low_spread", "noise",
          "write_noise")  # fmt: skip
# Kind of the law and its own numbers.
OWN = {
    "reram_es": (T.ExponentialStep, dict(a=-0.5, b=-0.5, gamma_up=5, gamma_down=5, a_up=-1.18445, a_down=-0.081404)),
    "reram_sb": (T.SoftBounds, dict(additive=True)),
    "capacitor": (T.LinearStep, dict(gamma_up=0.05, gamma_down=0.05, gamma_spread=0.01, additive=True)),
    "ecram": (T.LinearStep, dict(gamma_up=0.1153, gamma_down=0.5085, gamma_spread=0.05, additive=False)),
    "ecram_mo": (T.LinearStep, dict(gamma_up=0.4152, gamma_down=0.7342, gamma_spread=0.05, additive=False)),
    "idealized": (T.ConstantStep, {}),
    "gokmen_vlasov": (T.ConstantStep, {}),
    "pcm": (
        T.ExponentialStep,
        dict(a=-1, b=0, gamma_up=2.5, gamma_down=2.5, a_up=-27.235, a_down=-2.235, noise_add=0.042, noise_slope=0.108),
    ),
    "reram_array_om": (T.SoftBounds, dict(additive=True)),
    "reram_array_hfo2": (T.SoftBounds, dict(additive=True)),
}
PHYSICAL = {
    "neurosim_ag_asi": dict(levels_up=97, levels_down=100, ltp=2.4, ltd=-4.88, noise=0.035),
    "neurosim_vgg8": dict(levels_up=32, levels_down=32, ltp=1.75, ltd=1.46, noise=0.003),
}


@pytest.mark.parametrize("name", DEVICES)
def test_constants(name):
    law = T.presets.named(name)
    if name.startswith("reram_array"):
        assert isinstance(law, T.Referenced)
        assert (law.mean, law.std, law.zero_shift) == (0, 0.05, True)
        assert law.population.log_normal
        law = law.law
    kind, own = OWN[name]
    assert type(law) is kind
    assert {field: getattr(law, field) for field in own} == own
    population = {field: getattr(law.population, field) or 0 for field in FIELDS}
    assert population == dict(zip(FIELDS, DEVICES[name], strict=True))
    decay = {"capacitor": (1e6, 0.3, 0, 0), "pcm": (None, 0, 0.01, 0.02)}.get(name, (None, 0, 0, 0))
    fields = ("lifetime", "lifetime_spread", "reset", "reset_spread")
    assert tuple(getattr(law.population, field) for field in fields) == decay
    assert law.population.stuck is None
    assert law.population.diffusion is None


@pytest.mark.parametrize("name", PHYSICAL)
def test_constants_of_neurosim(name):
    law = T.presets.named(name)
    assert isinstance(law, T.NeuroSimStep)
    found = {field: getattr(law, field) for field in ("levels_up", "levels_down", "ltp", "ltd")}
    assert found | {"noise": law.population.noise} == PHYSICAL[name]
    assert law.range == (-1, 1)


def test_every_preset_is_in_a_table_here():
    assert set(T.presets.ALL) == DEVICES.keys() | PHYSICAL.keys()
    assert DEVICES.keys() == OWN.keys()


@pytest.mark.parametrize("name", T.presets.ALL)
def test_every_preset_moves_in_both_directions(name):
    """Every cell of it, however far its numbers are spread, and within its bounds."""
    law = T.presets.named(name)

    @jax.jit
    def moved(key):
        made = law.make(key, (400,))
        start = jnp.clip(jnp.full(400, 0.5 * (law.range[0] + law.range[1])), made["low"], made["high"])
        counts = jnp.array([10.0, -10.0])[:, None] * jnp.ones(400)
        return made, start, *jax.vmap(lambda count: T.apply_net(law, start, count, made))(counts)

    made, start, up, down = moved(jax.random.key(0))
    assert (up >= start).all()
    assert (down <= start).all()
    assert (up > down).all()
    assert (up <= made["high"]).all()
    assert (down >= made["low"]).all()


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="preset must be one of 'idealized', 'gokmen_vlasov', .*, got 'reram'"):
        T.presets.named("reram")
