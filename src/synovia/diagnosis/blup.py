"""What each study's own effect most likely is, given the others: best linear unbiased predictions."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csc_array

from synovia.diagnosis.deletion import require_normal
from synovia.diagnosis.effect_names import name_effects
from synovia.kernel import Diagonal, Point, Problem, RandomTerm, Term, quantile
from synovia.synthesis import Fit
from synovia.synthesis.fit import require_fit

__all__ = ["Predictions", "blup", "random_effects"]

Floats = NDArray[np.float64]

CHUNK = 512  # columns solved at once, so that memory grows with the rows and not with their square


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Predicted effects.

    Attributes
    ----------
    table : DataFrame
        One row per prediction; ``tidy`` describes the columns.
    """

    table: pd.DataFrame

    drawing: ClassVar[str] = "predictions"

    def tidy(self) -> pd.DataFrame:
        """One row per prediction.

        Returns
        -------
        DataFrame
            label, estimate, std_error, lower, upper, level; for random effects also term, group and effect.
        """
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table}

    def __str__(self) -> str:
        return self.table.to_string()


def blup(fit: Fit) -> Predictions:
    r"""The true effect behind every estimate: its fitted mean plus all its random effects.

    Parameters
    ----------
    fit : Fit
        Any fit with random effects; without them the fitted means are returned.

    Returns
    -------
    Predictions
        Estimates shrunk towards the mean, with prediction intervals.

    Notes
    -----
    .. math:: \hat\theta = y - V\Omega^{-1}(y - X\hat\beta), \qquad
              \operatorname{Var}(\hat\theta - \theta) = V - V\Omega^{-1}V + V\Omega^{-1}X C X'\Omega^{-1}V

    C is the covariance of the coefficients as the fit states it. The variances count as known. Robinson
    (1991), Statistical Science 6, 15-32; Raudenbush & Bryk (1985), Journal of Educational Statistics 10,
    75-98.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.0, 1.0], "variance": [0.1, 0.1]})
    >>> blup(meta(trials, tau2=0.1, inference="z")).tidy().estimate.tolist()
    [0.25, 0.75]
    """
    require_fit(fit)
    problem, at = fit.problem, require_normal(fit)
    V = _sparse(problem)
    mean = problem.y - V @ at.factor.solve(at.residuals[:, None])[:, 0]
    spread = V @ at.factor.solve(problem.X)
    own = problem.V.diagonal - _quadratic_diagonal(at, problem, V)
    variance = own + ((spread @ fit.inference.cov) * spread).sum(axis=1)
    table = pd.DataFrame({"label": fit.names.effects} | _interval(fit, mean, variance))
    return Predictions(table)


def _interval(fit: Fit, mean: Floats, variance: Floats) -> dict[str, Any]:
    error = np.sqrt(np.maximum(variance, 0))
    half = quantile(fit.settings.level, fit.inference.df) * error
    return {
        "estimate": mean,
        "std_error": error,
        "lower": mean - half,
        "upper": mean + half,
        "level": fit.settings.level,
    }


def _sparse(problem: Problem) -> csc_array:
    rows, columns, values = problem.V.entries()
    return csc_array((values, (rows, columns)), shape=(problem.n, problem.n))


def _quadratic_diagonal(at: Point, problem: Problem, V: csc_array) -> Floats:
    """(n,) diagonal of V Omega⁻¹ V."""
    if isinstance(problem.V, Diagonal):
        return np.asarray(problem.V.v**2 * at.factor.inverse_diagonal())
    out = np.empty(problem.n)
    for start in range(0, problem.n, CHUNK):
        columns = V[:, start : start + CHUNK].toarray()
        out[start : start + CHUNK] = (columns * at.factor.solve(columns)).sum(axis=0)
    return out


def random_effects(fit: Fit) -> Predictions:
    r"""Every random effect of every term.

    Parameters
    ----------
    fit : Fit
        Any fit; without random effects the table is empty.

    Returns
    -------
    Predictions
        One row per term, group and effect of the group.

    Notes
    -----
    .. math:: \hat u = GZ'\Omega^{-1}(y - X\hat\beta), \qquad
              \operatorname{Var}(\hat u - u) = G - GZ'\Omega^{-1}ZG + GZ'\Omega^{-1}XCX'\Omega^{-1}ZG

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.0, 1.0], "variance": [0.1, 0.1]})
    >>> random_effects(meta(trials, tau2=0.1, inference="z")).tidy().estimate.tolist()
    [-0.25, 0.25]
    """
    require_fit(fit)
    pieces, start, at = [], 0, require_normal(fit)
    solved = at.factor.solve(np.column_stack([at.residuals, fit.problem.X]))
    named = zip(fit.problem.terms, name_effects(fit), strict=True)
    for term, names in named:
        psi = at.psi[start : start + term.parameters]
        start += term.parameters
        mean, variance = _predict(fit, term, psi, solved)
        labels = {
            "term": names.term,
            "group": np.repeat(np.array(names.groups, dtype=object), len(names.effects)),
            "effect": list(names.effects) * len(names.groups),
        }
        pieces.append(pd.DataFrame(labels | _interval(fit, mean, variance)))
    columns = ["term", "group", "effect", "estimate", "std_error", "lower", "upper", "level"]
    table = pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=pd.Index(columns))
    table.insert(0, "label", _join(table["group"], table["effect"]))
    return Predictions(table)


def _join(groups: pd.Series, effects: pd.Series) -> list[str]:
    pairs = zip(groups.tolist(), effects.tolist(), strict=True)
    return [f"{group}: {effect}" if effect else str(group) for group, effect in pairs]


def _predict(fit: Fit, term: RandomTerm, psi: Floats, solved: Floats) -> tuple[Floats, Floats]:
    """Estimates and variances of the random effects of one term."""
    if isinstance(term, Term) and not (term.rowwise and term.structure.size == 1 and term.loadings is None):
        return _predict_shared(fit, term, psi, solved)
    g = term.row_variances(psi)
    lost = g[:, None] * solved[:, 1:]
    kept = g - g**2 * require_normal(fit).factor.inverse_diagonal()
    return g * solved[:, 0], kept + ((lost @ fit.inference.cov) * lost).sum(axis=1)


def _predict_shared(fit: Fit, term: Term, psi: Floats, solved: Floats) -> tuple[Floats, Floats]:
    G = term.structure.covariance(psi)
    pulled = np.einsum("ij,gjm->gim", G, term.gather(solved))
    mean, lost = pulled[:, :, 0], pulled[:, :, 1:]
    kept = np.diag(G) - _gram_diagonal(require_normal(fit), term, G)
    variance = kept + np.einsum("gim,mk,gik->gi", lost, fit.inference.cov, lost)
    return mean.reshape(-1), variance.reshape(-1)


def _gram_diagonal(at: Point, term: Term, G: Floats) -> Floats:
    """(groups, q) diagonal of G Z' Omega⁻¹ Z G."""
    q, levels = term.structure.size, term.levels
    out = np.empty((levels, q))
    step = max(1, CHUNK // q)
    for start in range(0, levels, step):
        stop = min(start + step, levels)
        unit = np.zeros((levels, q, (stop - start) * q))
        for group in range(start, stop):
            unit[group, :, (group - start) * q : (group - start + 1) * q] = G
        loaded = term.scatter(unit)
        out[start:stop] = (loaded * at.factor.solve(loaded)).sum(axis=0).reshape(-1, q)
    return out
