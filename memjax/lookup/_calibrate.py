"""What reaches every layer on sample data, and codebooks of it."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from memjax import _check
from memjax._random import fold_name
from memjax.contraction import Observation
from memjax.lookup._codebook import codebook
from memjax.lookup._lookup import Codebook, Lookup, Network, encoded
from memjax.transform import Program

BINS = 2**16
"""Numbers of one layer that are apart by more than a 65 535th of their range are told apart."""

ByLayer = int | Mapping[str, int]


class Calibration:
    """The weights and the inputs of every layer of a function on sample data. Made by `calibrate`.

    Attributes:
        weights: {layer: its matrix [*loops, *stack, K, N]}.
        inputs: {layer: (values, how often each occurs), [*loops, 65536] both}.
    """

    def __init__(self, network: Network, program: Program, weights: dict[str, Array], inputs: dict[str, Any]):
        self.weights, self.inputs = weights, inputs
        self._network, self._bases = network, {name: found.base for name, found in program.crossbars.items()}

    def cluster(self, weights: ByLayer = 16, inputs: ByLayer = 16, *, key: Array) -> Lookup:
        """The network on codebooks of these numbers of codes (see `memjax.lookup.cluster`)."""
        _check.key("key", key)
        of_weights, of_inputs = (_by_layer(a, b, self._bases) for a, b in (("weights", weights), ("inputs", inputs)))
        codes, codebooks = {}, {}
        for name, matrix in self.weights.items():
            own = fold_name(key, name)
            steps = self.inputs[name][0].shape[:-1]
            held = np.asarray(matrix, float).reshape(*steps, -1)
            found = Codebook(
                jnp.asarray(_codebooks("weights", name, of_weights[name], own, held), matrix.dtype),
                jnp.asarray(_codebooks("inputs", name, of_inputs[name], own, *self.inputs[name]), matrix.dtype),
            )
            codes[name], codebooks[name] = encoded(found.weights, matrix), found
        return Lookup(codes, codebooks, self._network)


def calibrate(fn: Callable, params: Any, data: Any, *, select: Callable[[str], bool] | None = None) -> Calibration:
    """What `cluster` makes codebooks of, seen once: `calibrate(fn, params, data).cluster(16, 16, key=key)`.

    Args:
        fn, params, data, select: as in `cluster`.
    """
    args = data if isinstance(data, tuple) else (data,)
    _check_numbers("params", params)
    if not _check_numbers("data", args):
        raise TypeError(f"data must be an array, or a tuple of the arguments with one, got {_check.shown(data)}")
    network = Network(fn, select, jax.tree.map(_shape, args))
    program, leaves = network.sites.program(params, args)
    if not program.crossbars:
        raise ValueError("params must hold weights that fn multiplies with data, got no product of a parameter")
    matrices = program.matrices(program.split(leaves)[0])
    ends = network.run(_ends, program, matrices, leaves)
    seen = network.run(_histograms, program, {name: (matrices[name], ends[name].peak) for name in ends}, leaves)
    return Calibration(network, program, matrices, {name: _values(seen.get(name), name) for name in matrices})


def cluster(
    fn: Callable,
    params: Any,
    data: Any,
    weights: ByLayer = 16,
    inputs: ByLayer = 16,
    *,
    key: Array,
    select: Callable[[str], bool] | None = None,
) -> Lookup:
    """A network of look-up tables: the weights and the inputs of every layer become codes of small codebooks.

        y_j = sum_i T[a_ij, b_i],   T[a, b] = c_w[a] c_x[b],   b_i = argmin_b |x_i - c_x[b]|

    c_w is the k-means codebook of the weights of a layer, c_x that of the numbers that reach it on the sample data in
    the digital network; a layer is a product of data with a value computed from `params` alone, as for `crossbarify`.
    Groups of a convolution share codebooks, steps of a loop with weights of their own have their own.

    Args:
        fn: a pure function of (params, *args).
        params: its parameters, numbers.
        data: sample data: the argument after the parameters, or a tuple of all of them.
        weights, inputs: how many numbers the codebooks c_w and c_x have; one number for all layers, or {pattern of
            names ("*/Conv_0/*"): number}, of which the first match counts.
        key: PRNG key of the seeds of k-means.
        select: which layers, by name; None: all. The others stay digital.

    Returns: a `Lookup`: `lookup.apply(params, *args)`.

    Raises: ValueError for a codebook larger than the weights or the data that it is made of, a layer that no data
        reaches, a pattern that matches nothing, numbers that are not finite and a function without products; TypeError
        for params and data that are no numbers.

    Source: M. Imani et al., RAPIDNN, arXiv 1806.05794.
    """
    _check.key("key", key)
    for name, value in (("weights", weights), ("inputs", inputs)):
        _check_codes(name, value)
    return calibrate(fn, params, data, select=select).cluster(weights, inputs, key=key)


def _check_numbers(name: str, tree: Any) -> int:
    """Raise unless all arrays hold finite numbers, and hold any; how many arrays there are."""
    arrays = [leaf for leaf in jax.tree.leaves(tree) if hasattr(leaf, "dtype") and hasattr(leaf, "shape")]
    for leaf in arrays:
        if isinstance(leaf, Tracer | jax.ShapeDtypeStruct):
            raise TypeError(f"{name} must be numbers, which are sorted outside of jit, got {_check.shown(leaf)}")
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            continue
        if not _check.array(name, leaf).size:
            raise ValueError(f"{name} must hold numbers, got an array of shape {leaf.shape}")
    return len(arrays)


def _shape(leaf: Any) -> Any:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if hasattr(leaf, "shape") else leaf


def _ends(program: Program, matrices: dict[str, Array], leaves: list[Any]) -> dict[str, Observation]:
    """(largest, minus the smallest) number of every layer's data, with zero."""

    def read(site, matrix, x, key):
        data = site.contraction.data(x).astype(matrix.dtype)
        return _digital(site, matrix, data), Observation(jnp.zeros(()), _both(jnp.max, data, initial=0.0))

    return program.run(leaves, matrices, None, read)[1]


