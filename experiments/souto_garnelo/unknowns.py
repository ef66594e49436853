"""What the paper does not say, and how much of its faults and endurance it decides (Souto Garnelo et al.).

    python experiments/souto_garnelo/unknowns.py [--dataset mnist cifar10] [--chips 20] [--images 500] [--quick]

Assumptions
  Cells stuck at HRS and worn cells as in `faults.py` and `ageing.py`, each read in four ways: batch normalisation left
  digital or folded into the kernels (which sets other largest weights), outputs as programmed or fitted again on the
  faulty chip, as MemTorch's tune_ does. Published values are means over an unknown number of chips: the share of single
  chips that reach them is given too. The trained weights themselves, which are not public, are not varied here.
"""

import ageing
import jax
import study
from flax import nnx

import memjax as mj

NORMS, READS = ["digital", "folded"], ["as programmed", "tuned"]
HRS = 0.05  # paper
PUBLISHED = {"mnist": {"worn": 52.47}, "cifar10": {"HRS": 72.88, "worn": 36.01}}  # %; paper, tables 6 and 3


def folded(case: study.Case) -> mj.study.Case:
    """The case with batch normalisation in the kernels."""
    graphdef = nnx.graphdef(study.networks.load(case.dataset)[0])
    fn = lambda params, x: nnx.merge(graphdef, params).folded(x)
    return mj.study.Case(fn, case.shown.params, case.shown.images, case.shown.labels, case.shown.batch)


def measure(case: study.Case, sweep) -> study.Result:
    shown = {"digital": case.shown, "folded": folded(case)}
    effects = {
        "HRS": (mj.effects.StuckAt(hrs=HRS),),
        "worn": (study.variation(), ageing.failing()),
    }

    def accuracy(key, what, norm, read):
        one, wearing, tuning = shown[norm], *jax.random.split(jax.random.fold_in(key, 1))

        def then(analog, chip):
            if what == "worn":
                chip = analog.age(chip, wearing, cycles=ageing.CYCLES, temperature=ageing.TEMPERATURE)
            return analog.tune(chip, one.params, tuning, one.images[:1]) if read == "tuned" else chip

        hardware = study.hardware(effects=effects[what])
        return {"accuracy": mj.study.accuracy(one, hardware, key, then=then)}

    found = sweep(accuracy, {"what": list(effects), "norm": NORMS, "read": READS})
    at = lambda what, norm, read: found.accuracy.sel(what=what, norm=norm, read=read)
    both, neither = at("HRS", "folded", "tuned"), at("HRS", "digital", "as programmed")
    alike = "ours: stuck at HRS, folded and tuned is as digital and as programmed"
    rows, claims = [], [study.alike(alike, both, neither, 2.0)]
    for what in effects:
        published = PUBLISHED.get(case.dataset, {}).get(what)
        for norm in NORMS:
            for read in READS:
                chips = at(what, norm, read)
                rows.append(study.Row(f"{what}, normalisation {norm}, {read}", published, chips))
                if published is not None:
                    low, high = (100 * float(mj.montecarlo.summary(chips)[end]) for end in ("low", "high"))
                    reach = float((100 * chips >= published).mean())
                    claims.append(
                        study.Claim(
                            f"{what}, {norm}, {read}: the published {published} % lies within the 95 % interval",
                            low <= published <= high,
                            f"[{low:.2f}, {high:.2f}]; {reach:.0%} of the chips reach it",
                        )
                    )
    return study.Result(found, mj.plot.sweep(found, x="read", hue=["what", "norm"], percent=True), rows, claims)


if __name__ == "__main__":
    study.main("unknowns", __doc__, measure)
