"""What the walk over a program finds: its crossbars, its sites, and the products that stay digital."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from memjax._random import salt
from memjax.contraction import Dot
from memjax.transform._functions import Function
from memjax.transform._products import Contraction, Product
from memjax.transform._provenance import Numbers, Position, Weight, union


@dataclass(frozen=True)
class Crossbar:
    """A weight that is programmed, once for each step of the loops over whose steps it changes.

    Attributes:
        name: its key in a chip: `base`, or `tag` where another crossbar of the same parameters came before.
        base: the name that `select` sees: that of the weight.
        paths: the parameters that it is computed from.
        contraction: how its matrix is made of the weight.
        tag: a word for what its matrix is, the same in every program.
        loops: those loops, by depth.
        steps: their lengths.
    """

    name: str
    base: str
    paths: tuple[str, ...]
    contraction: Contraction
    tag: str
    loops: tuple[int, ...]
    steps: tuple[int, ...]


class Site(NamedTuple):
    """A product that is read on a crossbar.

    Attributes:
        crossbar: name of the crossbar.
        product: what is multiplied, and how.
        salt: folds the key of a read, different at each site.
        dtype: that of the result.
    """

    crossbar: str
    product: Product
    salt: int
    dtype: Any

    @property
    def contraction(self) -> Contraction:
        return self.product.contraction


class SiteRow(NamedTuple):
    """One row of the table of a program's products.

    Attributes:
        crossbar: name of the crossbar.
        kind: "dot" or "conv".
        matrix: (K, N) of each matrix.
        stack: number of matrices that every evaluation reads.
        reads: input vectors of one call, for all matrices together (for these argument shapes).
        macs: multiply-accumulates of one call.
        loops: lengths of the enclosing loops (None: unknown, one step is counted).
        after: crossbars that its data came through last.
        data: numbers of the data of one call, each counted once, however many windows of a convolution see it.
    """

    crossbar: str
    kind: str
    matrix: tuple[int, int]
    stack: int
    reads: int
    macs: int
    loops: tuple[int | None, ...]
    after: tuple[str, ...]
    data: int


class Digital(NamedTuple):
    """A product of a parameter with data that stays digital.

    Attributes:
        paths: the parameters.
        reason: why.
        macs: multiplications of one call; None where they cannot be seen.
        selected: whether it was deselected (False) or cannot be computed by a crossbar (True).
        matrix: whether it is more than a scaling by a vector.
        offset: whether the parameters only shift the data that is multiplied, as a bias before attention does.
    """

    paths: tuple[str, ...]
    reason: str
    macs: int | None
    selected: bool
    matrix: bool
    offset: bool


@dataclass
class Record:
    """What was found so far.

    Attributes:
        select: which crossbars to use, by name; None: all.
        ranks: number of axes of every parameter.
        constants: shapes of the arrays that the function closes over, by name.
        crossbars: every crossbar by name.
        candidates: names of all crossbars, also of those that are not selected.
        reasons: for every parameter, how it meets data outside of crossbars.
        products: products with parameters that stay digital.
        other: multiply-accumulates of contractions without a parameter.
        functions: names of the activations, in the order of the program.
    """

    select: Callable[[str], bool] | None
    ranks: dict[str, int]
    constants: dict[str, tuple[int, ...]] = field(default_factory=dict)
    crossbars: dict[str, Crossbar] = field(default_factory=dict)
    candidates: list[str] = field(default_factory=list)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    products: list[Digital] = field(default_factory=list)
    other: int = 0
    functions: list[str] = field(default_factory=list)
    number: Numbers = field(default_factory=Numbers)
    _sites: list[tuple] = field(default_factory=list)
    _names: dict[Any, str | None] = field(default_factory=dict)
    _uses: dict[str, int] = field(default_factory=dict)

    def is_matrix(self, path: str) -> bool:
        """Whether a parameter (not a constant) has two axes or more."""
        return self.ranks.get(path, 0) >= 2

    def parameters(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Those that are parameters, not constants."""
        return tuple(path for path in paths if path in self.ranks)

    def constant(self, number: int, shape: tuple[int, ...]) -> str:
        """Name of an array that the function closes over."""
        known = self._names.setdefault(("constant", number), f"constant_{len(self.constants)}")
        assert known is not None
        self.constants[known] = shape
        return known

    def stays_digital(self, paths: Iterable[str], reason: str) -> None:
        for path in paths:
            if reason not in self.reasons.setdefault(path, []):
                self.reasons[path].append(reason)

    def product(
        self,
        paths: tuple[str, ...],
        reason: str,
        macs: int | None,
        selected: bool = True,
        matrix: bool = True,
        offset: bool = False,
    ) -> None:
        """Note a product that stays digital."""
        self.stays_digital(paths, reason)
        own = self.parameters(paths)
        if own:
            self.products.append(Digital(own, reason, macs, selected, matrix, offset))
        else:
            self.other += macs or 0

    def function(self, name: str, operand: int) -> Function:
        """An activation: relu_0, relu_1, tanh_0."""
        count = sum(known.rpartition("_")[0] == name for known in self.functions)
        self.functions.append(f"{name}_{count}")
        return Function(self.functions[-1], operand)

    def crossbar(self, weight: Weight, contraction: Contraction, lengths: tuple[int | None, ...]) -> str | None:
        """Name of the crossbar for a weight in a layout, or None where it is not selected."""
        steps = tuple(lengths[loop] for loop in weight.loops)
        identity = (weight.number, steps, contraction.layout, contraction.shape, contraction.stack)
        if identity not in self._names:
            paths = self.parameters(weight.paths)
            base = _name(paths, self.ranks)
            self.candidates.append(base)
            self._names[identity] = None
            if self.select is None or self.select(base):
                tag = f"{base}#{salt(f'{weight.number.digest}{contraction.layout}') % 2**16:04x}"
                name = base
                while name in self.crossbars:
                    name = tag if name == base else f"{name}'"
                known = tuple(n for n in steps if n is not None)
                assert len(known) == len(steps), "weights change over loops of known length alone"
                self.crossbars[name] = Crossbar(name, base, paths, contraction, tag, weight.loops, known)
                self._names[identity] = name
        return self._names[identity]

    def site(
        self,
        name: str,
        product: Product,
        dtype: Any,
        where: Position,
        after: frozenset[Position],
        lengths: tuple[int | None, ...],
    ) -> Site:
        """A product at an equation, read on the crossbar `name`."""
        times = math.prod(n or 1 for n in lengths)
        self._sites.append((where, name, product, times, after, lengths))
        count = self._uses[name] = self._uses.get(name, 0) + 1
        return Site(name, product, salt(f"{name}/{count}"), dtype)

    @property
    def table(self) -> tuple[SiteRow, ...]:
        """Every site in the order of the program."""
        names = {where: name for where, name, *_ in self._sites}
        rows = []
        for _, name, product, times, after, lengths in self._sites:
            contraction, stack = product.contraction, math.prod(product.contraction.stack)
            before = union([(names[place],) for place in sorted(after & names.keys())])
            kind = "dot" if isinstance(contraction, Dot) else "conv"
            reads, macs = times * contraction.vectors * stack, times * product.macs
            data = times * math.prod(contraction.data_shape)
            rows.append(SiteRow(name, kind, contraction.shape, stack, reads, macs, lengths, before, data))
        return tuple(rows)


def _name(paths: tuple[str, ...], ranks: dict[str, int]) -> str:
    """Name of the crossbar for a weight computed from parameters: the matrices among them, common folder first."""
    matrices = [p for p in paths if ranks.get(p, 0) >= 2] or list(paths)
    if len(matrices) == 1:
        return matrices[0]
    parts = [p.split("/") for p in matrices]
    shared = 0
    while all(len(p) > shared + 1 and p[shared] == parts[0][shared] for p in parts):
        shared += 1
    rest = "+".join("/".join(p[shared:]) for p in parts)
    return "/".join([*parts[0][:shared], rest])
