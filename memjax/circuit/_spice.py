"""Arrays as netlists for ngspice, and its results as arrays."""

import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax import _check
from memjax.circuit._expression import expression
from memjax.circuit._newton import check_conduction
from memjax.circuit._wires import Wires
from memjax.devices import AbstractDevice

# Agreement with a direct solution to 1e-13; the defaults of ngspice are for transistors and volts.
_EXACT = "gmin=1e-20 reltol=1e-9 abstol=1e-16 vntol=1e-12"
_TRANSIENT = "gmin=1e-20 reltol=1e-7 abstol=1e-16 vntol=1e-11 chgtol=1e-18"
# A line that nothing ties to a terminal would leave the matrix singular.
_LEAK = "rshunt=1e21"


class SpiceResult(NamedTuple):
    """What ngspice wrote: leading axis `[T]` for a transient, none for an operating point.

    Voltages of lines are None where the netlist did not ask for them, time and state where it has none.
    """

    time: np.ndarray | None
    """[T], s."""
    current: np.ndarray
    """[..., n], A, into the sense terminals."""
    source_current: np.ndarray
    """[..., m], A, out of the drivers."""
    word_line_voltage: np.ndarray | None
    """[..., m, n], V, at the cells."""
    bit_line_voltage: np.ndarray | None
    """[..., m, n], V, at the cells."""
    state: np.ndarray | None
    """[..., m, n], in [0, 1]."""


def to_spice(
    conductance: Any,
    voltage: Any,
    wires: Wires,
    *,
    time: Any = None,
    sense_voltage: Any = 0.0,
    conduction: Any = None,
    device: AbstractDevice | None = None,
    state: Any = None,
    line_voltages: bool = True,
    results: str = "crossbar.raw",
) -> str:
    """The netlist of an array with its wires, which `ngspice -b` runs.

    Every segment of every line is a resistor (a source of 0 V where it has no resistance), every driver and every
    sense terminal a voltage source, and every cell a resistor, or a source of its own current-voltage relation:

        Rc_i_j w_i_j b_i_j 1/G           ohmic cells; open ones (G = 0) are left out
        Bc_i_j w_i_j b_i_j I=i(v, x)     with `conduction` or `device`, v = V(w_i_j, b_i_j)
        Br_i_j r_i_j 0 V=dx/dt(v, x)     with `device` in a transient: the state is the voltage of a capacitor of 1 F,
        Bx_i_j 0 x_i_j I=V(r_i_j)        0 where that would drive the state out of [0, 1]

    Args:
        conductance: [m, n], S; None where `device` gives the cells.
        voltage: [m], V, of the drivers: an operating point; or [T, m] at `time`, linear in between: a transient.
        wires: resistances [ohm].
        time: [T], s, increasing.
        sense_voltage: scalar or [n], V, of the sense terminals.
        conduction: an object with the methods of `memjax.effects.Conduction`: the relation between a cell's
            conductance, voltage and current.
        device: model of the cells; numbers of shape [m, n] differ from cell to cell.
        state: scalar or [m, n], state of the cells (at the first time); the model's `initial` if None.
        line_voltages: ask for the voltages of all lines at the cells too.
        results: file that ngspice will write; `from_spice` reads it.

    Returns: the netlist as text.

    Raises: ValueError for shapes that do not match, numbers out of their range; TypeError for a device or conduction
        with equations that are not elementwise (models that look for a root).

    ngspice may give up ("Timestep too small") on a model that is stopped hard at the bounds of its state: use a smooth
    window. What it wrote then is refused by `from_spice`.

    Example:
        ```python
        import jax.numpy as jnp
        import memjax as mj

        print(mj.circuit.to_spice(jnp.full((2, 2), 1e-4), jnp.array([0.2, 0.1]), mj.Wires(row=1.0, column=1.0)))
        ```
    """
    check_conduction(conduction)
    if device is not None:
        _check.part("device", device, AbstractDevice, example="memjax.devices.VTEAM.pt_hf_ti()")
    conductance, state = _cells(conductance, device, state, conduction)
    cells = f"conductance {np.shape(conductance)}" if device is None else f"state {np.shape(state)}"
    m, n = np.shape(conductance if device is None else state)
    _check.part("wires", wires, Wires, example="memjax.Wires(row=1.0)")
    wires.check(m, n)
    voltage, time = _waveform(voltage, time, m, cells)
    sense = np.broadcast_to(_finite("sense_voltage", sense_voltage), n)
    end = None if time is None else time[-1] - time[0]
    lines = [
        f"* memjax: array of {m} word lines and {n} bit lines",
        *(f"Vin_{i} in_{i} 0 {_source(voltage[..., i], time)}" for i in range(m)),
        *(f"Vout_{j} out_{j} 0 DC {_number(sense[j])}" for j in range(n)),
        # 1 V at the end of a run that came to its end.
        f"Vdone done 0 {'DC 1' if end is None else f'PWL(0 0 {_number(end)} 1)'}",
        *_segments(wires, m, n),
        *(_ohmic(conductance) if device is None and conduction is None else ()),
        *(_conducting(conductance, conduction) if conduction is not None else ()),
        *(_memristive(device, state, moving=time is not None) if device is not None else ()),
        f".options {_EXACT if time is None else _TRANSIENT}{_leak(wires)}",
        *_saved(m, n, line_voltages, device is not None and time is not None),
    ]
    if time is not None:
        lines.append(f".tran {_number(np.diff(time).min())} {_number(end)} 0 {_number(np.diff(time).min())}")
    run = "op" if time is None else "run"
    lines += [".control", f"echo failed > {results}", run, "set filetype=ascii", f"write {results}", "quit", ".endc"]
    return "\n".join([*lines, ".end", ""])


