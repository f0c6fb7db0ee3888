"""How far two readers agree beyond chance."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import NormalDist

import numpy as np
import pandas as pd

from synovia.errors import Fault, InputError
from synovia.tables import DECISIONS, check

__all__ = ["Agreement", "NoKappa", "PairAgreement", "agreement", "kappa"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cohen's kappa of two readers, with what it was computed from.

    Attributes
    ----------
    kappa : float
        Agreement beyond chance; 1 is perfect, 0 is what chance alone would give.
    std_error : float
        Large-sample standard error; 0 when the readers agree on everything.
    lower, upper : float
        Confidence limits, never beyond -1 and 1.
    observed, expected : float
        Share of records on which they agree, and the share expected by chance.
    n : int
        Records that both decided.
    table : DataFrame
        Counts: rows are what the first reader said, columns what the second said.
    level : float
        Confidence level of the limits.
    """

    kappa: float
    std_error: float
    lower: float
    upper: float
    observed: float
    expected: float
    n: int
    table: pd.DataFrame = field(compare=False)
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class NoKappa:
    """Kappa does not exist for these decisions, and why.

    Attributes
    ----------
    reason : str
        A sentence for the report.
    n : int
        Records that both decided.
    """

    reason: str
    n: int


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """The agreement of one pair of readers at one stage.

    Attributes
    ----------
    first, second : str
        The readers, in alphabetical order.
    stage : str
        Stage of screening.
    result : Agreement or NoKappa
        Their agreement.
    """

    first: str
    second: str
    stage: str
    result: Agreement | NoKappa


def kappa(first: Sequence[str], second: Sequence[str], *, level: float = 0.95) -> Agreement | NoKappa:
    r"""Cohen's kappa of two readers who decided on the same records.

    Parameters
    ----------
    first, second : sequence of str
        What each reader said, record by record.
    level : float
        Confidence level of the limits.

    Returns
    -------
    Agreement or NoKappa
        ``NoKappa`` when there are no records, or both readers said the same one thing of all of them.

    Raises
    ------
    InputError
        When the two readers did not decide on equally many records.

    Notes
    -----
    With :math:`p_{ij}` the share of records in cell (i, j), :math:`P_o = \sum_i p_{ii}`,
    :math:`P_e = \sum_i p_{i\cdot}p_{\cdot i}`,

    .. math::

        \kappa = \frac{P_o - P_e}{1 - P_e}, \qquad
        \widehat{\mathrm{var}}(\kappa) = \frac{1}{n(1-P_e)^2}\Bigl\{
        \sum_i p_{ii}\,[1 - (p_{i\cdot}+p_{\cdot i})(1-\kappa)]^2
        + (1-\kappa)^2 \sum_{i \ne j} p_{ij}(p_{\cdot i}+p_{j\cdot})^2
        - [\kappa - P_e(1-\kappa)]^2 \Bigr\}

    Kappa: Cohen (1960), Educational and Psychological Measurement 20, 37-46. Variance: Fleiss, Cohen &
    Everitt (1969), Psychological Bulletin 72, 323-327.

    Examples
    --------
    >>> ann = ["include"] * 5 + ["exclude"] * 5
    >>> bob = ["include"] * 4 + ["exclude"] * 6
    >>> round(kappa(ann, bob).kappa, 3)
    0.8
    """
    if len(first) != len(second):
        found = f"{len(first)} decisions of one reader and {len(second)} of the other"
        raise InputError([Fault(found, "one of each for every record")])
    counts = _counts(first, second)
    n = int(counts.to_numpy().sum())
    if n == 0:
        return NoKappa("no record was decided by both readers", 0)
    if len(counts) == 1:
        only = counts.index[0]
        return NoKappa(f"both readers said {only!r} of every record, so chance alone would agree as often", n)
    return _agreement(counts, n, level)


def _counts(first: Sequence[str], second: Sequence[str]) -> pd.DataFrame:
    categories = sorted({*first, *second})
    seen = Counter(zip(first, second, strict=True))
    cells = np.array([[seen[a, b] for b in categories] for a in categories], dtype=np.int64)
    shape = (len(categories), len(categories))
    return pd.DataFrame(cells.reshape(shape), index=categories, columns=categories)


def _agreement(counts: pd.DataFrame, n: int, level: float) -> Agreement:
    shares = counts.to_numpy(dtype=np.float64) / n
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, expected = float(np.trace(shares)), float(rows @ columns)
    value = (observed - expected) / (1 - expected)
    std_error = math.sqrt(_variance(shares, value, expected) / n)
    half = NormalDist().inv_cdf((1 + level) / 2) * std_error
    return Agreement(
        kappa=value,
        std_error=std_error,
        lower=max(value - half, -1.0),
        upper=min(value + half, 1.0),
        observed=observed,
        expected=expected,
        n=n,
        table=counts,
        level=level,
    )


def _variance(shares: np.ndarray, value: float, expected: float) -> float:
    """N times the variance of kappa; rounding may not make it negative."""
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    agreed = np.diag(shares)
    on_diagonal = agreed @ (1 - (rows + columns) * (1 - value)) ** 2
    apart = shares - np.diag(agreed)
    off_diagonal = (1 - value) ** 2 * np.sum(apart * (columns[:, None] + rows[None, :]) ** 2)
    spread = on_diagonal + off_diagonal - (value - expected * (1 - value)) ** 2
    return max(float(spread), 0.0) / (1 - expected) ** 2


def agreement(decisions: pd.DataFrame, stage: str, *, level: float = 0.95) -> tuple[PairAgreement, ...]:
    """Cohen's kappa of each pair of readers at one stage, on the records that both decided.

    Parameters
    ----------
    decisions : DataFrame
        The table ``decisions``; rulings of adjudicators do not count.
    stage : {"title-abstract", "full-text"}
        Stage of screening.
    level : float
        Confidence level of the limits.

    Returns
    -------
    tuple of PairAgreement
        By name of the first and of the second reader.

    Examples
    --------
    >>> from synovia.tables import DECISIONS, frame
    >>> vote = {"record_id": "r1", "stage": "full-text", "role": "reviewer", "verdict": "include"}
    >>> votes = frame(DECISIONS, [{**vote, "reviewer": "ann"}, {**vote, "reviewer": "bob"}])
    >>> agreement(votes, "full-text")[0].result.n
    1
    """
    columns = check(DECISIONS, decisions)
    votes = columns[(columns["stage"] == stage) & (columns["role"] == "reviewer")]
    said = {
        str(person): dict(zip(rows["record_id"], rows["verdict"], strict=True))
        for person, rows in votes.groupby("reviewer", sort=True)
    }
    return tuple(
        PairAgreement(first, second, stage, _shared(said[first], said[second], level))
        for first, second in combinations(sorted(said), 2)
    )


def _shared(first: dict[str, str], second: dict[str, str], level: float) -> Agreement | NoKappa:
    both = sorted(first.keys() & second.keys())
    return kappa([first[record] for record in both], [second[record] for record in both], level=level)
