"""Effect sizes of the calls of R's meta package, and the regressions of its tests of small studies."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from parity.grid import Case, read_table
from synovia.effects import (
    Counts,
    Effect,
    Means,
    Rates,
    compare_rates,
    log_ratio_of_means,
    mean_difference,
    proportion,
    rate,
    two_by_two,
)

__all__ = ["SMALL_STUDY", "make_effect", "name_arms", "read_effects"]

Arms = dict[str, np.ndarray]


def read_effects(case: Case) -> pd.DataFrame:
    """Estimates and variances of a call, with the columns of its data."""
    data = read_table(case.dataset)
    if case.id.startswith("metagen"):
        return data.rename(columns={"yi": "estimate", "vi": "variance"})
    data = pd.DataFrame(name_arms(data)) if case.id.startswith("metabin") else data
    effect = make_effect(case, data)
    if effect is not None:
        return data.assign(estimate=effect.estimate, variance=effect.variance)
    theirs = case.results
    estimate, error = (pd.Series(theirs[name], dtype=float) for name in ("TE", "seTE"))
    return data.assign(estimate=estimate, variance=error.replace(np.inf, np.nan) ** 2)


def name_arms(data: pd.DataFrame) -> Arms:
    """Counts of two arms under the names that ``mantel_haenszel`` expects."""
    if "tpos" in data.columns:
        columns = (data.tpos, data.tpos + data.tneg, data.cpos, data.cpos + data.cneg)
    else:
        columns = (data.ai, data.n1i, data.ci, data.n2i)
    names = ("events_treatment", "n_treatment", "events_comparator", "n_comparator")
    return {name: np.asarray(column, dtype=float) for name, column in zip(names, columns, strict=True)}


def make_effect(case: Case, data: pd.DataFrame) -> Effect | None:
    """The effect sizes as this package makes them.

    None where meta's differ by definition: its risk ratio and risk difference add to zero cells in a way of
    its own, so do its raw and log proportions; its correction of the treatment arm and its variances of
    standardised differences have no equal here. Then the reference's own effect sizes are pooled.
    """
    return next((make(data, case) for pattern, make in MAKERS.items() if re.match(pattern, case.id)), None)


def _binary(data: Any, case: Case) -> Effect | None:
    kind = {"ASD": "AS", "Peto": "PETO", "SSW": "OR", "incr": "OR"}
    name = case.id.split("_")[1]
    measure: Any = kind.get(name, name)
    empty = bool((data[["events_treatment", "events_comparator"]] == 0).any(axis=None))
    if empty and (measure in ("RR", "RD") or "TACC" in case.id):
        return None
    to: Any = "all" if 'incr="all"' in case.call else "if0all" if "if0all" in case.call else "only0"
    arms = Counts(data.events_treatment, data.n_treatment), Counts(data.events_comparator, data.n_comparator)
    add = 0.0 if measure in ("PETO", "AS") else 0.5
    drop = measure in ("OR", "PETO") and "allstudies=TRUE" not in case.call
    return two_by_two(*arms, measure, add=add, to=to, drop00=drop)


def _proportion(data: Any, case: Case) -> Effect:
    found = re.search(r'sm="(\w+)"', case.call)
    names = {"PLOGIT": "PLO", "PRAW": "PR"}
    measure: Any = names.get(found[1], found[1]) if found else "PLO"
    return proportion(Counts(data.xi, data.ni), measure)


def _rates(data: Any, case: Case) -> Effect:
    measure: Any = case.id.split("_")[1]
    first, second = Rates(data.x1i, data.t1i), Rates(data.x2i, data.t2i)
    return compare_rates(first, second, measure) if case.id.startswith("metainc") else rate(first, measure)


def _means(data: Any, case: Case) -> Effect:
    arms = Means(data.m1i, data.sd1i, data.n1i), Means(data.m2i, data.sd2i, data.n2i)
    return mean_difference(*arms) if "_MD_" in case.id else log_ratio_of_means(*arms, correct=False)


MAKERS: dict[str, Callable[[pd.DataFrame, Case], Effect | None]] = {
    "metabin": _binary,
    "metaprop_(?!PRAW|PLN)": _proportion,
    "meta(inc|rate)": _rates,
    "metacont_(MD|ROM)": _means,
}


def _cells(data: pd.DataFrame) -> tuple[Any, Any, Any, Any]:
    a, c = data.events_treatment, data.events_comparator
    return a, data.n_treatment - a, c, data.n_comparator - c


def _score(data: pd.DataFrame) -> pd.DataFrame:
    """Harbord: the score over its variance."""
    a, b, c, d = _cells(data)
    total = a + b + c + d
    v = (a + b) * (c + d) * (a + c) * (b + d) / (total**2 * (total - 1))
    with np.errstate(divide="ignore"):
        score = data.assign(estimate=(a - (a + b) * (a + c) / total) / v, variance=1 / v, x=v**-0.5)
    return score.replace(np.inf, np.nan)


def _size(data: pd.DataFrame) -> pd.DataFrame:
    """Peters: the inverse number of participants."""
    a, b, c, d = _cells(data)
    with np.errstate(divide="ignore"):
        sized = data.assign(variance=1 / (a + c) + 1 / (b + d), x=1 / (a + b + c + d))
    return sized.replace(np.inf, np.nan)


def _effective(data: pd.DataFrame) -> pd.DataFrame:
    """Deeks: the effective number of participants."""
    size = 4 * data.n_treatment * data.n_comparator / (data.n_treatment + data.n_comparator)
    return data.assign(variance=1 / size, x=size**-0.5)


SMALL_STUDY: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "Egger": lambda data: data.assign(x=data.variance**0.5),
    "Thompson": lambda data: data.assign(x=data.variance**0.5),
    "Harbord": _score,
    "Peters": _size,
    "Macaskill": lambda data: data.assign(x=data.n_treatment + data.n_comparator),
    "Deeks": _effective,
}
"""What is regressed on ``x`` in each test."""