def from_spice(source: str | pathlib.Path, time: Any = None) -> SpiceResult:
    """The results that ngspice wrote for a netlist of `to_spice`.

    Args:
        source: the file, or its text.
        time: [T], s from the start of the run: instants at which a transient is wanted, linear between the steps of
            ngspice (which takes one at every sample of the waveform); None: all its steps.

    Raises: ValueError for a run that failed or stopped before its end.
    """
    text = source if isinstance(source, str) and "\n" in source else pathlib.Path(source).read_text()
    values = _vectors(text)
    if "v(done)" not in values or not abs(values["v(done)"][-1] - 1) < 1e-6:
        raise ValueError("from_spice: the run failed or stopped before its end; see what ngspice printed")
    moments = values.get("time")
    if moments is not None and time is not None:
        values = {name: np.interp(time, moments, vector) for name, vector in values.items()}

    def gather(pattern: str) -> np.ndarray | None:
        """All vectors whose names have the numbers of cells or lines in place of #, on trailing axes."""
        found = {}
        for name, vector in values.items():
            if match := re.fullmatch(re.escape(pattern).replace(r"\#", r"(\d+)"), name):
                found[tuple(map(int, match.groups()))] = vector if moments is not None else vector[0]
        if not found:
            return None
        array = np.empty((*np.max(list(found), axis=0) + 1, *np.shape(found[min(found)])))
        for index, vector in found.items():
            array[index] = vector
        return array if moments is None else np.moveaxis(array, -1, 0)

    current, source_current = gather("i(vout_#)"), gather("i(vin_#)")
    if current is None or source_current is None:
        raise ValueError("from_spice: the results must be those of a netlist of to_spice, found no i(vout_0), i(vin_0)")
    words, bits, state = gather("v(w_#_#)"), gather("v(b_#_#)"), gather("v(x_#_#)")
    return SpiceResult(values.get("time"), current, -source_current, words, bits, state)


