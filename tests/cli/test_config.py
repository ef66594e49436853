"""The file of `memjax sweep`: what it says, and what is said about a wrong one."""

import jax
import numpy as np
import pytest

import memjax as mj
from memjax.cli import _build, _config, _toml

WHOLE = """\
samples = 3

[data]
name = "digits"

[network]
name = "mlp"

[hardware]
tile = [32, 16]
mapping = "DualRow"

[hardware.cell]
r_on = 5_000
r_off = 1e5
levels = 6

[hardware.adc]
kind = "LogAdc"
range = { kind = "Dynamic", overflow = 0.01 }

[[effects]]
kind = "StuckAt"
lrs = 0.01

[[effects]]
kind = "Drift"

[age]
temperature = 350

[grid]
"hardware.adc.bits" = [4, 6]
"effects.Drift.nu, age.seconds" = [
  [0.1, 60],
  [0.2, 3600],  # one hour
]
"""


LISTS = """
[[effects]]
kind = "Endurance"
lrs = [1e4, 0.1, 0, 0.5]
hrs = [1e5, 0, 0, 0]

[[effects]]
kind = "FiniteStates"
table = [1e-5, 5e-5, 1e-4]

[[effects]]
kind = "PhaseChange"

[hardware.cell]
r_on = 1e5
r_off = 1e7

[age]
reads = 5
"""


@pytest.fixture
def read(tmp_path):
    def parse(text):
        path = tmp_path / "a.toml"
        path.write_text(text)
        return _config.read(path)

    return parse


def test_a_file_becomes_hardware_at_every_point(read):
    config = read(WHOLE)
    assert (config.samples, config.seed, config.batch_size, config.dataset) == (3, 0, None, "digits")
    assert (config.network, config.steps, config.images) == ("mlp", 2500, 1000)
    assert config.grid == {"adc_bits": [4, 6], ("Drift_nu", "age_seconds"): [(0.1, 60), (0.2, 3600)]}
    assert config.paths == {
        "adc_bits": "hardware.adc.bits",
        "Drift_nu": "effects.Drift.nu",
        "age_seconds": "age.seconds",
    }
    points = list(config.points())
    assert len(points) == 4
    assert config.hardware(points[-1]) == mj.Hardware(
        cell=mj.Cell(r_on=5000, r_off=1e5, levels=6),
        mapping=mj.mapping.DualRow(),
        tile=(32, 16),
        adc=mj.LogAdc(bits=6, range=mj.Dynamic(overflow=0.01)),
        effects=(mj.effects.StuckAt(lrs=0.01), mj.effects.Drift(nu=0.2)),
    )
    assert config.age(points[-1]) == {"temperature": 350, "seconds": 3600}


BASE = '[data]\nname = "digits"\n[network]\nname = "cnn"\n'  # the next line is 5


def test_what_is_left_out_is_the_default_hardware(read):
    config = read(BASE + "[hardware.adc]\nsubtract = 'digital'\n[grid]\nhardware.dac.bits = [8]\n")
    assert config.hardware(next(config.points())) == mj.Hardware(adc=mj.Adc(bits=8, subtract="digital"))
    config = read(BASE + "[hardware]\n[grid]\nhardware.tile = [[16, 16]]")
    assert config.hardware(next(config.points())) == mj.Hardware(tile=(16, 16))
    config = read(BASE + "[hardware]\ncell = {}\nadc = {bits = 'none'}\n[grid]\n'hardware.dac.bits' = ['none', 4]\n")
    assert config.hardware(next(config.points())) == mj.Hardware(adc=mj.Adc(), dac=mj.Dac())


def test_an_encoding_of_the_inputs(read):
    dac = "[hardware.dac]\nbits = 5\nencoding = {kind = 'BitSerial', planes = 4}\n"
    config = read(BASE + dac + "[grid]\nhardware.adc.bits = [4]\n")
    assert config.hardware({}).dac == mj.Dac(5, encoding=mj.converters.BitSerial(4))


def test_wires_of_the_tiles_and_of_the_controller(read):
    effect = '[[effects]]\nkind = "Predistortion"\nheadroom = 0.7\nwires = { row = 2, column = 3 }\n'
    config = read(BASE + "[hardware.wires]\ncolumn = 3\n" + effect + "[grid]\nhardware.wires.row = [1, 2]\n")
    reckoned = mj.Wires(row=2, column=3)
    assert config.hardware(list(config.points())[1]) == mj.Hardware(
        wires=reckoned, effects=(mj.effects.Predistortion(reckoned, headroom=0.7),)
    )


