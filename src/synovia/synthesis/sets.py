"""Sets of independent estimates as arrays, checked at the door."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.errors import CollinearModerators, SynthesisError
from synovia.kernel import find_dependent_columns

__all__ = ["Sets", "read_sets"]

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """R sets of k estimates.

    Attributes
    ----------
    y : ndarray of shape (k, R)
        Estimates; NaN where a study is absent, or lacks a moderator.
    v : ndarray of shape (k, R) or (k, 1)
        Sampling variances, above 0.
    X : ndarray of shape (k, p, R) or (k, p, 1)
        Designs; 0 in rows that lack a moderator.
    terms : tuple of str
        Names of the columns of X.
    """

    y: Floats
    v: Floats
    X: Floats
    terms: tuple[str, ...]


def read_sets(y: ArrayLike, v: ArrayLike, X: ArrayLike | pd.DataFrame | None) -> Sets:
    """Arrays as people hold them, in the shapes that fits need.

    Parameters
    ----------
    y : array_like of shape (k, R)
        Estimates, NaN where a study is absent.
    v : array_like of shape (k, R) or (k,)
        Sampling variances.
    X : array_like of shape (k, p) or (k, p, R), DataFrame or None
        Designs; an intercept alone without it.

    Raises
    ------
    SynthesisError
        When shapes disagree or a number cannot be used; study and replication are named.
    CollinearModerators
        When columns of a shared X cannot be told apart.
    """
    estimates = np.array(y, dtype=np.float64)
    if estimates.ndim != 2:
        raise SynthesisError(f"Found y of shape {estimates.shape}; wanted (studies, replications).")
    variances = _read_variances(v, estimates)
    design, terms = _read_design(X, estimates)
    known = np.asarray(np.isfinite(design).all(axis=1))
    estimates[np.broadcast_to(~known, estimates.shape)] = np.nan
    return Sets(estimates, variances, np.where(known[:, None], design, 0.0), terms)


def _read_variances(v: ArrayLike, y: Floats) -> Floats:
    """(k, R) or (k, 1) variances, all above 0 where they are present."""
    variances = np.array(v, dtype=np.float64)
    if variances.ndim == 1:
        variances = variances[:, None]
    if variances.ndim != 2 or variances.shape[0] != y.shape[0] or variances.shape[1] not in (1, y.shape[1]):
        raise SynthesisError(
            f"Found v of shape {np.shape(v)} for y of shape {y.shape}; wanted the same shape, or one "
            "variance per study."
        )
    present = ~np.isnan(y)
    _refuse(np.isinf(y), "an infinite estimate", "a finite number, or NaN where the study is absent")
    _refuse(present & np.isinf(variances), "an infinite variance", "a finite number")
    _refuse(present & (variances <= 0), "a variance that is not above 0", "sampling variances above 0")
    return variances


def _refuse(wrong: Booleans, found: str, wanted: str) -> None:
    if wrong.any():
        study, replication = np.argwhere(wrong)[0]
        raise SynthesisError(
            f"Study {study + 1} of replication {replication + 1} has {found}; wanted {wanted}."
        )


def _read_design(X: ArrayLike | pd.DataFrame | None, y: Floats) -> tuple[Floats, tuple[str, ...]]:
    """(k, p, 1) or (k, p, R) design and the names of its columns."""
    if X is None:
        return np.ones((y.shape[0], 1, 1)), ("Intercept",)
    design = np.array(X, dtype=np.float64)
    if design.ndim == 2:
        design = design[:, :, None]
    if design.ndim != 3 or design.shape[0] != y.shape[0] or design.shape[2] not in (1, y.shape[1]):
        raise SynthesisError(
            f"Found X of shape {np.shape(X)} for y of shape {y.shape}; wanted (studies, coefficients) or "
            "(studies, coefficients, replications)."
        )
    unnamed = [f"x{j + 1}" for j in range(design.shape[1])]
    terms = tuple(map(str, X.columns if isinstance(X, pd.DataFrame) else unnamed))
    if design.shape[2] == 1:
        _check_columns(design[:, :, 0], terms)
    return design, terms


def _check_columns(X: Floats, terms: tuple[str, ...]) -> None:
    dependent = find_dependent_columns(X[np.isfinite(X).all(axis=1)])
    if dependent:
        column, others = next(iter(dependent.items()))
        said = f"follows from {' and '.join(terms[o] for o in others)}" if others else "is zero everywhere"
        raise CollinearModerators(f"Column {terms[column]} of X {said}; leave it out.")
