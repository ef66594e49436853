"""Cells and mappings refuse what cannot be: one line that names the argument, the value and what is valid."""

import jax
import numpy as np
import pytest

import memjax as mj

NAN, INF = float("nan"), float("inf")
MAPPINGS = ["DoubleColumn", "DualRow", "Offset", "CurrentMirror"]
CASES = [
    (lambda: mj.Cell(r_on=0.0), "Cell.r_on", "(0, inf]", "0.0"),
    (lambda: mj.Cell(r_on=-1e3), "Cell.r_on", "(0, inf]", "-1000.0"),
    (lambda: mj.Cell(r_on=NAN), "Cell.r_on", "(0, inf]", "nan"),
    (lambda: mj.Cell(r_on=INF), "Cell.r_on", "finite", "inf"),
    (lambda: mj.Cell(r_off=-1.0), "Cell.r_off", "(0, inf]", "-1.0"),
    (lambda: mj.Cell(r_on=1e5, r_off=1e5), "Cell.r_on", "smaller than Cell.r_off", "r_on=100000.0"),
    (lambda: mj.Cell(r_on=2e5, r_off=1e5), "Cell.r_on", "smaller than Cell.r_off", "r_off=100000.0"),
    (lambda: mj.Cell(r_on=np.array([1.0, 3.0]), r_off=np.array([2.0, 2.0])), "Cell.r_on", "smaller", "3."),
    (lambda: mj.Cell(levels=1), "Cell.levels", "[2, inf]", "1"),
    (lambda: mj.Cell(levels=0), "Cell.levels", "[2, inf]", "0"),
    (lambda: mj.Cell(levels=NAN), "Cell.levels", "[2, inf]", "nan"),
    (lambda: mj.mapping.CurrentMirror(gain_error=NAN), "CurrentMirror.gain_error", "[-1, 1]", "nan"),
    (lambda: mj.mapping.CurrentMirror(gain_error=2.0), "CurrentMirror.gain_error", "[-1, 1]", "2.0"),
]


def check(make, name, valid, value):
    with pytest.raises(ValueError, match=name.replace(".", r"\.")) as error:
        make()
    message = str(error.value)
    assert valid in message
    assert value in message
    assert "\n" not in message


@pytest.mark.parametrize(("make", "name", "valid", "value"), CASES)
def test_value(make, name, valid, value):
    check(make, name, valid, value)


@pytest.mark.parametrize("kind", MAPPINGS)
@pytest.mark.parametrize(
    ("options", "name", "valid", "value"),
    [
        ({"scaling": "row"}, "scaling", "'matrix', 'column'", "'row'"),
        ({"percentile": 0.0}, "percentile", "(0, 100]", "0.0"),
        ({"percentile": 101.0}, "percentile", "(0, 100]", "101.0"),
        ({"percentile": NAN}, "percentile", "(0, 100]", "nan"),
    ],
)
def test_mapping(kind, options, name, valid, value):
    check(lambda: getattr(mj.mapping, kind)(**options), f"{kind}.{name}", valid, value)


@pytest.mark.parametrize("value", ["1e4", None, [1.0], (1.0,)])
def test_kind(value):
    for name in ("r_on", "r_off"):
        with pytest.raises(TypeError, match=rf"Cell\.{name} must be a number in \(0, inf\] ohm, got"):
            mj.Cell(**{name: value})


def test_traced_values_are_let_through():
    jax.jit(lambda on, off, n: mj.Cell(r_on=on, r_off=off, levels=n))(2.0, 1.0, 0)
    jax.jit(lambda p, e: mj.mapping.CurrentMirror(percentile=p, gain_error=e))(-1.0, 5.0)
