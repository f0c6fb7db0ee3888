"""The fit of a problem that was posed with its rows and its variances already chosen."""

from collections.abc import Sequence

from synovia.kernel import Choice, Problem, measure_heterogeneity
from synovia.synthesis.choosing import infer, read_clusters
from synovia.synthesis.fit import Fit
from synovia.synthesis.names import Names
from synovia.synthesis.regression import Design
from synovia.synthesis.remarks import remark
from synovia.synthesis.rows import Rows
from synovia.synthesis.settings import Settings

__all__ = ["make_posed_fit"]


def make_posed_fit(
    problem: Problem,
    rows: Rows,
    choice: Choice,
    settings: Settings,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    *,
    told: Sequence[str] = (),
) -> Fit:
    """The synthesis of a problem whose variances are chosen.

    Parameters
    ----------
    problem : Problem
        Estimates, mean, sampling covariance and random effects.
    rows : Rows
        Where the estimates come from.
    choice : Choice
        Its variances, and the coefficients there.
    settings : Settings
        Estimator and interval.
    names : tuple of (tuple of str, tuple of str)
        Of the coefficients and of the variances.
    told : sequence of str
        What was said about the rows so far, after their own warnings.
    """
    coefficients, variances = names
    inference = infer(problem, choice.point, settings, read_clusters(rows, settings))
    return Fit(
        problem=problem,
        names=Names(coefficients, rows.used_labels, variances),
        settings=settings,
        point=choice.point,
        convergence=choice.convergence,
        inference=inference,
        heterogeneity=measure_heterogeneity(problem, choice.point, level=settings.level),
        design=Design(problem.X, coefficients),
        rows=rows,
        status="pooled",
        warnings=(*rows.warnings, *told, *remark(rows, settings, (choice, inference), variances)),
    )
