"""Trials of a network as contrasts against a baseline arm, with the covariance that a shared arm brings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite, SynthesisError, TooFewStudies
from synovia.kernel import Blocks, Covariance, Diagonal
from synovia.synthesis.network.multi_arm import CLOSED, StudyBlock, read_multi_arm
from synovia.synthesis.rows import find_missing, read_numbers, require_columns

__all__ = ["Contrasts", "alphabetical", "assemble", "find_study_column", "read_contrasts", "read_labels"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

JOINTS = str.maketrans("", "", " -_")  # what names of one treatment often differ by


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """Comparisons of a network, m - 1 of each trial with m arms; the network need not hang together.

    Attributes
    ----------
    studies : tuple of str
        Trials, in the order in which they came.
    treatments : tuple of str
        In alphabetical order.
    y : ndarray of shape (n,)
        Arm minus baseline.
    V : Covariance
        Sampling covariance.
    study : ndarray of int of shape (n,)
        Trial of each comparison.
    arm, baseline : ndarray of int of shape (n,)
        Its two treatments.
    source : DataFrame
        The row of the given table that each comparison came from, n rows.
    warnings : tuple of str
        What was dropped, added to counts, or reconciled.
    measure : str
        Effect measure, empty when not said.
    participants : mapping of str to float, or None
        Participants of each treatment, where arms say so.
    """

    studies: tuple[str, ...]
    treatments: tuple[str, ...]
    y: Floats
    V: Covariance
    study: Integers
    arm: Integers
    baseline: Integers
    source: pd.DataFrame
    warnings: tuple[str, ...]
    measure: str = ""
    participants: Mapping[str, float] | None = None

    @property
    def n(self) -> int:
        """Number of comparisons."""
        return self.y.size

    @property
    def position(self) -> Integers:
        """(n,) place of each comparison within its trial, from 0."""
        starts = np.flatnonzero(np.r_[True, np.diff(self.study) != 0])
        return np.arange(self.n) - np.repeat(starts, np.diff(np.r_[starts, self.n]))

    @property
    def incidence(self) -> Floats:
        """(n, treatments) 1 at the arm and -1 at the baseline of each comparison."""
        B = np.zeros((self.n, len(self.treatments)))
        B[np.arange(self.n), self.arm] = 1.0
        B[np.arange(self.n), self.baseline] = -1.0
        return B

    @property
    def frame(self) -> pd.DataFrame:
        """study, treatment, baseline, estimate, variance: one row per comparison."""
        names = np.array(self.treatments, dtype=object)
        return pd.DataFrame(
            {
                "study": np.array(self.studies, dtype=object)[self.study],
                "treatment": names[self.arm],
                "baseline": names[self.baseline],
                "estimate": self.y,
                "variance": self.V.diagonal,
            }
        )


def alphabetical(name: str) -> tuple[str, str]:
    """What treatments are sorted by: as in a dictionary, capitals beside small letters."""
    return name.casefold(), name


def read_contrasts(
    data: pd.DataFrame,
    *,
    study: str = "study",
    treatment_1: str = "treatment_1",
    treatment_2: str = "treatment_2",
    estimate: str = "estimate",
    std_error: str | None = None,
    variance: str | None = None,
    baseline_variance: str = "baseline_variance",
) -> Contrasts:
    r"""Read a network given as comparisons of two arms each.

    Parameters
    ----------
    data : DataFrame
        One row per comparison. A trial of m arms has either all m(m - 1)/2 comparisons, or m - 1 against one
        arm, whose own variance stands in ``baseline_variance``.
    study, treatment_1, treatment_2 : str
        Columns of the trial and its two arms.
    estimate : str
        Column of treatment 1 minus treatment 2.
    std_error, variance : str, optional
        Column of standard errors or of variances; without either, whichever of these names is there.
    baseline_variance : str
        Column of the variance of the arm that the comparisons of a trial share.

    Returns
    -------
    Contrasts

    Raises
    ------
    SynthesisError
        When a comparison, a trial or a column cannot be used; it is named.

    Notes
    -----
    From variances of all comparisons of a trial the covariance follows without further assumption:

    .. math:: \operatorname{Cov}(y_{bj}, y_{bk}) = \tfrac12 (v_{bj} + v_{bk} - v_{jk})

    Where rounding keeps the estimates of a trial from adding up exactly they are reconciled by least squares
    with the weights of the trial's own Laplacian. Rücker (2012), Research Synthesis Methods 3, 312-324;
    Rücker & Schwarzer (2014), Statistics in Medicine 33, 4353-4369.
    """
    if not isinstance(data, pd.DataFrame):
        raise SynthesisError(f"Found {type(data).__name__}; wanted a DataFrame with one row per comparison.")
    study = find_study_column(data, study)
    column = _find_error_column(data, std_error, variance)
    require_columns(data, [study, treatment_1, treatment_2, estimate, column])
    labels = [f"Row {number}" for number in range(1, len(data) + 1)]
    names = read_labels(data, study, labels)
    pairs = (read_labels(data, treatment_1, labels), read_labels(data, treatment_2, labels))
    numbered = [f"Row {i + 1} ({name})" for i, name in enumerate(names)]
    y, v = (read_numbers(data, name, numbered) for name in (estimate, column))
    _check_pairs(pairs, numbered)
    kept = np.isfinite(y) & np.isfinite(v)
    _check_variances(v, kept, numbered, column)
    if std_error == column or (std_error is None and variance is None and column == "std_error"):
        v = v**2
    own = read_numbers(data, baseline_variance, numbered) if baseline_variance in data.columns else None
    blocks, said = _read_studies(names, pairs, (y, v, own), kept)
    dropped = [
        f"{numbered[i]} has no {estimate if np.isnan(y[i]) else column} and was dropped."
        for i in np.flatnonzero(~kept)
    ]
    return assemble(blocks, data, (*dropped, *said))


def _find_error_column(data: pd.DataFrame, std_error: str | None, variance: str | None) -> str:
    if std_error is not None and variance is not None:
        raise SynthesisError(f"Found std_error {std_error!r} and variance {variance!r}; wanted one of them.")
    if std_error is not None or variance is not None:
        return str(std_error if std_error is not None else variance)
    return "variance" if "variance" in data.columns and "std_error" not in data.columns else "std_error"


def find_study_column(data: pd.DataFrame, name: str) -> str:
    """The column of the trials; ``study`` also finds ``study_id``."""
    return f"{name}_id" if name not in data.columns and f"{name}_id" in data.columns else name


def read_labels(data: pd.DataFrame, column: str, labels: Sequence[str]) -> list[str]:
    """(N,) a column as text; an empty cell is refused by row."""
    empty = find_missing(data[column])
    if empty.any():
        raise SynthesisError(f"{labels[int(np.argmax(empty))]} has no {column}; fill it in.")
    return [_write_label(value) for value in data[column].tolist()]


def _write_label(value: object) -> str:
    """A label as text; 3.0, as a column of numbers with a gap has it, is 3."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _check_pairs(pairs: tuple[list[str], list[str]], labels: Sequence[str]) -> None:
    for first, second, label in zip(*pairs, labels, strict=True):
        if first == second:
            raise SynthesisError(
                f"{label} compares {first!r} with itself; wanted two different treatments. Merge arms "
                "that were given the same treatment, or name what distinguishes them."
            )


