"""Device physics as the update law: training with pulses on device models, against laws fitted to their response.

    python experiments/physics_laws.py [--devices VTEAM ...] [--algorithms deterministic ...] [--chips 3]
    python experiments/physics_laws.py --images 60000 --epochs 10     # the whole data set
    python experiments/physics_laws.py --quick                        # digits, seconds: that it runs; no results

The MLP 784-256-128-10 is trained on MNIST in the step of `train_mnist.py` with three laws of each device:

    physics       `DevicePulse`: every pulse is `memjax.apply_pulse` on the model
    table         `PiecewiseStep`: the change of a pulse at 33 weights of the nominal device, interpolated
    soft bounds   `SoftBounds`, fitted by `fit_law` to the response of the nominal device to pulses up and down

Pulses are chosen from the response. The SET voltage is given for each device; its width is the time in which that
voltage takes the device from 5 % to 95 % of its range, over the number of --states; the RESET voltage takes it back in
the same time. Cells differ by log-normal rates in the physics, by the spread of their steps at zero in the other two
laws, and all pulses have the same noise from cycle to cycle.

Writes physics_laws.csv (learning curves), physics_laws.json (pulses, fits, cost) and physics_laws.png; prints accuracy
of the laws and the time of a step of each, as a ratio to soft bounds in runs by turns.

MNIST needs the data set (`memjax.data`): pip install "memjax[data]".
"""

import argparse
import itertools
import json
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import _insitu
import jax
import jax.numpy as jnp
import numpy as np
import optax
import train_mnist
from _timing import Comparison, compare
from rich.table import Table

import memjax as mj
from memjax.plot import look

T, md = mj.training, mj.devices

NODES = 33
NOISE = 0.3  # of a pulse, relative to its change
SPREAD = md.lognormal(0.3)  # of rates over the cells
LAWS = ("physics", "table", "soft bounds")


class Device(NamedTuple):
    """A device and how it is pulsed: the SET voltage [V], and the rates that differ over the cells."""

    model: md.AbstractDevice
    set_voltage: float
    rates: tuple[str, ...]


DEVICES = {
    # Ferroelectric domains; the cell is used over the lowest part of its range, a ratio of three.
    "VTEAM": Device(md.VTEAM.ferroelectric(r_off=450e3), 6.5, ("k_on", "k_off")),
    # TaOx, in its whole range.
    "Yakopcic": Device(md.Yakopcic.miao(), 0.75, ("a_p_rate", "a_n_rate")),
    # HfOx, between gaps at which no run-away needs a current limit: a ratio of five.
    "Stanford": Device(md.StanfordPKU(gap_min=0.6e-9, gap_max=1.0e-9), 1.3, ("velocity",)),
}


def duration(device: md.AbstractDevice, voltage: float) -> float:
    """Time [s] in which a constant voltage crosses the middle 90 % of the conductance: the integral of dx / |dx/dt|."""
    low, high = (float(bound) for bound in device.conductance_bounds)
    ends = (float(device.state_at(low + share * (high - low))) for share in (0.05, 0.95))
    states = np.linspace(*ends, 1001)
    rate = np.broadcast_to(np.abs(np.asarray(device.derivative(jnp.asarray(states), voltage), float)), states.shape)
    return float(abs(np.trapezoid(1 / np.maximum(rate, 1e-30), states)))


def physics(device: Device, states: int) -> T.DevicePulse:
    """The law with pulses of which `states` cross the middle 90 % of the range, in either direction."""
    model, polarity = device.model, float(device.model.set_polarity)
    time = duration(model, polarity * device.set_voltage)
    low, high = 0.1, 10.0
    for _ in range(30):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if duration(model, -polarity * middle) > time else (low, middle)
    spread = dict.fromkeys(device.rates, SPREAD)
    return T.DevicePulse(model, device.set_voltage, high, time / states, spread, T.Population(noise=NOISE))


def population(law: T.DevicePulse) -> T.Population:
    """Noise and range of a law, and the spread of its steps at zero over ten thousand cells."""
    made = law.make(jax.random.key(0), (10_000,))
    up, down = (jnp.abs(law.one(jnp.zeros(10_000), jnp.full(10_000, sign), made)) for sign in (True, False))
    up, down = up / up.mean(), down / down.mean()
    gain, skew = (float(jnp.std(0.5 * part)) for part in (up + down, up - down))
    return T.Population(law.granularity, step_spread=gain, asymmetry_spread=skew, noise=NOISE)


def table(law: T.DevicePulse) -> T.PiecewiseStep:
    """The change of one pulse of the nominal cell at weights from bound to bound."""
    weight, nominal, cells = jnp.linspace(-1.0, 1.0, NODES), law.make(None, (NODES,)), population(law)
    up, down = (jnp.abs(law.one(weight, jnp.full(NODES, sign), nominal) - weight) for sign in (True, False))
    return T.PiecewiseStep(cells, *(np.asarray(change / cells.step) for change in (up, down)))


