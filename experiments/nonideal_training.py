"""Training on chips that are not ideal: where it hurts (TxSim), and which devices it takes (Sun and Yu).

    python experiments/nonideal_training.py [--resume] [--out DIR]      # half an hour on a busy core
    python experiments/nonideal_training.py --quick                     # that it runs; no results
    python experiments/nonideal_training.py --images 50000 --epochs 30 --width 32 --seeds 5 --segment 1   # not run

A small CNN (two convolutions, two dense layers) on CIFAR-10, or on digits with --quick:

    gradient   angle and length of the gradient that a chip gives, beside the true one, against ADC bits, noise and
               wires of its forward and of its backward read
    passes     accuracy of training where the forward read, the backward read, the update or all of them are not ideal
    devices    accuracy against states, nonlinearity, asymmetry and variations of the devices; reads are ideal
    retention  accuracy of trained devices that drift

Published: Roy et al., "TxSim" (TVLSI 29, 2021; arXiv 2002.11151): 3 to 10 % lost by large networks. Sun and Yu,
"Impact of non-ideal characteristics of resistive synaptic devices on implementing convolutional neural networks"
(JETCAS 9, 2019): the claims that are printed below, as its abstract has them. Errors are 95 % intervals of differences
between the same seeds, each with its own start, order of images, chips and devices. Results are kept after every point.
Writes nonideal_training.json, .csv and .png.
"""

import argparse
import pathlib
from functools import partial
from typing import Any, NamedTuple

import _insitu
import _nonideal as N
import jax
import jax.numpy as jnp
from _intervals import interval
from _nonideal_results import Book, figure, summary

import memjax as mj

NAME = "nonideal_training"
PASSES = {"forward": (True, False), "backward": (False, True), "both": (True, True)}
SPOILT = ("ideal chip", *PASSES, "update", "all")
TYPICAL = dict(adc=6.0, dac=8.0, noise=0.05)
BITS, FEW_BITS = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0), (4.0, 6.0, 8.0)
NOISES, SEGMENTS = (0.02, 0.05, 0.1, 0.2), (1.0, 2.0, 5.0)
STATES, MANY, LABELS = (8, 16, 32, 64, 128, 256), 1024, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
RANGES, LABEL_SPREADS, NOISE_C2C = (0.05, 0.1, 0.2, 0.3), (0.5, 1.0, 2.0), (0.005, 0.01, 0.02, 0.05)
MODES, EXPONENTS = ("up", "down", "middle", "random"), (0.0005, 0.001, 0.002, 0.005)
TEN_YEARS = 10 * 365.25 * 86400.0  # s, of drift (t / 1 s)^nu


class Setting(NamedTuple):
    """What a run must share with one that it goes on with."""

    dataset: str = "cifar10"
    images: int = 6400
    test_images: int = 2000
    epochs: int = 4
    batch: int = 32
    width: int = 8
    rate: float = 0.1
    states: int = 64
    segment: float | None = None
    samples: int = 4
    seeds: int = 5
    chip_seeds: int = 3


class Point(NamedTuple):
    """A training: the reads of its chip (None: digital) and the law of its devices (None: digital)."""

    study: str
    what: str
    value: float
    chip: mj.Hardware | None = None
    law: mj.training.AbstractLaw | None = None


def law(states: Any, up: Any = 0.0, down: Any = 0.0, spread: Any = 0.0, ranges: Any = 0.0, noise: Any = 0.0):
    """Devices of NeuroSim's curve, of labels `up` and `down`: with equal ones the curve is the same both ways."""
    cells = mj.training.Population(noise=noise, low_spread=ranges, high_spread=ranges)
    states = float(states)
    return mj.training.NeuroSimStep(cells, levels_up=states, levels_down=states, ltp=up, ltd=down, label_spread=spread)


def asymmetric(setting: Setting) -> dict[str, tuple[int, float]]:
    """States and label of the devices for which remedies of asymmetry are looked for, by the ends of their names."""
    return {", asymmetric": (setting.states, 2.0), f", asymmetric, {MANY} states": (MANY, 4.0)}


def reads(which: str, spoilt: N.Read, ideal: N.Read) -> mj.Hardware:
    return N.hardware(*(spoilt if is_spoilt else ideal for is_spoilt in PASSES[which]))


