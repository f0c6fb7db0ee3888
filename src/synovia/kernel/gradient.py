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

from synovia.kernel.omega import apply_slope, find_slopes
from synovia.kernel.point import Point, point
from synovia.kernel.problem import Problem
from synovia.kernel.solver import Slope, split
from synovia.kernel.term import RowScale, Term

__all__ = ["Around", "gradient", "look_around", "observed_information", "score", "sum_squares"]

Floats = NDArray[np.float64]

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
        return sum_squares(term, _row_slope(pull))
    pulled = term.gather(np.column_stack([pull.py, pull.solved]) if pull.restricted else pull.py)
    pulled = pulled.transpose(1, 0, 2).reshape(pulled.shape[1], -1)
    return np.asarray(0.5 * (pulled @ pulled.T - at.factor.gram(number)))


def sum_squares(term: Term, weights: Floats) -> Floats:
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
    return _read_slopes(problem, find_slopes(problem, at.psi), _pull_terms(problem, at, pull))


def _pull_terms(problem: Problem, at: Point, pull: Pull) -> list[Floats]:
    """Slope of the log-likelihood in the (q, q) covariance of each term, in the (n,) rows of a scale."""
    return [
        slope_matrix(at, term, number, pull) if isinstance(term, Term) else _row_slope(pull)
        for number, term in enumerate(problem.terms)
    ]


def _read_slopes(problem: Problem, slopes: list[Slope], pulled: list[Floats]) -> Floats:
    """(m,) slope of the log-likelihood along each slope of Omega."""
    out = np.empty(len(slopes))
    for place, slope in enumerate(slopes):
        along = slope.G if isinstance(problem.terms[slope.term], Term) else slope.rows
        out[place] = 0.0 if along is None else float((pulled[slope.term] * along).sum())
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """The likelihood around a point.

    Attributes
    ----------
    slope : ndarray of shape (parameters,)
        Gradient in the coordinates of a search.
    curvature : ndarray of shape (parameters, parameters)
        Average information less the curvature of G: close to minus the second derivatives.
    """

    slope: Floats
    curvature: Floats


def look_around(problem: Problem, at: Point, theta: Floats, *, restricted: bool) -> Around:
    r"""Gradient and average information in the coordinates of a search.

    Parameters
    ----------
    problem : Problem
        What is fitted.
    at : Point
        Its point.
    theta : ndarray of shape (parameters,)
        Coordinates of the search there.
    restricted : bool
        Of the restricted likelihood, or of the likelihood itself.

    Notes
    -----
    The average of observed and expected information of Omega's own entries,
    :math:`\tfrac12 y'P\dot\Omega_k P\dot\Omega_l Py`, needs no trace: Gilmour, Thompson & Cullis (1995),
    Biometrics 51, 1440-1450.
    """
    pull = make_pull(problem, at, restricted=restricted)
    slopes, pulled = find_slopes(problem, theta, natural=False), _pull_terms(problem, at, pull)
    turned = np.empty((problem.n, len(slopes)))
    for column, slope in enumerate(slopes):
        turned[:, column] = apply_slope(problem, slope, pull.py)[:, 0]
    average = 0.5 * _project(at, turned, pull)
    return Around(_read_slopes(problem, slopes, pulled), average - _bend(problem, theta, pulled))


def _bend(problem: Problem, theta: Floats, pulled: list[Floats]) -> Floats:
    """(parameters, parameters) second derivatives of the log-likelihood by the curvature of G in theta."""
    curvatures = []
    for term, part, S in zip(problem.terms, split(problem.terms, theta), pulled, strict=True):
        if isinstance(term, RowScale):
            curvatures.append(term.row_curvature(part, S))
        elif isinstance(term, Term):
            curvatures.append(term.structure.search_curvature(part, S))
    return _block_diagonal(curvatures)


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


def score(problem: Problem, at: Point, term: int = 0, *, restricted: bool = True) -> float:
    """Slope of the log-likelihood in the variance of one random intercept."""
    chosen = problem.terms[term]
    if not isinstance(chosen, Term):
        raise TypeError("a scale has no single variance")
    pull = make_pull(problem, at, restricted=restricted)
    return float((slope_matrix(at, chosen, term, pull) * chosen.structure.derivatives(at.psi[:1])[0]).sum())
