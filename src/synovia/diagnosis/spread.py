"""What a radial plot, a plot of normal quantiles and a plot against a moderator are drawn from."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from synovia.diagnosis.deletion import require_normal, row_variances
from synovia.diagnosis.residuals import SINGULAR
from synovia.diagnosis.simulate import simulate_estimates
from synovia.errors import SynthesisError
from synovia.kernel import find_weights
from synovia.synthesis import Fit
from synovia.synthesis.fit import require_fit
from synovia.synthesis.regression import read_new_rows

__all__ = ["Bubbles", "Quantiles", "Radial", "bubble", "qq", "radial"]

Floats = NDArray[np.float64]

SEED = 20240229


@dataclass(frozen=True, slots=True, eq=False)
class Radial:
    """Estimates in units of their standard deviations.

    Attributes
    ----------
    table : DataFrame
        One row per effect used; ``tidy`` describes the columns.
    slope, lower, upper : float
        The pooled estimate and its interval: slopes of lines through the origin.
    """

    table: pd.DataFrame
    slope: float
    lower: float
    upper: float

    drawing: ClassVar[str] = "radial"

    def tidy(self) -> pd.DataFrame:
        """One row per effect used: label, precision (1 / standard deviation), z (their product)."""
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table, "slope": self.slope, "lower": self.lower, "upper": self.upper}

    def __str__(self) -> str:
        return self.table.to_string()


def radial(fit: Fit) -> Radial:
    r"""Estimates for a radial plot: how precise each is against how many standard deviations from 0.

    Parameters
    ----------
    fit : Fit
        With an intercept alone.

    Returns
    -------
    Radial

    Raises
    ------
    SynthesisError
        When there are moderators: then no single line passes through the origin.

    Notes
    -----
    .. math:: x_i = 1/\sqrt{\omega_i}, \qquad z_i = y_i/\sqrt{\omega_i}

    with the total variance of each row; the line through the origin with the pooled estimate as slope, plus
    and minus the normal quantile, holds 95 % of them. Galbraith (1988), Statistics in Medicine 7, 889-894.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.4], "variance": [0.04, 0.01]})
    >>> radial(meta(trials, random=None, inference="z")).tidy().z.round(6).tolist()
    [0.5, 4.0]
    """
    require_fit(fit)
    if fit.names.coefficients != ("Intercept",):
        raise SynthesisError(
            f"The model has {', '.join(fit.names.coefficients)}; a radial plot needs an intercept alone."
        )
    precision = 1 / np.sqrt(row_variances(fit.problem, require_normal(fit).psi))
    table = pd.DataFrame({"label": fit.names.effects, "precision": precision, "z": fit.problem.y * precision})
    row = fit.tidy().iloc[0]
    return Radial(table, float(row["estimate"]), float(row["lower"]), float(row["upper"]))


@dataclass(frozen=True, slots=True, eq=False)
class Quantiles:
    """Standardised residuals against what normal ones would be.

    Attributes
    ----------
    table : DataFrame
        One row per effect used, in rising order; ``tidy`` describes the columns.
    level : float
        Level of the envelope at every rank.
    seed : int
        Of the simulation.
    """

    table: pd.DataFrame
    level: float
    seed: int

    drawing: ClassVar[str] = "qq"

    def tidy(self) -> pd.DataFrame:
        """One row per effect used, in rising order: label, theoretical, z, lower, upper of the envelope."""
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table, "level": self.level}

    def __str__(self) -> str:
        return self.table.to_string()


def qq(fit: Fit, *, repetitions: int = 1000, seed: int = SEED) -> Quantiles:
    r"""Normal quantiles of the standardised residuals with a simulated envelope.

    Parameters
    ----------
    fit : Fit
        Any fit.
    repetitions : int
        Data sets simulated from the fit, its variances taken as true.
    seed : int
        Of the simulation.

    Returns
    -------
    Quantiles

    Notes
    -----
    Rank i stands at :math:`\Phi^{-1}((i - a)/(n + 1 - 2a))`, a = 3/8 up to ten effects and 1/2 above. The
    envelope holds the residual of each rank, taken by itself, with the fit's confidence level; with many
    ranks some will leave it by chance. Atkinson (1985), Plots, Transformations and Regression, chapter 4.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> qq(meta(trials)).tidy().label.tolist()
    ['row 1', 'row 3', 'row 2']
    """
    require_fit(fit)
    problem, at = fit.problem, require_normal(fit)
    total = row_variances(problem, at.psi)
    variance = total - ((problem.X @ at.cov) * problem.X).sum(axis=1)
    error = np.sqrt(np.where(variance > SINGULAR * total, variance, np.nan))
    z = at.residuals / error
    shown = np.flatnonzero(np.isfinite(z))
    drawn = simulate_estimates(problem, at.psi, repetitions, np.random.default_rng(seed))
    hat = problem.X @ (at.factor.solve(problem.X) @ at.cov).T
    simulated = np.sort(((drawn - hat @ drawn) / error[:, None])[shown], axis=0)
    outside = (1 - fit.settings.level) / 2
    order = shown[np.argsort(z[shown], kind="stable")]
    n, a = shown.size, 0.375 if shown.size <= 10 else 0.5
    table = pd.DataFrame(
        {
            "label": [fit.names.effects[row] for row in order],
            "theoretical": ndtri((np.arange(1, n + 1) - a) / (n + 1 - 2 * a)),
            "z": z[order],
            "lower": np.quantile(simulated, outside, axis=1),
            "upper": np.quantile(simulated, 1 - outside, axis=1),
        }
    )
    return Quantiles(table, fit.settings.level, seed)


@dataclass(frozen=True, slots=True, eq=False)
class Bubbles:
    """Estimates against a moderator, with the fitted line.

    Attributes
    ----------
    table : DataFrame
        One row per effect used: label, value (of the moderator), estimate, weight (percent).
    line : DataFrame
        value, and what ``Fit.predict`` says there.
    moderator : str
        Column of the moderator.
    """

    table: pd.DataFrame
    line: pd.DataFrame
    moderator: str

    drawing: ClassVar[str] = "bubble"

    def tidy(self) -> pd.DataFrame:
        """One row per effect used: label, value, estimate, weight."""
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table, "line": self.line, "moderator": self.moderator}

    def __str__(self) -> str:
        return self.table.to_string()


def bubble(fit: Fit, moderator: str, *, others: pd.Series | None = None, steps: int = 81) -> Bubbles:
    """Estimates against one moderator, with the fitted line, its band and where new studies would lie.

    Parameters
    ----------
    fit : Fit
        With the moderator.
    moderator : str
        Its column, of numbers.
    others : Series, optional
        Values of the other moderators for the line. Without it, numbers are at their mean over the effects
        used and text at its most frequent level.
    steps : int
        Points of the line.

    Returns
    -------
    Bubbles

    Raises
    ------
    SynthesisError
        When the column is not a moderator of the model or not of numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame(
    ...     {"estimate": [0.1, 0.4, 0.3, 0.6], "variance": [0.02, 0.03, 0.01, 0.02], "dose": [1, 2, 1, 3]}
    ... )
    >>> fit = meta(trials, "estimate ~ dose", inference="z")
    >>> bubble(fit, "dose", steps=2).line.estimate.round(2).tolist()
    [0.23, 0.6]
    """
    require_fit(fit)
    used = fit.rows.used
    if moderator not in fit.design.needs:
        raise SynthesisError(
            f"{moderator!r} is not a moderator of {fit.settings.formula!r}; the moderators are "
            f"{', '.join(fit.design.needs) or 'none'}."
        )
    if not pd.api.types.is_numeric_dtype(used[moderator]):
        raise SynthesisError(f"{moderator} is not numeric; compare its levels with pairwise.")
    values = used[moderator].to_numpy(dtype=np.float64)
    grid = np.linspace(values.min(), values.max(), steps)
    typical = {name: _typical(used[name]) for name in fit.design.needs}
    if others is not None:
        typical |= {str(name): value for name, value in others.items()}
    new = pd.DataFrame({name: [value] * steps for name, value in typical.items()}).assign(**{moderator: grid})
    line = fit.predict_at(read_new_rows(fit.design, new), fit.settings.level)
    line.insert(0, "value", grid)
    table = pd.DataFrame(
        {
            "label": fit.names.effects,
            "value": values,
            "estimate": fit.problem.y,
            "weight": 100 * find_weights(fit.problem, require_normal(fit)),
        }
    )
    return Bubbles(table, line, moderator)


def _typical(column: pd.Series) -> object:
    if pd.api.types.is_numeric_dtype(column):
        return float(column.mean())
    return column.mode().iloc[0]
