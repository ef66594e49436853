"""Pinched hysteresis and bipolar switching of the device models.

    python experiments/hysteresis.py [--out DIR]

Figure 6 of Souto Garnelo et al., "Neuromorphic circuit simulation with memristors" (arXiv 2407.13410) shows the
hysteresis loop and the bipolar switching of the VTEAM model of MemTorch. vteam.png draws both: MemTorch's parameters
and the drives of its plotting functions (1 V sine and 1.5 V triangle, 50 MHz), which we take to be those of the figure,
as the paper's were not at hand. The adaptive solution stands beside the explicit Euler steps of 0.1 ns that MemTorch
takes. models.png shows the same two views of every model here, under the drives of their own sources.

Beside the figures, hysteresis.csv says of every loop what can be checked: the current at zero voltage, the swing of the
conductance, the area of the lobes, the energy, and how far Heun steps move the state from the adaptive solution.
"""

import argparse
import pathlib
import warnings
from typing import NamedTuple

import jax
import numpy as np

import memjax as mj
from memjax import devices as md
from memjax.plot import look


class Drive(NamedTuple):
    """A model and the waveform of its loop."""

    name: str
    device: md.AbstractDevice
    positive: float  # V
    negative: float  # V, magnitude
    period: float  # s
    shape: str = "sine"


def drives() -> list[Drive]:
    """Every model, under the drive of its source where the source has one."""
    return [
        Drive("Linear drift (Joglekar)", md.LinearIonDrift.biolek_soft(), 1.2, 1.2, 1.0),
        Drive("Linear drift (Biolek)", md.LinearIonDrift.biolek_hard(), 2.0, 2.0, 1.0),
        Drive("TEAM", md.TEAM.simmons_fit(), 0.3, 0.3, 10.0),
        Drive("Simmons barrier", md.Simmons.pickett(initial=0.45), 0.15, 0.15, 1.0),
        Drive("VTEAM, Pt/Hf/Ti", md.VTEAM.pt_hf_ti(), 1.0, 1.0, 1.0),
        Drive("VTEAM, ferroelectric", md.VTEAM.ferroelectric(), 4.0, 7.0, 1e-5),
        Drive("Yakopcic, AgGeSe", md.Yakopcic.oblea(), 0.45, 0.45, 0.01),
        Drive("Yakopcic, TaOx", md.Yakopcic.miao(), 0.75, 1.25, 20.0, shape="triangle"),
        Drive("Yakopcic, Ag/a-Si", md.Yakopcic.jo(), 4.0, 2.0, 5.0, shape="triangle"),
        Drive("Stanford-PKU + 1 kΩ", md.Series(md.StanfordPKU.needs(gate="smooth"), 1e3), 2.5, 2.5, 1e-6),
        Drive("Data-driven, TiOx", md.DataDriven.tiox(), 1.5, 1.5, 1e-4),
        Drive("Dynamic memdiode", md.Memdiode.aguirre(), 1.5, 1.5, 4.0),
        Drive("JART VCM v1b", md.JARTVCM.tud(), 1.5, 1.0, 1e-4, shape="triangle"),
        Drive("CBRAM", md.CBRAM.yu_wong(), 0.5, 0.5, 1e-5, shape="triangle"),
        Drive("STT-MRAM, expectation", md.STTMRAM.textbook(), 0.55, 0.55, 1e-6),
    ]


