"""The help of every command: an example that the command takes, in a time that nobody notices."""

import re
import shlex
import subprocess
import sys

import pytest

from memjax.cli import main

COMMANDS = ["quickstart", "device", "sweep", "spice", "cost", "doctor", "memory", "memory macro", "memory run"]


def help_of(capsys, command: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_the_commands_are_these(capsys):
    shown = help_of(capsys, "")
    (names,) = re.findall(r"\{([a-z,]+)\}", shown)
    assert names.split(",") == [command for command in COMMANDS if " " not in command]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_has_options_that_there_are(capsys, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    shown = help_of(capsys, command)
    example = re.findall(rf"Example: memjax ({command}[^│\n]*)", shown)[0]
    known = help_of(capsys, "memory macro") if command == "memory" else shown
    options = [word for word in shlex.split(example) if word.startswith("--")]
    assert [option for option in options if not re.search(rf"{option}\b", known)] == []


def test_help_imports_neither_figures_nor_frames():
    """Nor flax: they take longer than all the rest."""
    program = (
        "import sys\nfrom memjax.cli import main\n"
        "try:\n    main(['sweep', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'matplotlib.figure', 'pandas', 'xarray', 'flax', 'sklearn'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"
