"""Mantel-Haenszel pooling: weights that depend on sizes, so that no zero cell needs correcting."""

from typing import Literal, TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.effects import Counts
from synovia.effects.binary import two_by_two
from synovia.effects.cells import ZeroCells, add_to_cells
from synovia.effects.effect import Rates
from synovia.effects.rate import compare_rates
from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable
from synovia.kernel.solution import NO_FACTOR, ChiSquared, Solution, make_root
from synovia.synthesis.exact.assemble import Shown, assemble, measure, show_studies
from synovia.synthesis.exact.counts import Studies, check_events, check_positive, read_studies
from synovia.synthesis.exact.settings import make_settings
from synovia.synthesis.exact.strata import (
    ESTIMATORS,
    Estimate,
    Tables,
    Times,
    breslow_day,
    cochran_mantel_haenszel,
    person_time_test,
)
from synovia.synthesis.fit import Fit

__all__ = ["Stratified", "mantel_haenszel", "picture", "pooled_solution", "read_tables"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Stratified = Literal["OR", "RR", "RD", "IRR", "IRD"]


class Options(TypedDict, total=False):
    """How Mantel-Haenszel pooling treats zero cells and reports."""

    add: float
    to: ZeroCells
    correct: bool
    level: float


WORDS = {
    "OR": "odds ratio",
    "RR": "risk ratio",
    "RD": "risk difference",
    "IRR": "rate ratio",
    "IRD": "rate difference",
}
NO_TAU2 = Inapplicable("a common-effect model has no between-study variance")


def mantel_haenszel(
    data: pd.DataFrame,
    measure: Stratified = "OR",
    *,
    events_treatment: str = "events_treatment",
    n_treatment: str = "n_treatment",
    events_comparator: str = "events_comparator",
    n_comparator: str = "n_comparator",
    **options: Unpack[Options],
) -> Fit:
    r"""Pool two-group counts by Mantel and Haenszel's weights.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    measure : {"OR", "RR", "RD", "IRR", "IRD"}
        Log odds ratio, log risk ratio, risk difference; for person-time, log rate ratio, rate difference.
    events_treatment, n_treatment, events_comparator, n_comparator : str
        Columns of events and participants. For IRR and IRD the columns ``n_`` hold person-time.
    **options
        ``add`` (0.0) and ``to`` ("none", "only0", "if0all", "all"): a continuity correction of the cells
        before pooling, which the method does not need; ``correct`` (True): whether the test of no effect has
        its continuity correction; ``level`` (0.95).

    Returns
    -------
    Fit
        ``problem`` holds the studies' own effects, for display with 0.5 added where a cell is zero. Studies
        without events (or without non-events) in both groups say nothing about a ratio and are left out and
        named; a risk difference keeps them.

    Raises
    ------
    SynthesisError
        When a column is absent, a count is negative, or events outnumber participants; the study is named.
    TooFewStudies
        When no study says anything about the effect.

    Notes
    -----
    .. math:: \hat\theta = \ln \frac{\sum a_i d_i/N_i}{\sum b_i c_i/N_i}

    for the odds ratio; the other estimators and all variances are in :mod:`synovia.synthesis.exact.strata`.
    Mantel & Haenszel (1959), JNCI 22, 719-748.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import mantel_haenszel
    >>> trials = pd.DataFrame(
    ...     {"events_treatment": [4, 6], "n_treatment": [123, 306], "events_comparator": [11, 29],
    ...      "n_comparator": [139, 303]}
    ... )
    >>> fit = mantel_haenszel(trials)
    >>> print(f"{fit.tidy().estimate[0]:.3f} ({fit.tidy().std_error[0]:.3f})")
    -1.422 (0.360)
    """
    if measure not in ESTIMATORS:
        raise SynthesisError(f"Found measure {measure!r}; wanted one of {', '.join(ESTIMATORS)}.")
    columns = (events_treatment, n_treatment, events_comparator, n_comparator)
    return _pool(data, measure, columns, options)


def _pool(data: pd.DataFrame, kind: Stratified, columns: tuple[str, ...], options: Options) -> Fit:
    add, to = options.get("add", 0.0), options.get("to", "none")
    untouched = add == 0 or to == "none"
    studies, cells = read_tables(data, kind, columns, 0.0 if untouched else add, to)
    shown, told = picture(studies, kind)
    estimate = ESTIMATORS[kind](cells)
    if not np.isfinite(estimate.value):
        raise SynthesisError(
            f"The {WORDS[kind]} is zero or infinite: one group has no events (or no non-events) in any "
            "study. Ask for RD or IRD, or declare a correction with add=0.5, to='all'."
        )
    tests = _test(cells, kind, estimate, correct=options.get("correct", True))
    correction = "no continuity correction" if untouched else f"{add:g} added to cells ({to})"
    settings = make_settings(
        f"common effect; Mantel-Haenszel {WORDS[kind]}, {correction}",
        lambda rows: _pool(rows, kind, columns, options),
        formula=f"{kind} ~ 1",
        level=options.get("level", 0.95),
    )
    heterogeneity = measure(shown, np.full(told.size, estimate.value), None, told)
    return assemble(shown, pooled_solution(shown, estimate, tests, told), settings, heterogeneity)


def read_tables(
    data: pd.DataFrame, kind: str, columns: tuple[str, ...], add: float = 0.0, to: ZeroCells = "none"
) -> tuple[Studies, Tables | Times]:
    """Counts of a measure, checked; ratios leave out studies that say nothing.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    kind : str
        Measure.
    columns : tuple of str
        Events and size of the treatment, then of the comparator.
    add, to : float, {"none", "only0", "if0all", "all"}
        Added to cells before pooling.
    """
    studies = read_studies(data, columns)
    a, n1, c, n2 = studies.values
    if kind in ("IRR", "IRD"):
        check_positive(studies, 1, columns)
        check_positive(studies, 3, columns)
        if kind == "IRR":
            studies = studies.drop(a + c == 0, "no events in either group")
        a, n1, c, n2 = studies.values
        a, c = add_to_cells(np.stack([a, c]), add, to)
        return studies, Times(a, n1, c, n2)
    check_events(studies, 0, 1, columns)
    check_events(studies, 2, 3, columns)
    if kind != "RD" and add == 0:
        studies = studies.drop((a + c == 0) | (a + c == n1 + n2), "nobody or everybody had the event")
    a, n1, c, n2 = studies.values
    a, b, c, d = add_to_cells(np.stack([a, n1 - a, c, n2 - c]), add, to)
    return studies, Tables(a, a + b, c, c + d)


def picture(studies: Studies, kind: Stratified) -> tuple[Shown, Mask]:
    """The studies' own effects, and which of them say something.

    Parameters
    ----------
    studies : Studies
        What was read.
    kind : str
        Measure.
    """
    a, n1, c, n2 = studies.values
    if kind == "IRR" or kind == "IRD":  # noqa: PLR1714 - tells the type checker which
        effect, told = compare_rates(Rates(a, n1), Rates(c, n2), kind), a + c > 0
    else:
        effect = two_by_two(Counts(a, n1), Counts(c, n2), kind)
        told = (a + c > 0) & (a + c < n1 + n2)
    return show_studies(studies, effect), told


def pooled_solution(shown: Shown, estimate: Estimate, tests: tuple[ChiSquared, ...], told: Mask) -> Solution:
    """A pooled value among the studies' own effects, with their Gaussian likelihood around it.

    Parameters
    ----------
    shown : Shown
        The studies' own effects.
    estimate : Estimate
        The pooled value.
    tests : tuple of ChiSquared
        What belongs to it.
    told : ndarray of bool of shape (n,)
        Studies whose effect says something.
    """
    v, k = shown.rows.V.diagonal[told], int(told.sum())
    residuals = shown.rows.y - estimate.value
    rss = float((residuals[told] ** 2 / v).sum())
    log_ml = -0.5 * (k * np.log(2 * np.pi) + float(np.log(v).sum()) + rss)
    gained = np.log(float((1 / v).sum())) - np.log(2 * np.pi) - np.log(k)
    cov = np.array([[estimate.variance]])
    return Solution(
        psi=np.empty(0),
        log_ml=log_ml,
        log_reml=log_ml - 0.5 * gained,
        beta=np.array([estimate.value]),
        cov=cov,
        rss=rss,
        residuals=residuals,
        root=make_root(cov),
        factor=NO_FACTOR,
        shares=estimate.weights,
        leverage=estimate.weights,
        tau2=NO_TAU2,
        tests=tests,
    )


def _test(cells: Tables | Times, kind: str, estimate: Estimate, *, correct: bool) -> tuple[ChiSquared, ...]:
    if isinstance(cells, Times):
        return person_time_test(cells, correct=correct) if kind == "IRR" else ()
    if kind != "OR":
        return ()
    return (*cochran_mantel_haenszel(cells, correct=correct), *breslow_day(cells, estimate.value))
