"""Covariance of the contrasts of one study: they share a reference group."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Blocks, Covariance, Diagonal
from synovia.synthesis.dose.counts import KINDS, adjust_margins, match_variances

__all__ = ["COVARIANCES", "MEANS", "Group", "find_covariance", "stack"]

Floats = NDArray[np.float64]

COVARIANCES = ("greenland-longnecker", "hamling", "independent")

MEANS = {
    "md": "mean differences; the reference's own variance is shared",
    "smd": "standardised mean differences",
}
"""Kinds of continuous outcomes."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """What a study says about its doses, the reference first.

    Attributes
    ----------
    kind : str
        "cc", "ci", "ir", "md" or "smd".
    y, v : ndarray of shape (m,)
        Contrasts against the reference, and their variances.
    cases, n, sd : ndarray of shape (m + 1,)
        Counts and standard deviations; NaN where the study does not say.
    """

    kind: str
    y: Floats
    v: Floats
    cases: Floats
    n: Floats
    sd: Floats


def find_covariance(group: Group, how: str) -> Floats:
    r"""(m, m) covariance of the contrasts of a study.

    Parameters
    ----------
    group : Group
        The study.
    how : {"greenland-longnecker", "hamling", "independent"}
        How counts are made to agree with adjusted ratios. Means need no counts: whatever is asked but
        "independent", their contrasts share the variance of the reference.

    Raises
    ------
    SynthesisError
        When the kind does not exist, or a number that it needs is missing.

    Notes
    -----
    Ratios: :math:`C_{jk} = r_{jk} \sqrt{v_j v_k}` with the correlation of ``Counts.correlate``.
    Differences of means: :math:`C_{jk} = s_0^2 / n_0`; standardised: :math:`1/n_0 + d_j d_k / (2N)`, Gleser &
    Olkin (2009), in The Handbook of Research Synthesis and Meta-Analysis, equation 19.19.
    """
    if how == "independent":
        return np.diag(group.v)
    if group.kind in MEANS:
        return _share_reference(group)
    if group.kind not in KINDS:
        raise SynthesisError(
            f"found {f'type {group.kind!r}' if group.kind else 'no type'}; wanted "
            f"{', '.join([*KINDS, *MEANS])}, or covariance='independent'"
        )
    _require(group, "cases", group.cases)
    _require(group, "n", group.n)
    _check_counts(group)
    if how == "hamling":
        counts = match_variances(group.y, group.v, group.cases, group.n, group.kind)
    else:
        counts = adjust_margins(group.y, group.cases, group.n, group.kind)
        _check_fitted(counts.cases, counts.n, group.kind)
    return np.asarray(counts.correlate() * np.sqrt(np.outer(group.v, group.v)))


def _share_reference(group: Group) -> Floats:
    _require(group, "n", group.n if group.kind == "smd" else group.n[:1])
    if group.kind == "smd":
        shared = 1 / group.n[0] + np.outer(group.y, group.y) / (2 * group.n.sum())
    else:
        _require(group, "sd", group.sd[:1])
        shared = np.full((group.y.size, group.y.size), group.sd[0] ** 2 / group.n[0])
    np.fill_diagonal(shared, group.v)
    return np.asarray(shared)


def _require(group: Group, column: str, values: Floats) -> None:
    usable = np.isfinite(values) & (values > 0)
    if not usable.all():
        found = values[int(np.argmin(usable))]
        said = f"no {column}" if np.isnan(found) else f"{column} {found:g}"
        raise SynthesisError(
            f"found {said} in a dose group; wanted a number above 0 for type {group.kind!r}. Fill it in, "
            "leave the group out, or use covariance='independent' and say so"
        )


def _check_counts(group: Group) -> None:
    if group.kind == "ir":
        return
    over = group.cases >= group.n
    if over.any():
        place = int(np.argmax(over))
        raise SynthesisError(
            f"found {group.cases[place]:g} cases among {group.n[place]:g}; wanted fewer cases than n, which "
            f"counts {'cases and controls' if group.kind == 'cc' else 'people'} for type {group.kind!r}"
        )


def _check_fitted(cases: Floats, n: Floats, kind: str) -> None:
    if kind == "ci" and (cases >= n).any():
        raise SynthesisError(
            "found risk ratios that would make more cases than people in a group; check that they are risk "
            "ratios and not odds ratios (type 'cc')"
        )


def stack(blocks: list[Floats]) -> Covariance:
    """The covariance of all studies, one block each."""
    ends = np.cumsum([0, *(block.shape[0] for block in blocks)])
    if all(np.count_nonzero(block - np.diag(np.diag(block))) == 0 for block in blocks):
        return Diagonal(np.concatenate([np.diag(block) for block in blocks]))
    index = [np.arange(low, high) for low, high in pairwise(ends.tolist())]
    return Blocks(blocks, index)
