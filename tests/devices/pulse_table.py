"""Pulses of every model and parameter set, and the table of where SciPy's Radau ends with them.

python tests/devices/pulse_table.py    # writes pulse_table.csv anew: four minutes
"""

import csv
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from memjax import devices as md

TABLE = pathlib.Path(__file__).with_suffix(".csv")
PULSES = {
    "LinearIonDrift.biolek_soft": (md.LinearIonDrift.biolek_soft, (1.2, -1.2)),
    "LinearIonDrift.biolek_hard": (md.LinearIonDrift.biolek_hard, (2.0, -2.0)),
    "LinearIonDrift.technion": (md.LinearIonDrift.technion, (1.0, -1.0)),
    "VTEAM.pt_hf_ti": (md.VTEAM.pt_hf_ti, (0.8, -1.0)),
    "VTEAM.pt_hf_ti, Biolek": (lambda: md.VTEAM.pt_hf_ti(window=md.windows.Biolek(2.0)), (0.8, -1.0)),
    "VTEAM.ferroelectric": (md.VTEAM.ferroelectric, (6.5, -6.5)),
    "VTEAM.ferroelectric, Kvatinsky": (lambda: md.VTEAM.ferroelectric(window=md.windows.Kvatinsky()), (6.5, -6.5)),
    "VTEAM.memtorch": (md.VTEAM.memtorch, (0.1, -0.5)),
    "VTEAM.memtorch, Prodromakis": (lambda: md.VTEAM.memtorch(window=md.windows.Prodromakis(2.0)), (0.1, -0.5)),
    "TEAM.simmons_fit": (md.TEAM.simmons_fit, (0.3, -0.3)),
    "Simmons.pickett": (md.Simmons.pickett, (0.15, -0.15)),
    "Yakopcic.oblea": (md.Yakopcic.oblea, (0.45, -0.45)),
    "Yakopcic.oblea_pulsed": (md.Yakopcic.oblea_pulsed, (0.25, -0.25)),
    "Yakopcic.miao": (md.Yakopcic.miao, (0.75, -1.25)),
    "Yakopcic.jo": (md.Yakopcic.jo, (4.0, -2.0)),
    "StanfordPKU.needs": (md.StanfordPKU.needs, (1.4, -1.1, -1.3)),
    "StanfordPKU.needs, off": (lambda: md.StanfordPKU.needs(gate="off"), (1.4, -1.2)),
    "StanfordPKU.needs, smooth": (lambda: md.StanfordPKU.needs(gate="smooth"), (1.4, -1.2)),
    "Series, StanfordPKU.needs": (lambda: md.Series(md.StanfordPKU.needs(), 1e3), (2.8, 2.0, -2.0)),
    "DataDriven.tiox": (md.DataDriven.tiox, (0.9, -0.9)),
    "Memdiode.aguirre": (md.Memdiode.aguirre, (1.0, -1.4)),
    "Memdiode.aguirre, snapback": (lambda: md.Memdiode.aguirre(i_sb=1e-4, r_s=300.0), (0.9, -1.4)),
    "STTMRAM.textbook": (md.STTMRAM.textbook, (0.45, -0.45)),
    "CBRAM.yu_wong": (md.CBRAM.yu_wong, (0.5, -0.5)),
    "JARTVCM.tud": (md.JARTVCM.tud, (-1.0, 1.3)),
    "JARTVCM.port": (md.JARTVCM.port, (-1.2, 1.3)),
}
"""Parameter set, and the voltages [V] that move it."""


def rows(name):
    """Of one parameter set in the table: voltage [V], start, width [s], end, `[n]` each."""
    with TABLE.open() as file:
        found = [tuple(map(float, row[1:])) for row in csv.reader(file) if row[0] == name]
    return tuple(np.array(found).T)


def radau(device, volts, start, widths):
    """Where pulses of increasing widths end; a cell that reaches a bound stays there."""
    rate = jax.jit(lambda x: device.derivative(jnp.clip(x, 0, 1), volts))

    def inward(_, y):
        speed = float(rate(y[0]))
        return [0.0 if (y[0] <= 0 and speed < 0) or (y[0] >= 1 and speed > 0) else speed]

    low, high = (
        lambda _, y, bound=bound, sign=sign: sign * (y[0] - bound) + 1e-13 for bound, sign in ((0, 1), (1, -1))
    )
    low.terminal = high.terminal = True
    options = dict(method="Radau", rtol=1e-9, atol=1e-12, max_step=widths[-1] / 50)
    found = solve_ivp(inward, (0, widths[-1]), [start], t_eval=widths, events=(low, high), **options)
    bound = [end for end, times in zip((0.0, 1.0), found.t_events, strict=True) if len(times)]
    return [*found.y[0], *bound * (len(widths) - len(found.y[0]))]


def widths_for(device, volts, start):
    """Widths [s] after which the state has gone three parts of the way that it can go, by quadrature of dx/rate."""
    rate = jax.jit(jax.vmap(lambda x: device.derivative(x, volts)))
    sign = float(jnp.sign(rate(jnp.array([start]))[0]))
    if sign == 0:
        return []
    way = np.concatenate([[0], np.geomspace(1e-6, 0.999 * (1 - start if sign > 0 else start), 400)])
    speed = sign * np.asarray(rate(jnp.array(start + sign * way)))
    stopped = speed <= 1e-12 * speed.max()
    end = np.argmax(stopped) if stopped.any() else len(way)
    if end < 3:
        return []
    time = np.concatenate([[0], np.cumsum(0.5 * (1 / speed[1:end] + 1 / speed[: end - 1]) * np.diff(way[:end]))])
    return sorted({float(f"{time[np.searchsorted(way[:end], part * way[end - 1])]:.3g}") for part in (0.1, 0.5, 0.9)})


def main():
    jax.config.update("jax_enable_x64", True)
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file)
        for name, (make, voltages) in PULSES.items():
            for volts in voltages:
                for start in (0.1, 0.9):
                    widths = widths_for(make(), volts, start)
                    # Radau gives up in the midst of some runaways: what it has reached is kept.
                    for width, end in zip(widths, radau(make(), volts, start, widths) if widths else (), strict=False):
                        writer.writerow([name, volts, start, f"{width:.3g}", f"{end:.9g}"])


if __name__ == "__main__":
    main()