def _segments(wires: Wires, m: int, n: int) -> Iterator[str]:
    """The links of all lines, from the drivers and to the sense terminals."""
    with jax.enable_x64(True):
        links = jax.tree.map(np.asarray, wires.links(m, n, float))
    word, bit = np.broadcast_to(links.word, (m, n)), np.broadcast_to(links.bit, (m, n))[::-1]
    for i in range(m):
        nodes = [f"w_{i}_{j}" for j in range(n)]
        yield from _line(f"w{i}", f"in_{i}", nodes, word[i], wires.double_drive)
    for j in range(n):
        nodes = [f"b_{i}_{j}" for i in reversed(range(m))]
        yield from _line(f"b{j}", f"out_{j}", nodes, bit[:, j], wires.double_sense)


def _line(name: str, terminal: str, nodes: list[str], links: np.ndarray, double: bool) -> Iterator[str]:
    """One line: terminal, link, node, link, node, ...; `double`: and back to the terminal by another first link."""
    for k, (one, other) in enumerate(zip([terminal, *nodes], nodes, strict=False)):
        yield from _link(f"{name}_{k}", one, other, links[k])
    # A line without any resistance is at one voltage already; a second source of 0 V would close a loop.
    if double and links.sum() > 0:
        yield from _link(f"{name}_{len(nodes)}", nodes[-1], terminal, links[0])


def _link(name: str, one: str, other: str, resistance: Any) -> Iterator[str]:
    if resistance == 0:
        yield f"V{name} {one} {other} 0"
    elif np.isfinite(resistance):
        yield f"R{name} {one} {other} {_number(resistance)}"


def _ohmic(conductance: np.ndarray) -> Iterator[str]:
    for (i, j), value in np.ndenumerate(conductance):
        if value > 0:
            yield f"Rc_{i}_{j} w_{i}_{j} b_{i}_{j} {_number(1 / value)}"


def _conducting(conductance: np.ndarray, conduction: Any) -> Iterator[str]:
    """I = V sum f(V) c(G)."""
    with jax.enable_x64(True):
        factors = conduction.factors()
        parts = [np.asarray(part) for part in conduction.conductances(jnp.asarray(conductance))]
    names = [f"{{c{k}}}" for k in range(len(parts))]
    current = _template(lambda v, *c: v * sum(f(v) * part for f, part in zip(factors, c, strict=True)), "{v}", *names)
    for i, j in np.ndindex(conductance.shape):
        branches = {f"c{k}": _number(part[i, j]) for k, part in enumerate(parts)}
        yield f"Bc_{i}_{j} w_{i}_{j} b_{i}_{j} I={current.format(v=f'V(w_{i}_{j},b_{i}_{j})', **branches)}"


def _memristive(device: AbstractDevice, state: np.ndarray, *, moving: bool) -> Iterator[str]:
    """Cells of a device model, whose numbers may differ from cell to cell."""
    leaves, structure = jax.tree.flatten(device)
    symbols = [f"{{p{k}}}" if np.ndim(leaf) else leaf for k, leaf in enumerate(leaves)]

    def written(method: str) -> str:
        fn = lambda x, v, *numbers: getattr(jax.tree.unflatten(structure, numbers), method)(x, v)
        return _template(fn, "{x}", "{v}", *symbols)

    current, rate = written("current"), written("derivative") if moving else ""
    for i, j in np.ndindex(state.shape):
        cell = {
            f"p{k}": _number(np.broadcast_to(leaf, state.shape)[i, j]) for k, leaf in enumerate(leaves) if np.ndim(leaf)
        }
        cell |= dict(v=f"V(w_{i}_{j},b_{i}_{j})", x=f"V(x_{i}_{j})" if moving else _number(state[i, j]))
        yield f"Bc_{i}_{j} w_{i}_{j} b_{i}_{j} I={current.format(**cell)}"
        if moving:
            x, r = f"V(x_{i}_{j})", f"V(r_{i}_{j})"
            yield f"Br_{i}_{j} r_{i}_{j} 0 V={rate.format(**cell)}"
            yield f"Bx_{i}_{j} 0 x_{i}_{j} I=({x}>=1&&{r}>0)||({x}<=0&&{r}<0)?0:{r}"
            yield f"Cx_{i}_{j} x_{i}_{j} 0 1"
            yield f".ic v(x_{i}_{j})={_number(state[i, j])}"


