"""A chip and its hardware come back from a file bit for bit, or not at all."""

import dataclasses
import os
import types

import equinox as eqx
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from jax import Array
from safetensors.numpy import load_file, save_file

import memjax as mj
from memjax.io._specs import decode, encode, public_specs

KEY = jax.random.key(0)
W = np.asarray(jax.random.normal(KEY, (5, 4)))


def same(a, b):
    """Whether two pytrees are equal to the type of every number and the bits of every array."""
    if isinstance(a, eqx.Module):
        names = [field.name for field in dataclasses.fields(a)]
        return type(a) is type(b) and all(same(getattr(a, f), getattr(b, f)) for f in names)
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, jax.Array):
        weak = isinstance(b, jax.Array) and a.weak_type == b.weak_type
        return weak and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and a == b


DEVICE = mj.devices.VTEAM.pt_hf_ti()
HARDWARES = {
    "default": mj.Hardware(),
    "wires": mj.Hardware(
        wires=mj.Wires(row=2.0, column=np.arange(64.0), source=50.0, double_sense=True),
        effects=(mj.effects.Predistortion(mj.Wires(row=1.0), headroom=0.5, steps=1),),
    ),
    "numbers of every kind": mj.Hardware(
        cell=mj.Cell(r_on=np.float32(1e4 / 3), r_off=jnp.float32(1e5 / 3), levels=np.array([4, 8])),
        tile=(4, 3),
        dac=mj.Dac(bits=jnp.asarray(8), v_max=0.1 + 0.2, range=mj.Dynamic(overflow=0.01, power_of_two=True)),
        adc=mj.Adc(bits=6, range=1e-3, codes="twos_complement", clip_gradient=False),
        schedule="scan",
    ),
    "converters": mj.Hardware(
        mapping=mj.mapping.BitSliced(2, 2, percentile=99.9),
        dac=mj.Dac(bits=4, encoding=mj.converters.BitSerial(3)),
        adc=mj.Adc(
            bits=6,
            errors=(mj.converters.Noise(0.1), mj.converters.Offset(0.5), mj.converters.Flash(0.1, resolution=6)),
        ),
    ),
    "logarithmic": mj.Hardware(mapping=mj.mapping.CurrentMirror(0.1), adc=mj.LogAdc(bits=8, decades=2)),
    "effects": mj.Hardware(
        cell=mj.Cell(r_on=1 / 225e-6, r_off=1 / 50e-6),
        effects=(
            mj.effects.DeviceVariation(r_on_std=1e3, r_off_std=1e4),
            mj.effects.StuckAt(lrs=0.1, unit="column"),
            mj.effects.ProgrammingError.rram_milo(),
            mj.effects.Drift(0.1, nu_std=None),
            mj.effects.CubicConduction(),
            mj.effects.ReadNoise(0.1),
        ),
    ),
    "write-verify": mj.Hardware(
        cell=mj.Cell(r_on=100, r_off=2500),
        programming=mj.programming.WriteVerify(DEVICE, scheme="v/2", read_noise=0.01),
        backward=mj.Backward(dac=mj.Dac(bits=7)),
    ),
}


@pytest.mark.parametrize("hardware", HARDWARES.values(), ids=HARDWARES)
def test_hardware_comes_back_exactly(hardware, tmp_path):
    mj.save(tmp_path / "chip.safetensors", {}, hardware)
    chip, found = mj.load(tmp_path / "chip.safetensors")
    assert chip == {}
    assert same(hardware, found)
    assert jax.tree.structure(hardware) == jax.tree.structure(found)  # no compilation anew


def test_every_public_device_comes_back():
    """Every named parameter set of every model, windows and all."""
    made = []
    for cls in public_specs().values():
        if issubclass(cls, mj.devices.AbstractDevice):
            presets = [v for k, v in vars(cls).items() if isinstance(v, classmethod) and not k.startswith("_")]
            for preset in presets:
                try:
                    made.append(preset.__func__(cls))
                except TypeError:  # needs arguments
                    continue
    made.append(mj.devices.Series(made[0], 10.0))
    assert len(made) > 10
    for device in made:
        arrays = {}
        text = encode(device, "device", arrays)
        assert same(device, decode(text, arrays, public_specs())), device


def test_a_whole_model_comes_back_exactly(tmp_path):
    """Nested, empty, of any type, with names that collide when joined."""
    hardware = mj.Hardware(tile=(4, 3), effects=(mj.effects.Drift(0.1), mj.effects.StuckAt(0.1)))
    entry = mj.program(hardware, W, KEY)
    chip = {
        "params/Dense_0/kernel": entry,
        "empty": {"memory": {}},
        "a": {"b": np.arange(3)},
        "a/b": jnp.zeros((0, 2), jnp.bfloat16),
        "many": jax.vmap(lambda key: mj.program(hardware, W, key))(jax.random.split(KEY, 2)),
        "types": {
            str(np.dtype(t)): np.ones((2, 1), t)
            for t in (bool, np.int8, np.uint16, np.int64, np.float16, np.float64, ml_dtypes.bfloat16, np.complex64)
        },
        "scalar": jnp.float32(1 / 3),
        "big endian": np.arange(4, dtype=">f4"),
        "strided": np.arange(12.0).reshape(3, 4)[:, ::2],
    }
    patterns = {"*/Dense_0/*": hardware, "*head*": None, "*": mj.Hardware()}
    mj.save(tmp_path / "chip.safetensors", chip, patterns)
    found, hardware_found = mj.load(str(tmp_path / "chip.safetensors"))
    chip["big endian"] = chip["big endian"].astype("<f4")
    assert same(chip, found)
    assert same(patterns, hardware_found)
    np.testing.assert_array_equal(
        mj.matmul(hardware_found["*/Dense_0/*"], found["params/Dense_0/kernel"], W.T), mj.matmul(hardware, entry, W.T)
    )
    tensors = load_file(tmp_path / "chip.safetensors")
    np.testing.assert_array_equal(tensors["chip/params/Dense_0/kernel/conductance/pos"], entry["conductance"]["pos"])


