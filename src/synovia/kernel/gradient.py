r"""How the likelihood changes with its variances.

With :math:`P = \Omega^{-1} - \Omega^{-1}X(X'\Omega^{-1}X)^{-1}X'\Omega^{-1}`, the slope of the restricted
log-likelihood in any parameter of Omega is
:math:`\tfrac12[y'P\dot\Omega Py - \operatorname{tr}(P\dot\Omega)]`; the likelihood itself has
:math:`\Omega^{-1}` for P inside the trace. Harville (1977), Journal of the American
Statistical Association 72, 320-338, equations 4.2 and 5.1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.point import Point, point
from synovia.kernel.problem import Problem
from synovia.kernel.solver import Slope, split, sum_rowwise
from synovia.kernel.term import RandomTerm, RowScale, Term

__all__ = [
    "apply_derivatives",
    "find_omega",
    "find_random_variance",
    "gradient",
    "information",
    "natural_slopes",
    "observed_information",
    "score",
    "search_gradient",
    "trace_projection",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

DIFFERENCE = 1e-3  # relative step of differences of the slope
FLOOR = 1e-4  # least size to which that step is relative


@dataclass(frozen=True, slots=True, eq=False)
class Pull:
    """What every slope at a point is read from.

    Attributes
    ----------
    py : ndarray of shape (n, 1)
        P y.
    solved : ndarray of shape (n, p)
        Omega⁻¹ X root, so that P = Omega⁻¹ - solved solved'.
    inverse : ndarray of shape (n,) or None
        Diagonal of Omega⁻¹, where a rowwise term needs it.
    restricted : bool
        Whether traces are of P, or of Omega⁻¹.
    """

    py: Floats
    solved: Floats
    inverse: Floats | None
    restricted: bool


def make_pull(problem: Problem, at: Point, *, restricted: bool) -> Pull:
    """Solve once what all terms share."""
    both = at.factor.solve(np.column_stack([at.residuals, problem.X]))
    rowwise = any(term.rowwise for term in problem.terms)
    inverse = at.factor.inverse_diagonal() if rowwise else None
    return Pull(both[:, :1], both[:, 1:] @ at.root, inverse, restricted)


def slope_matrix(at: Point, term: Term, number: int, pull: Pull) -> Floats:
    """(q, q) slope of the log-likelihood in the covariance G of one term, entry by entry."""
    if term.rowwise:
        return _sum_squares(term, _row_slope(pull))
    pulled = term.gather(np.column_stack([pull.py, pull.solved]) if pull.restricted else pull.py)
    pulled = pulled.transpose(1, 0, 2).reshape(pulled.shape[1], -1)
    return np.asarray(0.5 * (pulled @ pulled.T - at.factor.gram(number)))


def _sum_squares(term: Term, weights: Floats) -> Floats:
    """(q, q) sum over rows of weight z z'."""
    if term.loadings is not None:
        return np.asarray((term.loadings.T * weights) @ term.loadings)
    if term.structure.size == 1:
        return np.full((1, 1), weights.sum())
    return np.diag(np.bincount(term.codes, weights=weights, minlength=term.structure.size))


def _row_slope(pull: Pull) -> Floats:
    """(n,) slope of the log-likelihood in the variance of each row."""
    inverse = np.empty(0) if pull.inverse is None else pull.inverse
    lost = (pull.solved**2).sum(axis=1) if pull.restricted else 0.0
    return np.asarray(0.5 * (pull.py[:, 0] ** 2 - inverse + lost))


def natural_slopes(problem: Problem, psi: Floats) -> list[Slope]:
    """Derivative of Omega in every entry of psi."""
    return _slopes(problem, psi, natural=True)


def _slopes(problem: Problem, values: Floats, *, natural: bool) -> list[Slope]:
    out = []
    for number, (term, part) in enumerate(zip(problem.terms, split(problem.terms, values), strict=True)):
        out += _term_slopes(term, number, part, natural=natural)
    return out


def _term_slopes(term: RandomTerm, number: int, part: Floats, *, natural: bool) -> list[Slope]:
    if isinstance(term, RowScale):
        return [Slope(number, np.empty((0, 0)), rows) for rows in term.row_slopes(part)]
    if not isinstance(term, Term):
        raise TypeError(f"unknown random term {term!r}")
    matrices = term.structure.derivatives(part) if natural else term.structure.search_derivatives(part)
    if not term.rowwise:
        return [Slope(number, G) for G in matrices]
    return [Slope(number, G, _row_quadratic(term, G)) for G in matrices]


def _row_quadratic(term: Term, G: Floats) -> Floats:
    if term.loadings is not None:
        return np.asarray(((term.loadings @ G) * term.loadings).sum(axis=1))
    return np.asarray(np.diag(G)[term.codes])


