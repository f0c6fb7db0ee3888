"""How far every estimate lies from the mean the model gives it, in four scales."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.diagnosis.deletion import (
    Group,
    Part,
    delete,
    make_groups,
    require_normal,
    row_variances,
    scale_of,
)
from synovia.errors import SynthesisError
from synovia.kernel import Problem, find_omega
from synovia.synthesis import Fit

__all__ = ["Residuals", "residuals", "studentise"]

Floats = NDArray[np.float64]

KINDS = ("raw", "pearson", "standardised", "studentised")
SINGULAR = 1e-10  # share of a residual's variance that must survive the others of its group


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Residuals of one kind.

    Attributes
    ----------
    table : DataFrame
        One row per effect used; ``tidy`` describes the columns.
    groups : DataFrame
        One row per group: group, size, chi2 (its residuals jointly); empty without groups.
    kind : str
        Which residuals.
    """

    table: pd.DataFrame
    groups: pd.DataFrame
    kind: str

    drawing: ClassVar[str] = "residuals"

    def tidy(self) -> pd.DataFrame:
        """One row per effect used.

        Returns
        -------
        DataFrame
            label, estimate, fitted, residual, std_error, z (residual over its standard error), reason (why
            it does not exist; empty where it does).
        """
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.table, "kind": self.kind}

    def __str__(self) -> str:
        return self.table.to_string()


def residuals(fit: Fit, kind: str = "standardised", *, by: str | None = None) -> Residuals:
    r"""Residuals of a fit.

    Parameters
    ----------
    fit : Fit
        Any fit.
    kind : {"raw", "pearson", "standardised", "studentised"}
        What stands under the residual: its sampling error alone; its total standard deviation; its own
        standard error; or, with the row left out of the fit, the standard error of its prediction.
    by : str, optional
        Column whose groups are left out together for studentised residuals, and for which the joint
        chi-squared of each group is given.

    Returns
    -------
    Residuals

    Raises
    ------
    SynthesisError
        When the kind or the column does not exist.

    Notes
    -----
    With :math:`\Omega` the total covariance and :math:`C = (X'\Omega^{-1}X)^{-1}`, the covariance of raw
    residuals is :math:`\Omega - XCX'`, whose diagonal makes them standardised. A deleted residual
    :math:`y_i - x_i'\hat\beta_{(i)}` has variance :math:`\omega_{i(i)} + x_i'C_{(i)}x_i`, times the
    Knapp-Hartung factor where there is one; random effects that the row shares with rows left in are
    counted as if they were new, as in metafor. Viechtbauer & Cheung (2010), Research Synthesis Methods 1,
    112-125.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.2, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> residuals(meta(trials), "pearson").tidy().z.round(2).tolist()
    [-0.9, -0.16, 0.73]
    """
    if kind not in KINDS:
        raise SynthesisError(f"Found kind {kind!r}; wanted one of {', '.join(KINDS)}.")
    groups = make_groups(fit, by)
    frame, chi2 = _leave_out(fit, groups) if kind == "studentised" else _from_fit(fit, groups, kind)
    table = pd.DataFrame(
        {"label": fit.names.effects, "estimate": fit.problem.y, "fitted": fit.problem.X @ fit.point.beta}
    ).join(frame)
    sizes = [group.rows.size for group in groups]
    by_group = pd.DataFrame({"group": [group.label for group in groups], "size": sizes, "chi2": chi2})
    return Residuals(table, by_group if by is not None else by_group.iloc[:0], kind)


def _from_fit(fit: Fit, groups: tuple[Group, ...], kind: str) -> tuple[pd.DataFrame, list[float]]:
    problem, at = fit.problem, require_normal(fit)
    lost = ((problem.X @ at.cov) * problem.X).sum(axis=1)
    total = row_variances(problem, at.psi)
    variance = {"raw": problem.V.diagonal, "pearson": total, "standardised": total - lost}[kind]
    error = np.sqrt(np.where(variance > SINGULAR * total, variance, np.nan))
    reason = np.where(np.isnan(error), "the model fits this estimate exactly", "")
    frame = pd.DataFrame(
        {"residual": at.residuals, "std_error": error, "z": at.residuals / error, "reason": reason}
    )
    if all(group.rows.size == 1 for group in groups):
        return frame, (frame["z"] ** 2).tolist()
    return frame, [_group_chi2(problem, at.psi, at.residuals, group, at.cov) for group in groups]


def _group_chi2(problem: Problem, psi: Floats, residual: Floats, group: Group, cov: Floats) -> float:
    rows = group.rows
    X = problem.X[rows]
    return _chi2(residual[rows], find_omega(problem, psi, rows) - X @ cov @ X.T)


def _chi2(values: Floats, spread: Floats) -> float:
    """Chi-squared of values with such a covariance; NaN when the values are tied to each other."""
    scale = np.sqrt(np.maximum(np.diag(spread), 1e-300))
    shape = spread / np.outer(scale, scale)
    if np.linalg.eigvalsh(shape)[0] < SINGULAR:
        return float("nan")
    scaled = values / scale
    return float(scaled @ np.linalg.solve(shape, scaled))


def _leave_out(fit: Fit, groups: tuple[Group, ...]) -> tuple[pd.DataFrame, list[float]]:
    n = fit.problem.n
    values, errors, reason = np.full(n, np.nan), np.full(n, np.nan), np.full(n, "", dtype=object)
    chi2 = []
    for group, part in zip(groups, delete(fit, groups), strict=True):
        if isinstance(part, Part):
            values[group.rows], errors[group.rows], joint = studentise(fit, group, part)
            chi2.append(joint**2 if group.rows.size == 1 else joint)
        else:
            reason[group.rows] = part
            chi2.append(float("nan"))
    frame = pd.DataFrame(
        {"residual": values, "std_error": errors, "z": values / errors, "reason": reason.astype(str)}
    )
    return frame, chi2


def studentise(fit: Fit, group: Group, part: Part) -> tuple[Floats, Floats, float]:
    """Deleted residuals of a group, their standard errors, and z of one row or chi-squared of several."""
    problem, rows = fit.problem, group.rows
    psi = part.point.psi if part.problem.terms else problem.nothing
    X = problem.X[rows]
    residual = problem.y[rows] - X @ part.point.beta
    factor = scale_of(fit, part)
    if rows.size == 1:
        spread = row_variances(problem, psi)[rows] + ((X @ part.point.cov) * X).sum(axis=1)
        error = np.sqrt(factor * spread)
        return residual, error, float((residual / error)[0])
    joint = factor * (find_omega(problem, psi, rows) + X @ part.point.cov @ X.T)
    return residual, np.sqrt(np.diag(joint)), _chi2(residual, joint)
