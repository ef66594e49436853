"""`Lookup`: a function whose products are read from tables of two codebooks."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from memjax import _check
from memjax.lookup._codebook import nearest, quantised
from memjax.lookup._counting import counted
from memjax.transform import Program, Sites


class Codebook(NamedTuple):
    """The numbers that the codes of one layer stand for.

    Attributes:
        weights: c_w, [*loops, k_w].
        inputs: c_x, [*loops, k_x]; a number is coded by the nearest one, whatever their order.
    """

    weights: Array
    inputs: Array


class Network:
    """A function, its traces, and what was compiled of them.

    Attributes:
        sites: the products of the function.
        example: shapes of its arguments after the parameters.
    """

    def __init__(self, fn: Callable, select: Callable[[str], bool] | None, example: tuple):
        self.sites, self.example = Sites(fn, select), example
        self._compiled: dict[Any, Callable] = {}

    def run(self, what: Callable, program: Program, *args: Any) -> Any:
        """what(program, *args), compiled once."""
        run = self._compiled.get((what, program))
        if run is None:
            run = self._compiled[what, program] = jax.jit(partial(what, program))
        return run(*args)


class Lookup(eqx.Module):
    """A function (params, *args) whose layers know their weights and inputs by codes. Made by `cluster`.

        y_j = sum_i T[a_ij, b_i],   T[a, b] = c_w[a] c_x[b],   b_i = argmin_b |x_i - c_x[b]|

    Its arrays are leaves: `eqx.tree_at(lambda l: l.codebooks, lookup, trained)` is the network with trained codebooks.

    Attributes:
        codes: {layer: the code a of every weight, [*loops, *stack, K, N]}.
        codebooks: {layer: `Codebook`}.
        activations: {activation: the keys of its table [k]}.
    """

    codes: dict[str, Array]
    codebooks: dict[str, Codebook]
    activations: dict[str, Array]
    network: Network = eqx.field(static=True)

    def apply(
        self,
        params: Any,
        *args: Any,
        codebooks: dict[str, Codebook] | None = None,
        counting: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The function's result. Pure: works under `jit`, `vmap` and `grad`.

        Args:
            params: the parameters; of the layers with codes they are not used, everything else (biases, norms) stays
                what it is here.
            *args, **kwargs: the other arguments of the function.
            codebooks: in place of those of the object, to differentiate by them: the gradient by a number of c_w is the
                sum of the gradients of the weights that share it; input codes pass gradients straight through.
            counting: whether products are computed as the memory does, from counts of pairs of codes and a table, in
                time and memory for each pair; equal to rounding. By default the numbers that the codes stand for are
                multiplied. Gradients by earlier layers end at counted ones.

        Raises: ValueError for a layer without codes and for codebooks of another form.
        """
        _check.flag("counting", counting)
        program, leaves = self.network.sites.program(params, args, kwargs)
        used = self.codebooks if codebooks is None else codebooks
        _check_codebooks(self.codebooks, used)
        for name, found in program.crossbars.items():
            shape = (*found.steps, *found.contraction.stack, *found.contraction.shape)
            if name not in self.codes or self.codes[name].shape != shape:
                held = {layer: codes.shape for layer, codes in self.codes.items()}
                raise ValueError(f"params must have the layers of the codes, {held}, got {name!r} of shape {shape}")
        entries = {name: (self.codes[name], used[name]) for name in program.crossbars}
        how = _by_counting if counting else _by_multiplying
        return jax.tree.unflatten(program.result, self.network.run(how, program, entries, self.activations, leaves))

    def encode(self, params: Any) -> "Lookup":
        """The network with other weights, coded by the same codebooks (each weight by the nearest number)."""
        program, leaves = self.network.sites.program(params, self.network.example)
        matrices = program.matrices(program.split(leaves)[0])
        codes = {name: encoded(self.codebooks[name].weights, matrix) for name, matrix in matrices.items()}
        return eqx.tree_at(lambda lookup: lookup.codes, self, codes)


def encoded(keys: Array, matrix: Array) -> Array:
    """The code of every element of [*loops, ...] by keys [*loops, k] of any order, in the fewest bytes."""
    code: Callable = lambda one, numbers: jnp.argsort(one)[nearest(jnp.sort(one), numbers)]
    for _ in keys.shape[:-1]:
        code = jax.vmap(code)
    size = keys.shape[-1]
    return code(keys, matrix).astype(jnp.uint8 if size <= 2**8 else jnp.uint16 if size <= 2**16 else jnp.uint32)


def _by_multiplying(
    program: Program, entries: dict[str, Any], keys: dict[str, Array], leaves: list[Any]
) -> list[Array]:
    def read(site, entry, x, key):
        operation, inputs = site.contraction, entry[1].inputs
        data = quantised(inputs, operation.data(x).astype(inputs.dtype))
        return operation.result(operation.product(data, _weights(site.crossbar, entry))), None

    return program.run(leaves, entries, None, read, _weights, partial(_tabled, keys))[0]


def _by_counting(program: Program, entries: dict[str, Any], keys: dict[str, Array], leaves: list[Any]) -> list[Array]:
    def read(site, entry, x, key):
        operation, (codes, codebook) = site.contraction, entry
        data = operation.data(x).astype(codebook.inputs.dtype)
        return operation.result(counted(operation, codes, codebook.weights, codebook.inputs, data)), None

    return program.run(leaves, entries, None, read, _weights, partial(_tabled, keys))[0]


def _tabled(keys: dict[str, Array], name: str, function: Callable, x: Array) -> tuple[Array, None]:
    """An activation at the nearest key, which is what its table holds; exact without keys."""
    return function(quantised(keys[name], x.astype(float)).astype(x.dtype) if name in keys else x), None


def _weights(name: str, entry: Any) -> Array:
    """The matrix that codes [..., K, N] stand for; where loops are in front, by codebooks with as many."""
    codes, codebook = entry
    take: Callable = lambda keys, one: keys[one]
    for _ in codebook.weights.shape[:-1]:
        take = jax.vmap(take)
    return take(codebook.weights, codes)


def _check_codebooks(known: dict[str, Codebook], given: Any) -> None:
    if not isinstance(given, dict) or given.keys() != known.keys():
        found = list(given) if isinstance(given, dict) else _check.shown(given)
        raise ValueError(f"codebooks must be a dict with a Codebook for each of {list(known)}, got {found}")
    for name, one in known.items():
        shapes = [jnp.shape(part) for part in one]
        parts = list(given[name]) if isinstance(given[name], Codebook) else []
        if [jnp.shape(part) for part in parts] != shapes:
            raise ValueError(
                f"codebooks[{name!r}] must be a Codebook of the shapes {shapes}, got {_check.shown(given[name])}"
            )
