"""A table of repeated follow-ups, read and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite, SynthesisError, TooFewStudies
from synovia.synthesis.network.contrasts import read_labels
from synovia.synthesis.rows import find_missing, read_numbers, require_columns

__all__ = ["Columns", "FollowUps", "read_follow_ups"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Columns:
    """What a table of follow-ups calls its columns; None where there is none."""

    study: str = "study"
    time: str = "time"
    estimate: str = "estimate"
    variance: str = "variance"
    treatment: str | None = None
    comparator: str | None = None
    arm: str | None = None
    baseline_variance: str = "baseline_variance"


@dataclass(frozen=True, slots=True, eq=False)
class FollowUps:
    """Follow-ups that can be used, one row each.

    Attributes
    ----------
    data : DataFrame
        study, series, time, estimate, variance, treatment and comparator ("" where there are none); n rows.
    baseline : ndarray of shape (n,)
        Variance of the comparator's own mean, NaN where unknown.
    kind : {"course", "arms", "contrasts"}
        What the rows are: of one course, of arms, or of comparisons.
    warnings : tuple of str
        What was dropped.
    """

    data: pd.DataFrame
    baseline: Floats
    kind: str
    warnings: tuple[str, ...]

    @property
    def study(self) -> Integers:
        """(n,) study of each row, in order of appearance."""
        return np.asarray(pd.factorize(self.data["study"])[0], dtype=np.intp)

    @property
    def series(self) -> Integers:
        """(n,) arm or comparison of each row, numbered over all studies."""
        joined = self.data["study"] + "\0" + self.data["series"]
        return np.asarray(pd.factorize(joined)[0], dtype=np.intp)

    @property
    def position(self) -> Integers:
        """(n,) arm or comparison of each row within its study, from 0."""
        pairs = pd.DataFrame({"study": self.study, "series": self.series}).drop_duplicates()
        place = pairs.groupby("study").cumcount().to_numpy()
        return np.asarray(place[self.series], dtype=np.intp)

    @property
    def times(self) -> Floats:
        """(n,) time of each row."""
        return self.data["time"].to_numpy(dtype=np.float64)


def read_follow_ups(data: pd.DataFrame, columns: Columns) -> FollowUps:
    """Check a table of follow-ups.

    Parameters
    ----------
    data : DataFrame
        One row per arm or comparison and time.
    columns : Columns
        What it calls its columns.

    Raises
    ------
    SynthesisError
        When a column, a row or a study cannot be used; it is named.
    """
    if not isinstance(data, pd.DataFrame):
        raise SynthesisError(f"Found {type(data).__name__}; wanted a DataFrame with one row per follow-up.")
    if columns.comparator is not None and columns.treatment is None:
        raise SynthesisError("Found comparator without treatment; name the column of treatments too.")
    texts = {"study": columns.study, "treatment": columns.treatment, "comparator": columns.comparator}
    named = {name: column for name, column in {**texts, "series": columns.arm}.items() if column is not None}
    numbers = (columns.time, columns.estimate, columns.variance)
    require_columns(data, [*named.values(), *numbers])
    rows = [f"Row {number}" for number in range(1, len(data) + 1)]
    read = {name: read_labels(data, column, rows) for name, column in named.items()}
    labels = [f"{row} ({study})" for row, study in zip(rows, read["study"], strict=True)]
    values = [read_numbers(data, column, labels) for column in numbers]
    for column, numbers_read in zip(numbers, values, strict=True):
        if np.isinf(numbers_read).any():
            row = int(np.argmax(np.isinf(numbers_read)))
            raise SynthesisError(f"{labels[row]} has an infinite {column}; wanted a number, or nothing.")
    table = pd.DataFrame(
        {**_complete(read), **dict(zip(("time", "estimate", "variance"), values, strict=True))}
    )
    kept = np.asarray(np.isfinite(values).all(axis=0), dtype=bool)
    own = _read_baseline(data, columns, labels)
    _check_rows(table, kept, labels, numbers)
    used = table.loc[kept].reset_index(drop=True)
    _check_series(used, columns)
    _check_baseline(own, table, labels)
    said = [f"{labels[row]} lacks a number and was dropped." for row in np.flatnonzero(~kept).tolist()]
    kind = "course" if columns.treatment is None else "arms" if columns.comparator is None else "contrasts"
    return FollowUps(used, own[kept], kind, tuple(said))


def _complete(read: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Every text column; a series without its own names is its treatment."""
    empty = [""] * len(read["study"])
    treatment = list(read.get("treatment", empty))
    return {
        "study": list(read["study"]),
        "series": list(read.get("series", treatment)),
        "treatment": treatment,
        "comparator": list(read.get("comparator", empty)),
    }


def _read_baseline(data: pd.DataFrame, columns: Columns, labels: Sequence[str]) -> Floats:
    if columns.baseline_variance not in data.columns or columns.comparator is None:
        return np.full(len(data), np.nan)
    return read_numbers(data, columns.baseline_variance, labels)


def _check_rows(
    table: pd.DataFrame, kept: NDArray[np.bool_], labels: Sequence[str], numbers: Sequence[str]
) -> None:
    if not kept.any():
        raise TooFewStudies(f"None of {len(table)} rows has {', '.join(numbers)}.")
    wrong = kept & (table["variance"].to_numpy() <= 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise NotPositiveDefinite(
            f"{labels[row]} has {numbers[2]} {table['variance'].iloc[row]:g}; wanted a number above 0."
        )
    early = kept & (table["time"].to_numpy() < 0)
    if early.any():
        row = int(np.argmax(early))
        raise SynthesisError(f"{labels[row]} is at time {table['time'].iloc[row]:g}; wanted 0 or later.")
    same = (table["treatment"] == table["comparator"]) & ~find_missing(table["treatment"])
    if same.any():
        row = int(np.argmax(same))
        raise SynthesisError(
            f"{labels[row]} compares {table['treatment'].iloc[row]!r} with itself; name what distinguishes "
            "the arms, or merge them."
        )


def _check_baseline(own: Floats, table: pd.DataFrame, labels: Sequence[str]) -> None:
    wrong = (own <= 0) | (own >= table["variance"].to_numpy())
    if wrong.any():
        row = int(np.argmax(wrong))
        raise NotPositiveDefinite(
            f"{labels[row]} has baseline variance {own[row]:g} and variance {table['variance'].iloc[row]:g}; "
            "wanted the variance of the comparator's own mean, above 0 and below that of the comparison."
        )


def _check_series(used: pd.DataFrame, columns: Columns) -> None:
    again = used.duplicated(["study", "series", "time"])
    if again.any():
        row = used.loc[again].iloc[0]
        which = f" for {row['series']}" if row["series"] else ""
        advice = "" if columns.arm else "; where they are different arms, name their column with arm="
        raise SynthesisError(f"{row['study']} has time {row['time']:g} twice{which}{advice}.")
    for name in ("treatment", "comparator"):
        within = ["study", "series"] if name == "treatment" else ["study"]
        several = used.groupby(within, sort=False)[name].nunique()
        if (several > 1).any():
            key = several.index[int(np.argmax(several.to_numpy() > 1))]
            where = " ".join(key) if isinstance(key, tuple) else str(key)
            raise SynthesisError(
                f"{where} has several {name}s; wanted one, the same at all times. Give all comparisons of a "
                "study against one arm."
            )
