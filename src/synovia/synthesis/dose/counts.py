"""Counts that agree with adjusted ratios: what a study would have counted without confounding."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, root

from synovia.errors import SynthesisError

__all__ = ["KINDS", "Counts", "adjust_margins", "match_variances"]

Floats = NDArray[np.float64]

KINDS = {
    "cc": "case-control: odds ratios of cases against controls",
    "ci": "cumulative incidence: risk ratios of cases among people",
    "ir": "incidence rate: rate ratios of cases by person-time",
}
"""Kinds of counts, by the names that published tables use."""

MET = 1e-9  # relative error of the equations of Hamling and colleagues; rounding leaves 1e-14
STARTS = (1.0, 0.7, 1.4, 0.5, 2.0, 0.3)


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Cases and denominators of the groups of a study, the reference first.

    Attributes
    ----------
    cases : ndarray of shape (m + 1,)
        Cases.
    n : ndarray of shape (m + 1,)
        Cases and controls, people, or person-time.
    kind : {"cc", "ci", "ir"}
        Case-control, cumulative incidence, incidence rate.
    """

    cases: Floats
    n: Floats
    kind: str

    @property
    def variances(self) -> Floats:
        """(m + 1,) variance of the log odds, log risk or log rate of each group."""
        if self.kind == "cc":
            return np.asarray(1 / self.cases + 1 / (self.n - self.cases))
        return np.asarray(1 / self.cases - (1 / self.n if self.kind == "ci" else 0.0))

    @property
    def log_ratios(self) -> Floats:
        """(m,) log ratios against the reference."""
        level = self.cases / (self.n - self.cases if self.kind == "cc" else self.n)
        return np.asarray(np.log(level[1:] / level[0]))

    def correlate(self) -> Floats:
        r"""(m, m) correlation of the log ratios that a shared reference brings.

        Notes
        -----
        .. math:: r_{jk} = \frac{s_0}{\sqrt{(s_0 + s_j)(s_0 + s_k)}}
        """
        s = self.variances
        both = s[0] + s[1:]
        r = s[0] / np.sqrt(np.outer(both, both))
        np.fill_diagonal(r, 1.0)
        return np.asarray(r)


def adjust_margins(log_ratio: ArrayLike, cases: ArrayLike, n: ArrayLike, kind: str) -> Counts:
    r"""Counts with the margins of the study and the adjusted ratios, after Greenland and Longnecker.

    Parameters
    ----------
    log_ratio : array_like of shape (m,)
        Adjusted log ratios against the reference.
    cases, n : array_like of shape (m + 1,)
        As counted, the reference first. Only the sum of the cases and each n are used.
    kind : {"cc", "ci", "ir"}
        What n counts.

    Notes
    -----
    The unique counts :math:`A_j` with :math:`\sum A_j = \sum a_j` whose odds (cc), risks (ci) or rates (ir)
    stand in the adjusted ratios. For ci and ir the answer is closed,
    :math:`A_j = M n_j e^{y_j} / \sum_k n_k e^{y_k}`; for cc the odds of the reference solve one rising
    equation. Greenland & Longnecker (1992), American Journal of Epidemiology 135, 1301-1309, appendix 2;
    Orsini, Bellocco & Greenland (2006), Stata Journal 6, 40-57.

    Examples
    --------
    >>> made = adjust_margins([0.5, 1.0], [20, 30, 50], [100, 100, 100], "cc")
    >>> made.log_ratios.round(12).tolist(), round(float(made.cases.sum()), 10)
    ([0.5, 1.0], 100.0)
    """
    ratio = np.exp(np.concatenate([[0.0], np.asarray(log_ratio, dtype=np.float64)]))
    size, total = np.asarray(n, dtype=np.float64), float(np.sum(cases))
    if kind != "cc":
        return Counts(total * size * ratio / float(size @ ratio), size, kind)

    def cases_at(log_odds: float) -> Floats:
        odds = np.exp(log_odds) * ratio
        return np.asarray(size * odds / (1 + odds))

    reach = float(np.abs(np.log(ratio)).max()) + abs(float(np.log(total / (size.sum() - total)))) + 1
    log_odds = brentq(lambda x: float(cases_at(x).sum()) - total, -reach, reach, xtol=1e-14, rtol=1e-15)
    return Counts(cases_at(log_odds), size, kind)


