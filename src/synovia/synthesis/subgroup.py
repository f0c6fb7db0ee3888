"""Subgroups: pooled within the levels of a column, and compared between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.errors import TooFewStudies
from synovia.kernel import Covariance, Inapplicable, Inference, Point, Wald, find_blocks, find_rows, wald
from synovia.synthesis.fit import Fit
from synovia.synthesis.pairwise import fit_design
from synovia.synthesis.regression import Design
from synovia.synthesis.rows import Rows, count_studies, select_rows
from synovia.synthesis.settings import Settings

__all__ = ["Options", "Subgroups", "correlate_levels", "subgroups"]

Floats = NDArray[np.float64]


class Options(TypedDict, total=False):
    """Settings that ``subgroups`` shares with ``meta``."""

    estimate: str
    variance: str
    covariance: ArrayLike | None
    random: str | None
    tau2: str | float
    inference: str
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class Subgroups:
    """Pooled results within the levels of one column.

    Attributes
    ----------
    by : str
        The column.
    levels : tuple of str
        Its levels, in alphabetical order.
    fits : tuple of Fit
        One fit for all levels when they share tau2, else one per level.
    common_tau2 : bool
        Whether the levels share tau2.
    dropped : tuple of str
        Rows that no level could use.
    correlation : ndarray of shape (m, m) or None
        Of the levels' estimates when each has its own tau2, as sampling errors shared between levels make
        it; None where they share none.
    """

    by: str
    levels: tuple[str, ...]
    fits: tuple[Fit, ...]
    common_tau2: bool
    dropped: tuple[str, ...]
    correlation: Floats | None = None

    def tidy(self) -> pd.DataFrame:
        """One row per level.

        Returns
        -------
        DataFrame
            by, subgroup, status, k, effects, estimate, std_error, statistic, df, p_value, lower, upper,
            level, prediction_lower, prediction_upper, tau2, i2, method, warnings. With a common tau2,
            ``tau2`` and ``i2`` are those of all levels together.
        """
        rows = self._common_rows() if self.common_tau2 else [self._row(i) for i in range(len(self.levels))]
        return pd.DataFrame(rows)

    def _row(self, place: int) -> dict[str, object]:
        fit = self.fits[place]
        return self._cells(place, fit, 0, fit.rows.used, fit.status)

    def _common_rows(self) -> list[dict[str, object]]:
        fit = self.fits[0]
        rows = []
        for place in range(len(self.levels)):
            used = fit.rows.used[fit.problem.X[:, place] == 1]
            status = "single study" if count_studies(used, fit.settings.outer) == 1 else "pooled"
            rows.append(self._cells(place, fit, place, used, status))
        return rows

    def _cells(self, place: int, fit: Fit, column: int, used: pd.DataFrame, status: str) -> dict[str, object]:
        tidy, glance = fit.tidy().iloc[column], fit.glance().iloc[0]
        predicted = fit.predict_at(np.eye(fit.problem.p)[[column]], fit.settings.level).iloc[0]
        shown = ["estimate", "std_error", "statistic", "df", "p_value", "lower", "upper", "level"]
        return {
            "by": self.by,
            "subgroup": self.levels[place],
            "status": status,
            "k": count_studies(used, fit.settings.outer),
            "effects": len(used),
            **{name: tidy[name] for name in shown},
            "prediction_lower": predicted["prediction_lower"],
            "prediction_upper": predicted["prediction_upper"],
            "tau2": glance["tau2"],
            "i2": glance["i2"],
            "method": glance["method"],
            "warnings": glance["warnings"],
        }

    def test(self) -> Wald | Inapplicable:
        r"""Whether the levels differ.

        Returns
        -------
        Wald or Inapplicable
            With a common tau2: F (or chi-squared for normal inference) of all differences between levels.
            With a tau2 per level: :math:`Q_B = \sum w_j(\hat\mu_j - \bar\mu)^2`, weights from the standard
            errors of the levels, against chi-squared; levels with a single study, whose tau2 is unknown,
            are left out. Where rows of different levels covary, as with a comparator that both have, it is
            the generalised :math:`(L\hat\mu)'(LCL')^{-1}L\hat\mu` with C from ``correlation``.
        """
        if self.common_tau2:
            fit = self.fits[0]
            return wald(fit.point.beta, fit.inference, _differences(len(self.levels)))
        pooled = [place for place, fit in enumerate(self.fits) if fit.status == "pooled"]
        if len(pooled) < 2:
            return Inapplicable(f"fewer than two levels of {self.by} have two studies to pool")
        beta = np.array([self.fits[place].point.beta[0] for place in pooled])
        error = np.sqrt([self.fits[place].inference.cov[0, 0] for place in pooled])
        R = np.eye(len(pooled)) if self.correlation is None else self.correlation[np.ix_(pooled, pooled)]
        cov = np.outer(error, error) * R
        return wald(beta, Inference(cov, np.inf, 1.0, "normal"), _differences(len(pooled)))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the fits say about themselves, each sentence once."""
        return tuple(dict.fromkeys((*self.dropped, *(said for fit in self.fits for said in fit.warnings))))


