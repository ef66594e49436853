"""Accuracy with cells stuck at LRS and at HRS (figure 16 and table 6 of Souto Garnelo et al.).

    python experiments/souto_garnelo/faults.py [--dataset mnist cifar10] [--chips 20] [--images 500] [--quick]

Assumptions
  Each cell is stuck with the given probability, independently; MemTorch picks an exact number of cells of each array,
  which changes nothing that the error bars would show. Stuck at LRS is 50 ohm and at HRS 1 kohm (MemTorch's VTEAM): a
  weight with one cell at LRS is near the largest weight of its layer, while one at HRS is near zero, as most are.
  How much that costs depends on the weights: the largest of a layer sets what a stuck cell does, and the paper's
  training is not known. Nor are error bars of the published figures known to us.
"""

import study

import memjax as mj

RATES = [0.0, 0.01, 0.05, 0.1]  # ours; table 6 has 0 and 0.05
QUICK_RATES = [0.0, 0.05]
PUBLISHED = {  # %; paper, table 6: (LRS, HRS) -> accuracy
    "cifar10": {(0.0, 0.0): 81.95, (0.0, 0.05): 72.88, (0.05, 0.0): 10.01, (0.05, 0.05): 10.04}
}


def measure(case: study.Case, sweep) -> study.Result:
    def accuracy(key, lrs, hrs):
        return study.accuracy(case, key, study.hardware(effects=(mj.effects.StuckAt(lrs=lrs, hrs=hrs),)))

    rates = QUICK_RATES if case.quick else RATES
    found = sweep(accuracy, {"lrs": rates, "hrs": rates})
    at = lambda lrs, hrs: found.accuracy.sel(lrs=lrs, hrs=hrs)
    published = PUBLISHED.get(case.dataset, {})
    rows = [
        study.Row(f"stuck at LRS {lrs:.0%}, HRS {hrs:.0%}", published.get((lrs, hrs)), at(lrs, hrs))
        for lrs, hrs in ((0.0, 0.0), (0.0, 0.05), (0.05, 0.0), (0.05, 0.05))
    ]
    claims = [
        study.below("5 % of cells at LRS are worse than 5 % at HRS", at(0.05, 0.0), at(0.0, 0.05)),
        study.below("5 % of cells at HRS cost accuracy", at(0.0, 0.05), at(0.0, 0.0)),
        study.alike("with 5 % at LRS, 5 % more at HRS hardly matter", at(0.05, 0.05), at(0.05, 0.0), 5.0),
    ]
    if published:
        claims.append(study.at_most("5 % of cells at LRS leave chance", at(0.05, 0.0), 15.0))
    return study.Result(found, mj.plot.heatmap(found, x="lrs", rows="hrs", percent=True), rows, claims)


if __name__ == "__main__":
    study.main("faults", __doc__, measure)
