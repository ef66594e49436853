"""Netlists that ngspice runs, and what it answers."""

import shutil
import subprocess

import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from memjax import circuit
from memjax import devices as md
from memjax import effects as me
from memjax.circuit._expression import expression

ngspice = [
    pytest.mark.ngspice,
    pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed"),
]
RNG = np.random.default_rng(0)
CONDUCTANCE = RNG.uniform(1e-6, 1e-4, (4, 3)) * (RNG.random((4, 3)) < 0.8)
VOLTAGE = np.array([0.3, -0.1, 0.2, 0.4])
SMOOTH = md.windows.Kvatinsky(a_up=0.8, a_down=0.2, w_c=0.1)
VTEAM = md.VTEAM(
    k_off=2e-3, k_on=-5e-3, v_off=0.4, v_on=-0.5, alpha_off=1.5, alpha_on=2.0, r_on=200.0, r_off=4e3, window=SMOOTH
)


def run(tmp_path, *arguments, time=None, **options):
    """The answer of ngspice."""
    (tmp_path / "array.cir").write_text(circuit.to_spice(*arguments, time=time, **options))
    subprocess.run(["ngspice", "-b", "array.cir"], check=True, capture_output=True, timeout=120, cwd=tmp_path)
    return circuit.from_spice(tmp_path / "crossbar.raw", time)


class TestRoundTrip:
    pytestmark = ngspice

    @pytest.mark.parametrize("double", [False, True])
    def test_without_wires_it_is_ohms_law(self, double, tmp_path):
        found = run(
            tmp_path, CONDUCTANCE, VOLTAGE, mj.Wires(double_drive=double, double_sense=double), sense_voltage=0.05
        )
        np.testing.assert_allclose(found.current, (VOLTAGE - 0.05) @ CONDUCTANCE, rtol=1e-12)
        np.testing.assert_allclose(found.source_current, ((VOLTAGE[:, None] - 0.05) * CONDUCTANCE).sum(1), rtol=1e-12)
        assert found.time is None
        assert found.state is None

    @pytest.mark.parametrize(
        "wires",
        [
            mj.Wires(row=1.0, column=2.0, source=3.0, sense=4.0),
            mj.Wires(row=RNG.uniform(1, 9, (4, 3)), column=RNG.uniform(1, 9, 4), sense=np.array([0.0, 1.0, 20.0])),
            mj.Wires(
                row=1.0, column=2.0, source=np.array([0.0, np.inf, 3.0, 4.0]), double_drive=True, double_sense=True
            ),
            mj.Wires(row=50.0, sense=np.array([10.0, 0.0, np.inf])),
        ],
    )
    def test_network_is_that_of_solve(self, wires, tmp_path, x64):
        options = dict(sense_voltage=np.array([0.0, 0.1, 0.05]))
        found = run(tmp_path, CONDUCTANCE, VOLTAGE, wires, **options)
        expected = circuit.solve(CONDUCTANCE, VOLTAGE, wires, **options)
        for name in ("current", "source_current", "word_line_voltage", "bit_line_voltage"):
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-10, atol=1e-15)

    def test_sinh_cells_carry_the_currents_of_their_voltages(self, tmp_path):
        conduction = me.SinhConduction(k=5.0, v_read=0.25)
        found = run(tmp_path, CONDUCTANCE, 3 * VOLTAGE, mj.Wires(50.0, 20.0, 10.0, 5.0), conduction=conduction)
        cell = found.word_line_voltage - found.bit_line_voltage
        assert np.abs(cell).max() < 0.98 * 1.2
        expected = CONDUCTANCE * 0.25 * np.sinh(5 * cell) / np.sinh(1.25)
        np.testing.assert_allclose(found.current, expected.sum(0), rtol=1e-8)
        np.testing.assert_allclose(found.source_current, expected.sum(1), rtol=1e-8)

    def test_vteam_cells_without_wires_move_as_single_devices(self, tmp_path, x64):
        time = np.linspace(0, 2e-6, 201)
        volts = np.sin(np.pi * 1e6 * time)[:, None] * np.array([0.9, 0.7])
        states = np.array([[0.3, 0.5, 0.7], [0.4, 0.6, 0.2]])
        # A parameter that differs from cell to cell.
        device = md.VTEAM(**{name: getattr(VTEAM, name) for name in ("k_off", "k_on", "v_on", "alpha_off", "alpha_on")},
                          v_off=0.3 + 0.1 * states, r_on=200.0, r_off=4e3, window=SMOOTH)  # fmt: skip
        found = run(tmp_path, None, volts, mj.Wires(), time=time, device=device, state=states)
        trace = md.simulate(device, jnp.repeat(volts[..., None], 3, -1), time, states, substeps=4)
        assert np.ptp(found.state, axis=0).min() > 0.04
        np.testing.assert_allclose(found.state, trace.state, atol=3e-5)
        np.testing.assert_allclose(found.current, trace.current.sum(1), atol=3e-5 * np.abs(found.current).max())

    def test_device_cells_at_rest_are_an_operating_point(self, tmp_path, x64):
        states = np.array([[0.3, 0.5], [0.4, 0.6]])
        found = run(tmp_path, None, VOLTAGE[:2], mj.Wires(), device=VTEAM, state=states, line_voltages=False)
        np.testing.assert_allclose(found.current, VOLTAGE[:2] @ np.asarray(VTEAM.conductance(states)), rtol=1e-9)
        assert found.word_line_voltage is None

    def test_expression_says_what_the_function_says(self, tmp_path, x64):
        def fn(x, y):
            power = jnp.where((x > 0) & ~(x >= 1), jnp.exp(y * jnp.log(jnp.where(x > 0, x, 1.0))), -x)
            bounded = jnp.clip(power, -2.0, jnp.sinh(x) ** 2 + y**3)
            return bounded - jnp.minimum(x, 0.2) / (1 + jnp.abs(x)) ** 2.0 + jnp.sign(x) ** 3 + 1e-3 * x**-2

        points = [-1.7, 0.3, 1.2]
        deck = ["functions"]
        for k, x in enumerate(points):
            deck += [f"V{k} a{k} 0 {x}", f"B{k} b{k} 0 V={expression(fn, f'V(a{k})', 0.5)}"]
        deck += [".control", "op", "set wr_singlescale", "set numdgt=15", "wrdata out.txt v(b0) v(b1) v(b2)", "quit"]
        deck += [".endc", ".end"]
        (tmp_path / "deck.cir").write_text("\n".join(deck))
        subprocess.run(["ngspice", "-b", "deck.cir"], check=True, capture_output=True, timeout=60, cwd=tmp_path)
        np.testing.assert_allclose(np.loadtxt(tmp_path / "out.txt")[1:], [fn(x, 0.5) for x in points], rtol=1e-12)

    def test_failed_run_is_refused(self, tmp_path):
        netlist = circuit.to_spice(CONDUCTANCE, VOLTAGE, mj.Wires()).replace("Vdone", "Vsame in_0 0 1\nVdone")
        (tmp_path / "array.cir").write_text(netlist)
        subprocess.run(["ngspice", "-b", "array.cir"], capture_output=True, timeout=60, cwd=tmp_path)
        with pytest.raises(ValueError, match="run failed"):
            circuit.from_spice(tmp_path / "crossbar.raw")


