"""VGG-8 trained in situ on CIFAR-10: figure 4 of Lammie et al. (Array 13, 2022), its columns side by side.

    python experiments/survey_training.py --images 25600 --epochs 1      # two CPU cores: half an hour
    python experiments/survey_training.py --epochs 256 --resume          # the survey's run, on an accelerator
    python experiments/survey_training.py --quick                        # a thin network: that it runs; no results

Digital SGD, ReRAM with soft bounds (pair of devices, one of which is updated), ReRAM with exponential steps, and
NeuroSim's exponential curves with probabilistic rounding; batch 128, rate 0.1 and momentum 0.9 as in `train_vgg8.py`,
weights stretched to 0.5 on the devices. Steps are timed in turn; memory is what the compiler says that a step holds.
Published: curves without numbers. Writes CSV of all epochs, a table, PNG.
"""

import argparse
import pathlib
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
import train_vgg8 as vgg8
from rich.table import Table

import memjax as mj

OMEGA = 0.5
COLUMNS = {
    "digital": (vgg8.DIGITAL, "sgd"),
    "soft bounds, pair": ("reram_sb", "deterministic"),
    "exponential step": ("reram_es", "deterministic"),
    "NeuroSim": ("neurosim_vgg8", "stochastic"),
}


def settings(images: str, batch: int) -> dict[str, vgg8.Setting]:
    return {
        name: vgg8.Setting(law, algorithm, batch, omega=OMEGA, images=images)
        for name, (law, algorithm) in COLUMNS.items()
    }


def steps_of(chosen: dict[str, vgg8.Setting], images: vgg8.Images, repeats: int) -> dict[str, dict[str, Any]]:
    """Time of a step, in turn, and its memory."""
    found: dict[str, dict[str, Any]] = {}
    programs, states, times = {}, {}, {name: [] for name in chosen}
    for name, setting in chosen.items():
        training = vgg8.compiled(setting, len(images.train_labels) // setting.batch)
        state = training.start()
        picks = jnp.arange(setting.batch)[None]
        program = training.steps.lower(state, images.train, images.train_labels, picks).compile()
        held = program.memory_analysis()
        bytes_ = held.argument_size_in_bytes + held.output_size_in_bytes + held.temp_size_in_bytes
        found[name] = {"memory": bytes_ - held.alias_size_in_bytes}
        programs[name] = lambda state, program=program, picks=picks: program(
            state, images.train, images.train_labels, picks
        )
        states[name] = jax.block_until_ready(programs[name](state))
    for _ in range(repeats):
        for name, program in programs.items():
            start = time.perf_counter()
            states[name] = jax.block_until_ready(program(states[name]))
            times[name].append(time.perf_counter() - start)
    for name, taken in times.items():
        pairs = [own / digital for own, digital in zip(taken, times["digital"], strict=True)]
        found[name] |= {"step": statistics.median(taken), "to_digital": statistics.median(pairs)}
        found[name]["memory_to_digital"] = found[name]["memory"] / found["digital"]["memory"]
    return found


def table(found: dict[str, dict[str, Any]]) -> Table:
    shown = Table(title="VGG-8, batch 128")
    for column in ("", "ms/step", "× digital", "MiB", "× digital", "epochs", "train loss", "accuracy %", "best %"):
        shown.add_column(column, justify="right" if column else "left")
    for name, row in found.items():
        shown.add_row(
            name, f"{1e3 * row['step']:.0f}", f"{row['to_digital']:.2f}", f"{row['memory'] / 2**20:.0f}",
            f"{row['memory_to_digital']:.2f}", str(row["epochs"]), f"{row['train_loss']:.4f}",
            f"{100 * row['test_accuracy']:.2f}", f"{100 * row['best']:.2f}",
        )  # fmt: skip
    return shown


def run(chosen: dict[str, vgg8.Setting], count: int | None, epochs: int, repeats: int, resume: bool, out) -> None:
    images = vgg8.load(chosen["digital"])
    images = images._replace(train=images.train[:count], train_labels=images.train_labels[:count])
    images = vgg8.Images(*map(jnp.asarray, images))
    found, curves = steps_of(chosen, images, repeats), {}
    for name, setting in chosen.items():
        folder = out / "checkpoints" / f"{name}-{len(images.train_labels)}"
        _, curves[name] = vgg8.train(setting, images, epochs, folder, vgg8.Checkpoint(), resume)
        last = curves[name][-1]
        found[name] |= {"epochs": last["epoch"], "images": len(images.train_labels), "train_loss": last["train_loss"]}
        found[name] |= {"test_accuracy": last["test_accuracy"]}
        found[name]["best"] = max(row["test_accuracy"] for row in curves[name])
    vgg8._insitu.console().print(table(found))
    files = {f"{name}.csv": rows for name, rows in curves.items()} | {"survey_training.png": vgg8.picture(curves)}
    files["survey_training.csv"] = [{"training": name, **row} for name, row in found.items()]
    print("Written:", *mj.study.write(out, files), sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, help="training images; default: all")
    parser.add_argument("--epochs", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=7, help="timed steps of each")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoints")
    parser.add_argument("--quick", action="store_true", help="a thin VGG-8 on random images: no results")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results/survey_training"))
    args = parser.parse_args()
    kind, batch = "cifar10", 128
    if args.quick:
        args.images, args.epochs, args.repeats, kind, batch = None, 1, 2, "random", 32
    for name, least in (("images", batch), ("epochs", 1), ("repeats", 2)):
        if (given := getattr(args, name)) is not None and given < least:
            parser.error(f"--{name} must be at least {least}, got {given}")
    try:
        mj.study.check_writable(args.out)
        run(settings(kind, batch), args.images, args.epochs, args.repeats, args.resume, args.out)
    except (OSError, ImportError, ValueError) as error:
        raise SystemExit(str(error)) from None
    if args.quick:
        print("A quick run shows that the script works: no results.")


if __name__ == "__main__":
    main()
