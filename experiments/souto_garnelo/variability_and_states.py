"""Accuracy against device variability and number of conductance states (figure 15 of Souto Garnelo et al.).

    python experiments/souto_garnelo/variability_and_states.py [--dataset mnist cifar10] [--chips 20] [--quick]

Assumptions
  The states of a cell are evenly spaced in conductance over its own range, and a write ends at the nearest one. In
  MemTorch 1.1.6 this non-ideality changes no conductance (its binding refuses ranges of tensors, and an except clause
  restores the matrix): the paper's "states hardly matter" is a sweep over nothing, for which the column of 65 536
  states stands here. The axis of the paper's sigma was not at hand: ours is relative to R_on and R_off alike. Mapping
  is to the mean resistances, and limited to each cell's own range, as in MemTorch.
"""

import study

import memjax as mj

SIGMA = [0.0, 0.1, 0.3, 0.5]  # ours
CONTINUOUS = 65_536  # states: as good as any number
LEVELS = [2, 4, 8, 16, CONTINUOUS]  # ours
QUICK_SIGMA, QUICK_LEVELS = [0.0, 0.3], [2, 16, CONTINUOUS]


def measure(case: study.Case, sweep) -> study.Result:
    def accuracy(key, sigma, levels):
        effects = (study.variation(sigma), mj.effects.FiniteStates(levels))
        return study.accuracy(case, key, study.hardware(effects=effects))

    sigmas, levels = (QUICK_SIGMA, QUICK_LEVELS) if case.quick else (SIGMA, LEVELS)
    found = sweep(accuracy, {"sigma": sigmas, "levels": levels})
    at = lambda sigma, levels: found.accuracy.sel(sigma=sigma, levels=levels)
    name = lambda n: "continuous" if n == CONTINUOUS else f"{n} states"
    converted = study.CONVERTED.get(case.dataset)
    rows = [
        study.Row(f"sigma {s:.0%}, {name(n)}", converted if (s, n) == (0.0, CONTINUOUS) else None, at(s, n))
        for s in (sigmas[0], sigmas[-1])
        for n in levels
    ]
    exact = at(0.0, CONTINUOUS)
    claims = [study.alike(f"states hardly matter: {n} as continuous", at(0.0, n), exact, 1.0) for n in levels[:-1]]
    claims += [study.below("variability costs accuracy: sigma 30 %", at(0.3, CONTINUOUS), exact)]
    return study.Result(found, mj.plot.heatmap(found, x="levels", rows="sigma", percent=True), rows, claims)


if __name__ == "__main__":
    study.main("variability_and_states", __doc__, measure)
