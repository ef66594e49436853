"""Measured devices drive inference: accuracy of imperfect chips, one by one and as committees.

    python experiments/measured_devices.py [--writes FILE --curves FILE --v-read V] [--dataset mnist] [--chips 20]
    python experiments/measured_devices.py --quick                     # digits, 3 committees: that it runs; no results

Two CSV files describe the cells: `writes` with the columns cell, level, conductance [S] (one line for each write) and
`curves` with the columns cell, voltage [V], current [A]. Without them both are generated from the model that
`_measured_devices.Model` states, and written beside the results: nothing measured is in this repository.
`memjax.measured` turns them into levels, spread, stuck cells and a conduction; networks of one hidden layer run on
chips of such cells, with one kind of imperfection after the other, and in committees, which average the probabilities
of their members.

Claims: Mehonic, Joksas et al. (Frontiers in Neuroscience 13:593, 2019) let measured RRAM drive inference; Joksas et al.
(Nature Communications 11:4273, 2020) average several imperfect networks. Writes measured_devices.csv, .json and .png.
"""

import argparse
import csv
import io
import json
import pathlib
import sys
from typing import Any

import _measured_devices as own
import jax
import jax.numpy as jnp
import numpy as np
from _intervals import interval

import memjax as mj
from memjax.plot import look

HIDDEN, MEMBERS = 25, 5
SAME_CELLS = ((50, 1), (25, 2), (10, 5))
"""(hidden neurons, members) of committees of nearly as many cells."""
PUBLISHED = """Published (abstract; other devices and data): committees raise the accuracy of networks with faulty
devices, device-to-device variability, telegraph noise and line resistance, also without more memristors in all.
Not examined here: telegraph noise, line resistance."""


def kinds(cells: mj.measured.WritesFit, conduction: mj.effects.Conduction) -> dict[str, tuple]:
    """Effects of chips, with one kind of imperfection more each."""
    stuck, levels, spread = cells.effects
    return {
        "levels": (levels,),
        "and spread": (levels, spread),
        "and stuck cells": (stuck, levels, spread),
        "and curved I-V": (stuck, levels, spread, conduction),
    }


@jax.jit
def committee(hardware: mj.Hardware, key, networks, images):
    """Probabilities [members, images, classes]: every member's network on a chip of its own."""
    analog = mj.crossbarify(own.forward, hardware)

    def one(each):
        member, params = each
        chip = analog.program(params, jax.random.fold_in(key, member), images)
        return jax.nn.softmax(analog.apply(chip, params, images))

    return jax.lax.map(one, (jnp.arange(len(networks["b1"])), networks))


def answers(hardware: mj.Hardware, networks: list, key, chips: int, images) -> np.ndarray:
    """Probabilities [chips, members, images, classes] of many committees."""
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *networks)
    keys = [jax.random.fold_in(key, chip) for chip in range(chips)]
    return np.stack([np.asarray(committee(hardware, key, stacked, images)) for key in keys])


