"""How the likelihood falls away from the variances that were chosen."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from synovia.errors import SynthesisError
from synovia.kernel import Choice
from synovia.kernel.profile import profile_psi
from synovia.kernel.solution import require_point
from synovia.synthesis import Fit
from synovia.synthesis.fit import require_fit

__all__ = ["Profile", "profile"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The likelihood along one variance or correlation, the others chosen anew at every value.

    Attributes
    ----------
    table : DataFrame
        One row per value; ``tidy`` describes the columns.
    parameter : str
        Which.
    estimate : float
        The value that was chosen.
    highest : float
        Log-likelihood there.
    drop : float
        How far below it the limits of the likelihood interval lie.
    """

    table: pd.DataFrame
    parameter: str
    estimate: float
    highest: float
    drop: float

    drawing: ClassVar[str] = "profile"

    def tidy(self) -> pd.DataFrame:
        """One row per value.

        Returns
        -------
        DataFrame
            value, log_lik, reason (why it does not exist; empty where it does).
        """
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {
            "rows": self.table,
            "parameter": self.parameter,
            "estimate": self.estimate,
            "highest": self.highest,
            "drop": self.drop,
        }

    def __str__(self) -> str:
        return self.table.to_string()


def profile(
    fit: Fit, parameter: str | None = None, *, values: ArrayLike | None = None, steps: int = 41
) -> Profile:
    r"""The (restricted) log-likelihood along one variance or correlation.

    Parameters
    ----------
    fit : Fit
        With random effects. A fit by maximum likelihood is profiled by it, every other by REML.
    parameter : str, optional
        Name among ``fit.names.variances``; needed when there are several.
    values : array_like, optional
        Where to look; from 0 to several times the estimate, or over the range of a correlation, without it.
    steps : int
        How many values, when they are not given.

    Returns
    -------
    Profile

    Raises
    ------
    SynthesisError
        When there is no such parameter or a value is out of its range.

    Notes
    -----
    A single clear peak says that the data identify the parameter; a ridge says that they do not. Values
    whose log-likelihood lies less than half the quantile of chi-squared on one degree of freedom below the
    peak make up the likelihood interval. Hardy & Thompson (1996), Statistics in Medicine 15, 619-629.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.9, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> found = profile(meta(trials), values=[0.0, 0.141, 1.0]).tidy()
    >>> int(found.log_lik.idxmax())
    1
    """
    require_fit(fit)
    at = require_point(fit.point)
    place = _find(fit, parameter)
    estimate = float(fit.point.psi[place])
    limits = fit.problem.bounds[place]
    grid = _spread(fit, estimate, limits, steps) if values is None else np.asarray(values, dtype=np.float64)
    if ((grid < limits[0]) | (grid > limits[1])).any():
        raise SynthesisError(
            f"Found values from {grid.min():g} to {grid.max():g}; {fit.names.variances[place]} lies from "
            f"{limits[0]:g} to {limits[1]:g}."
        )
    restricted = fit.settings.tau2 != "ML"
    table = pd.DataFrame({"value": grid, "log_lik": _look(fit, place, grid, restricted=restricted)})
    table["reason"] = np.where(table["log_lik"].isna(), "no covariance is positive definite there", "")
    highest = at.log_reml if restricted else at.log_ml
    drop = float(chdtri(1, 1 - fit.settings.level)) / 2
    return Profile(table, fit.names.variances[place], estimate, highest, drop)


def _find(fit: Fit, parameter: str | None) -> int:
    names = fit.names.variances
    if not names:
        raise SynthesisError("The model has no variance whose likelihood could be profiled.")
    if parameter is None and len(names) == 1:
        return 0
    if parameter not in names:
        raise SynthesisError(f"Found parameter {parameter!r}; the variances are {', '.join(names)}.")
    return names.index(parameter)


def _spread(fit: Fit, estimate: float, limits: tuple[float, float], steps: int) -> Floats:
    low, high = limits
    if np.isfinite(low) and np.isfinite(high):
        return np.linspace(low + 0.005 * (high - low), high - 0.005 * (high - low), steps)
    scale = float(np.median(fit.problem.V.diagonal))
    if np.isfinite(low):
        return low + np.linspace(0.0, 1.0, steps) ** 2 * max(4 * (estimate - low), 2 * scale)
    return estimate + np.linspace(-3.0, 3.0, steps)


def _look(fit: Fit, place: int, grid: Floats, *, restricted: bool) -> Floats:
    """(m,) highest log-likelihood at each value; the fit's own maximum is where the others set out from."""
    chosen = fit.settings.tau2 == ("REML" if restricted else "ML")
    best = Choice(fit.point.psi, require_point(fit.point), fit.convergence) if chosen else None
    return profile_psi(fit.problem, place, grid, restricted=restricted, best=best).log_lik