def points(setting: Setting, quick: bool) -> list[Point]:
    """All trainings."""
    none = None if setting.segment is None else 0.0
    ideal, typical = N.Read(segment=none), N.Read(segment=setting.segment, **TYPICAL)
    device = law(setting.states, 1.0, -1.0, spread=0.3, ranges=0.1, noise=0.005)
    found = [
        Point("passes", "digital", 0.0),
        Point("passes", "ideal chip", 0.0, N.hardware(ideal, ideal)),
        *(Point("passes", which, 0.0, reads(which, typical, ideal)) for which in PASSES),
        Point("passes", "update", 0.0, law=device),
        Point("passes", "all", 0.0, reads("both", typical, ideal), device),
    ]
    for which in ("forward", "backward"):
        for bits in FEW_BITS:
            found.append(Point("passes", f"ADC {which}", bits, reads(which, ideal._replace(adc=bits), ideal)))
    found += [Point("devices", "states", float(n), law=law(n)) for n in (*STATES, MANY)]
    for suffix, states in (("", setting.states), (f", {MANY} states", MANY)):
        for sign, name in ((1.0, "symmetric"), (-1.0, "asymmetric")):
            found += [Point("devices", f"{name}{suffix}", n, law=law(states, n, sign * n)) for n in LABELS]
    for suffix, (states, label) in ({"": (setting.states, 0.0)} | asymmetric(setting)).items():
        make = partial(law, states, label, -label)
        found += [Point("devices", f"range{suffix}", r, law=make(ranges=r)) for r in RANGES]
        found += [Point("devices", f"D2D{suffix}", s, law=make(spread=s)) for s in LABEL_SPREADS]
        found += [Point("devices", f"C2C{suffix}", c, law=make(noise=c)) for c in NOISE_C2C if states != MANY]
    if quick:
        kept = {"digital", "all", "states", "symmetric", "asymmetric", "range, asymmetric"}
        found = list({p.what: p for p in found if p.what in kept}.values())  # the last of each
    return found


def gradients(setting: Setting, data: N.Data, book: Book, quick: bool, wires: bool, advance) -> None:
    """Angle and length of the gradients that chips read, of a network after one epoch of digital training."""
    trained = N.train(
        schedule(setting, data)._replace(epochs=1), None, None, setting.rate, data, jax.random.key(setting.seeds)
    )
    weights = jax.tree.map(jnp.multiply, trained.params, trained.scale)

    def measure(name: str, value: float, which: str, chip: mj.Hardware) -> None:
        rows = []
        if not book.has(study="gradient", what=f"{name} {which}", value=value):
            for seed in range(setting.samples):
                found = {k: float(v) for k, v in N.measured(chip, weights, data, setting.batch, seed).items()}
                rows.append(dict(study="gradient", what=f"{name} {which}", value=value, seed=seed) | found)
            book.add(rows)
        advance(f"gradient, {name} {which} {value:g}")

    for which in PASSES:
        for bits in () if wires else BITS[2:5:2] if quick else BITS:
            measure("ADC", bits, which, reads(which, N.Read(adc=bits), N.Read()))
        for noise in () if quick or wires else NOISES:
            measure("noise", noise, which, reads(which, N.Read(noise=noise), N.Read()))
    straight = N.Read(segment=0.0)
    for which in PASSES if wires else ():
        for segment in SEGMENTS:
            measure("wires", segment, which, reads(which, N.Read(segment=segment), straight))


def schedule(setting: Setting, data: N.Data) -> N.Schedule:
    return N.Schedule(setting.epochs, setting.batch, setting.width, int(data.labels.max()) + 1)


def trainings(setting: Setting, data: N.Data, book: Book, every: list[Point], advance) -> None:
    """Accuracy after each training."""
    for study, what, value, chip, device in every:
        for seed in range(seeds(setting, chip)):
            at = dict(study=study, what=what, value=value, seed=seed)
            if not book.has(**at):
                key = jax.random.key(seed)
                found = N.train(schedule(setting, data), chip, device, setting.rate, data, key)
                book.add([at | dict(accuracy=float(found.accuracy), loss=float(found.loss))])
            advance(f"{study}, {what} {value:g}")


def seeds(setting: Setting, chip: mj.Hardware | None) -> int:
    return setting.seeds if chip is None else setting.chip_seeds


