"""Pinched hysteresis and bipolar switching of the device models.

The two panels of Fig. 6 of Souto Garnelo et al., for every model with a named parameter set: current against voltage,
and its magnitude on a logarithmic axis. The drives are those of MemTorch 1.1.6 where it has the model, and those of the
models' own sources otherwise. Beside the figure, a table says for every loop what can be checked: that it is pinched,
how wide the conductance swings, the area of the lobes, and how far a finer step moves the result.

    python experiments/hysteresis.py [folder]
"""

import csv
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from memjax import devices as md
from memjax.plot import _devices as plot


class Drive(NamedTuple):
    """A model and the waveform of its loop."""

    name: str
    device: md.AbstractDevice
    positive: float  # V
    negative: float  # V, magnitude
    period: float  # s
    shape: str = "sine"
    substeps: int = 1


DRIVES = (
    Drive("Linear ion drift (Joglekar)", md.LinearIonDrift.biolek_soft(), 1.2, 1.2, 1.0),
    Drive("Linear ion drift (Biolek)", md.LinearIonDrift.biolek_hard(), 2.0, 2.0, 1.0),
    Drive("TEAM", md.TEAM.simmons_fit(), 0.3, 0.3, 10.0, substeps=100),
    Drive("Simmons barrier", md.Simmons.pickett(initial=0.45), 0.15, 0.15, 1.0),
    Drive("VTEAM, Pt/Hf/Ti", md.VTEAM.pt_hf_ti(), 1.0, 1.0, 1.0, substeps=200),
    Drive("VTEAM, MemTorch set", md.VTEAM.memtorch(), 1.0, 1.0, 2e-8, substeps=4),
    Drive("Yakopcic, AgGeSe", md.Yakopcic.oblea(), 0.45, 0.45, 0.01),
    Drive("Yakopcic, TaOx", md.Yakopcic.miao(), 0.75, 1.25, 20.0, shape="triangle"),
    Drive("Yakopcic, Ag/a-Si", md.Yakopcic.jo(), 4.0, 2.0, 5.0, shape="triangle"),
    Drive("Stanford-PKU + 1 kohm", md.Series(md.StanfordPKU.needs(), 1e3), 2.5, 2.5, 1e-6, substeps=4),
    Drive("Data-driven, TiOx", md.DataDriven.tiox(), 1.5, 1.5, 1e-4),
    Drive("Dynamic memdiode", md.Memdiode.aguirre(), 1.5, 1.5, 4.0, substeps=20),
)
SAMPLES = 2000  # per period
PERIODS = 2


def waveform(drive: Drive) -> tuple[np.ndarray, np.ndarray]:
    """Time and voltage of two periods."""
    time = np.linspace(0, PERIODS * drive.period, PERIODS * SAMPLES + 1)
    phase = time / drive.period
    unit = np.sin(2 * np.pi * phase) if drive.shape == "sine" else 2 / np.pi * np.arcsin(np.sin(2 * np.pi * phase))
    return time, unit * np.where(unit > 0, drive.positive, drive.negative)


def lobe_area(current: np.ndarray, voltage: np.ndarray) -> float:
    """Area of the last period's two lobes together; the signed areas of a figure of eight would cancel."""
    halves = (slice(-SAMPLES - 1, -SAMPLES // 2), slice(-SAMPLES // 2 - 1, None))
    return sum(abs(np.trapezoid(current[half], voltage[half])) for half in halves)


def measure(drive: Drive) -> tuple[md.Trace, dict]:
    """The trace, and the row of the table."""
    time, voltage = waveform(drive)
    trace = md.simulate(drive.device, voltage, time, substeps=drive.substeps)
    finer = md.simulate(drive.device, voltage, time, substeps=4 * drive.substeps)
    current, conductance = np.asarray(trace.current, float), np.asarray(trace.conductance, float)
    at_zero = np.abs(voltage) < 1e-9 * drive.positive
    row = {
        "model": drive.name,
        "frequency_Hz": 1 / drive.period,
        "current_at_zero_A": np.abs(current[at_zero]).max(),
        "peak_current_A": np.abs(current).max(),
        "conductance_ratio": conductance.max() / max(conductance.min(), 1e-12),
        "lobe_area_W": lobe_area(current, voltage),
        "energy_J": float(trace.energy[-1]),
        "state_change_with_4x_finer_step": float(abs(trace.state - finer.state).max()),
    }
    return trace, row


def main(folder: Path) -> None:
    """Simulate, draw, write."""
    folder.mkdir(parents=True, exist_ok=True)
    results = [measure(drive) for drive in DRIVES]
    loops, logs = (Figure(figsize=(14, 9), layout="constrained") for _ in range(2))
    for figure, draw in ((loops, plot.hysteresis), (logs, plot.switching)):
        for axes, drive, (trace, _) in zip(figure.subplots(3, 4).flat, DRIVES, results, strict=True):
            draw(trace, axes, linewidth=1)
            axes.set_title(drive.name, fontsize=10)
    loops.savefig(folder / "hysteresis.png", dpi=150)
    logs.savefig(folder / "bipolar_switching.png", dpi=150)
    rows = [row for _, row in results]
    with open(folder / "hysteresis.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(
            f"{row['model']:<28} i(0)={row['current_at_zero_A']:.1e} A  peak={row['peak_current_A']:.3e} A  "
            f"G ratio={row['conductance_ratio']:.4g}  area={row['lobe_area_W']:.3e} W  "
            f"step error={row['state_change_with_4x_finer_step']:.1e}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("results/hysteresis"))
