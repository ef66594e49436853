"""Progress is shown to people only."""

import sys
import types

from memjax.montecarlo._progress import progress


def shown(capsys, wanted=True) -> str:
    with progress(wanted, 10, 2) as advance:
        advance(3)
        advance(5)
    return capsys.readouterr().err


def test_silent_where_nobody_watches(capsys):
    """Captured output is no terminal; an imported IPython is no notebook yet."""
    import IPython  # noqa: F401

    assert shown(capsys) == ""


def test_shown_in_a_notebook(capsys, monkeypatch):
    class ZMQInteractiveShell:
        pass

    class Shell(ZMQInteractiveShell):  # as Colab has it
        pass

    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=Shell))
    assert "100%" in shown(capsys)
    assert shown(capsys, wanted=False) == ""