def retention(setting: Setting, data: N.Data, book: Book, advance) -> None:
    """Accuracy after ten years of drift, of nearly continuous devices."""
    for seed in range(setting.seeds):
        if not book.has(study="retention", seed=seed):
            key, aged = jax.random.key(seed), jax.random.key(1000 + seed)
            found = N.train(schedule(setting, data), None, law(MANY), setting.rate, data, key)
            rows = [dict(study="retention", what="fresh", value=0.0, seed=seed, accuracy=float(found.accuracy))]
            for mode in MODES:
                for nu in EXPONENTS:
                    after = N.aged_accuracy(found, mode, float(TEN_YEARS**nu), data, aged)
                    rows.append(dict(study="retention", what=mode, value=nu, seed=seed, accuracy=float(after)))
            book.add(rows)
        advance("retention")


def claims(book: Book) -> list[dict]:
    """Sentences of the papers, whether our numbers bear them out, and the numbers."""
    found = []

    def claim(source: str, text: str, a: dict, b: dict, holds) -> None:
        one, other = 100 * book.values(**a), 100 * book.values(**b)
        seeds = min(len(one), len(other))
        one, other = one[:seeds], other[:seeds]
        mean, low, high = interval(one - other)
        words = f"{one.mean():.1f} against {other.mean():.1f} %; difference {mean:.1f} [{low:.1f}, {high:.1f}] points"
        found.append(dict(source=source, text=text, holds=bool(holds(low, high)), numbers=words))

    worse, better = lambda low, high: high < 0, lambda low, high: low > 0
    no_worse = lambda low, high: low > -2
    at = lambda study, what, value=None: dict(study=study, what=what) | ({} if value is None else {"value": value})
    digital = at("passes", "digital")
    own, txsim, sun = "asked here", "TxSim", "Sun and Yu"
    for name in ("forward", "backward", "update", "all"):
        claim(
            txsim if name == "all" else own, f"non-idealities cost accuracy: {name}", at("passes", name), digital, worse
        )
    claim(own, "all together cost more than the update alone", at("passes", "all"), at("passes", "update"), worse)
    text = "asymmetry costs more than nonlinearity"
    for many, suffix in (("", f"{book.setting['states']} states"), (f", {MANY} states", f"{MANY} states")):
        for value in (None, *LABELS):
            where = f"{suffix}, mean over labels 1 to 6" if value is None else f"{suffix}, label {value:g}"
            pair = (at("devices", f"{kind}metric{many}", value) for kind in ("asym", "sym"))
            claim(sun, f"{text} ({where})", *pair, worse)
    linear = at("devices", "states", float(book.setting["states"]))
    for value in RANGES:
        text = f"variation of the conductance range ({100 * value:g} %) does not degrade training, within 2 points"
        claim(sun, text, at("devices", "range", value), linear, no_worse)
    for suffix, (states, label) in asymmetric(Setting(**book.setting)).items():
        spoilt = at("devices", suffix.removeprefix(", "), label)
        for value in RANGES[:2]:
            text = f"a small one ({100 * value:g} %) even reduces the loss by asymmetry ({states} states)"
            claim(sun, text, at("devices", f"range{suffix}", value), spoilt, better)
        for value in LABEL_SPREADS:
            text = f"device-to-device variation of labels ({value:g}) remedies part of the loss ({states} states)"
            claim(sun, text, at("devices", f"D2D{suffix}", value), spoilt, better)
    for value in NOISE_C2C:
        text = f"cycle-to-cycle variation ({100 * value:g} % of the range) degrades training"
        claim(sun, text, at("devices", "C2C", value), linear, worse)
    random = at("retention", "random")
    for mode in MODES[:-1]:
        text = f"drift in random directions is the best case: better than {mode}, mean over exponents"
        claim(sun, text, random, at("retention", mode), better)
    return found


PANELS = (
    ("gradient", ("ADC forward", "ADC backward", "ADC both"), "ADC resolution (bit)", "Cosine with the gradient"),
    ("passes", (), "", "Accuracy (%)"),
    ("passes", ("ADC forward", "ADC backward"), "ADC resolution (bit)", "Accuracy (%)"),
    (
        "devices",
        ("symmetric", "asymmetric", f"symmetric, {MANY} states", f"asymmetric, {MANY} states"),
        "Nonlinearity label",
        "Accuracy (%)",
    ),
    ("devices", ("states",), "States", "Accuracy (%)"),
    (
        "devices",
        ("range", f"range, asymmetric, {MANY} states"),
        "Spread of the range (%)",
        "Accuracy (%)",
    ),
    ("devices", ("C2C", "C2C, asymmetric"), "Noise of a pulse (% of the range)", "Accuracy (%)"),
    ("retention", MODES, "Drift exponent, ten years", "Accuracy (%)"),
)


