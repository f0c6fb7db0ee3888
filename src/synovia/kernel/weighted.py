"""Coefficients with weights of one's own, and the covariance that these have."""

from dataclasses import replace

from numpy.typing import ArrayLike

from synovia.kernel.generalised import multiply_total, read_weights
from synovia.kernel.point import Point, solve_weighted
from synovia.kernel.problem import Problem

__all__ = ["find_weighted"]


def find_weighted(problem: Problem, at: Point, weights: ArrayLike) -> Point:
    r"""The coefficients by weighted least squares, at variances that are already chosen.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    at : Point
        The likelihood at the chosen psi.
    weights : array_like of shape (n,)
        Above 0, fixed in advance; only their ratios matter. Equal weights are ordinary least squares.

    Returns
    -------
    Point
        ``beta``, ``residuals``, ``cov`` and ``weights`` are those of the weights, and both likelihoods are
        taken at that beta, so that neither is at its maximum. ``rss`` and ``root`` stay those of generalised
        least squares: the Knapp-Hartung factor estimates a scale whose expectation is 1 only there.

    Notes
    -----
    .. math:: \hat\beta = (X'AX)^{-1}X'Ay, \qquad
        \operatorname{Var}(\hat\beta) = (X'AX)^{-1}X'A\,\Omega\,AX(X'AX)^{-1}

    The covariance holds whatever the weights are; inverse-variance weights make it least. Henmi & Copas
    (2010), Statistics in Medicine 29, 2969-2983, for why one might not want them.
    """
    a = read_weights(problem, weights)
    rows = solve_weighted(problem.X, a)
    beta = rows @ problem.y
    residuals = problem.y - problem.X @ beta
    cov = rows @ multiply_total(problem, at.psi, rows.T)
    half = at.factor.half_solve(residuals[:, None])[:, 0]
    loss = (float(half @ half) - at.rss) / 2
    return replace(
        at,
        beta=beta,
        cov=cov,
        residuals=residuals,
        log_ml=at.log_ml - loss,
        log_reml=at.log_reml - loss,
        weights=a,
    )