def _template(fn: Callable, *arguments: Any) -> str:
    """An expression in double precision."""
    with jax.enable_x64(True):
        return expression(fn, *arguments)


def _saved(m: int, n: int, line_voltages: bool, moving: bool) -> Iterator[str]:
    """The vectors that go into the results."""
    yield ".save v(done)"
    yield from (f".save i(vin_{i})" for i in range(m))
    yield from (f".save i(vout_{j})" for j in range(n))
    for node in "wb" * line_voltages + "x" * moving:
        yield from (f".save v({node}_{i}_{j})" for i, j in np.ndindex(m, n))


def _source(volts: np.ndarray, time: np.ndarray | None) -> str:
    if time is None:
        return f"DC {_number(volts)}"
    points = zip(time - time[0], volts, strict=True)
    return "PWL(" + "\n+ ".join(f"{_number(t)} {_number(v)}" for t, v in points) + ")"


def _leak(wires: Wires) -> str:
    return f" {_LEAK}" if np.isinf(wires.source).any() or np.isinf(wires.sense).any() else ""


def _number(value: Any) -> str:
    """Every digit of a double."""
    return repr(float(value))


def _cells(conductance: Any, device: Any, state: Any, conduction: Any) -> tuple[Any, Any]:
    """Checked conductances and states [m, n]; the one that does not say what the cells are is None."""
    if (conductance is None) == (device is None):
        raise ValueError("to_spice: cells are given by conductance or by device, one of the two")
    if device is None:
        if state is not None:
            raise ValueError("to_spice: state belongs to device, got one without device")
        _check.array("conductance", conductance, low=0.0, unit="S")
        if np.ndim(conductance) != 2:
            raise ValueError(f"conductance must have shape [m, n], got {np.shape(conductance)}")
        return np.asarray(conductance, float), None
    if conduction is not None:
        raise ValueError("to_spice: a device has its own current-voltage relation, got a conduction too")
    state = device.initial if state is None else state
    _check.array("state", state, low=0.0, high=1.0)
    if np.ndim(state) != 2:
        raise ValueError(f"state must have shape [m, n], got {np.shape(state)}")
    return None, np.asarray(state, float)


def _waveform(voltage: Any, time: Any, m: int, cells: str) -> tuple[np.ndarray, np.ndarray | None]:
    voltage = _finite("voltage", voltage)
    if time is not None:
        time = _finite("time", time)
        if time.ndim != 1 or len(time) < 2 or not np.all(np.diff(time) > 0):
            raise ValueError("time must be one axis of at least 2 samples that increase")
    shape = (m,) if time is None else (np.size(time), m)
    if voltage.shape != shape:
        of = cells if time is None else f"{cells} and time {time.shape}"
        raise ValueError(f"voltage must have shape {shape} for {of}, got {voltage.shape}")
    return voltage, time


def _finite(name: str, value: Any) -> np.ndarray:
    _check.array(name, value)
    return np.asarray(value, float)


def _vectors(text: str) -> dict[str, np.ndarray]:
    """The vectors of a raw file in ASCII, by name; none where there are no values."""
    head, found, body = text.partition("Values:")
    if not found:
        return {}
    names = re.findall(r"^\s*\d+\s+(\S+)\s+\S+$", head.partition("Variables:\n")[2], re.MULTILINE)
    numbers = np.array(body.split(), float)
    # Every point is its index and one value for each name.
    table = numbers.reshape(-1, 1 + len(names))[:, 1:]
    return {name.lower(): column for name, column in zip(names, table.T, strict=True)}