def gradient(problem: Problem, at: Point, *, restricted: bool = True) -> Floats:
    """(parameters,) slope of the log-likelihood in each entry of psi.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    at : Point
        Its point.
    restricted : bool
        Slope of the restricted likelihood, or of the likelihood itself.
    """
    pull = make_pull(problem, at, restricted=restricted)
    out: list[float] = []
    for number, (term, part) in enumerate(zip(problem.terms, split(problem.terms, at.psi), strict=True)):
        if isinstance(term, RowScale):
            out += (term.row_slopes(part) @ _row_slope(pull)).tolist()
        elif isinstance(term, Term):
            S = slope_matrix(at, term, number, pull)
            out += [float((S * G).sum()) for G in term.structure.derivatives(part)]
    return np.array(out)


@dataclass(frozen=True, slots=True, eq=False)
class SearchGradient:
    """The likelihood around a theta.

    Attributes
    ----------
    slope : ndarray of shape (parameters,)
        Gradient in theta.
    curvature : ndarray of shape (parameters, parameters)
        Average information less the curvature of G: close to minus the second derivatives.
    matrices : tuple of ndarray
        Slope in G of each term; empty for a row scale.
    """

    slope: Floats
    curvature: Floats
    matrices: tuple[Floats, ...]


def search_gradient(problem: Problem, at: Point, theta: Floats, *, restricted: bool) -> SearchGradient:
    r"""Gradient and average information in the coordinates of a search.

    Notes
    -----
    The average of observed and expected information of Omega's own entries,
    :math:`\tfrac12 y'P\dot\Omega_k P\dot\Omega_l Py`, needs no trace: Gilmour, Thompson & Cullis (1995),
    Biometrics 51, 1440-1450.
    """
    pull = make_pull(problem, at, restricted=restricted)
    slopes, curvatures, matrices = [], [], []
    for number, (term, part) in enumerate(zip(problem.terms, split(problem.terms, theta), strict=True)):
        if isinstance(term, RowScale):
            rows = _row_slope(pull)
            slopes += (term.row_slopes(part) @ rows).tolist()
            curvatures.append(term.row_curvature(part, rows))
            matrices.append(np.empty((0, 0)))
        elif isinstance(term, Term):
            S = slope_matrix(at, term, number, pull)
            slopes += [float((S * G).sum()) for G in term.structure.search_derivatives(part)]
            curvatures.append(term.structure.search_curvature(part, S))
            matrices.append(S)
    turned = np.column_stack(
        [_apply(problem, slope, pull.py) for slope in _slopes(problem, theta, natural=False)]
    )
    average = 0.5 * _project(at, turned, pull)
    return SearchGradient(np.array(slopes), average - _block_diagonal(curvatures), tuple(matrices))


def _project(at: Point, B: Floats, pull: Pull) -> Floats:
    """B' P B."""
    half = at.factor.half_solve(B)
    lost = pull.solved.T @ B
    return np.asarray(half.T @ half - lost.T @ lost)


def _block_diagonal(parts: list[Floats]) -> Floats:
    size = sum(part.shape[0] for part in parts)
    out, start = np.zeros((size, size)), 0
    for part in parts:
        stop = start + part.shape[0]
        out[start:stop, start:stop] = part
        start = stop
    return out


def _apply(problem: Problem, slope: Slope, B: Floats) -> Floats:
    term = problem.terms[slope.term]
    if slope.rows is not None:
        return np.asarray(slope.rows[:, None] * B)
    if not isinstance(term, Term):
        raise TypeError(f"unknown random term {term!r}")
    return term.apply(slope.G, B)


def apply_derivatives(problem: Problem, psi: Floats, B: Floats) -> Floats:
    """(parameters, n, m) derivative of Omega in every entry of psi, times B."""
    return np.array([_apply(problem, slope, B) for slope in natural_slopes(problem, psi)])


def information(problem: Problem, at: Point, *, restricted: bool = True) -> Floats:
    r"""(parameters, parameters) expected information of psi.

    Notes
    -----
    .. math:: \tfrac12 \operatorname{tr}(P \dot\Omega_k P \dot\Omega_l)
    """
    return trace_products(problem, at, natural_slopes(problem, at.psi), restricted=restricted) / 2


def trace_products(problem: Problem, at: Point, slopes: list[Slope], *, restricted: bool = True) -> Floats:
    """(m, m) traces of P A P B for every pair of slopes; of Omega⁻¹ A Omega⁻¹ B when not restricted."""
    total = at.factor.product_traces(slopes)
    if not restricted:
        return total
    solved = at.factor.solve(problem.X) @ at.root
    turned = [_apply(problem, slope, solved) for slope in slopes]
    inner = [solved.T @ rows for rows in turned]
    halves = [at.factor.half_solve(rows) for rows in turned]
    for i in range(len(slopes)):
        for j in range(len(slopes)):
            total[i, j] += float((inner[i] * inner[j].T).sum()) - 2 * float((halves[i] * halves[j]).sum())
    return total