def netlist(**links):
    """Elements of a 2 x 2 array by name."""
    text = circuit.to_spice(np.array([[1e-5, 0.0], [2e-5, 3e-5]]), VOLTAGE[:2], mj.Wires(**links))
    return {line.split()[0]: line.split()[1:] for line in text.splitlines()}


def test_links_of_a_netlist():
    found = netlist(
        row=np.array([1.0, 2.0]),
        column=np.array([3.0, 0.0]),
        source=np.array([10.0, np.inf]),
        sense=20.0,
        double_drive=True,
    )
    assert found["Rw0_0"] == ["in_0", "w_0_0", "11.0"]
    assert found["Rw0_1"] == ["w_0_0", "w_0_1", "2.0"]
    assert found["Rw0_2"] == ["w_0_1", "in_0", "11.0"]
    assert found["Rw1_1"] == ["w_1_0", "w_1_1", "2.0"]
    assert not {"Rw1_0", "Vw1_0", "Rw1_2"} & set(found)
    assert found["Rb0_0"] == ["out_0", "b_1_0", "20.0"]
    assert found["Rb0_1"] == ["b_1_0", "b_0_0", "3.0"]
    assert found["Rc_1_1"] == ["w_1_1", "b_1_1", repr(1 / 3e-5)]
    assert "Rc_0_1" not in found
    found = netlist(column=1.0, double_drive=True, double_sense=True)
    assert found["Vw0_0"] == ["in_0", "w_0_0", "0"]
    assert "Vw0_2" not in found
    assert found["Rb1_2"] == ["b_0_1", "out_1", "1.0"]


def test_models_that_look_for_a_root_are_refused():
    with pytest.raises(TypeError, match="no counterpart in SPICE"):
        circuit.to_spice(None, VOLTAGE[:1], mj.Wires(), device=md.Series(VTEAM, 10.0), state=np.full((1, 1), 0.5))


RAW = """Title: t
Variables:
\t0\ttime\ttime
\t1\tv(done)\tvoltage
\t2\ti(vout_0)\tcurrent
\t3\ti(vin_0)\tcurrent
Values:
 0\t0.0
\t0.0
\t1.0
\t2.0

 1\t1.0
\t{end}
\t3.0
\t4.0

"""


def test_results_are_read_at_instants():
    found = circuit.from_spice(RAW.format(end="1.0"), time=[0.0, 0.25])
    np.testing.assert_allclose(found.current, [[1.0], [1.5]])
    np.testing.assert_allclose(found.source_current, [[-2.0], [-2.5]])
    assert circuit.from_spice(RAW.format(end="1.0")).current.shape == (2, 1)


@pytest.mark.parametrize("text", ["failed\n", RAW.format(end="0.5"), RAW.format(end="0.0")])
def test_unfinished_results_are_refused(text):
    with pytest.raises(ValueError, match="run failed or stopped before its end"):
        circuit.from_spice(text)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((-CONDUCTANCE, VOLTAGE), {}, "conductance"),
        ((CONDUCTANCE, VOLTAGE[:3]), {}, r"voltage must have shape \(4,\)"),
        ((CONDUCTANCE, np.nan * VOLTAGE), {}, "voltage must be finite"),
        ((CONDUCTANCE, np.ones((3, 4))), dict(time=[0.0, 2.0, 1.0]), "time must be"),
        ((CONDUCTANCE, VOLTAGE), dict(device=VTEAM), "one of the two"),
        ((None, VOLTAGE), {}, "one of the two"),
        ((None, VOLTAGE), dict(device=VTEAM), r"state must have shape \[m, n\]"),
        ((None, VOLTAGE), dict(device=VTEAM, state=np.full((4, 3), 2.0)), "state"),
        ((CONDUCTANCE, VOLTAGE), dict(state=0.5 * (CONDUCTANCE > 0)), "without device"),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        circuit.to_spice(*arguments, mj.Wires(), **options)