def match_variances(
    log_ratio: ArrayLike, variance: ArrayLike, cases: ArrayLike, n: ArrayLike, kind: str
) -> Counts:
    r"""Counts with the adjusted ratios and their variances, after Hamling and colleagues.

    Parameters
    ----------
    log_ratio, variance : array_like of shape (m,)
        Adjusted log ratios against the reference, and their variances.
    cases, n : array_like of shape (m + 1,)
        As counted, the reference first.
    kind : {"cc", "ci", "ir"}
        What n counts.

    Raises
    ------
    SynthesisError
        When no such counts exist: the variances are smaller than any study of these proportions would have.

    Notes
    -----
    Given the counts of the reference, ratio and variance determine those of every group. The reference is
    chosen so that two proportions of the study are kept: of the controls (people, person-time) the share in
    the reference, and of controls to cases. Hamling, Lee, Weitkunat & Ambühl (2008), Statistics in Medicine
    27, 954-970, section 3.

    Examples
    --------
    >>> made = match_variances([0.5, 1.0], [0.10, 0.08], [20, 30, 50], [100, 100, 100], "cc")
    >>> (made.variances[0] + made.variances[1:]).round(12).tolist()
    [0.1, 0.08]
    """
    y, v = np.asarray(log_ratio, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    a, size = np.asarray(cases, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if kind == "ir":
        return _match_rates(y, v, a, size)
    others = size - a if kind == "cc" else size
    share, per_case = others[0] / others.sum(), others.sum() / a.sum()

    def miss(logs: Floats) -> Floats:
        found, rest = _complete(np.exp(logs), y, v, kind)
        if not (np.all(found > 0) and np.all(rest > 0)):
            return np.full(2, 1e3)
        return np.log([rest[0] / rest.sum() / share, rest.sum() / found.sum() / per_case])

    for start in STARTS:
        with np.errstate(all="ignore"):
            tried = root(miss, np.log([start * a[0], start * others[0]]), tol=1e-14)
            met = np.abs(miss(tried.x)).max() < MET
        if met:
            found, rest = _complete(np.exp(tried.x), y, v, kind)
            return Counts(found, found + rest if kind == "cc" else rest, kind)
    raise _none()


def _complete(reference: Floats, y: Floats, v: Floats, kind: str) -> tuple[Floats, Floats]:
    """Cases and others of every group from those of the reference."""
    a0, b0 = reference
    odds = a0 / b0 * np.exp(y)
    sign = 1.0 if kind == "cc" else -1.0
    left = v - 1 / a0 - sign / b0
    a, b = (1 + sign * odds) / left, (1 / odds + sign) / left
    return np.concatenate([[a0], a]), np.concatenate([[b0], b])


def _match_rates(y: Floats, v: Floats, a: Floats, size: Floats) -> Counts:
    """Person-time: the cases of the reference solve one falling equation; time has any unit."""
    wanted, spread = np.log(size[1:].sum() / size[0]), v / v.min()

    def excess(log_gain: float) -> float:
        left = (spread - 1) + spread * np.exp(log_gain)
        return float(np.log((1 / (left * np.exp(y))).sum()) - wanted)

    a0 = (1 + np.exp(brentq(excess, -200.0, 200.0, xtol=1e-13))) / v.min()
    found = np.concatenate([[a0], 1 / (v - 1 / a0)])
    time = found * np.exp(-np.concatenate([[0.0], y]))
    return Counts(found, time * (size.sum() / a.sum() * found.sum() / time.sum()), "ir")


def _none() -> SynthesisError:
    return SynthesisError(
        "no counts have these ratios, variances and proportions; check the standard errors against the "
        "counts, or use covariance='greenland-longnecker'"
    )
