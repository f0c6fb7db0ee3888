"""Which rows, or groups of rows, the answer hangs on."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtri

from synovia.diagnosis.deletion import (
    Group,
    Part,
    delete,
    find_q,
    make_groups,
    require_normal,
    row_variances,
    scale_of,
)
from synovia.diagnosis.residuals import studentise
from synovia.kernel import Point, find_leverage, find_weights, point
from synovia.synthesis import Fit

__all__ = ["Influence", "influence"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """What the model loses with every row, or group of rows.

    Attributes
    ----------
    table : DataFrame
        One row per deletion; ``tidy`` describes the columns.
    coefficients : tuple of str
        Names of the coefficients.
    variances : tuple of str
        Names of the variances.
    limits : dict of str to float
        Beyond which a value counts as large.
    """

    table: pd.DataFrame
    coefficients: tuple[str, ...]
    variances: tuple[str, ...]
    limits: dict[str, float]

    drawing: ClassVar[str] = "influence"

    def tidy(self) -> pd.DataFrame:
        """One row per deletion.

        Returns
        -------
        DataFrame
            label, size (rows left out), studentised (deleted residual over its standard error; for a group
            the chi-squared of its residuals), dffits, cooks_distance, covariance_ratio, q_deleted, hat,
            weight (percent), one ``deleted[...]`` per variance, one ``dfbetas[...]`` per coefficient,
            influential, reason (why a deletion could not be fitted; empty where it could).
        """
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table, "limits": self.limits}

    def __str__(self) -> str:
        return self.table.to_string()


def influence(fit: Fit, by: str | None = None) -> Influence:
    r"""Cook's distance, DFFITS, DFBETAS, covariance ratio and what else changes when rows are left out.

    Parameters
    ----------
    fit : Fit
        Any fit.
    by : str, optional
        Column whose values are left out one after another, such as ``study``; every row by itself without it.

    Returns
    -------
    Influence

    Notes
    -----
    The variances are chosen anew without row i, written (i). With :math:`d = \hat\beta - \hat\beta_{(i)}`,
    :math:`C` the covariance of the coefficients, and :math:`C_{(i)}` the same without the row,

    .. math:: \text{Cook}_i = d'C^{-1}d, \quad
              \text{DFFITS}_i = \frac{x_i'd}{\sqrt{h_i\,\omega_{i(i)}}}, \quad
              \text{DFBETAS}_{ij} = \frac{d_j}{\sqrt{[(X'\Omega_{(i)}^{-1}X)^{-1}]_{jj}}}, \quad
              \text{ratio}_i = \frac{|C_{(i)}|}{|C|}

    :math:`h_i` is the leverage, :math:`\omega_{i(i)}` the row's total variance and :math:`\Omega_{(i)}` that
    of all rows at the variances chosen without it; under Knapp-Hartung both carry its factor. With inference
    robust to clusters the covariance of the model itself is used throughout. A row is flagged when DFFITS
    exceeds :math:`3\sqrt{p/(k-p)}`, Cook's distance the median of chi-squared on p degrees of freedom, the
    leverage 3p/k or a DFBETAS 1. Viechtbauer & Cheung (2010), Research Synthesis Methods 1, 112-125.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.2, 0.3, 2.0], "variance": [0.02, 0.03, 0.01, 0.02]})
    >>> found = influence(meta(trials)).tidy()
    >>> int(found.cooks_distance.idxmax())
    3
    """
    groups, whole = make_groups(fit, by), _prepare(fit)
    rows = [
        whole.measure(group, part) if isinstance(part, Part) else {"reason": part}
        for group, part in zip(groups, delete(fit, groups), strict=True)
    ]
    table = pd.DataFrame(rows, columns=_columns(fit))
    table = table.assign(
        label=[group.label for group in groups],
        size=[group.rows.size for group in groups],
        hat=[whole.hat[group.rows].sum() for group in groups],
        weight=[whole.weight[group.rows].sum() for group in groups],
    )
    limits = _limits(fit.problem.p, fit.problem.n)
    if by is not None:
        limits = {name: limits[name] for name in ("cooks_distance", "dfbetas")}
    table["influential"] = _flag(table, limits)
    return Influence(table, fit.names.coefficients, fit.names.variances, limits)


def _limits(p: int, k: int) -> dict[str, float]:
    return {
        "dffits": 3 * float(np.sqrt(p / (k - p))) if k > p else np.inf,
        "cooks_distance": float(chdtri(p, 0.5)),
        "hat": 3 * p / k,
        "dfbetas": 1.0,
    }


def _flag(table: pd.DataFrame, limits: dict[str, float]) -> NDArray[np.bool_]:
    flagged = np.zeros(len(table), dtype=bool)
    for name, limit in limits.items():
        columns = [column for column in table.columns if column.partition("[")[0] == name]
        values = table[columns].to_numpy(dtype=np.float64)
        flagged |= (np.abs(values) > limit).any(axis=1)
    return flagged


@dataclass(frozen=True, slots=True, eq=False)
class _Whole:
    """What every deletion is compared with, made once."""

    fit: Fit
    hat: Floats
    weight: Floats
    scaled_root: Floats
    log_det: float

    def measure(self, group: Group, part: Part) -> dict[str, object]:
        """The row of one deletion."""
        problem, factor = self.fit.problem, scale_of(self.fit, part)
        psi = part.point.psi if part.problem.terms else problem.nothing
        change = self.fit.point.beta - part.point.beta
        row: dict[str, object] = {
            "reason": "",
            "studentised": studentise(self.fit, group, part)[2],
            "cooks_distance": float((np.linalg.solve(self.scaled_root, change) ** 2).sum()),
            "covariance_ratio": float(np.exp(_log_det(part.point, factor) - self.log_det)),
            "q_deleted": find_q(part.problem),
        }
        if group.rows.size == 1:
            variance = factor * row_variances(problem, psi)[group.rows] * self.hat[group.rows]
            row["dffits"] = float((problem.X[group.rows] @ change / np.sqrt(variance))[0])
        row |= _name("deleted", self.fit.names.variances, psi)
        spread = np.sqrt(factor * np.diag(point(problem, psi).cov))
        return row | _name("dfbetas", self.fit.names.coefficients, change / spread)


def _prepare(fit: Fit) -> _Whole:
    at = require_normal(fit)
    factor = scale_of(fit, Part(fit.problem, at, fit.inference))
    return _Whole(
        fit,
        find_leverage(fit.problem, at),
        100 * find_weights(fit.problem, at),
        at.root * np.sqrt(factor),
        _log_det(at, factor),
    )


def _log_det(at: Point, factor: float) -> float:
    """Log determinant of the covariance of the coefficients."""
    return 2 * float(np.log(np.abs(np.diag(at.root))).sum()) + at.beta.size * float(np.log(factor))


def _name(kind: str, names: tuple[str, ...], values: Floats) -> dict[str, object]:
    return {f"{kind}[{name}]": value for name, value in zip(names, values.tolist(), strict=True)}


def _columns(fit: Fit) -> list[str]:
    return [
        *("label", "size", "studentised", "dffits", "cooks_distance", "covariance_ratio", "q_deleted"),
        *("hat", "weight"),
        *(f"deleted[{name}]" for name in fit.names.variances),
        *(f"dfbetas[{name}]" for name in fit.names.coefficients),
        *("influential", "reason"),
    ]