def waveform(drive: Drive, periods: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Time [s] and voltage [V]."""
    time = np.linspace(0, periods * drive.period, periods * samples + 1)
    phase = 2 * np.pi * time / drive.period
    unit = np.sin(phase) if drive.shape == "sine" else 2 / np.pi * np.arcsin(np.sin(phase))
    return time, unit * np.where(unit > 0, drive.positive, drive.negative)


def lobe_area(trace: md.Trace, samples: int) -> float:
    """Area [W] of the last period's two lobes together; the signed areas of a figure of eight would cancel."""
    halves = (slice(-samples - 1, -samples // 2), slice(-samples // 2 - 1, None))
    current, voltage = np.asarray(trace.current), np.asarray(trace.voltage)
    return sum(abs(np.trapezoid(current[half], voltage[half])) for half in halves)


def measure(drive: Drive, samples: int = 1000) -> tuple[md.Trace, dict]:
    """The trace of two periods, and its row of the table."""
    time, voltage = waveform(drive, 2, samples)
    trace = mj.simulate(drive.device, voltage, time, method="diffrax", tolerance=1e-7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", md.StepSizeWarning)  # how far off they are is what is asked
        fixed = mj.simulate(drive.device, voltage, time, method="heun")
    current, conductance = np.asarray(trace.current), np.asarray(trace.conductance)
    row = {
        "model": drive.name,
        "frequency_Hz": 1 / drive.period,
        "current_at_0V_A": np.abs(current[:: samples // 2]).max(),
        "peak_current_A": np.abs(current).max(),
        "conductance_ratio": conductance.max() / max(conductance.min(), 1e-15),
        "lobe_area_W": lobe_area(trace, samples),
        "energy_J": float(trace.energy[-1]),
        "heun_state_error": float(np.abs(trace.state - fixed.state).max()),
    }
    return trace, row


def vteam_figure():
    """The two panels of figure 6, and how far MemTorch's Euler steps are from the adaptive solution."""
    device = md.VTEAM.memtorch()
    loop = Drive("hysteresis", device, 1.0, 1.0, 20e-9)
    switching = Drive("bipolar switching", device, 1.5, 1.5, 20e-9, shape="triangle")
    errors = {}
    with look.panels(1, 2, 9.0, 3.6) as (figure, grid):
        for ax, drive, draw, periods in (
            (grid[0, 0], loop, mj.plot.hysteresis, 10),
            (grid[0, 1], switching, mj.plot.switching, 1),
        ):
            time, voltage = waveform(drive, periods, samples=2000)
            exact = mj.simulate(device, voltage, time, method="diffrax", tolerance=1e-7)
            euler_time, euler_voltage = waveform(drive, periods, samples=200)  # 0.1 ns
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", md.StepSizeWarning)
                euler = mj.simulate(device, euler_voltage, euler_time, method="euler")
            draw(exact, ax, label="adaptive")
            second = {"linestyle": "--", "linewidth": 1, "color": look.COLOURS[1], "direction": False}
            draw(euler, ax, label="Euler, 0.1 ns", **second)
            ax.legend()
            ax.set_title(f"VTEAM, {drive.name}, ±{drive.positive:g} V at 50 MHz", loc="left")
            errors[drive.name] = float(np.abs(exact.state[::10] - euler.state).max())
    return figure, errors


def models_figure(results: list[tuple[Drive, md.Trace]]):
    """Both views of every model."""
    columns = 5
    with look.panels(2 * -(-len(results) // columns), columns, 15, 14) as (figure, grid):
        for index, (drive, trace) in enumerate(results):
            row, column = 2 * (index // columns), index % columns
            mj.plot.hysteresis(trace, grid[row, column], linewidth=1)
            mj.plot.switching(trace, grid[row + 1, column], linewidth=1)
            above = grid[row, column].get_title(loc="left")
            grid[row, column].set_title(f"{drive.name}\n{above}", loc="left")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/hysteresis"))
    out = parser.parse_args().out
    mj.study.check_writable(out)
    jax.config.update("jax_enable_x64", True)
    figure, errors = vteam_figure()
    for name, error in errors.items():
        print(
            f"VTEAM, {name}: Euler steps of 0.1 ns are up to {error:.2g} of the range away from the adaptive solution"
        )
    results, rows = [], []
    for drive in drives():
        trace, row = measure(drive)
        results.append((drive, trace))
        rows.append(row)
        print(
            f"{row['model']:<24} i(0 V) {row['current_at_0V_A']:.1e} A  peak {row['peak_current_A']:.3e} A  "
            f"G ratio {row['conductance_ratio']:<9.4g} lobes {row['lobe_area_W']:.2e} W  "
            f"Heun off by {row['heun_state_error']:.1e}",
            flush=True,
        )
    contents = {"vteam.png": figure, "models.png": models_figure(results), "hysteresis.csv": rows}
    print("Written:", *mj.study.write(out, contents), sep="\n  ")


if __name__ == "__main__":
    main()
