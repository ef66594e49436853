"""Accuracy and time against tile shape and ADC resolution (figure 14 and table 5 of Souto Garnelo et al.).

    python experiments/souto_garnelo/tiles_and_bits.py [--dataset mnist cifar10] [--chips 20] [--images 500] [--quick]

Assumptions
  The ADC is MemTorch's, with a range of its own for every tile and vector: a larger tile has more word lines in one
  current, and so fewer roundings of a coarser step. Published times are those of MemTorch on a GTX 1060 for 10 000
  images; ours are of one chip on this machine, from so many images as were asked for, without compilation. MemTorch
  computes a loop over the tiles, and pads every layer to whole tiles; here the padding word lines are computed too, but
  not the bit lines that nothing is read from. Resistances vary by 5 % (ours), so that chips differ.
"""

import time

import jax
import study
import xarray

import memjax as mj

TILES = [64, 128, 256]  # paper
BITS = list(range(2, 11))  # paper
QUICK_TILES, QUICK_BITS = [16, 64], [4, 6, 8]
PUBLISHED_SECONDS = {"mnist": {64: 196.0, 128: 464.0, 256: 1497.0}}  # 10 000 images on a GTX 1060; paper
KNEE = 6  # bits; paper


def seconds(case: study.Case, tile: int) -> float:
    """Time that one chip takes for 10 000 images, from those of the case."""
    params, (parts, _) = case.shown.params, case.shown.parts
    analog = mj.crossbarify(case.shown.fn, study.hardware((tile, tile)))
    chip = analog.program(params, jax.random.key(0), parts[0])
    run = jax.jit(lambda chip, parts: jax.lax.map(lambda x: analog.apply(chip, params, x).argmax(-1), parts))
    jax.block_until_ready(run(chip, parts))
    start = time.perf_counter()
    jax.block_until_ready(run(chip, parts))
    return (time.perf_counter() - start) * 10_000 / len(case.shown.labels)


def measure(case: study.Case, sweep) -> study.Result:
    tiles, bits = (QUICK_TILES, QUICK_BITS) if case.quick else (TILES, BITS)

    def accuracy(key, tile, bits):
        return study.accuracy(case, key, study.hardware((tile, tile), bits, (study.variation(),)))

    found = sweep(accuracy, {"tile": tiles, "bits": bits}, static=("tile",))
    took = {tile: seconds(case, tile) for tile in tiles}
    for tile, ours in took.items():
        published = PUBLISHED_SECONDS.get(case.dataset, {}).get(tile)
        print(f"{case.dataset}, tile {tile}: 10 000 images in {ours:.1f} s; "
              f"published {'none' if published is None else f'{published:.0f} s'}")  # fmt: skip
    found["seconds"] = xarray.DataArray(list(took.values()), dims="tile", attrs={"units": "s"})
    at = lambda tile, bits: found.accuracy.sel(tile=tile, bits=bits)
    small, large, fine = tiles[0], tiles[-1], bits[-1]
    converted = study.CONVERTED.get(case.dataset)
    rows = [
        study.Row(f"tile {tile}, {b} bits", converted if (tile, b) == (small, study.BITS) else None, at(tile, b))
        for tile in tiles
        for b in bits
    ]
    as_good = {b: study.alike(f"{b} bits as {fine}", at(small, b), at(small, fine), 1.0) for b in bits}
    knee = min(b for b, claim in as_good.items() if claim.holds)
    claims = [
        as_good[KNEE]._replace(text=f"{KNEE} bits are as good as {fine} (within 1 point)"),
        study.Claim(f"fewer than {KNEE} bits are not", knee >= KNEE, f"{knee} bits: {as_good[knee].numbers}"),
        study.alike(f"tiles of {large} are as good as {small} at 8 bits", at(large, 8), at(small, 8), 1.0),
        study.Claim(
            "larger tiles take longer", took[large] > took[small],
            ", ".join(f"{tile}: {ours:.1f} s" for tile, ours in took.items()),
        ),
    ]  # fmt: skip
    return study.Result(found, mj.plot.sweep(found, "accuracy", x="bits", hue="tile", percent=True), rows, claims)


if __name__ == "__main__":
    study.main("tiles_and_bits", __doc__, measure)
