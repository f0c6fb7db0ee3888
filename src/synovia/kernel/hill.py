"""The likelihood as a climb sees it: over theta, with a contrast of the coefficients held or not."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite
from synovia.kernel.gradient import Around, look_around
from synovia.kernel.point import Point, point
from synovia.kernel.problem import Problem
from synovia.kernel.solver import split

__all__ = ["Hill", "hold_contrast"]

Floats = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Hill:
    """The likelihood of a problem, whose evaluations are counted.

    Attributes
    ----------
    problem : Problem
        With any number of parameters.
    restricted : bool
        Restricted likelihood, or the likelihood itself.
    contrast : ndarray of shape (p,) or None
        What is held of the coefficients.
    value : float
        Where it is held.
    evaluations : int
        Points looked at so far.
    """

    problem: Problem
    restricted: bool
    contrast: Floats | None = None
    value: float = 0.0
    evaluations: int = 0

    @property
    def limits(self) -> Floats:
        """(parameters, 2) lower and upper limit of every coordinate."""
        bounds = [bound for term in self.problem.terms for bound in term.search_bounds]
        return np.array(bounds).reshape(-1, 2)

    def at(self, theta: Floats) -> tuple[Point | None, float]:
        """The point at a theta and its log-likelihood; none and -infinity where there is no covariance."""
        self.evaluations += 1
        try:
            found = point(self.problem, self.find_psi(theta))
        except NotPositiveDefinite:
            return None, -np.inf
        if self.contrast is not None:
            found = hold_contrast(self.problem, found, self.contrast, self.value)
        return found, found.log_reml if self.restricted else found.log_ml

    def around(self, at: Point, theta: Floats) -> Around:
        """Slope and curvature at a point."""
        return look_around(self.problem, at, theta, restricted=self.restricted)

    def find_theta(self, psi: Floats) -> Floats:
        """Theta of a psi, or of one close to it where the search has an edge."""
        terms = self.problem.terms
        pieces = [term.to_search(part) for term, part in zip(terms, split(terms, psi), strict=True)]
        return np.concatenate(pieces) if pieces else np.empty(0)

    def find_psi(self, theta: Floats) -> Floats:
        """Psi of a theta."""
        terms = self.problem.terms
        pieces = [term.from_search(part) for term, part in zip(terms, split(terms, theta), strict=True)]
        return np.concatenate(pieces) if pieces else np.empty(0)


def hold_contrast(problem: Problem, at: Point, contrast: Floats, value: float) -> Point:
    r"""The point of a problem whose coefficients are held to :math:`c'\beta` = value.

    Parameters
    ----------
    problem : Problem
        What is fitted.
    at : Point
        Its point with all coefficients free.
    contrast : ndarray of shape (p,)
        Weights c of the coefficients.
    value : float
        Where their contrast is held.

    Returns
    -------
    Point
        With the best coefficients that are left and their covariance, of rank p - 1.

    Notes
    -----
    With :math:`C = (X'\Omega^{-1}X)^{-1}` and s² = c'Cc, holding costs half the squared distance from the
    estimate in standard errors s; the coefficients become :math:`\hat\beta - Cc(c'\hat\beta - value)/s^2` and
    their covariance :math:`C - Cc\,c'C/s^2`. Under the restricted likelihood the coefficients that stay free
    are fewer by one, which adds the density's log(2π s²) up to a constant of the design.
    """
    w = at.root.T @ contrast
    variance, gap = float(w @ w), float(contrast @ at.beta) - value
    lost = gap**2 / variance
    beta = at.beta - at.root @ w * (gap / variance)
    root = at.root - np.outer(at.root @ w, w) / variance
    return replace(
        at,
        log_ml=at.log_ml - lost / 2,
        log_reml=at.log_reml - (lost + float(np.log(2 * np.pi * variance))) / 2,
        beta=beta,
        cov=root @ root.T,
        root=root,
        rss=at.rss + lost,
        residuals=problem.y - problem.X @ beta,
    )
