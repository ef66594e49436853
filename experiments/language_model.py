"""A transformer over characters on phase-change and resistive memory: noise, converters, a year of drift.

    python experiments/language_model.py [--chips 10] [--pieces 32]     # the chips of the stored weights
    python experiments/language_model.py --train                        # makes the weights; goes on where it stopped
    python experiments/language_model.py --quick                        # a tiny model on little text: no results

Four layers of 128, trained on the source text of this Python's standard library (files from "u" on are held out), as it
is ("trained") and then with noise on its weights ("aware"). Each chip has cells, noise and drift of its own; the
numbers are bits per character of the held-out text, after at least 32 characters of it. Writes tables, a figure, and
what the model writes on a chip beside what it writes digitally.
"""

import argparse
import csv
import hashlib
import io
import json
import pathlib
import time
from functools import partial

import _language_chips as chips
import _language_model as language
import jax
import jax.numpy as jnp
import networks as zoo
import numpy as np
import xarray
from _intervals import interval
from flax import nnx

import memjax as mj
from memjax.plot import look

WEIGHTS = ("trained", "aware")
KINDS = ("PCM", "RRAM")
ADC_BITS = (4, 5, 6, 7, 8, 9, 10)
NOISE = (0.01, 0.02, 0.04, 0.08)
DAY = 86400.0
AGES = {"1 s": 1.0, "1 h": 3600.0, "1 day": DAY, "1 month": 30 * DAY, "1 year": 365 * DAY}
PROMPT = "    def read(self, size=-1):\n        "
CURE = "train them with: python experiments/language_model.py --train"


def train(size: language.Size, recipes: dict, text: language.Text, out: pathlib.Path, kept: bool = True) -> None:
    """Weights of every recipe, each from those of the one before, as files of a folder."""
    model = language.untrained(size)
    for name, recipe in recipes.items():
        folder = out / f"{name}.checkpoints" if kept else None
        model = language.train(model, text, recipe, folder)
        zoo.save(model, out / f"{name}.npz", recipe._asdict() | size._asdict() | text.about)


def load(size: language.Size, folder: pathlib.Path) -> dict:
    """Models by recipe. Raises SystemExit where they are missing or of another size."""
    try:
        return {name: zoo.restored(lambda: language.untrained(size), folder / f"{name}.npz", CURE)[0]
                for name in WEIGHTS}  # fmt: skip
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(str(error)) from None


def measure(call, networks: chips.Network, pieces, count: int, out: pathlib.Path, scope: dict) -> dict:
    """Bits per character by experiment: of each chip, over everything that is varied."""
    bare = [(b, 0.0, 0.0) for b in scope["bits"]]
    bare += [(chips.BITS, *pair) for s in scope["noise"] for pair in ((s, 0.0), (0.0, s))]
    which = list(range(len(WEIGHTS)))
    grids = {
        "bare": {"kind": ["bare"], "network": which, ("bits", "programming", "read"): bare},
        "adc": {"kind": scope["kinds"], "network": which, "bits": scope["bits"]},
        "drift": {"kind": scope["kinds"], "network": which, "seconds": scope["ages"]},
    }
    found, life = {}, chips.life(call, networks, pieces)
    of = hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves((networks, pieces))))
    for name, grid in grids.items():
        start, store = time.perf_counter(), out / "store" / f"{name}-{count}-{of.hexdigest()[:12]}.zarr"
        store.parent.mkdir(parents=True, exist_ok=True)
        data = mj.sweep(life, grid, key=jax.random.key(0), samples=count, batch_size=1, store=store)
        found[name] = data.assign_coords(network=list(WEIGHTS)).rename(network="weights")
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    return found


def samples(call, networks: dict[str, chips.Network], empty, length: int, kinds) -> dict[str, str]:
    """What the models write behind PROMPT, with the same draws: digitally, and "aware" on one chip of each kind."""
    key = jax.random.key(7)
    write = lambda step: chips.continued(step, empty, PROMPT, length, key, language.CONTEXT)
    plain = jax.jit(lambda params, text, cache, at, _: call(params, text, cache, at, method="advance"))
    found = {f"digital, {name}": write(partial(plain, one.params)) for name, one in networks.items()}
    one, text = networks["aware"], jnp.zeros((1, language.CONTEXT), jnp.int32)
    for kind in kinds:
        analog = mj.crossbarify(call, chips.hardware(kind))
        fresh = chips.made(analog, one, kind, text, key)
        aged = analog.age(fresh, key, seconds=AGES["1 year"])
        lives = {"fresh": fresh, "after a year": aged, "after a year, compensated": analog.compensate(aged, fresh, key)}

        @jax.jit
        def read(ready, params, text, cache, at, noise, analog=analog):
            return analog.apply(ready, params, text, cache, at, key=noise, method="advance")

        for label, chip in lives.items():
            found[f"{kind} chip, {label}"] = write(partial(read, analog.prepare(chip), one.params))
    return found


