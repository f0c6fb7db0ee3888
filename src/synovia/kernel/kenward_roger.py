r"""Kenward and Roger's inference: the uncertainty of the variances carried into the coefficients.

Kenward & Roger (1997), Biometrics 53, 983-997; for covariances that are linear in their parameters, as here,
the improved version of (2009), Computational Statistics & Data Analysis 53, 2583-2595, is the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from synovia.errors import SynthesisError
from synovia.kernel.choice import Choice
from synovia.kernel.inapplicable import Inapplicable
from synovia.kernel.inference import Inference, Wald
from synovia.kernel.point import Point
from synovia.kernel.problem import Problem
from synovia.kernel.solver import Slope
from synovia.kernel.structure import Fixed
from synovia.kernel.term import RandomTerm, Term
from synovia.kernel.traces import trace_products

__all__ = ["kenward_roger"]

Floats = NDArray[np.float64]

SINGULAR = 1e-12  # least eigenvalue of the information, as a share of each parameter's own


@dataclass(frozen=True, slots=True, eq=False)
class Spill:
    """How the coefficients depend on the variances.

    Attributes
    ----------
    cov : ndarray of shape (p, p)
        M, the plain covariance of the coefficients.
    adjusted : ndarray of shape (p, p)
        With the uncertainty of the variances.
    slopes : ndarray of shape (m, p, p)
        M P_r M: minus the slopes of M.
    uncertainty : ndarray of shape (m, m)
        Covariance of the estimated variances.
    """

    cov: Floats
    adjusted: Floats
    slopes: Floats
    uncertainty: Floats

    def degrees(self, contrasts: Floats) -> Floats:
        """(m,) degrees of freedom of t of each row of contrasts: 2 (c'Mc)² / Var(c'Mc)."""
        pulled = np.einsum("cp,rpq,cq->cr", contrasts, self.slopes, contrasts)
        own = np.einsum("cp,pq,cq->c", contrasts, self.cov, contrasts)
        varied = np.einsum("cr,rs,cs->c", pulled, self.uncertainty, pulled)
        with np.errstate(divide="ignore"):
            return np.asarray(2 * own**2 / varied)

    def test(self, contrasts: Floats, values: Floats) -> Wald | Inapplicable:
        """Scaled F of several contrasts."""
        size = contrasts.shape[0]
        statistic = float(values @ np.linalg.solve(contrasts @ self.adjusted @ contrasts.T, values)) / size
        scale, df = self._match(contrasts)
        statistic *= scale
        return Wald(statistic, size, df, float(fdtrc(size, min(df, 1e15), statistic)), "F")

    def _match(self, contrasts: Floats) -> tuple[float, float]:
        """Scale and degrees of freedom whose F has the statistic's first two moments.

        Where so few studies are left that no such F exists, the scale is 1 and the degrees of freedom are
        those of the worst single contrast.
        """
        size = contrasts.shape[0]
        values, vectors = np.linalg.eigh(contrasts @ self.cov @ contrasts.T)
        unit = (vectors / np.sqrt(values)).T @ contrasts
        least = float(self.degrees(_worst(unit, self)).min())
        if size == 1:
            return 1.0, least
        pulled = unit @ self.slopes @ unit.T
        traces = np.trace(pulled, axis1=1, axis2=2)
        a1 = float(traces @ self.uncertainty @ traces)
        a2 = float(np.einsum("rs,rab,sba->", self.uncertainty, pulled, pulled))
        found = _find_f(size, a1, a2)
        return (1.0, least) if found is None else found


def _worst(unit: Floats, spill: Spill) -> Floats:
    """(m, p) the standardised contrasts along which each variance matters most."""
    directions = [np.linalg.eigh(unit @ slope @ unit.T)[1].T @ unit for slope in spill.slopes]
    return np.concatenate([unit, *directions])


def _find_f(size: int, a1: float, a2: float) -> tuple[float, float] | None:
    """Scale and degrees of freedom of Kenward & Roger (1997), section 3; None when they do not exist."""
    if a2 <= 0:
        return 1.0, np.inf
    b = (a1 + 6 * a2) / (2 * size)
    g = ((size + 1) * a1 - (size + 4) * a2) / ((size + 2) * a2)
    bottom = 3 * size + 2 * (1 - g)
    c1, c2, c3 = g / bottom, (size - g) / bottom, (size + 2 - g) / bottom
    if a2 >= size or c3 * b >= 1 or c2 * b >= 1:
        return None
    mean = 1 / (1 - a2 / size)
    variance = 2 / size * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
    ratio = variance / (2 * mean**2)
    if size * ratio <= 1:
        return None
    df = 4 + (size + 2) / (size * ratio - 1)
    return df / (mean * (df - 2)), df


def kenward_roger(problem: Problem, at: Point | Choice, *, restricted: bool = True) -> Inference:
    r"""Covariance of the coefficients with the uncertainty of the variances in it, and degrees of freedom.

    Parameters
    ----------
    problem : Problem
        Whose covariance is linear in its parameters: random intercepts, nested or crossed; unstructured,
        diagonal or compound symmetric outcomes; random slopes; known relatedness.
    at : Point or Choice
        The likelihood at the estimated variances.
    restricted : bool
        Whether these maximise the restricted likelihood, for which the method is derived.

    Returns
    -------
    Inference
        t with degrees of freedom of its own for each contrast, F with a scale for several.

    Raises
    ------
    SynthesisError
        When a structure is not linear, psi was not chosen by REML, or the data cannot tell the variances
        apart.

    Notes
    -----
    With :math:`M = (X'\Omega^{-1}X)^{-1}`, :math:`\dot\Omega_r` the slope of Omega in its r-th parameter,
    :math:`P_r = -X'\Omega^{-1}\dot\Omega_r\Omega^{-1}X`,
    :math:`Q_{rs} = X'\Omega^{-1}\dot\Omega_r\Omega^{-1}\dot\Omega_s\Omega^{-1}X` and W the inverse of the
    expected information,

    .. math:: M_A = M + 2 M \Big[\sum_{rs} W_{rs}(Q_{rs} - P_r M P_s)\Big] M

    The degrees of freedom of one contrast are :math:`2(c'Mc)^2 / \operatorname{Var}(c'Mc)`. A variance
    estimated as 0 counts as estimated: this keeps the interval honest where the data cannot exclude it.

    Examples
    --------
    >>> from synovia.kernel import Diagonal, Problem, Term, reml
    >>> y = [0.1, 0.9, 0.3, 0.5, 1.2, 0.4]
    >>> six = Problem(y, np.ones((6, 1)), Diagonal([0.05] * 6), (Term(range(6)),))
    >>> found = kenward_roger(six, reml(six))
    >>> print(f"{found.std_error[0]:.4f} with {found.df:.2f} df")
    0.1667 with 5.00 df
    """
    here = at.point if isinstance(at, Choice) else at
    if not restricted:
        raise SynthesisError(
            "Kenward-Roger inference is derived for variances chosen by REML; use tau2='REML', or another "
            "kind of inference."
        )
    if here.weights is not None:
        raise SynthesisError(
            "Kenward-Roger inference is derived for inverse-variance weights; leave out weights=, or use "
            "cluster-robust inference."
        )
    slopes = [slope for number, term in enumerate(problem.terms) for slope in _linear_slopes(term, number)]
    if not slopes:
        return Inference(here.cov, np.inf, 1.0, "Kenward-Roger")
    spill = _spill(problem, here, slopes)
    df = spill.degrees(np.eye(problem.p))
    return Inference(spill.adjusted, float(df.min()), 1.0, "Kenward-Roger", spill.degrees, spill.test)


def _linear_slopes(term: RandomTerm, number: int) -> list[Slope]:
    basis = _find_basis(term) if isinstance(term, Term) else None
    if basis is None or not isinstance(term, Term):
        raise SynthesisError(
            f"Kenward-Roger inference needs a covariance that is linear in its parameters; that of random "
            f"term {number + 1} is not. Use an unstructured, diagonal or compound symmetric covariance, or "
            "inference='CR2' with cluster=."
        )
    if not term.rowwise:
        return [Slope(number, G) for G in basis]
    if term.loadings is None:
        return [Slope(number, G, np.diag(G)[term.codes]) for G in basis if np.diag(G).any()]
    return [Slope(number, G, ((term.loadings @ G) * term.loadings).sum(axis=1)) for G in basis]


def _find_basis(term: Term) -> Floats | None:
    """The structure's own; none at all where every parameter is given."""
    if isinstance(term.structure, Fixed) and term.structure.parameters == 0:
        return np.empty((0, term.structure.size, term.structure.size))
    return term.structure.linear_basis()


