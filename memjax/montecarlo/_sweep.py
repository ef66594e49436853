"""A function on every point of a grid, many times over."""

import os
import pathlib
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from memjax import _check
from memjax.montecarlo import _batch, _grid
from memjax.montecarlo._interrupt import stoppable
from memjax.montecarlo._progress import progress as _progress
from memjax.montecarlo._store import Store, differences

if TYPE_CHECKING:
    import xarray


def sweep(
    fn: Callable[..., dict[str, Any]],
    grid: Mapping[Any, Any],
    *,
    key: Array,
    samples: int,
    store: str | os.PathLike | None = None,
    batch_size: int | None = None,
    mesh: Mesh | None = None,
    progress: bool = True,
    static: Collection[str] = (),
    attrs: Mapping[str, Mapping[str, Any]] | None = None,
) -> "xarray.Dataset":
    """Evaluate `fn(key, **point)` for every point of a grid and every sample.

    Sample s has the key `fold_in(key, s)` at every point, so that differences between points are not those between
    draws, and numbers depend neither on the batch size nor on the devices, the order, the size of the grid or the
    number of samples.

    Args:
        fn: a pure function of a PRNG key and the parameters of the grid by name, returning a dict of scalars or arrays
            of the same names, shapes and types everywhere. NaN is recorded like any number.
        grid: name -> values. All combinations are evaluated; a tuple of names -> rows of as many values makes one
            dimension along which they change together. Numbers (and arrays of numbers) are traced: the whole sweep
            over them is one compilation. Strings, tuples and other objects are static: one compilation for each.
        key: of all randomness.
        samples: evaluations of each point.
        store: path of a zarr store. Results go there batch by batch; the same call after a crash or an interrupt
            computes only what is missing. None: results are held in memory.
        batch_size: evaluations in one call, under `vmap`, which bounds the memory. None: the fastest of a few tried
            sizes, or that of the store. Several processes need it.
        mesh: devices that share each batch, in one process or many (`jax.distributed`); None: the default device.
        progress: show rate and remaining time, on a terminal or in a notebook.
        static: names of numbers that fn needs as Python numbers, in shapes for instance.
        attrs: name of a parameter or result -> attributes of its variable, such as units and description.

    Returns:
        Dataset with a dimension for each entry of the grid, then "sample", then those of the arrays. Its attributes
        hold key and versions, and of this call the number of compilations and the time they and the evaluations took.

    Raises: TypeError and ValueError naming the argument, before anything is computed; ValueError for a store of another
        sweep, naming the difference; OSError where the store cannot be written, MemoryError where a batch does not fit.
    """
    parsed = _grid.parse(grid, static)
    if not isinstance(samples, int) or samples < 1:
        raise ValueError(f"samples must be an integer of at least 1, got {samples!r}")
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise ValueError(f"batch_size must be None or an integer of at least 1, got {batch_size!r}")
    _check.key("key", key)
    _batch.check_arguments(fn, parsed)

    work = _Work(fn, parsed, key, samples, mesh)
    primary = jax.process_index() == 0
    opened = Store.open(store) if store is not None and primary else None
    size = work.choose_size(batch_size, opened)
    work.trace(size)
    work.check_attrs(attrs or {})
    results = work.open_results(store, opened, primary)
    before, start = work.compiling, time.perf_counter()
    _evaluate(work, results, progress)
    evaluating = time.perf_counter() - start - (work.compiling - before)
    report = {
        "compilations": work.compilations,
        "seconds_compiling": round(work.compiling, 3),
        "seconds_evaluating": round(evaluating, 3),
    }
    return _dataset(work, results, attrs or {}).assign_attrs(report)


class _Work:
    """The whole sweep as a list of batches: those of the first group, then those of the second, ..."""

    def __init__(self, fn: Callable, grid: _grid.Grid, key: Array, samples: int, mesh: Mesh | None):
        self.fn, self.grid, self.key, self.samples, self.mesh = fn, grid, key, samples, mesh
        self.groups = list(grid.groups())
        self.points = self.groups[0].points
        self.items = self.points * samples
        self.compilations, self.compiling = 0, 0.0
        self.compiled: dict[int, Callable] = {}

    def choose_size(self, asked: int | None, store: Store | None) -> int:
        """Evaluations in one batch, a multiple of the number of devices."""
        if store is not None:
            kept = int(store.identity["batch_size"])
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
        for name in self.outputs.shapes:
            if name in _grid.RESERVED or any(name in (*axis.names, axis.dim) for axis in self.grid.axes):
                raise ValueError(f"fn must not return {name!r}, which is a parameter of the grid")

    def check_attrs(self, attrs: Mapping[str, Any]) -> None:
        """Raise unless all names are those of parameters or results."""
        valid = ["sample", *(name for axis in self.grid.axes for name in axis.values), *self.outputs.shapes]
        for name in attrs:
            if name not in valid:
                raise ValueError(f"attrs must name parameters or results, {valid}, got {name!r}")

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

    def open_results(self, path, opened: Store | None, primary: bool) -> "_Results":
        """Where results go; a store of another sweep is refused."""
        count = self.per_group * len(self.groups)
        if path is None or not primary:
            return _Results(self.outputs, count, self.size)
        identity = self.identity()
        if opened is None:
            opened = Store.create(path, identity, self.outputs, count, self.size)
        elif different := differences(opened.identity, identity):
            raise ValueError(
                f"store {str(pathlib.Path(path))!r} holds another sweep: {'; '.join(different)}. Choose another path"
            )
        return _Results(self.outputs, count, self.size, opened)

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
            raise _explained(error, size) from error

    def _call(self, run: Callable, start: int, size: int) -> None:
        try:
            jax.block_until_ready(self._run(run, self.groups[0], start, size))
        except jax.errors.JaxRuntimeError as error:
            raise _explained(error, size) from error


