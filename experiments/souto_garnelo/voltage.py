"""Accuracy against the maximum input voltage (figure 13 and table 4 of Souto Garnelo et al.).

    python experiments/souto_garnelo/voltage.py [--dataset mnist cifar10] [--chips 20] [--images 500] [--quick]

Assumptions
  "MemTorch": where the largest input of a layer exceeds the maximum voltage V, all of them are multiplied by
  V / max|x|, and the result stays as much too small; the slope of its regression (tune_), fitted to uniform inputs from
  -1 to 1, makes up for no more than 1 / V. Hence hardly any change below 1 V, and full accuracy as soon as V exceeds
  every activation. Inputs are scaled by image; MemTorch scales those of a dense layer by batch. "physical": numbers are
  scaled to voltages and back, so that with ohmic cells and an ADC that fits its range to the currents V cannot matter.
  Published values at single voltages were not at hand; the range of 6 to 9 V is that of a summary of the paper.
  Resistances vary by 5 % (ours), so that chips differ.
"""

import jax
import study

import memjax as mj

VOLTAGES = [0.1, 0.3, 1.0, 2.0, 3.0, 4.5, 6.0, 9.0, 12.0]  # V; ours
QUICK_VOLTAGES = [0.3, 1.0, 9.0]
PUBLISHED_BEST = 9.0  # V; summary of the paper: 6 to 9 V
READS = ["MemTorch", "physical"]


def measure(case: study.Case, sweep) -> study.Result:
    def accuracy(key, v_max, read):
        effects = (study.variation(),)
        if read == "physical":
            return study.accuracy(case, key, study.hardware(effects=effects, dac=mj.Dac(v_max=v_max)))
        dac = mj.Dac(v_max=v_max, range=mj.Dynamic(at_least=v_max), rescale=False)
        params, example, tuning = case.shown.params, case.shown.images[:1], jax.random.fold_in(key, 1)
        tune = lambda analog, chip: analog.tune(chip, params, tuning, example)
        return study.accuracy(case, key, study.hardware(effects=effects, dac=dac), tune)

    found = sweep(accuracy, {"read": READS, "v_max": QUICK_VOLTAGES if case.quick else VOLTAGES})
    at = lambda read, v_max: found.accuracy.sel(read=read, v_max=v_max)
    converted = study.CONVERTED.get(case.dataset)
    rows = [
        study.Row(f"{read}, {v:g} V", converted if v == PUBLISHED_BEST else None, at(read, v))
        for read in READS
        for v in (0.3, 1.0, PUBLISHED_BEST)
    ]
    best, physical = at("MemTorch", PUBLISHED_BEST), at("physical", PUBLISHED_BEST)
    claims = [
        study.below("low voltages lose accuracy: 0.3 V below 9 V", at("MemTorch", 0.3), best),
        study.alike("9 V are enough: as good as a physical read", best, physical, 1.0),
        study.alike("ours: in a physical read 0.3 V are as good as 9 V", at("physical", 0.3), physical, 1.0),
    ]
    return study.Result(found, mj.plot.sweep(found, x="v_max", hue="read", percent=True), rows, claims)


if __name__ == "__main__":
    study.main("voltage", __doc__, measure)