def _spill(problem: Problem, at: Point, slopes: list[Slope]) -> Spill:
    M, S = at.cov, at.factor.solve(problem.X)
    uncertainty = 2 * _invert(trace_products(problem, at, slopes))
    turned = [_apply(problem, slope, S) for slope in slopes]
    halves = np.array([at.factor.half_solve(rows) for rows in turned])
    P = -np.array([S.T @ rows for rows in turned])
    Q = np.einsum("rnp,snq->rspq", halves, halves)
    lost = np.einsum("rab,bc,scd->rsad", P, M, P)
    inner = np.einsum("rs,rspq->pq", uncertainty, Q - lost)
    adjusted = M + M @ (inner + inner.T) @ M
    return Spill(M, adjusted, M @ P @ M, uncertainty)


def _apply(problem: Problem, slope: Slope, B: Floats) -> Floats:
    term = problem.terms[slope.term]
    if slope.rows is not None or not isinstance(term, Term):
        rows = np.zeros(problem.n) if slope.rows is None else slope.rows
        return np.asarray(rows[:, None] * B)
    return term.apply(slope.G, B)


def _invert(products: Floats) -> Floats:
    """Inverse of a matrix of traces, refused where it says that parameters cannot be told apart."""
    own = np.diag(products)
    if (own <= 0).any():
        raise SynthesisError(_UNTOLD)
    scale = np.sqrt(own)
    values, vectors = np.linalg.eigh(products / np.outer(scale, scale))
    if values.min() < SINGULAR:
        raise SynthesisError(_UNTOLD)
    return np.asarray((vectors / values) @ vectors.T / np.outer(scale, scale))


_UNTOLD = (
    "The data cannot tell the variances of the random terms apart, so that Kenward-Roger inference has "
    "nothing to measure their uncertainty by; use fewer random terms."
)
