"""A sweep as a list of batches: compiled once for each combination of static values."""

import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from memjax.montecarlo import _batch, _grid, _labels


class Work:
    """The whole sweep as a list of batches: those of the first group, then those of the second, ..."""

    def __init__(self, fn: Callable, grid: _grid.Grid, key: Array, samples: int, mesh: Mesh | None):
        self.fn, self.grid, self.key, self.samples, self.mesh = fn, grid, key, samples, mesh
        self.groups = list(grid.groups())
        self.points = self.groups[0].points
        self.items = self.points * samples
        self.compilations, self.compiling = 0, 0.0
        self.compiled: dict[int, Callable] = {}

    def choose_size(self, asked: int | None, kept: int | None) -> int:
        """Evaluations in one batch, a multiple of the number of devices; those of a store are `kept`."""
        if kept is not None:
            if asked is not None and self._rounded(asked) != kept:
                raise ValueError(f"batch_size must be that of the store, {kept}, or None, got {asked}")
            return kept
        if asked is not None:
            return self._rounded(min(asked, self.items))
        if jax.process_count() > 1:
            raise ValueError("batch_size must be given where several processes compute, got None")
        return self._fastest_size()

    def _rounded(self, size: int) -> int:
        devices = 1 if self.mesh is None else self.mesh.size
        return -(-size // devices) * devices

    def _fastest_size(self) -> int:
        """Try 8, 32, 128, ... evaluations at once, as long as each becomes at least a tenth faster."""
        best, fastest = 0, float("inf")
        size = 8
        while True:
            tried = self._rounded(min(size, self.items))
            batch = _batch.trace(self.fn, self.groups[0], self.key, tried, self.mesh)
            try:
                run = self._compile(batch)
                self._call(run, 0, tried)
                start = time.perf_counter()
                self._call(run, 0, tried)
                each = (time.perf_counter() - start) / tried
            except MemoryError:
                if best == 0:
                    raise
                return best
            if each > 0.9 * fastest:
                return best
            best, fastest, self.compiled = tried, each, {0: run}
            if tried >= self.items:
                return best
            size *= 4

    def trace(self, size: int) -> None:
        """Trace every group, which checks the function everywhere before anything runs."""
        self.size = size
        self.per_group = -(-self.items // size)
        self.batches = [_batch.trace(self.fn, group, self.key, size, self.mesh) for group in self.groups]
        self.outputs = self.batches[0].outputs
        for group, batch in zip(self.groups, self.batches, strict=True):
            if batch.outputs != self.outputs:
                raise ValueError(
                    f"fn must return the same names, shapes and types everywhere, got {self.outputs.shapes} for "
                    f"{self.groups[0].static} and {batch.outputs.shapes} for {group.static}"
                )
        _labels.check_names(self.grid, self.outputs.shapes)

    def identity(self) -> dict:
        """Everything that the numbers depend on, as JSON."""
        grid = {
            name: values.tolist() if isinstance(values, np.ndarray) else [str(value) for value in values]
            for axis in self.grid.axes
            for name, values in axis.values.items()
        }
        named = getattr(self.fn, "func", self.fn)  # of a functools.partial
        return {
            "function": getattr(named, "__qualname__", type(named).__name__),
            "code": [batch.fingerprint() for batch in self.batches],
            "dimensions": [axis.dim for axis in self.grid.axes],
            "grid": grid,
            "samples": self.samples,
            "key": np.asarray(jax.random.key_data(self.key)).tolist(),
            "key_kind": str(jax.random.key_impl(self.key)),
            "batch_size": self.size,
            "memjax": version("memjax"),
            "jax": jax.__version__,
        }

    @property
    def count(self) -> int:
        """Number of batches."""
        return self.per_group * len(self.groups)

    def launch(self, index: int) -> dict[str, Array]:
        """Start one batch; its arrays may not be ready yet."""
        group, start = index // self.per_group, index % self.per_group * self.size
        if group not in self.compiled:
            self.compiled[group] = self._compile(self.batches[group])
        return self._run(self.compiled[group], self.groups[group], start, self.size)

    def counted(self, index: int) -> int:
        """Evaluations of a batch that are not filling."""
        start = index % self.per_group * self.size
        return min(self.size, self.items - start)

    def _compile(self, batch: _batch.Batch) -> Callable:
        self.compilations += 1
        start = time.perf_counter()
        try:
            return batch.compile()
        finally:
            self.compiling += time.perf_counter() - start

    def _run(self, run: Callable, group: _grid.Group, start: int, size: int) -> dict[str, Array]:
        # The last batch is filled up with its last evaluation: one shape, one compilation.
        items = np.minimum(np.arange(start, start + size), self.items - 1)
        samples = (items % self.samples).astype(np.int32)
        traced = group.traced(items // self.samples)
        traced = {name: value.astype(jax.dtypes.canonicalize_dtype(value.dtype)) for name, value in traced.items()}
        key = self.key
        if self.mesh is not None:
            spread = NamedSharding(self.mesh, PartitionSpec(self.mesh.axis_names))
            key = _batch.place(key, NamedSharding(self.mesh, PartitionSpec()))
            samples, traced = jax.tree.map(partial(_batch.place, sharding=spread), (samples, traced))
        try:
            return run(key, samples, traced)
        except jax.errors.JaxRuntimeError as error:
            raise explained(error, size) from error

    def _call(self, run: Callable, start: int, size: int) -> None:
        try:
            jax.block_until_ready(self._run(run, self.groups[0], start, size))
        except jax.errors.JaxRuntimeError as error:
            raise explained(error, size) from error


def explained(error: Exception, size: int) -> Exception:
    """An error of the device, with the way out where it is memory."""
    if "RESOURCE_EXHAUSTED" not in str(error) and "out of memory" not in str(error).lower():
        return error
    if size == 1:
        return MemoryError("sweep: not even one evaluation of fn fits into the memory of the device")
    return MemoryError(f"sweep: {size} evaluations of fn at once do not fit: use a smaller batch_size")
