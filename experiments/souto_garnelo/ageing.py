"""Accuracy after write cycles and after time (table 3 of Souto Garnelo et al.).

    python experiments/souto_garnelo/ageing.py [--dataset mnist cifar10] [--chips 20] [--images 500] [--quick]

Assumptions
  Endurance: 10 000 cycles at 350 K (paper), with the constants of MemTorch's tutorial: p_0 = 1 and p_1 = p_2 = p_3 = 0,
  so that every cell has failed after the first cycle, those below R_on + R_off / 2 to 100 ohm and the others to 1 kohm.
  What is left of a weight is its sign, or zero: the published figure is one of ternary weights, not of wear.
  Retention: all conductances fall by (1 + t / 1 s)^-0.1 (paper: drift 0.1 over 10 000 s; initial time of the tutorial).
  "as programmed" reads the aged chip with the output scales of the new one; "tuned" has them fitted again after ageing,
  layer by layer. The paper does not say when it called MemTorch's tune_. A drift common to all cells is a factor, which
  tuning removes and without which batch statistics no longer fit. Resistances vary by 5 % (ours), so that chips differ.
"""

import jax
import study

import memjax as mj

SECONDS = [0.0, 1.0, 10.0, 100.0, 1e3, 1e4]  # s; paper: 10 000
QUICK_SECONDS = [0.0, 10.0, 1e4]
NU, T0 = 0.1, 1.0  # drift coefficient: paper; initial time [s]: MemTorch's tutorial
CYCLES, TEMPERATURE = 1e4, 350.0  # K; paper
P = (1.0, 0.0, 0.0, 0.0)  # of both states; MemTorch's tutorial
R_LRS, R_HRS = 100.0, 1e3  # ohm, after failure; MemTorch's tutorial
SPLIT = study.R_ON + study.R_OFF / 2  # ohm, between LRS and HRS; MemTorch's code
READS = ["as programmed", "tuned"]
PUBLISHED = {  # %; paper, table 3: (endurance, retention)
    "mnist": (52.47, 93.94),
    "cifar10": (36.01, 81.89),
}


def failing() -> mj.effects.Endurance:
    """Cells that fail as in MemTorch's tutorial."""
    return mj.effects.Endurance(P, P, r_lrs=R_LRS, r_hrs=R_HRS, split=SPLIT)


def measure(case: study.Case, sweep) -> study.Result:
    def aged(key, effect, read, **stress):
        def age(analog, chip):
            ageing, tuning = jax.random.split(jax.random.fold_in(key, 1))
            chip = analog.age(chip, ageing, **stress)
            return analog.tune(chip, case.shown.params, tuning, case.shown.images[:1]) if read == "tuned" else chip

        return study.accuracy(case, key, study.hardware(effects=(study.variation(), effect)), age)

    def worn(key, cycles, read):
        return aged(key, failing(), read, cycles=cycles, temperature=TEMPERATURE)

    def drifted(key, seconds, read):
        return aged(key, mj.effects.Drift(nu=NU, t0=T0), read, seconds=seconds)

    wear = sweep(worn, {"cycles": [0.0, CYCLES], "read": READS}, "-cycles")
    found = sweep(drifted, {"seconds": QUICK_SECONDS if case.quick else SECONDS, "read": READS}, "-seconds")
    after = lambda read: wear.accuracy.sel(cycles=CYCLES, read=read)
    later = lambda read: found.accuracy.sel(seconds=SECONDS[-1], read=read)
    endurance, retention = PUBLISHED.get(case.dataset, (None, None))
    new = found.accuracy.sel(seconds=0.0, read="as programmed")
    rows = [study.Row("new", study.CONVERTED.get(case.dataset), new)]
    rows += [study.Row(f"{CYCLES:g} cycles at {TEMPERATURE:g} K, {read}", endurance, after(read)) for read in READS]
    rows += [study.Row(f"{SECONDS[-1]:g} s of drift, {read}", retention, later(read)) for read in READS]
    claims = [
        study.below(f"endurance costs more than retention, {read}", after(read), later(read)) for read in READS
    ] + [study.alike(f"retention costs little, {read}", later(read), new, 5.0) for read in READS]
    figure = mj.plot.sweep(found.sel(seconds=found.seconds > 0), x="seconds", hue="read", percent=True)
    return study.Result(found, figure, rows, claims)


if __name__ == "__main__":
    study.main("ageing", __doc__, measure)
