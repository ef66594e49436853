"""Statistics over simulated chips: moments, quantiles and yield, each with its uncertainty."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from memjax._check import concrete, number, satisfies

if TYPE_CHECKING:
    import xarray

_VARIABLES = (
    *("mean", "std", "low", "high", "quantiles", "worst", "best", "count"),
    *("yield", "yield_low", "yield_high"),
)


def summary(
    data: "xarray.DataArray | xarray.Dataset",
    dim: str = "sample",
    *,
    confidence: float = 0.95,
    quantiles: float | Sequence[float] = (0.05, 0.5, 0.95),
    target: float | None = None,
) -> "xarray.Dataset":
    """Statistics over the chips of a sweep.

    A NaN is a chip that failed. It is left out of everything but the yield, where it counts as a chip below the target.
    With the n values x of the chips that did not fail:

        mean = Σx / n
        std = √(Σ(x − mean)² / (n − 1))
        low, high = mean ∓ t std / √n,  t the (1 + confidence) / 2 quantile of Student's t with n − 1 degrees of freedom

    and with the fraction p of all N chips that reach x ≥ target, and the (1 + confidence) / 2 quantile z of the normal
    distribution:

        yield = p
        yield_low, yield_high = (p + z² / 2N ∓ z √(p (1 − p) / N + z² / 4N²)) / (1 + z² / N)

    Larger is taken to be better: `worst` is the minimum, `best` the maximum.

    Args:
        data: one value for each chip, `[..., dim, ...]`; a dataset must have exactly one variable.
        dim: the dimension that counts the chips.
        confidence: probability that an interval covers the true value, in (0, 1).
        quantiles: in [0, 1]; interpolated linearly between chips.
        target: value a chip must reach to be counted in the yield, in the unit of `data`; None leaves the yield out.

    Returns:
        A dataset with the dimensions of `data` less `dim`: `mean`, `std`, `low`, `high`, `worst` and `best` in the unit
        of `data`, `count` = n, and with a target `yield`, `yield_low` and `yield_high` in [0, 1]. `quantiles`, in the
        unit of `data`, has the additional dimension `quantile`, its last. `std`, `low` and `high` are NaN where n < 2;
        all but `count` and the yields are NaN where n = 0.

    Raises:
        TypeError: `data` is no xarray object or does not hold real numbers, or an argument is not a number.
        ValueError: `data` has several variables, no chip or no dimension `dim`, or already uses a name of the result; a
            number is outside its range.

    Source:
        Student, "The probable error of a mean", Biometrika 6 (1908), for low and high, which are exact for normally
        distributed values. E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
        J. Am. Stat. Assoc. 22 (1927), for the interval of the yield.

    Example:
        ```python
        import memjax as mj
        import numpy as np
        import xarray

        accuracy = xarray.DataArray(np.random.default_rng(0).normal(0.9, 0.02, 50), dims="sample")
        print(mj.montecarlo.summary(accuracy, target=0.9))
        ```
    """
    import xarray

    _check_number("confidence", confidence)
    satisfies("confidence", confidence, lambda c: (c > 0) & (c < 1), "in (0, 1)")
    levels = _levels(quantiles)
    for level in levels:
        _check_number("quantiles", level, 0.0, 1.0)
    chips = _one_variable(data)
    _check_chips(chips, dim)

    statistics = _moments(chips, dim, confidence) | _order(chips, dim, levels)
    if target is not None:
        _check_number("target", target)
        statistics |= _yield(chips, dim, confidence, float(target))
    result = xarray.Dataset(statistics, attrs=data.attrs if isinstance(data, xarray.Dataset) else {})
    units = {"units": chips.attrs["units"]} if "units" in chips.attrs else {}
    for name, variable in result.data_vars.items():
        variable.attrs = {} if name == "count" or str(name).startswith("yield") else units
    return result.assign_attrs(confidence=confidence, **({} if target is None else {"target": target}))


def _levels(quantiles: Any) -> list:
    several = isinstance(quantiles, Sequence) and not isinstance(quantiles, str)
    return list(quantiles) if several or getattr(quantiles, "ndim", 0) == 1 else [quantiles]


def _check_number(name: str, value: Any, low: float = -np.inf, high: float = np.inf) -> None:
    array = concrete(value)
    if array is None or array.ndim:
        raise TypeError(f"{name} must be a number, got {value!r}")
    number(name, value, low, high)


def _one_variable(data) -> "xarray.DataArray":
    import xarray

    if isinstance(data, xarray.DataArray):
        return data
    if not isinstance(data, xarray.Dataset):
        raise TypeError(f"data must be an xarray.DataArray or Dataset, got {type(data).__name__}")
    if len(data.data_vars) != 1:
        names = ", ".join(map(repr, data.data_vars)) or "none"
        raise ValueError(f"data must have exactly one variable: pick one, as in data[name]; it has {names}")
    (chips,) = data.data_vars.values()
    return chips


def _check_chips(chips: "xarray.DataArray", dim: str) -> None:
    if getattr(chips.dtype, "kind", "key") not in "biuf":
        raise TypeError(f"data must hold real numbers, got dtype {chips.dtype}")
    if dim not in chips.dims:
        raise ValueError(f"dim must be one of the dimensions of data, {', '.join(map(repr, chips.dims))}, got {dim!r}")
    if chips.sizes[dim] == 0:
        raise ValueError(f"data must have at least one chip along {dim!r}, got none")
    taken = {"quantile", *_VARIABLES} & {*chips.dims, *chips.coords}
    if taken:
        raise ValueError(f"data must not use names of the result; rename its {', '.join(map(repr, sorted(taken)))}")


def _float64(chips: "xarray.DataArray") -> "xarray.DataArray":
    return chips.copy(data=np.asarray(chips.values, np.float64))


def _moments(chips: "xarray.DataArray", dim: str, confidence: float) -> "dict[str, xarray.DataArray]":
    import xarray
    from scipy.special import stdtrit

    values = _float64(chips)
    count = values.count(dim)
    freedom = count.where(count > 1) - 1
    # Counted from the least: equal chips have their own value as mean, and no spread at all.
    least = values.min(dim)
    least = least.where(np.isfinite(least), 0.0)
    above = values - least
    mean = above.mean(dim)
    std = (((above - mean) ** 2).sum(dim) / freedom) ** 0.5
    mean = mean + least
    half = xarray.apply_ufunc(stdtrit, freedom, (1 + confidence) / 2) * std / (freedom + 1) ** 0.5
    return {"mean": mean, "std": std, "low": mean - half, "high": mean + half, "count": count}


def _order(chips: "xarray.DataArray", dim: str, levels: list) -> "dict[str, xarray.DataArray]":
    values = _float64(chips)
    some = values.count(dim) > 0
    # NumPy warns about quantiles of nothing, so those are taken of zeros and erased.
    inner = values.where(some, 0.0).quantile(levels, dim).where(some)
    return {"quantiles": inner.transpose(..., "quantile"), "worst": values.min(dim), "best": values.max(dim)}


def _yield(chips: "xarray.DataArray", dim: str, confidence: float, target: float) -> "dict[str, xarray.DataArray]":
    from scipy.special import ndtri

    # Compared in the precision of the data: the float32 nearest to 0.9 lies below the float64.
    p = chips.copy(data=chips.values >= target).mean(dim)
    n, z = chips.sizes[dim], ndtri((1 + confidence) / 2)
    middle = p + z**2 / (2 * n)
    half = z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    low, high = ((middle + side * half) / (1 + z**2 / n) for side in (-1, 1))
    return {"yield": p, "yield_low": low.clip(0, 1), "yield_high": high.clip(0, 1)}