def test_lists_of_numbers_are_constants_of_an_effect(read):
    endurance, states, _ = read(BASE + LISTS + REST).hardware({}).effects
    assert endurance == mj.effects.Endurance((1e4, 0.1, 0, 0.5), (1e5, 0, 0, 0))
    assert states.table == (1e-5, 5e-5, 1e-4)
    with pytest.raises(ValueError, match=r"effects.0.lrs: Endurance.lrs must be a tuple of 4 numbers"):
        read(BASE + LISTS.replace("0, 0.5]", "0.5]") + REST)


def test_words_lists_and_switches_are_static_and_numbers_traced(read):
    grid = """[grid]
    "hardware.mapping" = ["DoubleColumn", "Offset"]
    "hardware.tile" = [[16, 16], [32, 32]]
    "hardware.adc.clip_gradient" = [true, false]
    "hardware.adc.range" = ["Dynamic", 1e-4]
    "effects.0.r_on_std" = [0, 10_000_000_000]
    "effects.2.r_on_std" = [1]
    """
    effects = "[[effects]]\nkind='DeviceVariation'\n[[effects]]\nkind='StuckAt'\n[[effects]]\nkind='DeviceVariation'\n"
    config = read(BASE + "[hardware]\n" + effects + grid)
    assert config.static == ["adc_clip_gradient"]
    assert list(config.grid)[-2:] == ["DeviceVariation0_r_on_std", "DeviceVariation2_r_on_std"]
    assert np.asarray(config.grid["DeviceVariation0_r_on_std"]).dtype == float  # beyond JAX's integers
    last = config.hardware(list(config.points())[-1])
    assert (last.mapping, last.tile, last.adc.range) == (mj.mapping.Offset(), (32, 32), 1e-4)
    assert last.adc.clip_gradient is False
    first = next(config.points())
    traced = jax.eval_shape(lambda std: config.hardware(first | {"DeviceVariation0_r_on_std": std}), 1.0)
    assert traced.effects[0].r_on_std.shape == ()
    assert isinstance(traced.adc.range, mj.Dynamic)


def test_every_effect_mapping_and_network_has_a_name():
    assert {"DeviceVariation", "StuckAt", "ProgrammingNoise", "ReadNoise", "Drift"} <= _build.EFFECTS.keys()
    mappings = _build.SLOTS["hardware.mapping"]
    assert list(mappings) == ["DoubleColumn", "BitSliced", "DualRow", "CurrentMirror", "Offset", "Pairs"]
    assert "Fabrication" not in _build.EFFECTS