class _Results:
    """Batches as they are finished, in memory or in a store."""

    def __init__(self, outputs: _batch.Outputs, batches: int, size: int, store: Store | None = None):
        self.store, self.size = store, size
        self.done = np.zeros(batches, bool) if store is None else store.done()
        if store is None:
            self.arrays = {
                name: np.zeros((batches * size, *shape), outputs.dtypes[name]) for name, shape in outputs.shapes.items()
            }

    def write(self, index: int, values: dict[str, np.ndarray]) -> None:
        if self.store is not None:
            self.store.write(index, values)
        else:
            for name, value in values.items():
                self.arrays[name][index * self.size : (index + 1) * self.size] = value
        self.done[index] = True

    def read(self) -> dict[str, np.ndarray]:
        return self.arrays if self.store is None else self.store.read()


def _evaluate(work: _Work, results: _Results, show: bool) -> None:
    """Compute what is missing; while a batch runs, the one before is written."""
    missing = _agreed(np.flatnonzero(~results.done))
    total = sum(work.counted(i) for i in range(len(results.done)))
    finished = total - sum(work.counted(i) for i in missing)
    alone = jax.process_count() == 1  # several cannot agree on the batch after which to stop
    with _progress(show and jax.process_index() == 0, total, finished) as advance, stoppable(alone) as stopped:
        try:
            running: tuple[int, dict[str, Array]] | None = None
            for index in [*missing, None]:
                started = None if index is None or stopped() else (index, work.launch(index))
                if running is not None:
                    results.write(running[0], _fetch(running[1], work.size))
                    advance(work.counted(running[0]))
                running = started
                if running is None:
                    break
            if not results.done.all() and stopped():
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            kept = int(results.done.sum())
            how = "without store= nothing is kept" if results.store is None else "the same call goes on from there"
            raise KeyboardInterrupt(f"sweep stopped after {kept} of {len(results.done)} batches: {how}") from None


def _fetch(values: dict[str, Array], size: int) -> dict[str, np.ndarray]:
    """Results of all devices, on every process."""
    try:
        if jax.process_count() > 1:
            from jax.experimental import multihost_utils

            values = multihost_utils.process_allgather(values, tiled=True)
        return {name: np.asarray(value) for name, value in values.items()}
    except jax.errors.JaxRuntimeError as error:
        raise _explained(error, size) from error


def _agreed(missing: np.ndarray) -> list[int]:
    """The list of the first process, which reads the store, on all of them."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        count = multihost_utils.broadcast_one_to_all(np.array(len(missing)))
        padded = np.zeros(int(count), np.int64)
        if jax.process_index() == 0:
            padded[:] = missing
        missing = multihost_utils.broadcast_one_to_all(padded)
    return [int(index) for index in missing]


def _explained(error: Exception, size: int) -> Exception:
    """An error of the device, with the way out where it is memory."""
    if "RESOURCE_EXHAUSTED" not in str(error) and "out of memory" not in str(error).lower():
        return error
    if size == 1:
        return MemoryError("sweep: not even one evaluation of fn fits into the memory of the device")
    return MemoryError(f"sweep: {size} evaluations of fn at once do not fit: use a smaller batch_size")


def _dataset(work: _Work, results: _Results, attrs: Mapping[str, Mapping[str, Any]]) -> "xarray.Dataset":
    import xarray

    flat = _everywhere(results.read()) if jax.process_count() > 1 else results.read()
    dims = (*(axis.dim for axis in work.grid.axes), "sample")
    variables: dict[str, Any] = {}
    for name, values in flat.items():
        event = values.shape[1:]
        whole = np.zeros((*work.grid.shape, work.samples, *event), values.dtype)
        for group, part in zip(work.groups, values.reshape(len(work.groups), -1, *event), strict=True):
            free = tuple(n for n, at in zip(group.shape, group.fixed, strict=True) if at is None)
            whole[group.slices()] = part[: work.items].reshape(*free, work.samples, *event)
        extra = tuple(f"{name}_{axis}" for axis in range(len(event)))
        variables[name] = ((*dims, *extra), whole, dict(attrs.get(name, {})))
    coords: dict[str, Any] = {"sample": np.arange(work.samples)}
    for axis in work.grid.axes:
        for name, values in axis.values.items():
            coords[name] = (axis.dim, _labels(values), dict(attrs.get(name, {})))
    described = {name: str(value) for name, value in work.identity().items() if name not in ("grid", "dimensions")}
    dataset = xarray.Dataset(variables, coords, described)
    if results.store is not None:
        results.store.finish(dataset)
    return dataset


def _labels(values: np.ndarray | tuple) -> np.ndarray:
    """Values along an axis: numbers as they are, everything else as text."""
    if isinstance(values, np.ndarray) or all(isinstance(value, int | float) for value in values):
        numbers = np.asarray(values)
        if numbers.ndim == 1:
            return numbers
    return np.array([str(value) for value in values])


def _everywhere(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The results of the first process, which has them all, on every process."""
    from jax.experimental import multihost_utils

    return {name: np.asarray(value) for name, value in multihost_utils.broadcast_one_to_all(values).items()}