def soft_bounds(law: T.DevicePulse, states: int) -> T.LawFit:
    """Fitted to the response of the nominal cell from bound to bound and back, with bounds up to twice its own."""
    pulses = np.repeat([1, -1], round(1.5 * states))
    measured = T.response(law, pulses, -1.0, law.make(None, ()))
    cells = population(law)
    step = float(law.granularity)
    start = T.SoftBounds(T.Population(cells.step, -1.2, 1.2, cells.step_spread, noise=NOISE,
                                                asymmetry_spread=cells.asymmetry_spread))  # fmt: skip
    bounds = {
        "population__step": (0.05 * step, 20 * step),
        "population__asymmetry": (-0.95, 0.95),
        "population__low": (-2.0, -1.0),
        "population__high": (1.0, 2.0),
    }
    return T.fit_law(start, pulses, measured, bounds, start=-1.0)


def laws(device: Device, states: int) -> tuple[dict[str, T.AbstractLaw], dict[str, float]]:
    """The three laws of a device by name, and what is to be known of them."""
    law = physics(device, states)
    fit = soft_bounds(law, states)
    pulses = {"set_voltage": law.set_voltage, "reset_voltage": law.reset_voltage, "width": law.width}
    facts = {"step_at_zero": law.granularity, "fit_error": fit.error} | pulses
    made = dict(zip(LAWS, (law, table(law), fit.law), strict=True))
    return made, {name: float(fact) for name, fact in facts.items()}


def stepping(law: T.AbstractLaw, algorithm: str, setting: train_mnist.Setting, data: mj.data.Dataset) -> Callable:
    """A function without arguments that makes a training step of one chip and goes on from it in the next call."""
    model = train_mnist.build(setting, data)
    scale = _insitu.factors(model.params, setting.omega)
    params = jax.tree.map(jnp.divide, model.params, scale)
    tx = _insitu.in_situ(law, jax.random.key(1), algorithm, setting.rate, setting.momentum, params)

    def loss(weights, rest, x, y):
        logits, rest = model.apply(weights, rest, x, True)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), rest

    step = jax.jit(_insitu.step(_insitu.differentiated(loss, algorithm), tx, scale))
    carry, images = (params, model.rest, jax.jit(tx.init)(params)), len(data.train_labels[: setting.images])
    picks = itertools.cycle(_insitu.order(setting.seed, 0, images, setting.batch))

    def go():
        nonlocal carry
        pick = next(picks)
        carry, value = step(carry, data.train_images[pick], data.train_labels[pick])
        return value

    return go


def costs(
    made: dict[str, T.AbstractLaw], algorithm: str, setting: train_mnist.Setting, data: mj.data.Dataset, repeats: int
) -> dict[str, Comparison]:
    """Time of a step of each law against soft bounds, in runs by turns."""
    programs = {name: stepping(law, algorithm, setting, data) for name, law in made.items()}
    base = programs.pop("soft bounds")
    return {name: compare(program, base, repeats) for name, program in programs.items()}


def shown(rows: list, facts: dict, epochs: int) -> Table:
    """Accuracy after the last epoch, and how far a law is from the physics in standard errors of the difference."""
    result = Table(title="Test accuracy after the last epoch, and time of a step (against soft bounds)")
    for column in ("device", "law", "algorithm", "accuracy %", "below physics", "std errors", "step"):
        result.add_column(column, justify="left" if column in ("device", "law", "algorithm") else "right")
    last = {(row["device"], row["law"], row["algorithm"]): row for row in rows if row["epoch"] == epochs}
    for (device, law, algorithm), row in last.items():
        true = last.get((device, LAWS[0], algorithm), row)
        lost, error = difference(true, row)
        cost = facts.get(device, {}).get("cost", {}).get(law)
        result.add_row(
            device, law, algorithm, f"{100 * row['accuracy']:.2f} ± {100 * row['accuracy_std']:.2f}",
            "" if row is true else f"{100 * lost:.2f}", f"{lost / error:.1f}" if row is not true and error else "",
            "" if cost is None else f"{cost['ratio']:.2f} ({1e3 * cost['seconds']:.1f} ms)",
        )  # fmt: skip
    return result


def difference(one: dict, other: dict) -> tuple[float, float]:
    """Difference of two mean accuracies and its standard error, over the chips; zero where there is but one."""
    error = sum(row["accuracy_std"] ** 2 / max(row["chips"] - 1, 1) for row in (one, other)) ** 0.5
    return one["accuracy"] - other["accuracy"], error