REST = '[hardware]\ntile = [16, 16]\n[grid]\n"hardware.adc.bits" = [4]\n'  # lines 5 to 8 after BASE
VARIATION = '[[effects]]\nkind = "DeviceVariation"\nr_on_std = 10\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # TOML
        ("[data\n", "line 1: not TOML: "),
        (BASE + "x = [1,\n", "line 5: not TOML: "),
        ("[data]\n[data]\n", "line 2: not TOML: "),
        ("a = " + 10_000 * "[", ": not TOML: "),
        ("a = 1\nb = " + 5000 * "9", "line 2: must be an integer of fewer digits: "),
        # Integers
        (
            BASE + "[hardware.cell]\nr_off = 1" + 400 * "0" + "\n[grid]\n",
            "line 6: hardware.cell.r_off: must be an integer that a floating-point number holds exactly, got an "
            "integer of about 401 digits",
        ),
        (
            BASE + "[hardware]\ntile = [0x" + 4000 * "f" + ", 16]\n[grid]\n",
            "line 6: hardware.tile: must be an integer that a",
        ),
        (
            BASE + "[hardware]\n[grid]\nhardware.cell.r_off = [1e5, 9007199254740993]",
            "line 7: grid.hardware.cell.r_off: must be an integer that a floating-point number holds exactly, got "
            "9007199254740993",
        ),
        (
            "seed = 1" + 400 * "0" + "\n" + BASE + REST,
            "seed: must be an integer from 0 to 4294967295, got an integer of",
        ),
        # Tables
        ("", ": data: the table [data] is missing"),
        (REST, ": data: the table [data] is missing"),
        (BASE + REST.partition("[grid]")[0], ": grid: the table [grid] is missing"),
        (BASE + REST + "[hardwear]\na = 1", "line 9: hardwear: unknown table, the tables are data, network,"),
        ("data = 3\n", "line 1: data: must be a table, [data]"),
        (BASE + REST + "[effects]\nkind = 'StuckAt'", "line 9: effects: must be tables, each headed [[effects]]"),
        (BASE + "[hardware]\n[grid]\n", "line 6: grid: must have at least one entry"),
        # Simple fields
        ("chips = 3\n" + BASE + REST, "line 1: chips: unknown field, outside the tables there are samples, seed"),
        ("samples = 0\n" + BASE + REST, "line 1: samples: must be an integer from 1 to 2147483647, got 0"),
        ("samples = 2.5\n" + BASE + REST, "line 1: samples: must be an integer from 1 to 2147483647, got 2.5"),
        ("seed = true\n" + BASE + REST, "line 1: seed: must be an integer from 0 to 4294967295, got true"),
        ("batch_size = '4'\n" + BASE + REST, "line 1: batch_size: must be an integer from 1"),
        ("[network]\nname='mlp'\n[data]\n" + REST, "line 3: data.name: is missing, it must be one of digits, mnist"),
        (BASE.replace("digits", "imagenet") + REST, "line 2: data.name: must be one of digits, mnist, fashion"),
        (BASE.replace('"cnn"', "[1]") + REST, "line 4: network.name: must be one of cnn, mlp, got [1]"),
        (BASE + "step = 3\n" + REST, "line 5: network.step: unknown field, [network] has steps, name"),
        # Hardware: the library's own checks
        (BASE + "[hardware]\ntile = [16]\n" + REST[27:], "line 6: hardware.tile: Hardware.tile must be a tuple"),
        (BASE + "[hardware]\ntile = 16\n" + REST[27:], "line 6: hardware.tile: Hardware.tile must be a tuple"),
        (BASE + "[hardware]\nschedule = 'fast'\n" + REST[27:], "line 6: hardware.schedule: Hardware.schedule must be"),
        (BASE + "[hardware]\nmapping = 'Ofset'\n" + REST[27:], "line 6: hardware.mapping.kind: must be one of Double"),
        (BASE + "[hardware]\nwires = 1\n" + REST[27:], "line 6: hardware.wires: Hardware.wires must be a Wires"),
        (BASE + REST + "[hardware.wires]\nrow = -1\n", "line 10: hardware.wires.row: Wires.row must be finite"),
        (
            BASE + REST + "[hardware.wires]\nlength = 1\n",
            "line 10: hardware.wires.length: unknown field, Wires has row",
        ),
        (BASE + "[hardware]\ncell = 3\n" + REST[27:], "line 6: hardware.cell: Hardware.cell must be a Cell such as"),
        (BASE + REST + "[hardware.cell]\n\nr_off = 1\n", "line 9: hardware.cell.r_on: Cell.r_on must be smaller"),
        (
            BASE + REST + "[hardware.cell]\nr_off = nan\n",
            "line 10: hardware.cell.r_off: Cell.r_off must be a number in",
        ),
        (
            BASE + REST + "[hardware.cell]\nr_of = 1\n",
            "line 10: hardware.cell.r_of: unknown field, Cell has r_on, r_off",
        ),
        (BASE + REST + "[hardware.dac]\nbits = '8'\n", "line 10: hardware.dac.bits: must be a number, got '8'"),
        (BASE + REST + "[hardware.dac]\nbits = true\n", "line 10: hardware.dac.bits: must be a number, got true"),
        (BASE + REST + "[hardware.dac]\nv_max = 1979-05-27\n", "line 10: hardware.dac.v_max: must be a number, got"),
        (BASE + REST + "[hardware.dac]\nclip_gradient = 1\n", "line 10: hardware.dac.clip_gradient: must be true or"),
        (BASE + REST + "[hardware.dac.bits]\na = 1\n", "line 9: hardware.dac.bits: must be a value, not a table"),
        (BASE + REST + "[hardware.adc]\ncodes = 'grey'\n", "line 10: hardware.adc.codes: Adc.codes must be one of"),
        (BASE + REST + "[hardware.adc]\nkind = 'Dac'\n", "line 10: hardware.adc.kind: must be one of Adc, LogAdc, got"),
        (
            BASE + "[hardware]\nmapping = 'DualRow'\nadc.subtract = 'digital'\n" + REST[27:],
            "line 7: hardware.adc.subtract: Adc.subtract must be 'analog' for DualRow",
        ),
        # Effects and age
        (BASE + REST + "[[effects]]\nlrs = 1", "line 9: effects.0.kind: is missing, it must be one of Cubic"),
        (BASE + REST + VARIATION + "[[effects]]\nkind = 'Wind'", "line 13: effects.1.kind: must be one of Cubic"),
        (BASE + REST + VARIATION + "std = 3", "line 12: effects.0.std: unknown field, DeviceVariation has r_on_std, r"),
        (BASE + REST + VARIATION + "r_off_std = -1", "line 12: effects.0.r_off_std: DeviceVariation.r_off_std must be"),
        (BASE + REST + "[[effects]]\nkind = 'Drift'", "line 9: effects.0.nu: is missing, Drift needs it"),
        (BASE + REST + "[[effects]]\nkind = 'Drift'\nnu = 1", ": effects: Drift needs a table [age], with seconds"),
        (BASE + REST + "[age]\nseconds = 1", "line 9: age: needs an effect that ages, such as Drift"),
        (BASE + REST + "[age]\nseconds = -1", "line 10: age.seconds: seconds must be finite and in [0, inf], got -1"),
        (BASE + REST + "[age]\nhours = 1", "line 10: age.hours: unknown field, [age] has seconds, cycles, temperature"),
        # Grid
        (BASE + REST + "samples = [3]", "line 9: grid.samples: must be a path into hardware, effects or age, such as"),
        (BASE + REST + "hardware.dac.bits = 4", "line 9: grid.hardware.dac.bits: must be a list of values, got 4"),
        (BASE + REST + "hardware.dac.bits = []", "line 9: grid.hardware.dac.bits: must have at least one value"),
        (BASE + REST + "hardware.dac.bit = [4]", "line 9: grid.hardware.dac.bit: unknown field, Dac has bits, v_max"),
        (
            BASE + REST + "hardware.dac = [4]",
            "line 9: grid.hardware.dac: Hardware.dac must be a Dac such as Dac(bits=8), got 4",
        ),
        (
            BASE + REST + "hardware.dac.bits = [\n8,\n40]",
            "line 9: grid.hardware.dac.bits: Dac.bits must be finite and in",
        ),
        (BASE + REST + "hardware.dac.bits = [8, 'x']", "line 9: grid.hardware.dac.bits: must be a number, got 'x'"),
        (BASE + REST + "hardware.adc.range = [{overflow = 0}]", "line 9: grid.hardware.adc.range: must have numbers"),
        (BASE + VARIATION + REST + "effects.0 = ['StuckAt']", "line 12: grid.effects.0: must name a field of the"),
        (BASE + REST + "hardware.mapping = ['Ofset']", "line 9: grid.hardware.mapping: must be one of DoubleColumn,"),
        (BASE + REST + "hardware.adc.bits = [5]", "line 8: grid.hardware.adc.bits: is given twice"),
        (BASE + REST + "' hardware.adc.bits' = [5]", "line 9: grid. hardware.adc.bits: is in the grid twice"),
        (
            BASE + REST + "'hardware.dac.bits, age.seconds' = [[1, 2], [3]]",
            "line 9: grid.hardware.dac.bits, age.seconds",
        ),
        (
            BASE + REST + "effects.StuckAt.lrs = [0]",
            "line 9: grid.effects.StuckAt.lrs: there is no effect StuckAt, only none",
        ),
        (
            BASE + VARIATION + REST + "effects.5.lrs = [0]",
            "line 12: grid.effects.5.lrs: there is no effect 5, only Device",
        ),
        (
            BASE + 2 * VARIATION + REST + "effects.DeviceVariation.r_on_std = [0]",
            "there are 2 effects DeviceVariation: write effects.0.r_on_std or effects.1.r_on_std",
        ),
        (
            BASE + REST + "hardware.mapping = ['DoubleColumn', 'DualRow']\nhardware.tile = [[1, 4]]",
            "line 10: grid.hardware.tile: Hardware.tile must be at least (2, 1) for DualRow",
        ),
        (
            BASE + REST + "hardware.cell.r_on = [1, 1e3]\nhardware.cell.r_off = [1e4, 1e3]",
            "line 9: grid.hardware.cell.r_on: Cell.r_on must be smaller than Cell.r_off, got r_on=1000.0",
        ),
    ],
)
def test_a_wrong_file_is_named_with_line_and_key(read, tmp_path, text, message):
    with pytest.raises(ValueError, match="a.toml") as error:
        read(text)
    assert str(error.value).startswith(str(tmp_path / "a.toml"))
    assert message in str(error.value)


