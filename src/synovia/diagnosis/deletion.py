"""The model without some of its rows: what every deletion diagnostic reads.

A row or a group of rows is left out, psi is chosen anew in the way the fit chose it, and the coefficients and
their uncertainty follow. Where the rest cannot be fitted, the reason stands in the place of the numbers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import INFERENCES, Inference, Point, Problem, find_dependent_columns, point
from synovia.kernel.selections import choose_selections, is_plain
from synovia.kernel.solution import require_point
from synovia.synthesis import Fit
from synovia.synthesis.fit import require_fit
from synovia.synthesis.refit import choose_again, infer_again
from synovia.synthesis.settings import CLUSTERED, KENWARD_ROGER

__all__ = [
    "Group",
    "Part",
    "delete",
    "find_q",
    "fit_parts",
    "has_one_scale",
    "make_groups",
    "require_normal",
    "row_variances",
    "scale_of",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

TOGETHER = 256  # selections whose variances are searched at once


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Rows that are left out, or added, together.

    Attributes
    ----------
    label : str
        Name of the row or of the group.
    rows : ndarray of int
        Their numbers among the rows used.
    """

    label: str
    rows: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A model fitted to some of the rows.

    Attributes
    ----------
    problem : Problem
        Those rows; the random terms are absent when a single study is left.
    point : Point
        The likelihood at the psi chosen for them.
    inference : Inference
        Covariance of the coefficients and degrees of freedom.
    """

    problem: Problem
    point: Point
    inference: Inference


def make_groups(fit: Fit, by: str | None) -> tuple[Group, ...]:
    """Every row by itself, or the rows of equal value of a column, in order of first appearance.

    Raises
    ------
    SynthesisError
        When this is not a fit, the column does not exist or a row leaves it empty.
    """
    require_fit(fit)
    if by is None:
        return tuple(Group(label, np.array([row])) for row, label in enumerate(fit.names.effects))
    if by not in fit.rows.used.columns:
        present = ", ".join(map(str, fit.rows.used.columns))
        raise SynthesisError(f"There is no column {by!r}; the columns are {present}.")
    codes, values = pd.factorize(fit.rows.used[by])
    if (codes < 0).any():
        raise SynthesisError(f"{fit.names.effects[int(np.argmin(codes))]} has no {by}; fill it in.")
    return tuple(Group(str(value), np.flatnonzero(codes == code)) for code, value in enumerate(values))


def delete(fit: Fit, groups: tuple[Group, ...]) -> Iterator[Part | str]:
    """The model without each group in turn, or why it cannot be fitted."""
    everything = np.arange(fit.problem.n)
    return fit_parts(fit, (np.delete(everything, group.rows) for group in groups))


def fit_parts(fit: Fit, selections: Iterable[Integers]) -> Iterator[Part | str]:
    """The model of each selection of the rows, or why it cannot be fitted."""
    restricted = {"REML": True, "ML": False}.get(str(fit.settings.tau2))
    together = restricted is not None and fit.settings.weights is None and is_plain(fit.problem)
    for some in _batch(selections):
        reasons = [_refuse(fit, rows) for rows in some]
        sound = [rows for rows, reason in zip(some, reasons, strict=True) if not reason]
        psi = _choose_together(fit, sound, restricted=bool(restricted)) if together else [None] * len(sound)
        known = iter(zip(sound, psi, strict=True))
        for reason in reasons:
            yield reason or _fit_part(fit, *next(known))


def _batch(selections: Iterable[Integers]) -> Iterator[list[Integers]]:
    rest = iter(selections)
    while some := list(islice(rest, TOGETHER)):
        yield some


def _choose_together(fit: Fit, selections: list[Integers], *, restricted: bool) -> list[Floats | None]:
    """Psi of each selection; None for a single study, which has none."""
    keep = np.zeros((len(selections), fit.problem.n), dtype=bool)
    for place, rows in enumerate(selections):
        keep[place, rows] = True
    several = keep.sum(axis=1) > fit.problem.p
    found: list[Floats | None] = [None] * len(selections)
    tau2 = choose_selections(fit.problem, keep[several], restricted=restricted) if several.any() else ()
    for place, value in zip(np.flatnonzero(several).tolist(), tau2, strict=True):
        found[place] = np.array([value])
    return found


def _refuse(fit: Fit, rows: Integers) -> str:
    """Why the coefficients cannot be estimated from some of the rows; empty where they can."""
    if rows.size == 0:
        return "no effects are left"
    lost = find_dependent_columns(fit.problem.X[rows]) if fit.problem.p > 1 else ()
    names = ", ".join(fit.names.coefficients[column] for column in lost)
    return f"{names} cannot be estimated from the effects left" if lost else ""


def _fit_part(fit: Fit, rows: Integers, psi: Floats | None = None) -> Part | str:
    try:
        problem = fit.problem.restrict(rows)
        if problem.p == 1 and _is_one_study(problem):
            return _single(problem)
        found = choose_again(fit, problem, rows).point if psi is None else point(problem, psi)
        return Part(problem, found, infer_again(fit, problem, found, rows))
    except SynthesisError as error:
        return str(error)


def _is_one_study(problem: Problem) -> bool:
    """Whether one study is left: not when places or relatedness join all studies."""
    shared = all(term.parameters == 1 and term.groups.max() == 0 for term in problem.terms)
    return problem.n == 1 or (problem.blocks == 1 and shared)


def _single(problem: Problem) -> Part:
    alone = problem.replace_terms(())
    at = point(alone)
    return Part(alone, at, INFERENCES["z"](alone, at))


def scale_of(fit: Fit, part: Part) -> float:
    """What the inference multiplies the model's covariance by; 1 where it replaces that covariance."""
    replaced = (*CLUSTERED, KENWARD_ROGER)
    return 1.0 if fit.settings.inference in replaced else part.inference.factor


def row_variances(problem: Problem, psi: Floats) -> Floats:
    """(n,) total variance of every row at some psi: sampling variance and random effects."""
    total = problem.V.diagonal.copy()
    start = 0
    for term in problem.terms:
        total += term.row_variances(psi[start : start + term.parameters])
        start += term.parameters
    return total


def require_normal(fit: Fit) -> Point:
    """The point of a fit by a normal likelihood with weights of its own making.

    Raises
    ------
    SynthesisError
        When the model is one of counts, or the analyst gave weights.
    """
    if fit.settings.weights is not None:
        raise SynthesisError(
            f"Found weights {fit.settings.weights!r}; this diagnosis needs the weights that the model itself "
            "gives. Fit without weights."
        )
    return require_point(fit.point)


def has_one_scale(problem: Problem) -> bool:
    """Whether every random term is one variance, so that variances add up to the heterogeneity of a row."""
    return all(term.parameters == 1 and term.bounds == ((0.0, np.inf),) for term in problem.terms)


def find_q(problem: Problem) -> float:
    """Generalised Q: the residual sum of squares over the sampling covariance alone."""
    if has_one_scale(problem):
        return point(problem, problem.nothing).rss
    return point(problem.replace_terms(())).rss