def _check_variances(v: Floats, kept: NDArray[np.bool_], labels: Sequence[str], column: str) -> None:
    if not kept.any():
        raise TooFewStudies(f"None of {kept.size} comparisons has an estimate and a {column}.")
    bad = kept & (v <= 0)
    if bad.any():
        row = int(np.argmax(bad))
        raise NotPositiveDefinite(f"{labels[row]} has {column} {v[row]:g}; wanted a number above 0.")


def _read_studies(
    names: Sequence[str],
    pairs: tuple[list[str], list[str]],
    numbers: tuple[Floats, Floats, Floats | None],
    kept: NDArray[np.bool_],
) -> tuple[list[StudyBlock], list[str]]:
    rows_of: dict[str, list[int]] = {}
    for row in np.flatnonzero(kept).tolist():
        rows_of.setdefault(names[row], []).append(row)
    y, v, own = numbers
    blocks, said = [], []
    for study, rows in rows_of.items():
        if len(rows) == 1:
            row = rows[0]
            arms = (pairs[1][row], pairs[0][row])
            blocks.append(StudyBlock(study, arms, y[row : row + 1], v[row : row + 1, None], (row,)))
            continue
        sides = [(pairs[0][row], pairs[1][row]) for row in rows]
        block, gap = read_multi_arm(study, sides, (y[rows], v[rows]), None if own is None else own[rows])
        blocks.append(
            StudyBlock(study, block.arms, block.y, block.V, tuple(rows[place] for place in block.rows))
        )
        if gap > CLOSED:
            said.append(
                f"The comparisons of {study} do not add up exactly (by {gap:.2g} standard errors); they were "
                "reconciled by weighted least squares."
            )
    return blocks, said


def assemble(
    blocks: Sequence[StudyBlock], data: pd.DataFrame, warnings: Sequence[str], measure: str = ""
) -> Contrasts:
    """One network of the trials.

    Parameters
    ----------
    blocks : sequence of StudyBlock
        Trials.
    data : DataFrame
        The table that their ``rows`` point into.
    warnings : sequence of str
        What was said while reading.
    measure : str
        Effect measure.
    """
    treatments = tuple(sorted({name for block in blocks for name in block.arms}, key=alphabetical))
    place: Mapping[str, int] = {name: i for i, name in enumerate(treatments)}
    sizes = np.array([block.y.size for block in blocks])
    y = np.concatenate([block.y for block in blocks])
    ends = [0, *np.cumsum(sizes).tolist()]
    V: Covariance
    if (sizes == 1).all():
        V = Diagonal(np.concatenate([block.V[0] for block in blocks]))
    else:
        V = Blocks([block.V for block in blocks], [np.arange(low, high) for low, high in pairwise(ends)])
    return Contrasts(
        studies=tuple(block.study for block in blocks),
        treatments=treatments,
        y=y,
        V=V,
        study=np.repeat(np.arange(len(blocks)), sizes),
        arm=np.array([place[name] for block in blocks for name in block.arms[1:]], dtype=np.intp),
        baseline=np.repeat([place[block.arms[0]] for block in blocks], sizes).astype(np.intp),
        source=data.iloc[[row for block in blocks for row in block.rows]].reset_index(drop=True),
        warnings=(*warnings, *_tell_alike(treatments)),
        measure=measure,
    )


def _tell_alike(treatments: tuple[str, ...]) -> list[str]:
    """Treatments whose names differ in capitals, spaces or hyphens alone."""
    known: dict[str, str] = {}
    said = []
    for name in treatments:
        plain = name.casefold().translate(JOINTS)
        if plain and plain in known:
            said.append(
                f"{known[plain]!r} and {name!r} are taken for different treatments, although their names are "
                "nearly the same; give them one name if they are one."
            )
        known.setdefault(plain, name)
    return said
