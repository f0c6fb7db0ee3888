"""Which rows of a table of effects a synthesis can use, and what the others lack."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import NotPositiveDefinite, SynthesisError, TooFewStudies
from synovia.kernel import Covariance, Diagonal
from synovia.synthesis.dependence import GivenCovariance, read_covariance

__all__ = [
    "Rows",
    "count_participants",
    "count_studies",
    "find_missing",
    "name_rows",
    "read_numbers",
    "require_columns",
    "select_rows",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The effects of a synthesis.

    Attributes
    ----------
    data : DataFrame
        The table as given, N rows.
    kept : ndarray of bool of shape (N,)
        Which rows have an estimate, a variance and all moderators.
    labels : tuple of str
        Names of all N rows for messages.
    y : ndarray of shape (n,)
        Estimates of the kept rows.
    V : Covariance
        Sampling covariance of the kept rows.
    warnings : tuple of str
        What was dropped and why.
    """

    data: pd.DataFrame
    kept: NDArray[np.bool_]
    labels: tuple[str, ...]
    y: Floats
    V: Covariance
    warnings: tuple[str, ...]

    @property
    def used(self) -> pd.DataFrame:
        """The kept rows of the table."""
        return self.data if self.kept.all() else self.data.loc[self.kept]

    def restrict(self, inside: NDArray[np.bool_]) -> "Rows":
        """The rows of a part.

        Parameters
        ----------
        inside : ndarray of bool of shape (n,)
            Which of the kept rows belong to it.
        """
        data = self.used.loc[inside]
        labels = tuple(label for label, keep in zip(self.used_labels, inside, strict=True) if keep)
        V = self.V.restrict(np.flatnonzero(inside))
        return Rows(data, np.ones(len(data), dtype=bool), labels, self.y[inside], V, ())

    @property
    def used_labels(self) -> tuple[str, ...]:
        """Names of the kept rows."""
        if self.kept.all():
            return self.labels
        return tuple(label for label, kept in zip(self.labels, self.kept, strict=True) if kept)


def name_rows(data: pd.DataFrame) -> tuple[str, ...]:
    """A name for each row: its label, effect_id or study_id, else its number.

    Examples
    --------
    >>> name_rows(pd.DataFrame({"study_id": ["aronson-1948", ""]}))
    ('aronson-1948', 'row 2')
    """
    numbers = [f"row {number}" for number in range(1, len(data) + 1)]
    column = next((name for name in ("label", "effect_id", "study_id") if name in data.columns), None)
    if column is None:
        return tuple(numbers)
    blank = find_missing(data[column])
    values = data[column].astype(str)
    return tuple(
        number if empty else value for value, number, empty in zip(values, numbers, blank, strict=True)
    )


def find_missing(column: pd.Series) -> NDArray[np.bool_]:
    """(N,) where a column holds nothing: NaN, None or empty text."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiu":
        return np.asarray(np.isnan(column.to_numpy()), dtype=bool)
    blank = np.array([isinstance(value, str) and not value for value in column.tolist()], dtype=bool)
    missing: NDArray[np.bool_] = np.asarray(pd.isna(column.to_numpy()), dtype=bool)
    return blank | missing


def select_rows(
    data: pd.DataFrame,
    *,
    estimate: str,
    variance: str,
    covariance: GivenCovariance | None = None,
    moderators: Sequence[str] = (),
) -> Rows:
    """Keep the rows that can be pooled; name the others.

    Parameters
    ----------
    data : DataFrame
        One row per effect.
    estimate, variance : str
        Columns of estimates and of their sampling variances.
    covariance : array_like or sparse array of shape (N, N), or sequence of (rows, block), optional
        Sampling covariance aligned with the rows of ``data``.
    moderators : sequence of str
        Columns that the design needs.

    Raises
    ------
    SynthesisError
        When a column is absent, or a number is negative or not a number; the row is named.
    NotPositiveDefinite
        When a variance is 0 or the covariance is one that no data could have.
    TooFewStudies
        When no row is left.
    """
    _require_table(data)
    table = data.reset_index(drop=True)
    require_columns(table, [estimate, variance, *moderators])
    labels = name_rows(table)
    y, v = (read_numbers(table, column, labels) for column in (estimate, variance))
    lacking = [(name, np.isnan(values)) for name, values in ((estimate, y), (variance, v))]
    lacking += [(f"finite {name}", np.isinf(values)) for name, values in ((estimate, y), (variance, v))]
    lacking += [(name, find_missing(table[name])) for name in moderators]
    kept = ~np.any([missing for _, missing in lacking], axis=0)
    if not kept.any():
        raise TooFewStudies(f"None of {len(table)} rows has an estimate, a variance and every moderator.")
    names = labels if kept.all() else [label for label, keep in zip(labels, kept, strict=True) if keep]
    _check_variances(v[kept], names, variance)
    V = Diagonal(v[kept]) if covariance is None else read_covariance(covariance, kept, v, names)
    return Rows(table, kept, labels, y[kept], V, _tell_dropped(lacking, labels, kept))


def _require_table(data: object) -> None:
    if not isinstance(data, pd.DataFrame):
        raise SynthesisError(f"Found {type(data).__name__}; wanted a DataFrame with one row per effect.")
    if not data.columns.is_unique:
        twice = data.columns[data.columns.duplicated()]
        raise SynthesisError(f"Found column {twice[0]!r} twice; wanted each column once.")


def require_columns(data: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse names that no column has; the columns there are listed."""
    for name in names:
        if name not in data.columns:
            present = ", ".join(map(str, data.columns)) or "none"
            raise SynthesisError(f"There is no column {name!r}; the columns are {present}.")


