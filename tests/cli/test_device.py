"""`memjax device`: a model, its figure and its table."""

import numpy as np
import pytest

import memjax
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


@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_set_runs_with_its_own_drive(model, tmp_path, capsys):
    """And its state moves."""
    for name in presets(model):
        csv = tmp_path / f"{name}.csv"
        assert (
            run(model, "--preset", name, "--samples", 16, "--periods", 1, "--out", tmp_path / "a.svg", "--csv", csv)
            == 0
        )
        table = np.genfromtxt(csv, delimiter=",", names=True)
        assert all(np.isfinite(table[column]).all() for column in table.dtype.names)
        if model != "pcm":
            assert np.ptp(table["state"]) > 0.05
    assert "Written" in capsys.readouterr().out


def test_phase_change_cells_show_their_statistics(tmp_path, capsys):
    """Drift over a year: the median of each level falls by (1 + t/t_0)^-nu, with nu about 0.05 at G_max."""
    csv = tmp_path / "a.csv"
    assert run("pcm", "--out", tmp_path / "a.png", "--csv", csv) == 0
    table = np.genfromtxt(csv, delimiter=",", names=True)
    left = table["conductance_1"][-1] / table["conductance_1"][0]
    assert left == pytest.approx((1 + table["time"][-1] / 20) ** -0.049, rel=0.05)
    assert "programming error at half of G_max  9.527e-07 S" in capsys.readouterr().out


def test_says_its_version(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"memjax {memjax.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vteem"], "model must be one of"),
        (["vteam", "--preset", "gold"], "preset of vteam must be one of pt_hf_ti, ferroelectric, memtorch; got 'gold'"),
        (["vteam", "--frequency", "0"], "frequency must be positive and finite; got 0"),
        (["vteam", "--amplitude", "nan"], "amplitude must be positive and finite"),
        (["vteam", "--samples", "0"], "samples must be at least 1"),
        (["vteam", "--series", "-5"], "Series.resistance must be finite and in [0, inf] ohm, got -5"),
        (["vteam", "--out", "figure.bmp"], "out must end in .png, .pdf or .svg"),
    ],
)
def test_wrong_arguments_are_named(arguments, message, capsys):
    assert run(*arguments) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