def picture(rows: list, responses: dict[str, dict[str, np.ndarray]]):
    """For each device: above the response of its three laws to pulses up and down, below test accuracy over epochs."""
    names = list(responses)
    algorithms = list(dict.fromkeys(row["algorithm"] for row in rows if row["law"] in LAWS))
    with look.panels(2, len(names), 1.5 + 3.6 * len(names), 6.4) as (figure, grid):
        for (above, below), name in zip(grid.T, names, strict=True):
            for law, colour, marker in zip(LAWS, look.COLOURS, look.MARKERS, strict=False):
                curve = responses[name][law]
                line = "-" if law == LAWS[0] else "--"
                above.plot(np.arange(1, len(curve) + 1), curve, line, color=colour, label=law)
                for algorithm, dash in zip(algorithms, ("-", ":", "--", "-."), strict=False):
                    of = [r for r in rows if (r["device"], r["law"], r["algorithm"]) == (name, law, algorithm)]
                    epoch, mean, std = (np.array([r[c] for r in of]) for c in ("epoch", "accuracy", "accuracy_std"))
                    label = law if len(algorithms) == 1 else f"{law}, {algorithm}"
                    below.errorbar(
                        epoch, 100 * mean, 100 * std, fmt=dash + marker, color=colour, label=label, capsize=3
                    )
            digital = [r for r in rows if r["law"] == train_mnist.DIGITAL]
            below.plot([r["epoch"] for r in digital], [100 * r["accuracy"] for r in digital], "--", color=look.INK,
                       label=train_mnist.DIGITAL)  # fmt: skip
            above.set(title=name, xlabel="Pulse", ylabel="Weight")
            below.set(xlabel="Epoch", ylabel="Test accuracy (%)")
            below.locator_params(axis="x", integer=True)
        grid[0, 0].legend()
        grid[1, 0].legend()
    return figure


def run(args: argparse.Namespace, setting: train_mnist.Setting) -> dict[str, Any]:
    """Prints the table and gives the files."""
    data, console = mj.data.load(setting.dataset), _insitu.console()
    made, facts = {}, {}
    for name in args.devices:
        made[name], facts[name] = laws(DEVICES[name], args.states)
        console.print(name, {key: float(f"{fact:.4g}") for key, fact in facts[name].items()})
    jobs = [(train_mnist.DIGITAL, train_mnist.DIGITAL, "sgd")]
    jobs += [(name, law, algorithm) for algorithm in args.algorithms for name in made for law in LAWS]
    rows, steps = [], setting.epochs * (len(data.train_labels[: setting.images]) // setting.batch)
    with _insitu.progress("training", steps * len(jobs)) as advance:
        for device, law, algorithm in jobs:
            found = train_mnist.train(law, algorithm, setting, data, advance, lambda law, name=device: made[name][law])
            chips = 1 if law == train_mnist.DIGITAL else setting.chips
            rows += [{"device": device, "law": row.pop("preset"), "chips": chips} | row for row in found]
            console.print(f"{device} {law} {algorithm}: {100 * rows[-1]['accuracy']:.2f} %")
    for name, of in made.items():
        cost = costs(of, args.algorithms[0], setting, data, 3 if args.quick else 15)
        facts[name]["cost"] = {law: one._asdict() for law, one in cost.items()}
    console.print(shown(rows, facts, setting.epochs))
    pulses = np.repeat([1, -1], round(1.5 * args.states))
    curve = lambda law: np.asarray(T.response(law, pulses, -1.0, law.make(None, ())))
    responses = {name: {law: curve(one) for law, one in of.items()} for name, of in made.items()}
    summary = {"setting": setting._asdict(), "states": args.states, "devices": facts}
    return {
        "physics_laws.csv": rows,
        "physics_laws.json": json.dumps(summary, indent=1),
        "physics_laws.png": picture(rows, responses),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", nargs="+", choices=DEVICES, default=list(DEVICES), metavar="DEVICE")
    pulsed = [name for name, algorithm in _insitu.ALGORITHMS.items() if not algorithm.outer]
    parser.add_argument("--algorithms", nargs="+", choices=pulsed, default=["deterministic"], metavar="ALGORITHM")
    parser.add_argument("--states", type=int, default=100, help="pulses that cross the middle 90 %% of the range")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--images", type=int, default=10_000, help="training images")
    parser.add_argument("--chips", type=int, default=3)
    parser.add_argument("--omega", type=float, default=0.5, help="largest initial weight on the devices")
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/physics_laws"))
    parser.add_argument("--quick", action="store_true", help="digits, one device, two chips, a few steps")
    args = parser.parse_args()
    for name, least in (("states", 4), ("epochs", 1), ("images", 64), ("chips", 1)):
        if (given := getattr(args, name)) < least:
            parser.error(f"--{name} must be at least {least}, got {given}")
    for name in ("omega", "rate"):
        if (given := getattr(args, name)) <= 0:
            parser.error(f"--{name} must be above 0, got {given}")
    dataset = "mnist"
    if args.quick:
        dataset, args.epochs, args.chips, args.images, args.devices = "digits", 2, 2, 512, args.devices[:1]
    given = {name: getattr(args, name) for name in ("epochs", "images", "chips", "omega", "rate")}
    try:
        mj.study.check_writable(args.out)
        contents = run(args, train_mnist.Setting(dataset=dataset, **given))
        print("Written:", *mj.study.write(args.out, contents), sep="\n  ")
    except (OSError, ImportError) as error:
        raise SystemExit(str(error)) from None
    if args.quick:
        print("A quick run shows that the script works: no results.")


if __name__ == "__main__":
    main()