def shown(values) -> str:
    mean, low, high = interval(values)
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def table(found: dict) -> str:
    """Every point with the mean over chips and its 95 % interval, as CSV."""
    text = io.StringIO()
    columns = ("experiment", "kind", "weights", "bits", "programming", "read", "seconds", "compensated")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*columns, "chips", "mean", "low", "high", "std"))
    for experiment, data in found.items():
        for result in data.data_vars:
            values = data[result].stack(point=[d for d in data[result].dims if d != "sample"])
            for index in range(values.sizes["point"]):
                one = values.isel(point=index)
                at = {name: one.coords[name].item() for name in columns if name in one.coords}
                v = one.values.ravel()
                at |= {"experiment": experiment, "compensated": result == "compensated"}
                numbers = [f"{x:.5f}" for x in (*interval(v), v.std(ddof=1) if len(v) > 1 else 0.0)]
                writer.writerow([*(at.get(name, "") for name in columns), len(v), *numbers])
    return text.getvalue()


def claims(found: dict, bases: dict[str, float]) -> list[tuple[str, bool, str]]:
    """(claim, whether the 95 % interval over the same chips is on its side, numbers)."""
    drift, adc, bare = found["drift"], found["adc"].bits_per_character, found["bare"].bits_per_character
    lines = []

    def claim(text: str, lower, higher, by: float = 0.0, what: str = "difference"):
        gap = np.asarray(higher - lower)
        lines.append((text, interval(gap)[1] > by, f"{what} {shown(gap)}"))

    def within(text: str, loss, bound: float):
        lines.append((f"{text} within {bound:g} bits", interval(loss)[2] < bound, f"loss {shown(loss)}"))

    for kind in drift.kind.values:
        now, then = (drift.sel(kind=kind, seconds=AGES[age]) for age in ("1 s", "1 year"))
        fresh, ends = adc.sel(kind=kind, bits=chips.BITS), (min(adc.bits.values), max(adc.bits.values))
        for weights in WEIGHTS:
            pick = lambda data: data.sel(weights=weights)  # noqa: B023
            of, year = f"{kind}, {weights}:", pick(then)
            within(f"{of} a fresh chip is as good as digital", pick(fresh) - bases[weights], 0.1)
            few, many = (pick(adc).sel(kind=kind, bits=b) for b in ends)
            claim(f"{of} {ends[0]} ADC bits cost more than 0.1 bits against {ends[1]}", many, few, 0.1)
            within(f"{of} {chips.BITS} ADC bits are as good as {ends[1]}", pick(fresh) - many, 0.02)
            claim(f"{of} compensation helps after a year", year.compensated, year.bits_per_character)
            within(f"{of} a compensated year costs little,", year.compensated - pick(now).bits_per_character, 0.1)
        aware, trained = (then.compensated.sel(weights=weights) for weights in reversed(WEIGHTS))
        claim(f"{kind}: hardware-aware training helps a compensated chip after a year", aware, trained)
        claim(f"{kind}: it helps a fresh chip", *(fresh.sel(weights=weights) for weights in reversed(WEIGHTS)))
    strongest = float(bare.programming.max())
    write, read = (at(bare, **{name: strongest}).sel(weights="trained") for name in ("programming", "read"))
    claim(f"trained: errors of writes ({strongest:g} of the range) cost more than noise of reads as large", read, write)
    aware = at(bare, programming=strongest).sel(weights="aware")
    claim(f"hardware-aware training helps against errors of writes ({strongest:g} of the range)", aware, write)
    cost = bases["aware"] - bases["trained"]
    lines.append(("digitally, hardware-aware training costs less than 0.1 bits", cost < 0.1, f"{cost:+.3f}, no chips"))
    return lines


def at(bare: xarray.DataArray, bits: int = chips.BITS, programming: float = 0.0, read: float = 0.0) -> xarray.DataArray:
    """One point of the experiment without the effects of a technology [weights, sample]."""
    wanted = {"bits": bits, "programming": programming, "read": read}
    hits = np.all([np.isclose(bare[name], value) for name, value in wanted.items()], axis=0)
    return bare.isel(kind=0, **{bare.bits.dims[0]: int(np.flatnonzero(hits)[0])})


