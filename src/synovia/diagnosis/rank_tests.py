"""Do small studies find larger effects? Rank correlation of effects with their precision."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias, TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from synovia.errors import SynthesisError, TooFewStudies
from synovia.kernel import Diagonal, Problem, point
from synovia.synthesis import Fit, mantel_haenszel
from synovia.synthesis.exact.counts import check_whole, read_studies
from synovia.synthesis.exact.family import Hypergeometric

__all__ = ["RankTest", "Tail", "rank_test", "sparse_rank_test"]

Floats = NDArray[np.float64]
Tail: TypeAlias = Literal["normal", "exact"]


@dataclass(frozen=True, slots=True)
class RankTest:
    """Kendall's rank correlation of standardised effects with their variances.

    Attributes
    ----------
    tau : float
        Kendall's tau-b, from -1 to 1; above 0 when imprecise studies lie above the others.
    concordance : int
        Concordant less discordant pairs.
    std_error : float
        Of the concordance when there is no correlation, corrected for ties.
    p_value : float
        Two-sided.
    k : int
        Studies.
    name : str
        The test, and how its p-value was found.
    """

    tau: float
    concordance: int
    std_error: float
    p_value: float
    k: int
    name: str

    drawing: ClassVar[str] = ""

    @property
    def statistic(self) -> float:
        """Concordance over its standard error, without a correction for continuity."""
        return self.concordance / self.std_error

    def tidy(self) -> pd.DataFrame:
        """One row.

        Returns
        -------
        DataFrame
            test, k, tau, concordance, std_error, statistic, p_value.
        """
        found = {"test": self.name, "k": self.k, "tau": self.tau, "concordance": self.concordance}
        found |= {"std_error": self.std_error, "statistic": self.statistic, "p_value": self.p_value}
        return pd.DataFrame([found])

    def frames(self) -> dict[str, Any]:
        """What is shown."""
        return {"rows": self.tidy()}

    def summary(self) -> str:
        """The test in one sentence."""
        return f"{self.name}: tau {self.tau:.3f} over {self.k} studies, p = {self.p_value:.4f}"

    def __str__(self) -> str:
        return self.summary()


def rank_test(fit: Fit, *, tail: Tail = "normal") -> RankTest:
    r"""Begg and Mazumdar's test of whether effects grow with their variances.

    Parameters
    ----------
    fit : Fit
        Of independent effects. Its random effects play no part; its moderators are taken out first.
    tail : {"normal", "exact"}
        The published normal approximation, or the exact distribution of Kendall's tau, the better one for few
        studies, which ties rule out.

    Returns
    -------
    RankTest

    Raises
    ------
    SynthesisError
        When effects are correlated within studies, or ``exact`` is asked for with ties.
    TooFewStudies
        With fewer than three studies.

    Notes
    -----
    Kendall's tau of :math:`v_i` and

    .. math:: t_i = \frac{y_i - x_i'\hat\beta}{\sqrt{v_i - x_i'(X'V^{-1}X)^{-1}x_i}}

    with the common-effect estimates. The standard error of the concordance without ties is
    :math:`\sqrt{k(k - 1)(2k + 5)/18}`. Power is low below 25 studies or so, and effects whose variance
    depends on them (odds ratios with few events) correlate with it by construction: :func:`sparse_rank_test`.

    Begg & Mazumdar (1994), Biometrics 50, 1088-1101.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> trials = pd.DataFrame(
    ...     {"estimate": [0.1, 0.2, 0.4, 0.9, 0.7], "variance": [0.01, 0.02, 0.04, 0.2, 0.3]}
    ... )
    >>> found = rank_test(meta(trials), tail="exact")
    >>> found.concordance, round(found.p_value, 4)
    (6, 0.2333)
    """
    problem = fit.problem
    if not isinstance(problem.V, Diagonal):
        raise SynthesisError(
            "Found effects with sampling covariances; wanted independent effects. Aggregate them to one per "
            "study first."
        )
    return _correlate(_standardise(problem), problem.V.diagonal, "Begg and Mazumdar", tail)


def _standardise(problem: Problem) -> Floats:
    at = point(problem.replace_terms(()))
    left = problem.V.diagonal - np.einsum("ij,jk,ik->i", problem.X, at.cov, problem.X)
    spent = left <= 1e-12 * problem.V.diagonal
    if spent.any():
        raise SynthesisError(
            f"The moderators fit {int(spent.sum())} of {problem.n} effects exactly, so that nothing is "
            "left to rank. Take moderators out."
        )
    return np.asarray(at.residuals / np.sqrt(left))


class Correction(TypedDict, total=False):
    """What is added to the cells before the odds ratio is pooled."""

    add: float
    to: Literal["only0", "all", "if0all", "none"]


def sparse_rank_test(
    data: pd.DataFrame,
    *,
    events_treatment: str = "events_treatment",
    n_treatment: str = "n_treatment",
    events_comparator: str = "events_comparator",
    n_comparator: str = "n_comparator",
    **correction: Unpack[Correction],
) -> RankTest:
    r"""Schwarzer, Antes and Schumacher's rank test for sparse binary data.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    events_treatment, n_treatment, events_comparator, n_comparator : str
        Columns of events and participants.
    **correction
        ``add`` and ``to`` of :func:`mantel_haenszel`, for the pooled odds ratio only.

    Returns
    -------
    RankTest
        tau is above 0 when small studies lie *below* the others: it compares with precision, not variance.

    Raises
    ------
    SynthesisError
        When counts cannot be used, or no odds ratio can be pooled.
    TooFewStudies
        With fewer than three studies that say something about an odds ratio.

    Notes
    -----
    Kendall's tau of :math:`1/V_i` and :math:`(a_i - E_i)/\sqrt{V_i}`, with the mean and variance of the
    events of the treatment group given all events of the study, in the non-central hypergeometric
    distribution at Mantel and Haenszel's odds ratio. Unlike the log odds ratio and its variance, these are
    uncorrelated when there is no effect of size. Studies without events, or with nothing else, are left out.

    Schwarzer, Antes & Schumacher (2007), Statistics in Medicine 26, 721-733.

    Examples
    --------
    >>> import synovia as sv
    >>> from synovia.diagnosis import sparse_rank_test
    >>> found = sparse_rank_test(sv.example("bcg").data)
    >>> found.concordance, round(found.p_value, 4)
    (6, 0.7143)
    """
    columns = (events_treatment, n_treatment, events_comparator, n_comparator)
    pooled = mantel_haenszel(
        data,
        events_treatment=events_treatment,
        n_treatment=n_treatment,
        events_comparator=events_comparator,
        n_comparator=n_comparator,
        **correction,
    )
    studies = read_studies(data, columns)
    check_whole(studies, range(4), columns, "a hypergeometric distribution")
    a, n1, c, n2 = studies.values
    told = (a + c > 0) & (a + c < n1 + n2)
    tables = Hypergeometric.from_tables(a[told], n1[told], c[told], n2[told])
    ratio = np.full((int(told.sum()), 1, 1), float(pooled.point.beta[0]))
    mean, variance = (np.real(part[:, 0, 0]) for part in tables.moments(ratio))
    return _correlate(-mean / np.sqrt(variance), 1 / variance, "Schwarzer, Antes and Schumacher", "normal")


def _correlate(effects: Floats, sizes: Floats, name: str, tail: Tail) -> RankTest:
    k = effects.size
    if k < 3:
        raise TooFewStudies(f"A rank correlation needs at least 3 studies that say something; found {k}.")
    first, second = (np.unique(values, return_counts=True)[1] for values in (effects, sizes))
    pairs = [k * (k - 1) / 2 - float((t * (t - 1)).sum()) / 2 for t in (first, second)]
    if min(pairs) == 0:
        raise SynthesisError(
            "All studies have the same effect or the same variance; there is nothing to rank."
        )
    if tail == "exact" and max(first.max(), second.max()) > 1:
        raise SynthesisError("The exact distribution does not hold with ties. Ask for tail='normal'.")
    tau = float(stats.kendalltau(effects, sizes).statistic)
    concordance, error = round(tau * float(np.sqrt(pairs[0] * pairs[1]))), _spread(k, first, second)
    p_value = 2 * float(stats.norm.sf(abs(concordance) / error))
    if tail == "exact":
        p_value = float(stats.kendalltau(effects, sizes, method="exact").pvalue)
    return RankTest(tau, concordance, error, p_value, k, f"{name}, {tail} tail")


def _spread(k: int, first: NDArray[np.intp], second: NDArray[np.intp]) -> float:
    """Standard error of the concordance; Kendall (1975), Rank Correlation Methods, section 4.9."""
    t, u = first.astype(float), second.astype(float)
    total = k * (k - 1) * (2 * k + 5) - sum(float((x * (x - 1) * (2 * x + 5)).sum()) for x in (t, u))
    triples = float((t * (t - 1) * (t - 2)).sum() * (u * (u - 1) * (u - 2)).sum())
    doubles = float((t * (t - 1)).sum() * (u * (u - 1)).sum())
    extra = triples / (9 * k * (k - 1) * (k - 2)) + doubles / (2 * k * (k - 1))
    return float(np.sqrt(total / 18 + extra))
