"""`memjax device`: a model, its figure and its table."""

import pytest

from memjax import devices as md
from memjax.cli import main
from memjax.cli._device import MODELS, presets


def run(*arguments) -> int:
    """The exit status."""
    try:
        main(["device", *map(str, arguments)])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_writes_figure_and_table(tmp_path, capsys):
    out, csv = tmp_path / "new" / "a.png", tmp_path / "a.csv"
    arguments = ["--preset", "biolek_hard", "--amplitude", 1.2, "--samples", 200, "--method", "rk4"]
    assert run("linearIonDrift", *arguments, "--out", out, "--csv", csv) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    table = md.read_measurement(csv)
    assert table.time.size == 401
    assert abs(table.voltage.max() - 1.2) < 1e-3
    shown = capsys.readouterr().out
    assert "LinearIonDrift.biolek_hard, 1.2 V at 1 Hz" in shown
    assert str(out) in shown


def test_the_stiff_preset_switches_completely(tmp_path, capsys):
    """Pt/Hf/Ti: 9 decades between SET and RESET, one complete cycle at 1 V and 1 Hz."""
    assert run("vteam", "--preset", "pt_hf_ti", "--samples", 500, "--out", tmp_path / "a.svg") == 0
    assert "state        0 to 1" in capsys.readouterr().out


def test_warns_of_coarse_steps(tmp_path, capsys):
    assert run("vteam", "--method", "heun", "--samples", 100, "--out", tmp_path / "a.pdf") == 0
    assert "substeps=" in capsys.readouterr().out


def test_every_model_has_a_parameter_set():
    assert {"vteam", "team", "simmons", "yakopcic", "stanfordpku", "memdiode", "pcm", "sttmram"} <= set(MODELS)
    for model in MODELS:
        for name in presets(model):
            assert isinstance(getattr(MODELS[model], name)(), md.AbstractDevice)
    assert all(presets(model) for model in MODELS)
    assert presets("vteam") == ["pt_hf_ti", "ferroelectric", "memtorch"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vteem"], "model must be one of"),
        (["vteam", "--preset", "gold"], "preset of vteam must be one of pt_hf_ti, ferroelectric, memtorch; got 'gold'"),
        (["vteam", "--frequency", "0"], "frequency must be positive and finite; got 0"),
        (["vteam", "--amplitude", "nan"], "amplitude must be positive and finite"),
        (["vteam", "--samples", "0"], "samples must be at least 1"),
        (["vteam", "--series", "-5"], "Series.resistance must be finite and in [0, inf], got -5"),
        (["vteam", "--out", "figure.bmp"], "out must end in .png, .pdf or .svg"),
    ],
)
def test_wrong_arguments_are_named(arguments, message, capsys):
    assert run(*arguments) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