def observed_information(
    problem: Problem, at: Point, inside: NDArray[np.bool_], *, restricted: bool = True
) -> Floats:
    """Minus the second derivatives of the log-likelihood in some entries of psi, by differences of its slope.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    at : Point
        Its point.
    inside : ndarray of bool of shape (parameters,)
        Entries away from their limits; the others are held.
    restricted : bool
        Of the restricted likelihood, or of the likelihood itself.

    Notes
    -----
    Central differences at two steps, extrapolated; relative error about 1e-8.
    """
    chosen = np.flatnonzero(inside)
    limits = np.array(problem.bounds)
    out = np.empty((chosen.size, chosen.size))
    for place, entry in enumerate(chosen):
        room = float(np.min(np.abs(at.psi[entry] - limits[entry])))
        step = min(DIFFERENCE * max(abs(float(at.psi[entry])), FLOOR), 0.25 * room)
        coarse, fine = (
            _central(problem, at.psi, int(entry), width, restricted=restricted) for width in (step, step / 2)
        )
        out[place] = -((4 * fine - coarse) / 3)[chosen]
    return np.asarray((out + out.T) / 2)


def _central(problem: Problem, psi: Floats, entry: int, step: float, *, restricted: bool) -> Floats:
    ends = []
    for sign in (1, -1):
        moved = psi.copy()
        moved[entry] += sign * step
        ends.append(gradient(problem, point(problem, moved), restricted=restricted))
    return np.asarray((ends[0] - ends[1]) / (2 * step))


def find_omega(problem: Problem, psi: Floats, rows: Integers) -> Floats:
    """(m, m) total covariance of some rows, as a whole matrix."""
    part = problem.V.restrict(rows)
    first, second, values = part.entries()
    omega = np.zeros((rows.size, rows.size))
    omega[first, second] = values
    for term, own in zip(problem.terms, split(problem.terms, psi), strict=True):
        if isinstance(term, Term) and not term.rowwise:
            label = term.groups[rows]
            G = term.structure.covariance(own)
            if term.loadings is None:
                shared = G[np.ix_(term.codes[rows], term.codes[rows])]
            else:
                shared = term.loadings[rows] @ G @ term.loadings[rows].T
            omega += shared * (label[:, None] == label[None, :])
    omega[np.diag_indices(rows.size)] += (sum_rowwise(problem.V.diagonal, problem.terms, psi))[rows]
    omega[np.diag_indices(rows.size)] -= problem.V.diagonal[rows]
    return omega


def find_random_variance(problem: Problem, psi: Floats) -> float:
    """Mean over rows of the variance that random effects add."""
    parts = split(problem.terms, psi)
    return float(
        sum(term.row_variances(part).mean() for term, part in zip(problem.terms, parts, strict=True))
    )


def score(problem: Problem, at: Point, term: int = 0, *, restricted: bool = True) -> float:
    """Slope of the log-likelihood in the variance of one random intercept."""
    chosen = problem.terms[term]
    if not isinstance(chosen, Term):
        raise TypeError("a scale has no single variance")
    pull = make_pull(problem, at, restricted=restricted)
    return float((slope_matrix(at, chosen, term, pull) * chosen.structure.derivatives(at.psi[:1])[0]).sum())


def trace_projection(problem: Problem, at: Point, term: int | None = None) -> float:
    """Trace of P Z Z' for one random term, or of P itself.

    With one variance and known correlations R it is the trace of P Z R Z'. At psi = 0 the first is the slope
    of E(Q) in tau2; the second over n - p is the inverse of the typical sampling variance.
    """
    solved = at.factor.solve(problem.X) @ at.root
    if term is None:
        return float(at.factor.inverse_diagonal().sum() - (solved**2).sum())
    chosen = problem.terms[term]
    whole, lost = trace_term(problem, at, term), 0.0
    if isinstance(chosen, Term):
        lost = float((solved * chosen.apply(_unit(chosen), solved)).sum())
    else:
        lost = float((solved**2).sum())
    return whole - lost


def trace_term(problem: Problem, at: Point, term: int) -> float:
    """Trace of Omega⁻¹ Z Z' for one random term."""
    chosen = problem.terms[term]
    if not isinstance(chosen, Term) or (chosen.rowwise and chosen.loadings is None):
        return float(at.factor.inverse_diagonal().sum())
    inner = _sum_squares(chosen, at.factor.inverse_diagonal()) if chosen.rowwise else at.factor.gram(term)
    return float((inner * _unit(chosen)).sum())


def _unit(term: Term) -> Floats:
    """(q, q) covariance per unit of variance: what one variance multiplies, or no correlation."""
    structure = term.structure
    if structure.parameters == 1 and structure.bounds == ((0.0, np.inf),):
        return np.asarray(structure.derivatives(np.ones(1))[0])
    return np.eye(structure.size)