def accuracies(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[chips, members]: accuracy of the first 1, 2, ... members of each committee together."""
    together = np.cumsum(probabilities, axis=1)  # the mean has the same largest entry
    return (together.argmax(-1) == labels).mean(-1)


def study(cells, conduction, v_max: float, data, chips: int, images: int, epochs: int, console=print) -> dict[str, Any]:
    """Accuracies [chips, members] of every kind of chip and committee, and digital ones [members]."""
    x, y = jnp.asarray(data.test_images[:images]), np.asarray(data.test_labels[:images])
    wanted = dict(SAME_CELLS) | {HIDDEN: MEMBERS}
    nets = {hidden: [own.train(data, hidden, seed, epochs) for seed in range(m)] for hidden, m in wanted.items()}
    key, found = jax.random.key(0), {}
    digital = np.stack([[np.asarray(jax.nn.softmax(own.forward(net, x))) for net in nets[HIDDEN]]])
    found["digital"] = accuracies(digital, y)
    for name, effects in kinds(cells, conduction).items():
        hardware = mj.Hardware(
            cell=cells.cell, tile=(128, 128), dac=mj.Dac(bits=8, v_max=v_max), adc=mj.Adc(bits=8), effects=effects
        )
        found[name] = accuracies(answers(hardware, nets[HIDDEN], key, chips, x), y)
        console(
            f"  {name}: {100 * found[name][:, 0].mean():.2f} %, "
            f"committee of {MEMBERS} {100 * found[name][:, -1].mean():.2f} %"
        )
    found["the same network"] = accuracies(answers(hardware, nets[HIDDEN][:1] * MEMBERS, key, chips, x), y)
    for hidden, members in SAME_CELLS:
        name = f"{members} x {hidden} hidden"
        if hidden == HIDDEN:
            found[name] = found["and curved I-V"][:, :members]
        else:
            found[name] = accuracies(answers(hardware, nets[hidden][:members], key, chips, x), y)
    return found


def claims(found: dict[str, np.ndarray]) -> list[str]:
    """Each claim with the difference over the same chips, and its 95 % interval."""
    worst, same = 100 * found["and curved I-V"], 100 * found["the same network"]
    small, two, five = (100 * found[f"{m} x {h} hidden"][:, -1] for h, m in SAME_CELLS)
    pairs = [
        (f"a committee of {MEMBERS} chips is better than one chip", worst[:, -1] - worst[:, 0]),
        ("already two are", worst[:, 1] - worst[:, 0]),
        ("the same network on several chips helps", same[:, -1] - same[:, 0]),
        ("different networks help more than the same", (worst[:, -1] - worst[:, 0]) - (same[:, -1] - same[:, 0])),
        ("without more cells: 2 x 25 hidden better than 1 x 50", two - small),
        ("without more cells: 5 x 10 hidden better than 1 x 50", five - small),
    ]
    lines = []
    for text, difference in pairs:
        mean, low, high = interval(difference)
        verdict = "confirmed" if low > 0 else "refuted" if high < 0 else "not decided"
        lines.append(f"  {text}: {verdict}, {mean:+.2f} points [{low:+.2f}, {high:+.2f}]")
    return lines


def table(found: dict[str, np.ndarray]) -> str:
    """Mean and standard deviation over chips of committees of every size."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["chips", "members", "accuracy", "std", "low", "high"])
    for name, values in found.items():
        for members, column in enumerate(values.T, 1):
            _, low, high = interval(column) if len(column) > 1 else (column[0],) * 3
            std = column.std(ddof=1) if len(column) > 1 else 0.0
            writer.writerow([name, members, *(round(float(v), 5) for v in (column.mean(), std, low, high))])
    return text.getvalue()


def picture(writes, cells, curves, conduction, found: dict[str, np.ndarray], title: str):
    """The cells (writes, curves), accuracy after each imperfection, accuracy against the size of a committee."""
    with look.panels(1, 4, 14, 3.4) as (figure, grid):
        data, bent, bars, size = grid[0]
        for level in range(len(cells.levels)):
            own_level = np.sort(writes.conductance[writes.level == level])
            data.plot(1e6 * own_level, np.linspace(0, 100, len(own_level)), color=look.COLOURS[level % 6])
        data.set(xlabel="Conductance (µS)", ylabel="Writes below (%)", title="Writes to each level")
        g = curves.conductance[np.searchsorted(curves.cells, conduction.cell)]
        bent.plot(conduction.voltage, conduction.current / g, ".", color=look.COLOURS[4], ms=2, label="cells")
        v = np.linspace(conduction.voltage.min(), conduction.voltage.max(), 101)
        if isinstance(curves.conduction, mj.effects.SinhConduction):
            bent.plot(v, v * np.asarray(curves.conduction.factors()[0](jnp.asarray(v))), color=look.INK, label="fit")
        bent.plot(v, v, "--", color=look.INK, lw=0.8, label="Ohm")
        bent.set(xlabel="Voltage (V)", ylabel="Current / conductance (V)", title="Current-voltage curves")
        bent.legend()
        names = ["digital", "levels", "and spread", "and stuck cells", "and curved I-V"]
        for place, name in enumerate(names):
            single = 100 * found[name][:, 0]
            bars.errorbar(place, single.mean(), single.std(), fmt="o", capsize=3, color=look.COLOURS[0])
        bars.set_xticks(range(len(names)), names, rotation=25, ha="right")
        bars.set(ylabel="Accuracy (%)", title="One chip")
        for index, name in enumerate(("digital", "and curved I-V", "the same network")):
            values = 100 * found[name]
            label = {"and curved I-V": "different networks"}.get(name, name)
            size.errorbar(
                range(1, values.shape[1] + 1), values.mean(0), values.std(0), capsize=3, label=label,
                color=look.COLOURS[index], marker=look.MARKERS[index],
            )  # fmt: skip
        size.set(xlabel="Members of the committee", ylabel="Accuracy (%)", title="Committees, all imperfections")
        size.legend()
        figure.suptitle(title, x=0.01, ha="left")
    return figure


def run(args: argparse.Namespace) -> None:
    if args.writes is None:
        own.generate(own.Model(), args.out, seed=0)
        args.writes, args.curves, args.v_read = args.out / "writes.csv", args.out / "curves.csv", own.Model().v_read
        print(f"cells generated from {own.Model()}")
    writes, curves = mj.measured.read_writes(args.writes), mj.measured.read_curves(args.curves)
    cells = mj.measured.fit_writes(writes)
    bent = mj.measured.fit_curves(curves, v_read=args.v_read, form=args.form)
    print(f"{cells.cells} cells, stuck in LRS, HRS: {cells.stuck}; levels [uS] {np.round(1e6 * cells.levels, 2)}")
    print(f"  spread [uS] {np.round(1e6 * cells.spread, 2)}, share between cells {np.round(cells.between, 2)}")
    print(f"  {bent.conduction}: error {100 * bent.error.mean():.2f} % of the largest current")
    data = mj.data.load(args.dataset)
    v_max = float(np.abs(curves.voltage).max())
    found = study(cells, bent.conduction, v_max, data, args.chips, args.images, args.epochs)
    print(table(found))
    lines = claims(found)
    print("Claims, 95 % intervals over committees:", *lines, PUBLISHED, sep="\n")
    title = f"{args.dataset}, one hidden layer of {HIDDEN}, {args.chips} committees"
    report = {"claims": lines, "stuck": cells.stuck, "levels": cells.levels.tolist(), "spread": cells.spread.tolist()}
    contents = {
        "measured_devices.csv": table(found),
        "measured_devices.json": json.dumps(report, indent=1),
        "measured_devices.png": picture(writes, cells, bent, curves, found, title),
    }
    print("Written:", *mj.study.write(args.out, contents), sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writes", type=pathlib.Path, help="CSV file: cell, level, conductance [S]")
    parser.add_argument("--curves", type=pathlib.Path, help="CSV file: cell, voltage [V], current [A]")
    parser.add_argument("--v-read", type=float, help="voltage at which the writes were read [V]")
    parser.add_argument("--form", choices=["sinh", "cubic"], default="sinh", help="of the curves")
    parser.add_argument("--dataset", choices=["mnist", "digits"], default="mnist")
    parser.add_argument("--chips", type=int, default=20, help="committees")
    parser.add_argument("--images", type=int, default=10_000, help="test images shown to every chip")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/measured_devices"))
    parser.add_argument("--quick", action="store_true", help="digits, 3 committees: that it runs; no results")
    args = parser.parse_args()
    given = [value is not None for value in (args.writes, args.curves, args.v_read)]
    if any(given) and not all(given):
        parser.error("--writes, --curves and --v-read go together")
    if args.chips < 2:
        parser.error(f"--chips must be at least 2, got {args.chips}")
    if args.quick:
        args.dataset, args.chips, args.images, args.epochs = "digits", 3, 200, 2
    try:
        mj.study.check_writable(args.out)
        run(args)
    except (OSError, ImportError, ValueError) as error:
        sys.exit(str(error))
    if args.quick:
        print("A quick run shows that the script works: no results.")


if __name__ == "__main__":
    main()
