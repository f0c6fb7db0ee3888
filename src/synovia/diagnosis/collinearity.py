"""How much moderators stand in for each other: variance inflation."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.synthesis import Fit
from synovia.synthesis.fit import require_fit

__all__ = ["Inflation", "vif"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Inflation:
    """Variance inflation of coefficients and of whole terms.

    Attributes
    ----------
    table : DataFrame
        One row per coefficient but the intercept; ``tidy`` describes the columns.
    terms : DataFrame
        One row per term of the formula: term, columns, gvif, gsif (its root per column).
    """

    table: pd.DataFrame
    terms: pd.DataFrame

    drawing: ClassVar[str] = ""

    def tidy(self) -> pd.DataFrame:
        """One row per coefficient but the intercept.

        Returns
        -------
        DataFrame
            term, vif, sif (its square root: how much wider the interval is).
        """
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table}

    def __str__(self) -> str:
        return self.table.to_string()


def vif(fit: Fit) -> Inflation:
    r"""Variance inflation factors of a meta-regression.

    Parameters
    ----------
    fit : Fit
        With moderators.

    Returns
    -------
    Inflation

    Raises
    ------
    SynthesisError
        When there are no moderators.

    Notes
    -----
    With R the correlation of the coefficients but the intercept, :math:`VIF_j = (R^{-1})_{jj}`, and for the
    columns A of one term, B being the others,

    .. math:: GVIF = \frac{|R_{AA}|\,|R_{BB}|}{|R|}, \qquad GSIF = GVIF^{1/(2m)}

    Fox & Monette (1992), Journal of the American Statistical Association 87, 178-183, equation 11.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame(
    ...     {
    ...         "estimate": [0.1, 0.4, 0.3, 0.6, 0.2],
    ...         "variance": [0.02] * 5,
    ...         "dose": [1.0, 2.0, 3.0, 4.0, 5.0],
    ...         "weeks": [1.0, 3.0, 2.0, 5.0, 4.0],
    ...     }
    ... )
    >>> vif(meta(trials, "estimate ~ dose + weeks")).tidy().vif.round(3).tolist()
    [2.778, 2.778]
    """
    require_fit(fit)
    names = fit.names.coefficients
    wanted = [place for place, name in enumerate(names) if name != "Intercept"]
    if not wanted:
        raise SynthesisError("The model has no moderators, whose inflation could be measured.")
    cov = fit.inference.cov[np.ix_(wanted, wanted)]
    scale = np.sqrt(np.diag(cov))
    correlation = cov / np.outer(scale, scale)
    inflation = np.diag(np.linalg.inv(correlation))
    table = pd.DataFrame(
        {"term": [names[place] for place in wanted], "vif": inflation, "sif": np.sqrt(inflation)}
    )
    terms = [
        {"term": name, "columns": len(own), "gvif": value, "gsif": value ** (1 / (2 * len(own)))}
        for name, own, value in _inflate_terms(fit, wanted, correlation)
    ]
    return Inflation(table, pd.DataFrame(terms, columns=["term", "columns", "gvif", "gsif"]))


def _inflate_terms(fit: Fit, wanted: list[int], correlation: Floats) -> list[tuple[str, list[int], float]]:
    place = {column: number for number, column in enumerate(wanted)}
    found = []
    for name, columns in _read_terms(fit).items():
        own = [place[column] for column in columns if column in place]
        if own:
            others = [number for number in place.values() if number not in own]
            whole, mine, rest = (
                np.linalg.slogdet(correlation[np.ix_(part, part)])[1]
                for part in (list(place.values()), own, others)
            )
            found.append((name, own, float(np.exp(mine + rest - whole))))
    return found


def _read_terms(fit: Fit) -> dict[str, list[int]]:
    """Columns of the design that belong to each term of the formula."""
    if fit.design.spec is None:
        return {name: [place] for place, name in enumerate(fit.names.coefficients)}
    return {
        str(term): list(range(part.start, part.stop)) for term, part in fit.design.spec.term_slices.items()
    }