def test_double_precision_is_not_lost_without_it(tmp_path, x64):
    chip = {"scale": jnp.asarray([1 / 3])}
    mj.save(tmp_path / "chip.safetensors", chip, None)
    found, hardware = mj.load(tmp_path / "chip.safetensors")
    assert hardware is None
    assert same(chip, found)
    with jax.enable_x64(False):
        found, _ = mj.load(tmp_path / "chip.safetensors")
    assert found["scale"].dtype == np.float64
    np.testing.assert_array_equal(found["scale"], [1 / 3])


class Fading(mj.effects.Reading):
    """An effect from outside the package."""

    factor: float = 0.5

    def read(self, conductance: Array, memory: dict, cell: mj.Cell) -> Array:
        return self.factor * conductance


def test_a_class_of_somebody_else_must_be_given(tmp_path):
    hardware = mj.Hardware(effects=(Fading(0.25),))
    mj.save(tmp_path / "chip.safetensors", {}, hardware)
    with pytest.raises(ValueError, match=r"the class .*test_files\.Fading is none of memjax: pass specs=\(Fading"):
        mj.load(tmp_path / "chip.safetensors")
    assert same(mj.load(tmp_path / "chip.safetensors", specs=(Fading,))[1], hardware)
    with pytest.raises(TypeError, match="specs must be subclasses of the specs of memjax, got <function"):
        mj.load(tmp_path / "chip.safetensors", specs=(mj.program,))


def test_nothing_in_a_file_is_run(tmp_path):
    """A name that can be imported is still no class of the table."""
    path = tmp_path / "chip.safetensors"
    mj.save(path, {}, mj.Hardware(effects=(Fading(),)))
    content = path.read_bytes().replace(f"{Fading.__module__}.Fading".encode(), b"subprocess.Popen".ljust(17))
    path.write_bytes(content)
    with pytest.raises(ValueError, match="chip.safetensors is "):
        mj.load(path)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "chip.safetensors"
    mj.save(path, {"dense": mj.program(mj.Hardware(tile=(4, 3)), W, KEY)}, mj.Hardware(tile=(4, 3)))
    return path


def test_a_damaged_file_is_refused(saved):
    whole = saved.read_bytes()
    for content in (b"", whole[:5], whole[:200], whole[:-1], b"no tensors at all, but some text"):
        saved.write_bytes(content)
        with pytest.raises(ValueError, match=r"chip.safetensors is no whole safetensors file: "):
            mj.load(saved)
    for place in (len(whole) - 3, whole.index(b"DoubleColumn"), whole.index(b"(4, 3)") if b"(4, 3)" in whole else -9):
        changed = bytearray(whole)
        changed[place] ^= 1
        saved.write_bytes(changed)
        with pytest.raises(ValueError, match="chip.safetensors is damaged: its checksum does not fit its content"):
            mj.load(saved)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.safetensors is no file"):
        mj.load(tmp_path / "none.safetensors")
    path = tmp_path / "weights.safetensors"
    save_file({"kernel": np.ones(3)}, path)
    with pytest.raises(ValueError, match="weights.safetensors holds no chip of memjax.save, only 1 arrays"):
        mj.load(path)
    save_file({"kernel": np.ones(3)}, path, {"format": "memjax chip 9", "content": "{}"})
    with pytest.raises(ValueError, match="has the format 'memjax chip 9' of another memjax"):
        mj.load(path)


def test_a_write_that_fails_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        mj.save(saved, {"other": np.ones(3)})
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


CANNOT = [
    (dict(chip=[1]), TypeError, "chip must be a dict, as made by program, got list"),
    (dict(chip={"a": {1: np.ones(2)}}), TypeError, "chip/a must have strings as keys, got 1"),
    (dict(chip={"key": KEY}), TypeError, "chip/key must be of one of the types bool, int8, "),
    (dict(chip={"f": print}), TypeError, "chip/f must be numbers, text"),
    (dict(chip={"names": np.array(["a"])}), TypeError, "complex64, got <U1"),
    (dict(hardware="fine"), TypeError, "hardware must be a Hardware, a dict of patterns or None, got 'fine'"),
    (dict(hardware={"*": mj.Cell()}), TypeError, "hardware['*'] must be a Hardware or None, got Cell"),
    (dict(hardware=mj.Hardware(effects=(Fading(print),))), TypeError, "hardware/effects/0/factor must be numbers"),
]


@pytest.mark.parametrize(("options", "kind", "expected"), CANNOT)
def test_what_cannot_be_saved(options, kind, expected, tmp_path):
    with pytest.raises(kind) as error:
        mj.save(tmp_path / "chip.safetensors", **{"chip": {}} | options)
    assert expected in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_file_is_as_readable_as_any_other(saved):
    other = saved.with_name("other")
    other.write_bytes(b"")
    assert saved.stat().st_mode == other.stat().st_mode


def test_traced_values_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match="chip/scale must be a concrete number to be saved, got a traced one"):
        jax.jit(lambda scale: mj.save(tmp_path / "chip.safetensors", {"scale": scale}))(1.0)


def test_specs_have_one_name_each():
    """`Offset` is a mapping and an error of an ADC."""
    specs = public_specs()
    assert specs["mapping.Offset"] is mj.mapping.Offset
    assert specs["converters.Offset"] is mj.converters.Offset
    assert len(set(specs.values())) == len(specs)
    assert not any(isinstance(spec, types.FunctionType) for spec in specs.values())