def _histograms(program: Program, entries: dict[str, Any], leaves: list[Any]) -> dict[str, Observation]:
    """How many numbers there are in each bin of a layer's range, and (largest, minus the smallest) of them, or 0."""

    def read(site, entry, x, key):
        matrix, (high, low) = entry
        data = site.contraction.data(x).astype(matrix.dtype)
        width = jnp.where(high + low > 0, high + low, 1.0) / (BINS - 1)
        index = jnp.round((data + low) / width).astype(int)
        empty = jnp.zeros(BINS, data.dtype)
        largest = _both(lambda values: empty.at[index].max(values), data)
        return _digital(site, matrix, data), Observation(jnp.zeros(BINS, int).at[index].add(1), largest)

    return program.run(leaves, entries, None, read)[1]


def _digital(site: Any, matrix: Array, data: Array) -> Array:
    return site.contraction.result(site.contraction.product(data, matrix))


def _both(largest: Callable, data: Array, **bounds: Any) -> Array:
    """The largest of the numbers and of their negatives: both are kept as numbers that are not negative."""
    return jnp.stack([largest(data, **bounds), largest(-data, **bounds)])


def _values(seen: Observation | None, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(values, counts) of a layer; a value is exact where it is alone in its bin."""
    if seen is None or not np.all(np.sum(seen.total, axis=-1)):
        raise ValueError(f"data must reach every layer, got none at {name!r}")
    peak = np.asarray(seen.peak, float)
    return peak[..., 0, :] - peak[..., 1, :], np.asarray(seen.total)


def _codebooks(what: str, name: str, codes: int, key: Array, values: np.ndarray, counts: Any = None) -> np.ndarray:
    """The codebook of every step of the loops of a layer, [*loops, codes], from values [*loops, n]."""
    rows = values.reshape(-1, values.shape[-1])
    numbers = np.ones_like(rows) if counts is None else counts.reshape(rows.shape)
    if codes > (least := numbers.sum(-1).min()):
        raise ValueError(f"{what} must be at most the numbers that {name!r} has of them, {least:g}, got {codes}")
    steps = enumerate(zip(rows, numbers, strict=True))
    found = [codebook(one, codes, jax.random.fold_in(fold_name(key, what), i), many) for i, (one, many) in steps]
    return np.stack(found).reshape(*values.shape[:-1], codes)


def _check_codes(name: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        _check.integer(name, value, 1, BINS)
        return
    if not value:
        raise ValueError(f"{name} must have a pattern of layers, got an empty mapping")
    for pattern, codes in value.items():
        if not isinstance(pattern, str):
            raise TypeError(f"{name} must map patterns of names to numbers, got the pattern {_check.shown(pattern)}")
        _check.integer(f"{name}[{pattern!r}]", codes, 1, BINS)


def _by_layer(name: str, value: ByLayer, bases: dict[str, str]) -> dict[str, int]:
    """How many codes each layer has."""
    _check_codes(name, value)
    patterns = value if isinstance(value, Mapping) else {"*": value}
    for pattern in patterns:
        if not any(fnmatchcase(base, pattern) for base in bases.values()):
            raise ValueError(f"{name} must have patterns that match a layer, got {pattern!r}; there are {[*bases]}")
    first = lambda base: next((codes for pattern, codes in patterns.items() if fnmatchcase(base, pattern)), None)
    found = {layer: first(base) for layer, base in bases.items()}
    if missing := [layer for layer, codes in found.items() if codes is None]:
        raise ValueError(f"{name} must have a number for every layer, got none for {missing}")
    return {layer: codes for layer, codes in found.items() if codes is not None}
