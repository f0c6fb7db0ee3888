"""The same model on some of the rows."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synovia.errors import CollinearModerators, SynthesisError
from synovia.kernel import Choice, Inference, Point, Problem, find_dependent_columns
from synovia.synthesis.choosing import choose_psi, infer, read_clusters
from synovia.synthesis.exact.settings import CountSettings
from synovia.synthesis.fit import Fit
from synovia.synthesis.pairwise import fit_design
from synovia.synthesis.weighting import GeneralisedQ

__all__ = ["choose_again", "infer_again", "refit", "reset"]


def refit(fit: Fit, keep: ArrayLike) -> Fit:
    """The same model fitted to some of the rows it used.

    Parameters
    ----------
    fit : Fit
        Any fit.
    keep : array_like of bool of shape (n,)
        Which of the rows used stay.

    Raises
    ------
    SynthesisError
        When ``keep`` does not say yes or no for each row used, or the model cannot be fitted to what is left.
    CollinearModerators
        When a coefficient cannot be estimated without the rows left out; it is named.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> refit(meta(trials), [True, True, False]).problem.n
    2
    """
    inside = _read_keep(fit, keep)
    _require_estimable(fit, inside)
    if isinstance(fit.settings, CountSettings):
        return fit.settings.again(fit.rows.used.loc[inside])
    return fit_design(
        fit.rows.restrict(inside), replace(fit.design, X=fit.design.X[inside], warnings=()), fit.settings
    )


def reset(fit: Fit, **settings: object) -> Fit:
    """The same rows fitted with other settings, such as ``tau2="ML"``."""
    return fit_design(fit.rows, fit.design, replace(fit.settings, **settings))  # type: ignore[arg-type]


def _read_keep(fit: Fit, keep: ArrayLike) -> NDArray[np.bool_]:
    inside = np.asarray(keep)
    if inside.dtype != np.bool_ or inside.shape != (fit.problem.n,):
        raise SynthesisError(
            f"Found keep of type {inside.dtype} and shape {inside.shape}; wanted True or False for each of "
            f"the {fit.problem.n} effects used."
        )
    return inside


def _require_estimable(fit: Fit, inside: NDArray[np.bool_]) -> None:
    lost = find_dependent_columns(fit.problem.X[inside]) if inside.any() else {}
    if lost:
        names = ", ".join(fit.names.coefficients[column] for column in lost)
        raise CollinearModerators(f"Without the rows left out {names} cannot be estimated.")


def choose_again(fit: Fit, problem: Problem, rows: NDArray[np.intp]) -> Choice:
    """Psi of some rows of the fit, chosen as the fit's was.

    Parameters
    ----------
    fit : Fit
        Says how.
    problem : Problem
        The rows.
    rows : ndarray of int
        Their numbers among the rows used.
    """
    own = fit.settings.weights is not None or isinstance(fit.settings.tau2, GeneralisedQ)
    table = fit.rows.restrict(np.isin(np.arange(fit.problem.n), rows)) if own else None
    return choose_psi(problem, fit.settings, fit.names.variances, table)


def infer_again(fit: Fit, problem: Problem, at: Point, rows: NDArray[np.intp]) -> Inference:
    """Uncertainty of the coefficients of some rows of the fit, measured as the fit measures it."""
    clusters = read_clusters(fit.rows, fit.settings)
    return infer(problem, at, fit.settings, None if clusters is None else clusters[rows])
