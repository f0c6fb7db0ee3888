"""A table of what studies report becomes a table of estimates and variances, one row for one row."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from synovia.effects.cells import ZeroCells
from synovia.effects.effect import Array, Effect
from synovia.effects.measures import Measure, find_measure
from synovia.effects.route import Ask, Route
from synovia.errors import Fault, InputError

__all__ = ["effect_sizes"]

Column = str | float | Sequence[str | float]
Inputs = dict[str, Any]


def effect_sizes(
    data: pd.DataFrame,
    measure: str = "SMD",
    *,
    add: float | None = None,
    to: ZeroCells = "only0",
    drop00: bool = False,
    variance: str = "",
    correct: Literal["exact", "approximate", "none"] = "exact",
    unit: Literal["before", "after"] = "before",
    **columns: Column,
) -> pd.DataFrame:
    """The table with an estimate and its sampling variance in every row that allows one.

    Parameters
    ----------
    data : DataFrame
        One row per effect.
    measure : str
        Name in :func:`list_measures`, which also tells the inputs of each.
    add, to, drop00
        What is done about zero cells, as in :func:`two_by_two`.
    variance : str
        Kind of sampling variance where the measure has several.
    correct : {"exact", "approximate", "none"}
        Small-sample correction.
    unit : {"before", "after"}
        Occasion whose SD is the unit of SMCR and SMCRH.
    **columns : str, number, or a pair of them
        Inputs of the measure by name: a column of ``data``, or a number for all rows; treatment first in
        pairs, such as ``mean=("m1", "m2")``. Several ways may be given: each row takes the first that works.

    Returns
    -------
    DataFrame
        A copy with estimate, variance, measure, scale, and omitted: why a row has no estimate, else empty.
        Its ``attrs["usable"]`` counts the rows with an estimate, ``attrs["omitted"]`` the others.

    Raises
    ------
    InputError
        When the measure, an input, a column or a kind of variance is not known.
    ScaleError
        When a number lies outside its range, naming the row.

    Examples
    --------
    >>> import pandas as pd
    >>> trials = pd.DataFrame({"ev_t": [12, 0], "ev_c": [6, 2], "n_t": [40, 30], "n_c": [40, None]})
    >>> found = effect_sizes(trials, "RR", events=("ev_t", "ev_c"), n=("n_t", "n_c"))
    >>> found["estimate"].round(4).tolist(), found["omitted"].tolist(), found.attrs["usable"]
    ([0.6931, nan], ['', 'n_c is missing'], 1)
    """
    chosen = find_measure(measure)
    _refuse_kind(chosen, variance)
    routes = _choose(chosen, columns)
    inputs = {name: _read(data, name, column) for name, column in columns.items()}
    asks = (Ask(measure, _taken(route, inputs), add, to, drop00, variance, correct, unit) for route in routes)
    effect = _first([route.compute(ask) for route, ask in zip(routes, asks, strict=True)], len(data))
    omitted = _explain(data, effect, routes, columns)
    result = data.assign(
        estimate=effect.estimate,
        variance=effect.variance,
        measure=measure,
        scale=effect.scale,
        omitted=omitted,
    )
    result.attrs = {"measure": measure, "usable": effect.usable, "omitted": len(data) - effect.usable}
    return result


def _refuse_kind(measure: Measure, variance: str) -> None:
    if variance and variance not in measure.variances:
        known = (
            f"one of {', '.join(measure.variances)}" if measure.variances else "no choice, for there is one"
        )
        raise InputError([Fault(f"variance {variance!r} for measure {measure.name}", known)])


def _choose(measure: Measure, columns: dict[str, Column]) -> list[Route]:
    """The ways whose inputs are all there, each input being of some use."""
    sizes = {name: _size(column) for name, column in columns.items()}
    routes = [
        route
        for route in measure.routes
        if all(sizes.get(name) == size for name, size in route.needs.items())
    ]
    used = {name for route in routes for name in route.needs}
    unused = sorted(set(columns) - used)
    if unused or not routes:
        told = (
            ", ".join(f"{name} ({size})" if size > 1 else name for name, size in sizes.items()) or "no inputs"
        )
        wanted = "; or ".join(measure.inputs)
        raise InputError(
            [Fault(f"{told} for measure {measure.name}", wanted, advice=_advice(unused, routes))]
        )
    return _without_narrower(routes)


def _without_narrower(routes: list[Route]) -> list[Route]:
    """Ways whose inputs are not part of those of an earlier way with the same computation."""
    return [
        route
        for i, route in enumerate(routes)
        if not any(
            earlier.compute is route.compute and set(route.needs) < set(earlier.needs)
            for earlier in routes[:i]
        )
    ]


def _advice(unused: list[str], routes: list[Route]) -> str:
    return f"Leave out {', '.join(unused)}." if unused and routes else "A pair is written as (first, second)."


def _size(column: Column) -> int:
    return 1 if isinstance(column, str | int | float) else len(column)


def _read(data: pd.DataFrame, name: str, column: Column) -> Array | tuple[Array, ...]:
    if isinstance(column, str | int | float):
        return _numbers(data, name, column)
    return tuple(_numbers(data, name, one) for one in column)


def _numbers(data: pd.DataFrame, name: str, column: str | float) -> Array:
    if not isinstance(column, str):
        return np.full(len(data), float(column))
    if column not in data.columns:
        known = ", ".join(map(str, data.columns))
        raise InputError([Fault(f"{name} = {column!r}", f"a column of the table: {known}")])
    try:
        return np.asarray(pd.to_numeric(data[column]), float)
    except (ValueError, TypeError):
        values = pd.to_numeric(data[column], errors="coerce")
        row = int(np.flatnonzero(values.isna() & data[column].notna())[0])
        place = f"{data[column].iloc[row]!r} in column {column}, row {row + 1}"
        raise InputError([Fault(place, f"a number, for {name}")]) from None


def _taken(route: Route, inputs: Inputs) -> Inputs:
    return {name: inputs[name] for name in route.needs}


def _first(effects: list[Effect], rows: int) -> Effect:
    """In each row the first effect that has an estimate."""
    first = effects[0]
    y, v = (np.broadcast_to(x, rows).copy() for x in (first.estimate, first.variance))
    for other in effects[1:]:
        missing = ~(np.isfinite(y) & np.isfinite(v))
        y[missing] = np.broadcast_to(other.estimate, rows)[missing]
        v[missing] = np.broadcast_to(other.variance, rows)[missing]
    return Effect(y, v, first.measure, first.scale)


def _explain(
    data: pd.DataFrame, effect: Effect, routes: list[Route], columns: dict[str, Column]
) -> list[str]:
    flat = [
        one
        for name in routes[0].needs
        for one in ([columns[name]] if _size(columns[name]) == 1 else list(columns[name]))  # type: ignore[arg-type]
        if isinstance(one, str)
    ]
    told = np.isfinite(effect.estimate) & np.isfinite(effect.variance)
    missing = np.column_stack([np.zeros(len(data), bool), *(data[name].isna() for name in flat)])[:, 1:]
    reasons = [""] * len(data)
    for i in np.flatnonzero(~told):
        gaps = [name for name, gap in zip(flat, missing[i], strict=True) if gap]
        reason = f"{', '.join(gaps)} {'is' if len(gaps) == 1 else 'are'} missing" if gaps else ""
        reasons[i] = reason or "not estimable from these numbers"
    return reasons
