"""The likelihood's tau2 of many selections of the rows of one problem, all at once by arithmetic on arrays.

Leaving out every study in turn, or adding one after another, asks for as many searches as there are studies.
They share their estimates and their design, and differ in which rows count.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.kernel.covariance import Diagonal
from synovia.kernel.problem import Problem
from synovia.kernel.structure import Scalar
from synovia.kernel.term import Term

__all__ = ["choose_selections", "is_plain"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

ROOM = 500_000  # numbers held at once
STEP = 2.5  # ratio of neighbours of the grid
ROUNDS = 200  # of the search; a bracket halves at least every other round
PRECISION = 4 * np.finfo(float).eps


@dataclass(frozen=True, slots=True, eq=False)
class _Slopes:
    """Slope and height of the log-likelihood at some tau2 of some selections."""

    slope: Floats
    height: Floats


def is_plain(problem: Problem) -> bool:
    """Whether rows are independent and each has its own random effect of one variance."""
    if not isinstance(problem.V, Diagonal) or len(problem.terms) != 1:
        return False
    term = problem.terms[0]
    return (
        isinstance(term, Term)
        and term.rowwise
        and term.loadings is None
        and isinstance(term.structure, Scalar)
    )


def choose_selections(problem: Problem, keep: Booleans, *, restricted: bool = True) -> Floats:
    r"""Tau2 of every selection, the global maximum of its (restricted) likelihood on [0, ∞).

    Parameters
    ----------
    problem : Problem
        Independent rows, each with its own random effect (``is_plain``).
    keep : ndarray of bool of shape (m, n)
        Which rows each selection has: more than there are coefficients, with independent columns.
    restricted : bool
        Whether to maximise the restricted likelihood.

    Returns
    -------
    ndarray of shape (m,)
        What ``reml`` or ``ml`` finds for each.

    Notes
    -----
    The slope is scanned from a thirtieth of the smallest sampling variance to where it stays negative,
    every change from rising to falling is refined, and the highest of these maxima and of 0 is taken.
    Brackets are refined together by the method of Chandrupatla (1997), Advances in Engineering Software 28,
    145-149.

    Examples
    --------
    >>> two = Problem([0.0, 1.0, 0.2], np.ones((3, 1)), Diagonal([0.1, 0.1, 0.1]), (Term([0, 1, 2]),))
    >>> choose_selections(two, np.array([[True, True, False], [True, False, True]])).round(3).tolist()
    [0.4, 0.0]
    """
    v = problem.V.diagonal
    likelihood = _Likelihood(problem.y, v, np.linalg.qr(problem.X)[0], keep, restricted)
    grid = _grid(problem, keep)
    shape = (keep.shape[0], grid.size)
    every = np.repeat(np.arange(keep.shape[0]), grid.size)
    slopes = likelihood.at(every, np.tile(grid, keep.shape[0])).slope.reshape(shape)
    which, place = np.nonzero((slopes[:, :-1] > 0) & (slopes[:, 1:] <= 0))
    ends = slopes[which, place], slopes[which, place + 1]
    roots = _refine(likelihood, which, (grid[place], grid[place + 1]), ends)
    still = np.flatnonzero(slopes[:, 0] <= 0)
    which, roots = np.concatenate([still, which]), np.concatenate([np.zeros(still.size), roots])
    best = np.zeros(keep.shape[0])
    order = np.argsort(likelihood.at(which, roots).height, kind="stable")
    best[which[order]] = roots[order]
    return best


def _grid(problem: Problem, keep: Booleans) -> Floats:
    """0, and steps to where the slope of no selection can be positive; ``choose`` says why."""
    v = problem.V.diagonal
    spread = max(_mean_square(problem.y[rows], problem.X[rows]) for rows in keep)
    top = 2 * max((spread + np.sqrt(spread**2 + 4 * spread * float(v.max()))) / 2, 1e-3 * float(v.min()))
    bottom = min(float(v.min()) / 30, top / 4)
    steps = int(np.ceil(np.log(top / bottom) / np.log(STEP)))
    return np.concatenate([[0.0], np.geomspace(bottom, top, steps + 1)])


def _mean_square(y: Floats, X: Floats) -> float:
    """Residual mean square of ordinary least squares."""
    inside = np.linalg.qr(X)[0]
    residuals = y - inside @ (inside.T @ y)
    return float(np.sum(residuals**2)) / int(y.size - X.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class _Likelihood:
    """The likelihood of every selection.

    Attributes
    ----------
    y, v : ndarray of shape (n,)
        Estimates and sampling variances.
    Q : ndarray of shape (n, p)
        Orthonormal basis of the design.
    keep : ndarray of bool of shape (m, n)
        The selections.
    restricted : bool
        Which likelihood.
    """

    y: Floats
    v: Floats
    Q: Floats
    keep: Booleans
    restricted: bool

    def at(self, which: NDArray[np.intp], tau2: Floats) -> _Slopes:
        """Slope and height at one tau2 for each of some selections, with repeats."""
        step = max(1, ROOM // self.y.size)
        parts = [
            self._some(self.keep[which[start : start + step]], tau2[start : start + step])
            for start in range(0, which.size, step)
        ]
        if not parts:
            return _Slopes(np.empty(0), np.empty(0))
        return _Slopes(np.concatenate([p.slope for p in parts]), np.concatenate([p.height for p in parts]))

    def _some(self, keep: Booleans, tau2: Floats) -> _Slopes:
        total = self.v + tau2[:, None]
        w = keep / total
        p = self.Q.shape[1]
        products = (self.Q[:, :, None] * self.Q[:, None, :]).reshape(-1, p * p)
        gram = (w @ products).reshape(-1, p, p)
        inverse = 1 / gram if p == 1 else np.linalg.inv(gram)
        beta = (inverse @ ((w * self.y) @ self.Q)[:, :, None])[:, :, 0]
        residuals = self.y - beta @ self.Q.T
        pulled = w * residuals
        trace = w.sum(axis=1)
        log_det = (np.log(total) * keep).sum(axis=1)
        if self.restricted:
            square = ((w * w) @ products).reshape(-1, p, p)
            trace = trace - (inverse * square).sum(axis=(1, 2))
            log_det = log_det + np.linalg.slogdet(gram)[1]
        height = -0.5 * (log_det + (pulled * residuals).sum(axis=1))
        return _Slopes(0.5 * ((pulled**2).sum(axis=1) - trace), height)


def _refine(
    likelihood: _Likelihood,
    which: NDArray[np.intp],
    ends: tuple[Floats, Floats],
    values: tuple[Floats, Floats],
) -> Floats:
    """(c,) where the slope of each bracket is 0."""
    a, b, fa, fb = ends[1].copy(), ends[0].copy(), values[1].copy(), values[0].copy()
    share = np.full(a.size, 0.5)
    open_ = np.arange(a.size)
    for _ in range(ROUNDS):
        if open_.size == 0:
            break
        x = a[open_] + share[open_] * (b[open_] - a[open_])
        fx = likelihood.at(which[open_], x).slope
        same = np.sign(fx) == np.sign(fa[open_])
        c = np.where(same, a[open_], b[open_])
        fc = np.where(same, fa[open_], fb[open_])
        b[open_], fb[open_] = np.where(same, b[open_], a[open_]), np.where(same, fb[open_], fa[open_])
        a[open_], fa[open_] = x, fx
        share[open_], done = _next_share(a[open_], b[open_], c, (fa[open_], fb[open_], fc))
        open_ = open_[~done]
    return np.where(np.abs(fa) <= np.abs(fb), a, b)


def _next_share(
    a: Floats, b: Floats, c: Floats, values: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Booleans]:
    """How far along each bracket to look next, and which brackets are as narrow as numbers allow."""
    fa, fb, fc = values
    width = np.abs(b - a)
    least = PRECISION * np.maximum(np.abs(a), np.abs(b)) / np.maximum(width, 1e-300)
    done = (least > 0.5) | (fa == 0) | (fb == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        smooth = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        turn = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    share = np.where(smooth & np.isfinite(turn), turn, 0.5)
    return np.clip(share, np.minimum(least, 0.5), 1 - np.minimum(least, 0.5)), done
