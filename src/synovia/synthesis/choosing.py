"""From settings to the kernel's verbs: which psi, and how uncertain the coefficients are."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import (
    CHOICES,
    INFERENCES,
    Choice,
    Convergence,
    Fixed,
    Inference,
    Point,
    Problem,
    RandomTerm,
    Term,
    given,
    point,
    reml,
)
from synovia.kernel.floors import FLOORS
from synovia.kernel.kenward_roger import kenward_roger
from synovia.kernel.moments import generalised_q, median_generalised_q
from synovia.kernel.robust import cluster_robust
from synovia.kernel.solver import split
from synovia.kernel.weighted import find_weighted
from synovia.synthesis.rows import Rows
from synovia.synthesis.settings import CLUSTERED, KENWARD_ROGER, Settings
from synovia.synthesis.terms import group_by
from synovia.synthesis.weighting import GeneralisedQ, read_row_weights

__all__ = ["choose_psi", "infer", "read_clusters"]


def choose_psi(
    problem: Problem, settings: Settings, names: tuple[str, ...], rows: Rows | None = None
) -> Choice:
    """Variances of the random effects, as the settings ask.

    Parameters
    ----------
    problem : Problem
        What is fitted.
    settings : Settings
        Estimator, or values.
    names : tuple of str
        Name of each entry of psi.
    rows : Rows, optional
        The rows of the problem, where the analyst's own weights stand.

    Raises
    ------
    SynthesisError
        When a variance is held that the model does not have, or weights are asked for without their rows.
    """
    if settings.counts:
        raise SynthesisError(
            "The fit is a model for counts, which cannot be fitted again to its estimates; refit it to other "
            "studies, or pool the estimates with meta."
        )
    choice = _choose_variances(problem, settings, names, rows)
    if settings.weights is None:
        return choice
    weighted = find_weighted(problem, choice.point, _require_weights(rows, settings.weights))
    return replace(choice, point=weighted)


def _require_weights(rows: Rows | None, weights: str) -> NDArray[np.float64]:
    if rows is None:
        raise SynthesisError(
            f"Found weights {weights!r}, which belong to the rows of a table; this analysis refits parts of "
            "them. Use inverse-variance weights, or refit the rows you want."
        )
    return read_row_weights(rows, weights)


def _choose_variances(
    problem: Problem, settings: Settings, names: tuple[str, ...], rows: Rows | None
) -> Choice:
    if not problem.terms:
        said = Convergence(
            0, 0.0, at_boundary=False, converged=True, message="closed form, no variance to find"
        )
        return Choice(np.empty(0), point(problem), said)
    if isinstance(settings.tau2, str):
        if settings.tau2 not in CHOICES:
            raise SynthesisError(
                f"The variances were chosen by {settings.tau2!r}, which parts of a fit cannot be refitted "
                "with; fit the curve by REML or ML."
            )
        return CHOICES[settings.tau2](problem)
    if isinstance(settings.tau2, GeneralisedQ):
        choose = median_generalised_q if settings.tau2.median else generalised_q
        return choose(problem, _require_weights(rows, settings.tau2.weights))
    if isinstance(settings.tau2, Mapping):
        return _hold(problem, settings.tau2, names)
    return given(problem, settings.tau2)


def _hold(problem: Problem, held: Mapping[str, float], names: tuple[str, ...]) -> Choice:
    unknown = [name for name in held if name not in names]
    if unknown:
        raise SynthesisError(f"Found tau2 for {unknown[0]!r}; the variances are {', '.join(names)}.")
    values = np.array([held.get(name, np.nan) for name in names])
    if not np.isnan(values).any():
        said = Convergence(0, 0.0, at_boundary=bool((values == 0).any()), converged=True, message="given")
        return Choice(values, point(problem, values), said)
    parts = split(problem.terms, values)
    free = problem.replace_terms(
        tuple(_fix(term, part) for term, part in zip(problem.terms, parts, strict=True))
    )
    choice = reml(free)
    psi = values.copy()
    psi[np.isnan(values)] = choice.psi
    return Choice(psi, point(problem, psi), choice.convergence)


def _fix(term: RandomTerm, values: NDArray[np.float64]) -> RandomTerm:
    if np.isnan(values).all():
        return term
    if not isinstance(term, Term):
        raise SynthesisError("Found some coefficients of the scale held; hold all of them, or none.")
    codes = term.codes if term.loadings is None else term.loadings
    return Term(term.groups, Fixed(term.structure, values), codes)


def read_clusters(rows: Rows, settings: Settings) -> NDArray[np.intp] | None:
    """(n,) cluster of each row used, or None when the settings name none."""
    return None if settings.cluster is None else group_by((settings.cluster,), rows)


def infer(problem: Problem, at: Point, settings: Settings, clusters: NDArray[np.intp] | None) -> Inference:
    """How uncertain the coefficients are, as the settings ask."""
    if settings.inference in CLUSTERED and clusters is not None:
        return cluster_robust(problem, at, clusters, settings.inference)
    if settings.inference == KENWARD_ROGER:
        return kenward_roger(problem, at, restricted=settings.restricted)
    if settings.inference in FLOORS:
        return FLOORS[settings.inference](problem, at, settings.level)
    return INFERENCES[settings.inference](problem, at)