def unspoilt(book: Book, study: str, what: str) -> dict | None:
    """The point at the value zero of a kind of point; None where there is none."""
    if study == "retention":
        return dict(study=study, what="fresh")
    if study != "devices" or what == "states":
        return None
    for suffix, (_, label) in asymmetric(Setting(**book.setting)).items():
        if what.endswith(suffix):
            return dict(study=study, what=suffix.removeprefix(", "), value=label)
    states = MANY if f"{MANY} states" in what else book.setting["states"]
    return dict(study=study, what="states", value=float(states))


def run(setting: Setting, out: pathlib.Path, quick: bool, resume: bool) -> None:
    found = mj.data.load(setting.dataset)
    train, test = slice(setting.images), slice(setting.test_images)
    # Digits of 8 x 8 are too small for two convolutions of stride 2.
    larger = lambda x: x if x.shape[1] >= 16 else x.repeat(2, 1).repeat(2, 2)
    images = (larger(found.train_images[train]), larger(found.test_images[test]))
    arrays = (images[0], found.train_labels[train], images[1], found.test_labels[test])
    data = N.Data(*map(jnp.asarray, arrays))
    book = Book(out / f"{NAME}.json", setting, resume)
    every = points(setting, quick)
    total = setting.seeds + sum(seeds(setting, point.chip) for point in every)
    total += 3 * (2 if quick else len(BITS) + len(NOISES) + len(SEGMENTS))
    with _insitu.progress("gradients", total) as advance:
        gradients(setting, data, book, quick, False, advance)
        trainings(setting, data, book, [point for point in every if point.chip is None], advance)
        retention(setting, data, book, advance)
        trainings(setting, data, book, [point for point in every if point.chip is not None], advance)
        if not quick:  # seconds for every gradient
            gradients(setting, data, book, quick, True, advance)
    print(f"Mean ± standard deviation of {setting.seeds} seeds, {setting.samples} batches and chips for gradients:")
    print(summary(book))
    for one in () if quick else claims(book):
        print(f"  {one['source']}: {'confirmed' if one['holds'] else 'NOT confirmed'}: {one['text']}: {one['numbers']}")
    print("  Sun and Yu: not examined: no loss if devices endure more than 7000 cycles")
    book.add([], claims=[] if quick else claims(book))
    picture = figure(book, PANELS, unspoilt, SPOILT)
    written = mj.study.write(out, {f"{NAME}.csv": book.rows, f"{NAME}.png": picture})
    print("Written:", book.path, *written, sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(f"results/{NAME}"))
    parser.add_argument("--resume", action="store_true", help="go on after the last finished point")
    parser.add_argument("--quick", action="store_true", help="digits, few points: that it runs")
    for name in ("images", "test_images", "epochs", "batch", "width", "states", "samples", "seeds", "chip_seeds"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=Setting._field_defaults[name])
    parser.add_argument("--rate", type=float, default=Setting().rate)
    parser.add_argument("--segment", type=float, help="wires of the trainings [ohm]; seconds for each step")
    args = parser.parse_args()
    if args.quick:
        args.images, args.test_images, args.epochs, args.width = 320, 100, 1, 4
        args.seeds = args.chip_seeds = args.samples = 2
    setting = Setting(
        dataset="digits" if args.quick else "cifar10",
        **{name: getattr(args, name) for name in Setting._fields if name != "dataset"},
    )
    lowest = dict(
        images=args.batch, test_images=100, epochs=1, batch=1, width=1, states=2, samples=2, seeds=2, chip_seeds=2
    )
    for name, low in lowest.items():
        if getattr(setting, name) < low:
            parser.error(f"--{name.replace('_', '-')} must be at least {low}, got {getattr(setting, name)}")
    if setting.test_images % 100:
        parser.error(f"--test-images must be a multiple of 100, got {setting.test_images}")
    try:
        mj.study.check_writable(args.out)
        run(setting, args.out, args.quick, args.resume)
    except (OSError, ImportError) as error:
        raise SystemExit(str(error)) from None
    if args.quick:
        print("A quick run shows that the script works: no results.")


if __name__ == "__main__":
    main()