def _differences(m: int) -> Floats:
    """(m - 1, m) every level less the first."""
    return np.hstack([-np.ones((m - 1, 1)), np.eye(m - 1)])


def subgroups(
    data: pd.DataFrame, by: str, *, common_tau2: bool = True, **options: Unpack[Options]
) -> Subgroups:
    """Pool effects within the levels of a column and compare the levels.

    Parameters
    ----------
    data : DataFrame
        One row per effect.
    by : str
        Column that names the subgroup of each row; rows that leave it empty are dropped and named.
    common_tau2 : bool
        Whether all levels share one between-study variance. Sharing is steadier with few studies per level.
    **options
        ``estimate`` (column, "estimate" by default) and the settings of ``meta``: variance, covariance,
        random, tau2, inference, level.

    Returns
    -------
    Subgroups
        A level with a single study is returned with its own estimate and says so.

    Raises
    ------
    SynthesisError
        As ``meta``.
    TooFewStudies
        When every level has a single effect and tau2 is shared.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import subgroups
    >>> trials = pd.DataFrame(
    ...     {"estimate": [0.1, 0.2, 0.8, 0.9], "variance": [0.02, 0.03, 0.01, 0.02], "dose": list("aabb")}
    ... )
    >>> subgroups(trials, "dose", inference="z").tidy()[["subgroup", "k", "estimate"]].round(3)
      subgroup  k  estimate
    0        a  2     0.140
    1        b  2     0.833
    """
    estimate = options.get("estimate", "estimate")
    settings = Settings(
        f"{estimate} ~ 0 + {by}" if common_tau2 else f"{estimate} ~ 1",
        options.get("variance", "variance"),
        options.get("random", "effect"),
        options.get("tau2", "REML"),
        options.get("inference", "knapp-hartung"),
        options.get("level", 0.95),
    )
    rows = select_rows(
        data,
        estimate=estimate,
        variance=settings.variance,
        covariance=options.get("covariance"),
        moderators=(by,),
    )
    member = rows.used[by].astype(str).to_numpy()
    levels = tuple(sorted(set(member)))
    if common_tau2:
        together = (_fit_together(rows, by, member, settings),)
        return Subgroups(by, levels, together, common_tau2, rows.warnings)
    inside = [member == level for level in levels]
    fits = tuple(_fit_level(rows, each, settings) for each in inside)
    correlation = correlate_levels(fits, inside, rows.V)
    return Subgroups(by, levels, fits, common_tau2, rows.warnings, correlation)


def correlate_levels(
    fits: Sequence[Fit], inside: Sequence[NDArray[np.bool_]], covariance: Covariance | Floats
) -> Floats | None:
    r"""Correlation of the estimates of separate fits by the sampling errors that their rows share.

    Parameters
    ----------
    fits : sequence of Fit
        One intercept each.
    inside : sequence of ndarray of bool of shape (n,)
        Which rows each was fitted to.
    covariance : Covariance or ndarray of shape (n, n)
        Sampling covariance of all rows.

    Returns
    -------
    ndarray of shape (m, m) or None
        None when no rows of different fits covary.

    Notes
    -----
    .. math:: \operatorname{Cov}(\hat\mu_a, \hat\mu_b) = h_a' V_{ab} h_b

    with h the weights of the rows, random effects being those of each fit alone. Divided by the standard
    errors at the variances chosen, it is a correlation for any inference that rescales those.
    """
    V = find_blocks(covariance) if isinstance(covariance, np.ndarray) else covariance
    H = np.zeros((len(fits), V.size))
    for weights, fit, rows in zip(H, fits, inside, strict=True):
        if isinstance(fit.point, Point):
            weights[rows] = find_rows(fit.problem, fit.point)[0]
    first, second, value = V.entries()
    shared = (H[:, first] * value) @ H[:, second].T
    np.fill_diagonal(shared, 0.0)
    if not shared.any():
        return None
    error = np.sqrt([fit.point.cov[0, 0] for fit in fits])
    return np.asarray(np.eye(len(fits)) + shared / np.outer(error, error))


def _fit_together(rows: Rows, by: str, member: NDArray[np.object_], settings: Settings) -> Fit:
    levels, place, counts = np.unique(member, return_inverse=True, return_counts=True)
    if counts.max() == 1:
        raise TooFewStudies(
            f"Every level of {by} has a single effect, which leaves nothing to estimate tau2 from; "
            "wanted a level with at least two."
        )
    said = tuple(
        f"Subgroup {level} of {by} has a single effect; its interval rests on the tau2 of the others."
        for level, count in zip(levels, counts, strict=True)
        if count == 1
    )
    X = (place[:, None] == np.arange(levels.size)).astype(np.float64)
    columns = tuple(f"{by}[{level}]" for level in levels)
    return fit_design(rows, Design(X, columns, None, said), settings)


def _fit_level(rows: Rows, inside: NDArray[np.bool_], settings: Settings) -> Fit:
    part = rows.restrict(inside)
    return fit_design(part, Design(np.ones((part.y.size, 1)), ("Intercept",)), settings)
