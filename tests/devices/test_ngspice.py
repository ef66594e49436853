"""ngspice as an independent simulator of one VTEAM and one linear-drift transient."""

import shutil
import subprocess

import jax.numpy as jnp
import numpy as np
import pytest

from memjax import devices as md

pytestmark = [
    pytest.mark.ngspice,
    pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed"),
]


def ngspice(rate: str, current: str, start: float, amplitude: float, tmp_path):
    """Time, state and current of one 1 Hz period; the state is the voltage of a 1 F capacitor."""
    deck = f"""memristor
V1 in 0 SIN(0 {amplitude} 1)
Bmem in 0 I={current}
Brate 0 x I={rate}
Cx x 0 1 IC={start}
.options reltol=1e-7 abstol=1e-15 vntol=1e-10 chgtol=1e-18
.tran 1m 1 0 0.2m UIC
.control
run
set wr_singlescale
set numdgt=12
linearize v(x) i(V1)
wrdata {tmp_path}/out.txt v(x) i(V1)
quit
.endc
.end
"""
    path = tmp_path / "deck.cir"
    path.write_text(deck)
    subprocess.run(["ngspice", "-b", str(path)], check=True, capture_output=True, timeout=60)
    time, state, source = np.loadtxt(tmp_path / "out.txt").T
    return time, state, -source


def compare(device, rate, current, amplitude, tmp_path):
    start = float(device.initial)
    time, state, amperes = ngspice(rate, current, start, amplitude, tmp_path)
    trace = md.simulate(device, lambda t: amplitude * jnp.sin(2 * jnp.pi * t), time)
    assert np.ptp(state) > 0.1
    np.testing.assert_allclose(trace.state, state, atol=2e-5)
    np.testing.assert_allclose(trace.current, amperes, atol=2e-5 * np.abs(amperes).max())


def test_vteam(tmp_path, x64):
    device = md.VTEAM(
        k_off=2e-8, k_on=-5e-8, v_off=0.4, v_on=-0.5, alpha_off=1.5, alpha_on=2.0, r_on=200.0, r_off=4e3, initial=0.3,
        window=md.windows.Kvatinsky(a_up=0.8, a_down=0.2, w_c=0.1),
    )  # fmt: skip
    off = "2*pow(max(V(in)/0.4-1,0),1.5)*exp(-exp((V(x)-0.8)/0.1))"
    on = "5*pow(max(V(in)/(-0.5)-1,0),2)*exp(-exp((0.2-V(x))/0.1))"
    compare(device, f"{off}-{on}", "V(in)/(200+3800*V(x))", 0.9, tmp_path)


def test_linear_drift(tmp_path, x64):
    device = md.LinearIonDrift.biolek_soft(window=md.windows.Joglekar(1.0), initial=0.3)
    current = "V(in)/(16000-15900*V(x))"
    compare(device, f"1e4*{current}*4*V(x)*(1-V(x))", current, 0.8, tmp_path)
