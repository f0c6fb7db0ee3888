"""Which studies make the heterogeneity, and which of them move the answer."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from synovia.diagnosis.deletion import Part, delete, make_groups, require_normal, row_variances, scale_of
from synovia.synthesis import Fit
from synovia.synthesis.fit import require_fit

__all__ = ["Baujat", "baujat"]


@dataclass(frozen=True, slots=True, eq=False)
class Baujat:
    """Contribution of every row to heterogeneity, and its influence on its own fitted value.

    Attributes
    ----------
    table : DataFrame
        One row per effect used; ``tidy`` describes the columns.
    """

    table: pd.DataFrame

    drawing: ClassVar[str] = "baujat"

    def tidy(self) -> pd.DataFrame:
        """One row per effect used.

        Returns
        -------
        DataFrame
            label, contribution (squared Pearson residual), influence (squared standardised change of the
            fitted value), reason (why a row could not be left out; empty where it could).
        """
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table}

    def __str__(self) -> str:
        return self.table.to_string()


def baujat(fit: Fit) -> Baujat:
    r"""Contribution to heterogeneity against influence on the result.

    Parameters
    ----------
    fit : Fit
        Any fit.

    Returns
    -------
    Baujat

    Notes
    -----
    .. math:: \frac{(y_i - x_i'\hat\beta)^2}{\omega_i}, \qquad
              \frac{(x_i'\hat\beta - x_i'\hat\beta_{(i)})^2}{x_i'C_{(i)}x_i}

    In a common-effect model the contributions add up to Q. Baujat, Mahé, Pignon & Hill (2002), Statistics in
    Medicine 21, 2641-2652.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.2, 0.3, 2.0], "variance": [0.02, 0.03, 0.01, 0.02]})
    >>> found = baujat(meta(trials, random=None, inference="z")).tidy()
    >>> int(found.contribution.idxmax())
    3
    """
    require_fit(fit)
    problem, at = fit.problem, require_normal(fit)
    groups = make_groups(fit, None)
    moved, reason = np.full(problem.n, np.nan), np.full(problem.n, "", dtype=object)
    for row, part in enumerate(delete(fit, groups)):
        if isinstance(part, Part):
            x = problem.X[row]
            change = float(x @ (at.beta - part.point.beta))
            moved[row] = change**2 / (scale_of(fit, part) * float(x @ part.point.cov @ x))
        else:
            reason[row] = part
    contribution = at.residuals**2 / row_variances(problem, at.psi)
    return Baujat(
        pd.DataFrame(
            {
                "label": fit.names.effects,
                "contribution": contribution,
                "influence": moved,
                "reason": reason.astype(str),
            }
        )
    )
