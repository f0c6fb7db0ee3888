"""One trial of more than two arms: what its comparisons say together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite, SynthesisError
from synovia.kernel.covariance import find_indefinite_row

__all__ = ["CLOSED", "StudyBlock", "read_multi_arm"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

ROUNDING = 1e-13  # gap, in standard errors, of numbers that add up in double precision
CLOSED = 1e-6  # gap of a loop within a trial, in standard errors, that rounding to 7 digits explains
TOLERATED = 0.2  # gap, in standard errors, beyond which the comparisons of a trial contradict each other


@dataclass(frozen=True, slots=True, eq=False)
class StudyBlock:
    """One trial: its arms against its baseline.

    Attributes
    ----------
    study : str
        Name.
    arms : tuple of str
        Treatments, the baseline first.
    y : ndarray of shape (m - 1,)
        Arm minus baseline.
    V : ndarray of shape (m - 1, m - 1)
        Sampling covariance.
    rows : tuple of int
        A row of the table for each comparison, where moderators are read.
    """

    study: str
    arms: tuple[str, ...]
    y: Floats
    V: Floats
    rows: tuple[int, ...]


def read_multi_arm(
    study: str, sides: Sequence[tuple[str, str]], numbers: tuple[Floats, Floats], own: Floats | None
) -> tuple[StudyBlock, float]:
    """One trial of several comparisons, and how far they are from adding up, in standard errors.

    Parameters
    ----------
    study : str
        Name, for messages.
    sides : sequence of pairs of str
        Treatment 1 and treatment 2 of each comparison.
    numbers : tuple of ndarray of shape (r,)
        Estimates and variances.
    own : ndarray of shape (r,) or None
        Variance of the shared arm.

    Raises
    ------
    SynthesisError
        When a comparison stands twice, is missing, or contradicts the others.
    NotPositiveDefinite
        When no set of arms has such variances.
    """
    arms = list(dict.fromkeys(name for pair in sides for name in reversed(pair)))
    seen = [frozenset(pair) for pair in sides]
    twice = next((pair for pair in seen if seen.count(pair) > 1), None)
    if twice is not None:
        raise SynthesisError(
            f"{study} compares {' with '.join(sorted(twice))} more than once: duplicate arms, or two "
            "trials of one name. Merge arms that were given the same treatment, or give the trials different "
            "names."
        )
    count = len(arms)
    if len(sides) == count * (count - 1) // 2:
        return _read_complete(study, arms, sides, numbers)
    return _read_basic(study, arms, sides, (*numbers, own)), 0.0


def _read_complete(
    study: str, arms: list[str], sides: Sequence[tuple[str, str]], numbers: tuple[Floats, Floats]
) -> tuple[StudyBlock, float]:
    m, place = len(arms), {name: i for i, name in enumerate(arms)}
    first = np.array([place[one] for one, _ in sides])
    second = np.array([place[other] for _, other in sides])
    v = np.zeros((m, m))
    v[first, second] = v[second, first] = numbers[1]
    V = (v[1:, :1] + v[:1, 1:] - v[1:, 1:]) / 2
    if find_indefinite_row(V) is not None:
        raise NotPositiveDefinite(
            f"The standard errors of {study} fit no set of {m} arms: some comparison is more uncertain than "
            "the two that make it up. Check that all comparisons come from the same arms and are not rounded "
            "too far."
        )
    D = np.zeros((len(sides), m))
    D[np.arange(len(sides)), first], D[np.arange(len(sides)), second] = 1.0, -1.0
    D = D[:, 1:]
    rows = tuple(_find_row(first, second, i) for i in range(1, m))
    y = numbers[0][list(rows)] * np.where(first[list(rows)] > 0, 1.0, -1.0)
    if (np.abs(numbers[0] - D @ y) > ROUNDING * np.sqrt(numbers[1])).any():
        y = _reconcile(D, V, numbers[0], (first, second))
    gaps = np.abs(numbers[0] - D @ y) / np.sqrt(numbers[1])
    gap, worst = float(gaps.max()), int(np.argmax(gaps))
    if gap > TOLERATED:
        raise SynthesisError(
            f"The comparisons of {study} contradict each other: {' minus '.join(sides[worst])} is given as "
            f"{numbers[0][worst]:g}, the others make it {(D @ y)[worst]:.4g}. Correct the estimates, "
            "or their direction (treatment 1 minus treatment 2)."
        )
    return StudyBlock(study, tuple(arms), y, V, rows), gap


def _find_row(first: Integers, second: Integers, arm: int) -> int:
    """The comparison of an arm with arm 0."""
    return int(np.flatnonzero((np.minimum(first, second) == 0) & (np.maximum(first, second) == arm))[0])


def _reconcile(D: Floats, V: Floats, estimates: Floats, pairs: tuple[Integers, Integers]) -> Floats:
    """(m - 1,) basic contrasts nearest to all comparisons, weighted by the Laplacian of the trial.

    The Laplacian L is the pseudo-inverse of the arms' covariance; its entries off the diagonal are minus the
    weights of the comparisons.
    """
    inverse = np.linalg.inv(V)
    L = np.zeros((V.shape[0] + 1,) * 2)
    L[1:, 1:] = inverse
    L[0, 1:] = L[1:, 0] = -inverse.sum(axis=0)
    weights = -L[pairs]
    return np.asarray(V @ (D.T @ (weights * estimates)))


def _read_basic(
    study: str,
    arms: list[str],
    sides: Sequence[tuple[str, str]],
    numbers: tuple[Floats, Floats, Floats | None],
) -> StudyBlock:
    y, v, own = numbers
    shared = set(sides[0]).intersection(*sides[1:])
    if len(sides) != len(arms) - 1 or len(shared) != 1:
        wanted = len(arms) * (len(arms) - 1) // 2
        raise SynthesisError(
            f"{study} has {len(arms)} arms ({', '.join(sorted(arms))}) and {len(sides)} comparisons; wanted "
            f"all {wanted} of them, or {len(arms) - 1} against one arm with the variance of that arm in "
            "baseline_variance."
        )
    baseline = shared.pop()
    if own is None or not np.isfinite(own).any():
        every = len(arms) * (len(arms) - 1) // 2
        raise SynthesisError(
            f"{study} has {len(arms)} arms and no variance of its baseline {baseline!r}, so that the "
            f"covariance of its comparisons is not known; wanted all {every} comparisons, or the variance of "
            "the baseline arm in baseline_variance."
        )
    shared_variance = _read_own(study, baseline, own)
    signs = np.array([1.0 if second == baseline else -1.0 for _, second in sides])
    others = [one if other == baseline else other for one, other in sides]
    V = np.diag(v - shared_variance) + shared_variance
    if find_indefinite_row(V) is not None:
        raise NotPositiveDefinite(
            f"The baseline variance {shared_variance:g} of {study} is not below the variances of all its "
            "comparisons; wanted the variance of the arm that they share."
        )
    return StudyBlock(study, (baseline, *others), signs * y, V, tuple(range(len(sides))))


def _read_own(study: str, baseline: str, own: Floats) -> float:
    """The variance of the shared arm, the same in every row that gives it."""
    given = np.unique(own[np.isfinite(own)])
    if given[0] <= 0:
        raise NotPositiveDefinite(
            f"{study} has baseline_variance {given[0]:g}; wanted the variance of {baseline!r}, above 0."
        )
    if given[-1] > given[0] * (1 + CLOSED):
        raise SynthesisError(
            f"{study} gives two variances of its baseline {baseline!r}, {given[0]:g} and {given[-1]:g}; "
            "wanted one, that of the arm its comparisons share."
        )
    return float(given[-1])
