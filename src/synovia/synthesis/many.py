"""Many syntheses at once: what bootstraps, permutations, simulations and multiverses stand on."""

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.errors import MissingExtra, SynthesisError
from synovia.kernel.inference import ROUNDING, quantiles
from synovia.synthesis.sets import read_sets

if TYPE_CHECKING:
    from synovia.kernel.batch import Batch

__all__ = [
    "ESTIMATORS",
    "INFERENCES",
    "Many",
    "Reading",
    "load_batch",
    "meta_many",
    "orthogonalise",
    "read_fits",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

ESTIMATORS = ("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "PM", "EB")
INFERENCES = ("z", "t", "knapp-hartung", "knapp-hartung-floor")


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """R syntheses of one kind, p coefficients each.

    A replication with fewer estimates than its model needs, or whose estimates cannot tell its moderators
    apart, is NaN and not ``converged``; its ``k`` says how many estimates there were.

    Attributes
    ----------
    terms : tuple of str
        Names of the coefficients.
    beta, std_error, lower, upper : ndarray of shape (p, R)
        Coefficients on the scale of y, their standard errors and limits.
    cov : ndarray of shape (R, p, p)
        Covariance of the coefficients of each replication, rescaled as ``inference`` says.
    tau2 : ndarray of shape (R,)
        Between-study variance, on the scale of y squared; NaN where the model has none.
    Q : ndarray of shape (R,)
        Residual heterogeneity at tau2 = 0.
    log_lik : ndarray of shape (R,)
        Log-likelihood; restricted for REML.
    k : ndarray of int of shape (R,)
        Estimates present.
    df : ndarray of shape (R,)
        Degrees of freedom of the intervals; infinite for the normal distribution.
    converged, at_boundary : ndarray of bool of shape (R,)
        Whether there is an answer; whether tau2 is 0 because the data ask for less.
    estimator : str or float
        Estimator of tau2, or its value.
    inference : str
        How standard errors became intervals.
    level : float
        Level of the intervals.
    """

    terms: tuple[str, ...]
    beta: Floats
    std_error: Floats
    lower: Floats
    upper: Floats
    cov: Floats
    tau2: Floats
    Q: Floats
    log_lik: Floats
    k: Integers
    df: Floats
    converged: Booleans
    at_boundary: Booleans
    estimator: str | float
    inference: str
    level: float

    @property
    def replications(self) -> int:
        """R."""
        return self.tau2.size

    def tidy(self) -> pd.DataFrame:
        """One row per replication and coefficient.

        Returns
        -------
        DataFrame
            replication (from 0), term, estimate, std_error, lower, upper, level, tau2, q, log_lik, k,
            converged, at_boundary.
        """
        p, replications = self.beta.shape
        once = {
            "tau2": self.tau2,
            "q": self.Q,
            "log_lik": self.log_lik,
            "k": self.k,
            "converged": self.converged,
            "at_boundary": self.at_boundary,
        }
        return pd.DataFrame(
            {
                "replication": np.repeat(np.arange(replications), p),
                "term": np.tile(np.array(self.terms, dtype=object), replications),
                "estimate": self.beta.T.ravel(),
                "std_error": self.std_error.T.ravel(),
                "lower": self.lower.T.ravel(),
                "upper": self.upper.T.ravel(),
                "level": self.level,
                **{name: np.repeat(values, p) for name, values in once.items()},
            }
        )


def meta_many(
    y: ArrayLike,
    v: ArrayLike,
    X: ArrayLike | pd.DataFrame | None = None,
    *,
    tau2: str | float = "REML",
    inference: str = "knapp-hartung",
    level: float = 0.95,
    threads: int | None = None,
) -> Many:
    r"""Fit many sets of independent estimates, each exactly as ``meta`` would.

    Compiled and spread over the processors; needs the extra ``synovia[batch]``. The first call of a new
    installation compiles for some seconds.

    Parameters
    ----------
    y : array_like of shape (k, R)
        Estimates: studies down, replications across. NaN where a study is absent from a replication.
    v : array_like of shape (k, R) or (k,)
        Sampling variances, above 0; one for all replications or one for each.
    X : array_like of shape (k, p) or (k, p, R), or DataFrame, optional
        Design with its intercept, shared or one for each replication. An intercept alone without it.
    tau2 : {"REML", "ML", "EE", "DL", "HE", "HS", "SJ", "PM", "EB"} or float
        Estimator of the between-study variance, or its value. "EE" has none.
    inference : {"knapp-hartung", "knapp-hartung-floor", "t", "z"}
        How standard errors become intervals.
    level : float
        Confidence level.
    threads : int, optional
        As many as there are processors without it. The answers do not depend on it.

    Returns
    -------
    Many

    Raises
    ------
    MissingExtra
        When numba is not installed.
    SynthesisError
        When shapes disagree or a number cannot be used; study and replication are named.
    CollinearModerators
        When columns of a shared X cannot be told apart.

    Notes
    -----
    .. math:: y_{\cdot r} \sim N(X_r\beta_r,\; \operatorname{diag}(v_{\cdot r}) + \tau_r^2 I)

    REML and ML take the highest maximum of the likelihood on [0, ∞), of however many there are.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> v = rng.uniform(0.02, 0.2, 20)
    >>> y = 0.3 + rng.normal(0, np.sqrt(v + 0.1)[:, None], (20, 1000))
    >>> many = meta_many(y, v)
    >>> covered = (many.lower <= 0.3) & (many.upper >= 0.3)
    >>> print(f"{many.converged.sum()} converged, {covered.mean():.0%} of the intervals cover the truth")
    1000 converged, 95% of the intervals cover the truth
    """
    _check_settings(tau2, inference, level)
    sets = read_sets(y, v, X)
    basis, triangle = orthogonalise(sets.X)
    batch = load_batch("meta_many").fit_batch(sets.y, sets.v, basis, estimator=tau2, threads=threads)
    return read_fits(batch, triangle, Reading(sets.terms, tau2, inference, level))


def load_batch(what: str) -> ModuleType:
    """The compiled fits.

    Parameters
    ----------
    what : str
        What needs them, for the message.

    Raises
    ------
    MissingExtra
        When numba is not installed.
    """
    try:
        from synovia.kernel import batch  # noqa: PLC0415 - optional, and slow to load
    except ModuleNotFoundError as problem:
        raise MissingExtra(
            f"{what} needs {problem.name}, which is not installed; it compiles thousands of fits at once. "
            "Install it with: pip install 'synovia[batch]'"
        ) from None
    return batch


def _check_settings(tau2: str | float, inference: str, level: float) -> None:
    if isinstance(tau2, str) and tau2 not in ESTIMATORS:
        raise SynthesisError(f"Found tau2 {tau2!r}; wanted one of {', '.join(ESTIMATORS)}, or a number.")
    if not isinstance(tau2, str) and not 0 <= tau2 < np.inf:
        raise SynthesisError(f"Found tau2 {tau2}; wanted a finite number of at least 0.")
    if inference not in INFERENCES:
        raise SynthesisError(f"Found inference {inference!r}; wanted one of {', '.join(INFERENCES)}.")
    if not 0 < level < 1:
        raise SynthesisError(f"Found level {level:g}; wanted a number between 0 and 1, such as 0.95.")


def orthogonalise(X: Floats) -> tuple[Floats, Floats]:
    """X = QR for each replication, so that the normal equations of Q lose no digits.

    Parameters
    ----------
    X : ndarray of shape (k, p, R)
        Designs.

    Returns
    -------
    tuple of ndarray
        Q (k, p, R) and R (R, p, p).
    """
    basis, triangle = np.linalg.qr(np.moveaxis(X, 2, 0))
    return np.moveaxis(basis, 0, 2), triangle


@dataclass(frozen=True, slots=True)
class Reading:
    """What turns fits into intervals.

    Attributes
    ----------
    terms : tuple of str
        Names of the columns of X.
    estimator : str or float
        Estimator of tau2, or its value.
    inference : str
        How standard errors become intervals.
    level : float
        Confidence level.
    """

    terms: tuple[str, ...]
    estimator: str | float
    inference: str
    level: float


def read_fits(batch: "Batch", triangle: Floats, reading: Reading) -> Many:
    r"""Coefficients of X = QR from fits of Q, with intervals.

    Parameters
    ----------
    batch : Batch
        Fits of Q.
    triangle : ndarray of shape (1, p, p) or (R, p, p)
        R.
    reading : Reading
        What turns fits into intervals.

    Notes
    -----
    .. math:: \hat\beta = R^{-1}\hat\gamma, \qquad \hat V = R^{-1}\hat V_\gamma R^{-T}
    """
    back = _invert(triangle)
    beta = (back @ batch.beta[:, :, None])[:, :, 0]
    df, factor = _find_spread(batch, reading.inference)
    cov = factor[:, None, None] * (back @ batch.cov @ np.swapaxes(back, 1, 2))
    error = np.sqrt(np.diagonal(cov, axis1=1, axis2=2))
    half = _find_quantiles(reading.level, df)[:, None] * error
    return Many(
        terms=reading.terms,
        beta=beta.T,
        std_error=error.T,
        lower=(beta - half).T,
        upper=(beta + half).T,
        cov=cov,
        tau2=batch.tau2,
        Q=batch.q,
        log_lik=batch.log_lik,
        k=batch.k,
        df=df,
        converged=batch.converged,
        at_boundary=batch.at_boundary,
        estimator=reading.estimator,
        inference=reading.inference,
        level=reading.level,
    )


def _invert(triangle: Floats) -> Floats:
    """R⁻¹ of each replication; NaN where R is singular, whose fits are NaN too."""
    diagonal = np.abs(np.diagonal(triangle, axis1=1, axis2=2))
    regular = diagonal.min(axis=1) > 0
    safe = np.where(regular[:, None, None], triangle, np.eye(triangle.shape[1]))
    return np.where(regular[:, None, None], np.linalg.inv(safe), np.nan)


def _find_spread(batch: "Batch", inference: str) -> tuple[Floats, Floats]:
    """Degrees of freedom of the intervals, and what multiplies the covariance.

    A single study has nothing but its own normal interval, whatever was asked for.
    """
    free = (batch.k - batch.beta.shape[1]).astype(np.float64)
    alone = free < 1
    if inference == "z":
        return np.full(free.size, np.inf), np.ones(free.size)
    df = np.where(alone, np.inf, free)
    if inference == "t":
        return df, np.ones(free.size)
    factor = np.where(alone, 1.0, batch.rss / np.where(alone, 1.0, free))
    factor = np.where(factor < ROUNDING, 0.0, factor)
    return df, np.maximum(factor, 1.0) if inference == "knapp-hartung-floor" else factor


def _find_quantiles(level: float, df: Floats) -> Floats:
    distinct, place = np.unique(df, return_inverse=True)
    return quantiles(level, distinct)[place]
