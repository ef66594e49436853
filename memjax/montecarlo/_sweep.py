"""A function on every point of a grid, many times over."""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh

from memjax import _check
from memjax.montecarlo import _batch, _grid, _inspect, _labels, _layout
from memjax.montecarlo._interrupt import stoppable
from memjax.montecarlo._progress import progress as _progress
from memjax.montecarlo._store import Store, opened
from memjax.montecarlo._work import Work, explained

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
            computes only what is missing, or does not fit its checksum, and ends with the same bytes. One process may
            write it at a time. None: results are held in memory.
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
        sweep, naming the difference; OSError where the store cannot be written, is being written by another process or
        moved meanwhile; MemoryError where a batch does not fit.

    Example:
        ```python
        import jax
        import memjax as mj


        def experiment(key, bits):
            hardware = mj.Hardware(adc=mj.Adc(bits=bits))
            w, x = jax.random.normal(key, (20, 10)), jax.numpy.ones(20)
            return {"error": abs(mj.matmul(hardware, mj.program(hardware, w, key), x) - x @ w).mean()}


        table = mj.sweep(experiment, {"bits": [4, 6, 8]}, key=jax.random.key(0), samples=10)
        print(table["error"].mean("sample"))
        ```
    """
    parsed = _grid.parse(grid, static)
    if not _is_count(samples):
        raise ValueError(f"samples must be an integer of at least 1, got {samples!r}")
    if samples >= 2**31:
        raise ValueError(f"samples must be less than 2**31, got {samples}")
    if batch_size is not None and not _is_count(batch_size):
        raise ValueError(f"batch_size must be None or an integer of at least 1, got {batch_size!r}")
    if mesh is not None and not isinstance(mesh, Mesh):
        raise TypeError(f"mesh must be a jax.sharding.Mesh or None, got {mesh!r}")
    if not isinstance(progress, bool):
        raise TypeError(f"progress must be True or False, got {progress!r}")
    _check.key("key", key)
    _batch.check_arguments(fn, parsed)

    work = Work(fn, parsed, key, samples, mesh)
    primary = jax.process_index() == 0
    kept = _inspect.batch_size(store, batch_size) if store is not None and primary else None
    work.trace(work.choose_size(batch_size, kept))
    attrs = {} if attrs is None else attrs
    _labels.check_attrs(parsed, work.outputs.shapes, attrs)
    with _results(work, store if primary else None, attrs) as results:
        before, start = work.compiling, time.perf_counter()
        _evaluate(work, results, progress)
        evaluating = time.perf_counter() - start - (work.compiling - before)
        flat = results.read()
        found = _labels.dataset(work, _everywhere(flat) if jax.process_count() > 1 else flat, attrs)
        results.finish(found)
    report = {
        "compilations": work.compilations,
        "seconds_compiling": round(work.compiling, 3),
        "seconds_evaluating": round(evaluating, 3),
    }
    return found.assign_attrs(report)


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

    def finish(self, dataset: "xarray.Dataset") -> None:
        if self.store is not None:
            self.store.finish(dataset)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


@contextlib.contextmanager
def _results(work: Work, path: str | os.PathLike | None, attrs: _labels.Attributes) -> Iterator[_Results]:
    """Where results go."""
    if path is None:
        yield _Results(work.outputs, work.count, work.size)
        return
    wanted = _layout.about(work.identity(), work.outputs, work.count, attrs)
    with opened(path, wanted) as store:
        yield _Results(work.outputs, work.count, work.size, store)


def _evaluate(work: Work, results: _Results, show: bool) -> None:
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
        raise explained(error, size) from error


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


def _everywhere(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The results of the first process, which has them all, on every process."""
    from jax.experimental import multihost_utils

    return {name: np.asarray(value) for name, value in multihost_utils.broadcast_one_to_all(values).items()}
