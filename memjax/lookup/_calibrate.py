"""What reaches every layer on sample data, and codebooks of it."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from memjax import _check
from memjax._random import fold_name
from memjax.contraction import Observation
from memjax.lookup._codebook import kmeans
from memjax.lookup._lookup import Codebook, Lookup, Network, encoded
from memjax.transform import Program

BINS = 2**16
"""Numbers of one layer that are apart by more than a 65 535th of their range are told apart."""

ByLayer = int | Mapping[str, int]
Seen = tuple[np.ndarray, np.ndarray]


class Calibration:
    """The weights and the inputs of every layer of a function on sample data. Made by `calibrate`.

    Attributes:
        weights: {layer: its matrix [*loops, *stack, K, N]}.
        inputs: {layer or activation: (values, how often each occurs), [*loops, 65536] both}.
    """

    def __init__(self, network: Network, program: Program, weights: dict[str, Array], inputs: dict[str, Seen]):
        self.weights, self.inputs = weights, inputs
        self._network, self._functions = network, {name: name for name in program.functions}
        self._layers = {name: found.base for name, found in program.crossbars.items()}

    def cluster(
        self, weights: ByLayer = 16, inputs: ByLayer = 16, activations: ByLayer | None = None, *, key: Array
    ) -> Lookup:
        """The network on codebooks of these numbers of codes (see `memjax.lookup.cluster`)."""
        _check.key("key", key)
        of_weights, of_inputs = (_by_layer(a, b, self._layers) for a, b in (("weights", weights), ("inputs", inputs)))
        for what, numbers in (("weights", of_weights), ("inputs", of_inputs)):
            if without := self.weights.keys() - numbers.keys():
                raise ValueError(f"{what} must have a number for every layer, got none for {min(without)!r}")
        keys = self._keys(activations, key)
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
        return Lookup(codes, codebooks, keys, self._network)

    def _keys(self, activations: ByLayer | None, key: Array) -> dict[str, Array]:
        """The keys of the tables of activations, by name."""
        numbers = {} if activations is None else _by_layer("activations", activations, self._functions)
        one = lambda name, codes: _codebooks("activations", name, codes, fold_name(key, name), *self.inputs[name])
        return {name: jnp.asarray(one(name, codes), float) for name, codes in numbers.items()}


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
    ends = {name: seen.peak for name, seen in network.run(_ends, program, matrices, leaves).items()}
    for name, peak in ends.items():
        if not np.all(np.isfinite(peak)):
            raise ValueError(f"data must be finite in all layers, got NaN or infinite values at {name!r}")
    seen = network.run(_histograms, program, matrices, ends, leaves)
    for name in matrices:
        if name not in seen or not np.all(np.sum(seen[name].total, axis=-1)):
            raise ValueError(f"data must reach every layer, got none at {name!r}")
    return Calibration(network, program, matrices, {name: _values(one) for name, one in seen.items()})


def cluster(
    fn: Callable,
    params: Any,
    data: Any,
    weights: ByLayer = 16,
    inputs: ByLayer = 16,
    activations: ByLayer | None = None,
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
        activations: how many keys the table of an activation has, which is evaluated at the nearest key of its inputs
            (k-means as well); or {pattern ("relu_*"): number}, where those without are exact; None: all are. See
            `memjax.transform.Program.functions` for what is one.
        key: PRNG key of the seeds of k-means.
        select: which layers, by name; None: all. The others stay digital.

    Returns: a `Lookup`: `lookup.apply(params, *args)`.

    Raises: ValueError for a codebook larger than the weights or the data that it is made of, a layer that no data
        reaches, a pattern that matches nothing, numbers that are not finite and a function without products; TypeError
        for params and data that are no numbers.

    Source: M. Imani et al., RAPIDNN, arXiv 1806.05794.
    """
    _check.key("key", key)
    for name, value in (("weights", weights), ("inputs", inputs), ("activations", activations)):
        if name != "activations" or value is not None:
            _check_codes(name, value)
    return calibrate(fn, params, data, select=select).cluster(weights, inputs, activations, key=key)


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
    """(largest, minus the smallest) number of all data of a layer or an activation, with zero."""

    def ends(name, data):
        return Observation(jnp.zeros(()), _both(partial(jnp.max, initial=0.0), data))

    return _watch(program, matrices, leaves, ends)


def _histograms(program: Program, matrices: dict[str, Array], ends: dict[str, Array], leaves: list[Any]) -> Any:
    """How many numbers there are in each bin between the ends, and (largest, minus the smallest) of them, or 0."""

    def histogram(name, data, ends):
        high, low = ends
        width = jnp.where(high + low > 0, high + low, 1.0) / (BINS - 1)
        index = jnp.round((data + low) / width).astype(int)
        empty = jnp.zeros(BINS, data.dtype)
        largest = _both(lambda values: empty.at[index].max(values), data)
        return Observation(jnp.zeros(BINS, int).at[index].add(1), largest)

    return _watch(program, matrices, leaves, histogram, ends)


def _watch(
    program: Program,
    matrices: dict[str, Array],
    leaves: list[Any],
    watch: Callable,
    known: dict[str, Array] | None = None,
) -> dict[str, Observation]:
    """watch(name, data, what is known of it) of the data of all layers and activations of the digital network."""
    of = lambda name: () if known is None else (known[name],)

    def read(site, entry, x, key):
        operation, (matrix, *more) = site.contraction, entry
        data = operation.data(x).astype(matrix.dtype)
        return operation.result(operation.product(data, matrix)), watch(site.crossbar, data, *more)

    def activation(name, function, x):
        return function(x), watch(name, x.astype(float), *of(name))

    entries = {name: (matrix, *of(name)) for name, matrix in matrices.items()}
    return program.run(leaves, entries, None, read, None, activation)[1]


def _both(largest: Callable, data: Array) -> Array:
    """The largest of the numbers and of their negatives, zero at least."""
    return jnp.stack([largest(data), largest(-data)])


def _values(seen: Observation) -> Seen:
    """(values, counts); a value is exact where it is alone in its bin."""
    peak = np.asarray(seen.peak, float)
    return peak[..., 0, :] - peak[..., 1, :], np.asarray(seen.total)


def _codebooks(what: str, name: str, codes: int, key: Array, values: np.ndarray, counts: Any = None) -> np.ndarray:
    """The codebook of every step of the loops of a layer, [*loops, codes], from values [*loops, n]."""
    rows = values.reshape(-1, values.shape[-1])
    numbers = np.ones_like(rows) if counts is None else counts.reshape(rows.shape)
    if codes > (least := numbers.sum(-1).min()):
        raise ValueError(f"{what} must be at most the numbers that {name!r} has of them, {least:g}, got {codes}")
    steps = enumerate(zip(rows, numbers, strict=True))
    found = [kmeans(one, codes, jax.random.fold_in(fold_name(key, what), i), many) for i, (one, many) in steps]
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


def _by_layer(name: str, value: ByLayer, known: dict[str, str]) -> dict[str, int]:
    """How many codes each layer or activation has whose name, in `known`, a pattern matches."""
    _check_codes(name, value)
    patterns = value if isinstance(value, Mapping) else {"*": value}
    matched = {pattern: [one for one, base in known.items() if fnmatchcase(base, pattern)] for pattern in patterns}
    for pattern, layers in matched.items():
        if not layers:
            raise ValueError(f"{name} must have patterns that match one of {[*known]}, got {pattern!r}")
    return {layer: patterns[p] for p in reversed(matched) for layer in matched[p]}  # the first one last
