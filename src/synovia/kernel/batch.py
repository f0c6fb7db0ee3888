"""The diagonal likelihood, compiled, for many sets of independent estimates at once.

The answers are those of a single fit. This is the only entrance to what numba compiles; nothing imports it
before it is needed, and everything else works without numba.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synovia.kernel import batch_choose, batch_point
from synovia.kernel.batch_choose import choose
from synovia.kernel.batch_point import find_height, find_log_det, make_room, solve, solve_level, write_cov

__all__ = ["ESTIMATORS", "Batch", "fit_batch"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

ESTIMATORS = {
    "EE": batch_choose.COMMON,
    "DL": batch_choose.DL,
    "HE": batch_choose.HE,
    "HS": batch_choose.HS,
    "SJ": batch_choose.SJ,
    "ML": batch_choose.ML,
    "REML": batch_choose.REML,
    "PM": batch_choose.PM,
    "EB": batch_choose.PM,
}
"""Estimators of tau2 by the names that meta-analysts write; empirical Bayes is Paule-Mandel."""

ALONE = 20_000  # below so many estimates in all, starting threads takes longer than the fits
LOG_2_PI = float(np.log(2 * np.pi))
SHARES = 4  # parts per thread, so that an easy part leaves no thread idle


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Fits of R replications, p coefficients each.

    A replication that cannot be fitted, with no more estimates than coefficients or with columns that its
    estimates cannot tell apart, is NaN throughout and not ``converged``.

    Attributes
    ----------
    beta : ndarray of shape (R, p)
        Coefficients.
    cov : ndarray of shape (R, p, p)
        Their covariance at tau2, (X'WX)⁻¹.
    tau2 : ndarray of shape (R,)
        Variance of the true effects; NaN where there is none.
    rss : ndarray of shape (R,)
        Weighted residual sum of squares at tau2.
    q : ndarray of shape (R,)
        The same at tau2 = 0.
    log_lik : ndarray of shape (R,)
        Log-likelihood, restricted for REML.
    k : ndarray of int of shape (R,)
        Estimates present.
    converged, at_boundary : ndarray of bool of shape (R,)
        Whether there is an answer; whether tau2 is 0 because the data ask for less.
    """

    beta: Floats
    cov: Floats
    tau2: Floats
    rss: Floats
    q: Floats
    log_lik: Floats
    k: Integers
    converged: Booleans
    at_boundary: Booleans


class _Arrays(NamedTuple):
    """A ``Batch`` as compiled code knows it."""

    beta: Floats
    cov: Floats
    tau2: Floats
    rss: Floats
    q: Floats
    log_lik: Floats
    k: Integers
    converged: Booleans
    at_boundary: Booleans


def fit_batch(
    y: Floats, v: Floats, X: Floats, *, estimator: str | float = "REML", threads: int | None = None
) -> Batch:
    """Fit every replication.

    Parameters
    ----------
    y : ndarray of shape (k, R)
        Estimates; NaN where a study is absent.
    v : ndarray of shape (k, R) or (k, 1)
        Sampling variances, above 0.
    X : ndarray of shape (k, p, R) or (k, p, 1)
        Designs. Columns of unit length that are orthogonal keep every digit; others lose as many as the
        condition number of X'X has.
    estimator : str or float
        One of ``ESTIMATORS``, or the value of tau2.
    threads : int, optional
        As many as there are processors without it. The answers do not depend on it.

    Examples
    --------
    >>> y = np.array([[0.1, 0.5], [0.4, np.nan], [0.3, 0.1]])
    >>> fits = fit_batch(y, np.full((3, 1), 0.02), np.ones((3, 1, 1)), estimator="DL")
    >>> fits.tau2.round(4), fits.k
    (array([0.0033, 0.06  ]), array([3, 2]))
    """
    replications, p = y.shape[1], X.shape[1]
    out = _make_arrays(replications, p)
    data = (_pack(y), _pack(v), _pack(X))
    asked = (ESTIMATORS[estimator], 0.0) if isinstance(estimator, str) else (batch_choose.GIVEN, estimator)
    workers = 1 if y.size < ALONE else min(threads or _count_processors(), replications)
    if workers == 1:
        _fit_range(data, asked, (0, replications), out)
        return Batch(*out)
    edges = np.linspace(0, replications, workers * SHARES + 1).astype(int).tolist()
    with ThreadPoolExecutor(workers) as pool:
        for part in [pool.submit(_fit_range, data, asked, span, out) for span in pairwise(edges)]:
            part.result()
    return Batch(*out)


def _pack(numbers: Floats) -> Floats:
    return np.ascontiguousarray(numbers, dtype=np.float64)


def _count_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _make_arrays(replications: int, p: int) -> _Arrays:
    tau2, rss, q, log_lik = np.full((4, replications), np.nan)
    return _Arrays(
        beta=np.full((replications, p), np.nan),
        cov=np.full((replications, p, p), np.nan),
        tau2=tau2,
        rss=rss,
        q=q,
        log_lik=log_lik,
        k=np.zeros(replications, dtype=np.int64),
        converged=np.zeros(replications, dtype=np.bool_),
        at_boundary=np.zeros(replications, dtype=np.bool_),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _fit_range(
    data: tuple[Floats, Floats, Floats], asked: tuple[int, float], span: tuple[int, int], out: _Arrays
) -> None:
    """Fit the replications of one span."""
    y, v, X = data
    rows, room = np.empty((y.shape[0], batch_point.X + X.shape[1])), make_room(X.shape[1])
    for r in range(span[0], span[1]):
        n = _gather(y[:, r], v[:, min(r, v.shape[1] - 1)], X[:, :, min(r, X.shape[2] - 1)], rows)
        out.k[r] = n
        _fit(rows[:n], room, asked, r, out)


@njit(cache=True, nogil=True, error_model="numpy")
def _gather(y: Floats, v: Floats, X: Floats, rows: Floats) -> int:
    """Put the estimates that are present in one replication side by side, and count them."""
    n = 0
    for i in range(y.size):
        if np.isnan(y[i] + v[i]):
            continue
        rows[n, batch_point.Y], rows[n, batch_point.V] = y[i], v[i]
        for a in range(X.shape[1]):
            rows[n, batch_point.X + a] = X[i, a]
        n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _fit(rows: Floats, room: Floats, asked: tuple[int, float], r: int, out: _Arrays) -> None:
    estimator, given = asked
    n, p = rows.shape[0], room.shape[1]
    alone = n == p and (p == 1 or estimator == batch_choose.COMMON)
    if n <= p and not alone:
        return
    if not solve_level(rows, room).independent:
        return
    log_det_xtx = find_log_det(room)
    out.q[r] = solve(rows, room, 0.0).rss
    tau2 = 0.0 if alone else choose(rows, room, estimator, given)
    restricted = estimator == batch_choose.REML and not alone
    height, out.rss[r] = find_height(rows, room, tau2, restricted)
    constant = log_det_xtx - (n - p) * LOG_2_PI if restricted else -n * LOG_2_PI
    out.log_lik[r] = 0.5 * (height + constant)
    for a in range(p):
        out.beta[r, a] = room[batch_point.BETA, 0, a]
    write_cov(room, out.cov[r])
    out.converged[r] = True
    if estimator != batch_choose.COMMON and not alone:
        out.tau2[r] = tau2
        out.at_boundary[r] = tau2 == 0 and estimator != batch_choose.GIVEN