def figure(found: dict, bases: dict[str, float]):
    """Three panels: ADC bits, strength of noise, age."""
    with look.panels(1, 3, 10.5, 3.4) as (new, grid):
        left, middle, right = grid[0]

        def line(ax, x, values, label, index, dashed=False, filled=True):
            ends = np.array([interval(row) for row in np.asarray(values)])
            ax.errorbar(
                x, ends[:, 0], np.abs(ends[:, 1:] - ends[:, :1]).T if np.isfinite(ends).all() else None, capsize=2,
                label=label, color=look.COLOURS[index], marker=look.MARKERS[index], ls="--" if dashed else "-",
                markerfacecolor=None if filled else "white",
            )  # fmt: skip

        kinds = list(found["drift"].kind.values)
        for i, weights in enumerate(WEIGHTS):
            for j, kind in enumerate(kinds):
                adc = found["adc"].bits_per_character.sel(kind=kind, weights=weights)
                line(left, adc.bits, adc, f"{kind}, {weights}", 2 * j + i)
                drift = found["drift"].sel(kind=kind, weights=weights) - bases[weights]
                line(right, drift.seconds, drift.bits_per_character, None, 2 * j + i, dashed=True, filled=False)
                line(right, drift.seconds, drift.compensated, f"{kind}, {weights}", 2 * j + i)
            bare = found["bare"].bits_per_character
            for k, name in enumerate(("programming", "read")):
                strengths = np.unique(bare[name])
                values = [at(bare, **{name: s}).sel(weights=weights) for s in strengths]
                line(middle, 100 * strengths, values, f"{name}, {weights}", 2 * k + i)
        for i, weights in enumerate(WEIGHTS):
            level = f"digital, {weights} ({bases[weights]:.3f})"
            left.axhline(bases[weights], color=look.INK, lw=0.9, ls=(":", "--")[i], label=level)
            middle.axhline(bases[weights], color=look.INK, lw=0.9, ls=(":", "--")[i])
        for ax in (left, middle):
            ax.legend()
        left.set(xlabel="ADC resolution (bit)", ylabel="Bits per character", title="Fresh chips")
        middle.set(xlabel="Noise (% of the conductance range)", title="Noise alone")
        right.set(
            xscale="log",
            yscale="log",
            xlabel="Time after programming (s)",
            ylabel="Bits per character above digital",
            title="Drift (dashed: uncompensated)",
        )
    return new


def report(found: dict, bases: dict, texts: dict, about: dict, out: pathlib.Path) -> None:
    lines = [f"{text}: {'confirmed' if holds else 'not confirmed'}; {numbers}" for text, holds, numbers in
             claims(found, bases)]  # fmt: skip
    print("Digital:", ", ".join(f"{name} {value:.3f}" for name, value in bases.items()), "bits per character")
    print(*lines, sep="\n")
    blocks = "\n".join(f"## {name}\n\n```python\n{text}\n```\n" for name, text in texts.items())
    written = {
        "language_model.csv": table(found),
        "language_model.png": figure(found, bases),
        "samples.md": f"# Texts of the same draws\n\n{blocks}",
        "about.json": json.dumps(about | {"digital": bases, "claims": lines}, indent=1),
    }
    print("Written:", *mj.study.write(out, written), sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/language_model"))
    parser.add_argument("--weights", type=pathlib.Path, default=language.WEIGHTS, help="folder of the weights")
    parser.add_argument("--train", action="store_true", help="make the weights")
    parser.add_argument("--chips", type=int, default=10, help="chips at every point")
    parser.add_argument("--pieces", type=int, default=32, help="pieces of 128 characters of the held-out text")
    parser.add_argument("--sample", type=int, default=240, help="characters of the texts that are written")
    parser.add_argument("--quick", action="store_true", help="a tiny model on little text: that it runs, no results")
    args = parser.parse_args()
    if args.chips < 2 or args.pieces < 1 or args.sample < 1:
        parser.error("--chips must be at least 2, --pieces and --sample at least 1")
    size, scope = language.Size(), {"kinds": KINDS, "bits": ADC_BITS, "noise": NOISE, "ages": AGES.values()}
    text = language.load_text(20_000 if args.quick else None)
    try:
        mj.study.check_writable(args.weights if args.train else args.out)
    except OSError as error:
        raise SystemExit(str(error)) from None
    if args.quick:
        size, args.weights, args.chips, args.pieces, args.sample = language.Size(16, 2, 2), args.out, 2, 2, 8
        scope = {"kinds": ("PCM",), "bits": (4, 8), "noise": (0.08,), "ages": (AGES["1 s"], AGES["1 year"])}
        recipes = {name: recipe._replace(steps=20, warmup=2) for name, recipe in language.RECIPES.items()}
        train(size, recipes, text, args.out, kept=False)
    elif args.train:
        train(size, language.RECIPES, text, args.weights)
        return
    models = load(size, args.weights)
    call, _ = language.as_function(models["trained"])
    sample = jnp.asarray(language.windows(text.train, 16))[:, :-1]
    networks = chips.networks(call, {name: nnx.state(model) for name, model in models.items()}, sample)
    pieces = jnp.asarray(language.windows(text.held_out, args.pieces))
    digital = {name: jax.jit(partial(call, one.params)) for name, one in networks.items()}
    wide = jnp.asarray(language.windows(text.held_out, 16 * args.pieces))
    bases, widely = ({name: float(chips.bits_per_character(read, of)) for name, read in digital.items()}
                     for of in (pieces, wide))  # fmt: skip
    scope = {name: list(values) for name, values in scope.items()}
    found = measure(call, chips.stacked(networks), pieces, args.chips, args.out, scope)
    texts = samples(call, networks, lambda length: models["trained"].empty(1, length), args.sample, scope["kinds"])
    about = text.about | {"chips": args.chips, "pieces": args.pieces, "digital_on_16_times_as_many": widely}
    report(found, bases, texts, about, args.out)


if __name__ == "__main__":
    main()
