"""Sampling covariance of repeated follow-ups, from a declared correlation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Blocks, Covariance, Diagonal
from synovia.synthesis.course.reading import FollowUps

__all__ = ["STRUCTURES", "Repeats", "find_covariance"]

Floats = NDArray[np.float64]

STRUCTURES = ("AR", "CAR", "CS")


@dataclass(frozen=True, slots=True)
class Repeats:
    """How the means of the same people at two times are correlated.

    Attributes
    ----------
    correlation : float
        From 0 to below 1.
    structure : {"AR", "CAR", "CS"}
        "CS": the same between all times; "AR": that of successive visits of the study, to the power of the
        visits between; "CAR": that of times one unit apart, to the power of the time between.
    """

    correlation: float
    structure: str = "AR"

    def __post_init__(self) -> None:
        if self.structure not in STRUCTURES:
            raise SynthesisError(
                f"Found structure {self.structure!r}; wanted one of {', '.join(STRUCTURES)}."
            )
        if not isinstance(self.correlation, (int, float)):
            raise SynthesisError(f"Found correlation {self.correlation!r}; wanted a number, such as 0.5.")
        if not 0 <= self.correlation < 1:
            raise SynthesisError(
                f"Found correlation {self.correlation:g}; wanted one from 0 to below 1, as 0.5."
            )

    def matrix(self, times: Floats) -> Floats:
        """(m, m) correlations between rows of one study at their times.

        Examples
        --------
        >>> Repeats(0.5, "AR").matrix(np.array([4.0, 12.0, 52.0])).tolist()
        [[1.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.0]]
        """
        if self.structure == "CAR":
            apart = np.abs(times[:, None] - times[None, :])
        else:
            visit = np.unique(times, return_inverse=True)[1].reshape(-1)
            apart = np.abs(visit[:, None] - visit[None, :]).astype(np.float64)
            apart = np.minimum(apart, 1.0) if self.structure == "CS" else apart
        return np.asarray(self.correlation**apart)

    def __str__(self) -> str:
        words = {
            "AR": "between successive visits",
            "CAR": "one unit of time apart",
            "CS": "between all times",
        }
        return f"correlation {self.correlation:g} {words[self.structure]}"


def find_covariance(follow_ups: FollowUps, repeats: Repeats) -> Covariance:
    r"""The sampling covariance of follow-ups, one block per study.

    Parameters
    ----------
    follow_ups : FollowUps
        Arms or comparisons.
    repeats : Repeats
        The declared correlation between times.

    Raises
    ------
    SynthesisError
        When a study compares several arms with one and does not say the variance of that one.

    Notes
    -----
    Arms are independent of each other. For comparisons with one comparator c, whose mean has variance
    :math:`v_c(t)`, at times s and t,

    .. math:: \operatorname{Cov}(y_{jc}(s), y_{kc}(t)) = \rho(s, t) \Bigl(\sqrt{v_c(s) v_c(t)}
        + [j = k] \sqrt{v_j(s) v_j(t)}\Bigr)

    and, where :math:`v_c` is not known, :math:`\rho(s, t) \sqrt{v_{jc}(s) v_{jc}(t)}` for j = k, which is the
    same when the two arms share the variance alike at all times.
    """
    study, series = follow_ups.study, follow_ups.series
    order = [np.flatnonzero(study == number) for number in range(int(study.max()) + 1)]
    if all(rows.size == 1 for rows in order):
        return Diagonal(follow_ups.data["variance"])
    blocks = []
    for rows in order:
        alike = series[rows][:, None] == series[rows][None, :]
        if follow_ups.kind == "contrasts" and not alike.all():
            _require_baseline(follow_ups, rows)
        blocks.append(_make_block(follow_ups, rows, alike) * repeats.matrix(follow_ups.times[rows]))
    return Blocks(blocks, order)


def _make_block(follow_ups: FollowUps, rows: NDArray[np.intp], alike: NDArray[np.bool_]) -> Floats:
    v, own = follow_ups.data["variance"].to_numpy()[rows], follow_ups.baseline[rows]
    if np.isnan(own).any():
        return np.asarray(np.sqrt(np.outer(v, v)) * alike)
    return np.asarray(np.sqrt(np.outer(own, own)) + np.sqrt(np.outer(v - own, v - own)) * alike)


def _require_baseline(follow_ups: FollowUps, rows: NDArray[np.intp]) -> None:
    if np.isnan(follow_ups.baseline[rows]).any():
        row = follow_ups.data.iloc[int(rows[0])]
        raise SynthesisError(
            f"{row['study']} compares several arms with {row['comparator']!r}, and the variance of that "
            "arm's own mean is not known at every time; give it in "
            "baseline_variance, or make the comparisons with course_contrasts."
        )