def test_large_integers_are_taken_where_they_are_exact(read):
    config = read("seed = 4000000000\n" + BASE + "[hardware]\n[grid]\nhardware.cell.r_off = [3000000000]\n")
    assert config.seed == 4_000_000_000
    assert config.grid == {"cell_r_off": [3e9]}


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(OSError, match="a.toml cannot be read: No such file"):
        _config.read(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="b.toml must be text in UTF-8"):
        _config.read(tmp_path / "b.toml")


def test_lines_follow_statements_of_any_shape():
    text = """\
a = 1
"b.c" = \"\"\"
[not.a.table]
d = 1
\"\"\"
e = [
  [1],
  [2]
]
# f = 1
[ x . "y" ]
z.w = {p = 1, q = [{r = 1}]}
[[l]]
k = 1
[[l]]
k = "[" # [
"""
    assert _toml.lines(text) == {
        "a": 1,
        "b.c": 2,
        "e": 6,
        "x.y": 11,
        "x.y.z": 12,
        "x.y.z.w": 12,
        "x.y.z.w.p": 12,
        "x.y.z.w.q": 12,
        "x.y.z.w.q.0": 12,
        "x.y.z.w.q.0.r": 12,
        "l.0": 13,
        "l.0.k": 14,
        "l.1": 15,
        "l.1.k": 16,
    }