def read_numbers(data: pd.DataFrame, column: str, labels: Sequence[str]) -> Floats:
    """(N,) a column as numbers, NaN where empty; text is refused by row."""
    cells = data[column]
    if isinstance(cells.dtype, np.dtype) and cells.dtype.kind in "fiu":
        values = cells.to_numpy(dtype=np.float64)
        unreadable = np.zeros(values.size, dtype=bool)
    else:
        values = pd.to_numeric(cells.replace("", np.nan), errors="coerce").to_numpy(dtype=np.float64)
        unreadable = np.isnan(values) & ~find_missing(cells)
    if unreadable.any():
        row = int(np.argmax(unreadable))
        raise SynthesisError(
            f"{labels[row]} has {column} {str(cells.iloc[row])!r}, which is not a number; "
            "correct it or leave it empty."
        )
    return values


def _check_variances(v: Floats, names: Sequence[str], column: str) -> None:
    if (v < 0).any():
        row = int(np.argmax(v < 0))
        raise SynthesisError(
            f"{names[row]} has {column} {v[row]:g}; a variance cannot be negative. Correct it."
        )
    if (v == 0).any():
        raise NotPositiveDefinite(
            f"{names[int(np.argmax(v == 0))]} has {column} 0, which would give it all the weight; an effect "
            "without sampling error cannot be pooled. Check its standard deviation and sample size."
        )


def _tell_dropped(
    lacking: Sequence[tuple[str, NDArray[np.bool_]]], labels: Sequence[str], kept: NDArray[np.bool_]
) -> tuple[str, ...]:
    if kept.all():
        return ()
    said = []
    for row in np.flatnonzero(~kept).tolist():
        absent = dict.fromkeys(column for column, missing in lacking if missing[row])
        said.append(f"{labels[row]} (no {' and no '.join(absent)})")
    count = int((~kept).sum())
    verb = "1 of {} effects was" if count == 1 else f"{count} of {{}} effects were"
    return (f"{verb.format(kept.size)} dropped: {'; '.join(said)}.",)


def count_studies(used: pd.DataFrame, outer: str | None) -> int:
    """Studies among the rows used: by study_id, else by the outermost random column, else one per row."""
    column = next((name for name in ("study_id", outer) if name in used.columns), None)
    return len(used) if column is None else int(used[column].nunique())


def count_participants(rows: Rows) -> float:
    """Participants in the arms of the kept rows, NaN when the table does not say.

    Effects that covary share people, so an arm that several of them use is counted once; without a covariance
    every row has its own (an arm that was split carries fractions).
    """
    used = rows.used
    if "n" not in used.columns or used["n"].isna().any():
        return float("nan")
    pairs = [("arm_id", "n")]
    if "n_comparator" in used.columns and not used["n_comparator"].isna().all():
        pairs.append(("comparator_id", "n_comparator"))
    named = {"study_id", *(arm for arm, _ in pairs)} <= set(used.columns)
    total = 0.0
    for arm, number in pairs:
        once = used.drop_duplicates(["study_id", arm]) if named and not isinstance(rows.V, Diagonal) else used
        total += float(once[number].sum())
    return total
