"""Tables of events read, checked and named, before any model sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError, TooFewStudies
from synovia.synthesis.rows import find_missing, name_rows

__all__ = ["Studies", "check_events", "check_positive", "check_whole", "read_studies"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

ADVICE = "Correct it, or leave it empty and the row is dropped."


@dataclass(frozen=True, slots=True, eq=False)
class Studies:
    """Counts of n studies and the table they came from.

    Attributes
    ----------
    data : DataFrame
        The table as given, N rows.
    kept : ndarray of bool of shape (N,)
        Which rows are used.
    labels : tuple of str
        Names of all N rows.
    values : ndarray of shape (columns, n)
        Numbers of the rows used, in the order asked for.
    warnings : tuple of str
        What was dropped and why.
    """

    data: pd.DataFrame
    kept: Mask
    labels: tuple[str, ...]
    values: Floats
    warnings: tuple[str, ...]

    @property
    def used(self) -> pd.DataFrame:
        """The rows used."""
        return self.data.loc[self.kept]

    @property
    def used_labels(self) -> tuple[str, ...]:
        """Names of the rows used."""
        return tuple(label for label, kept in zip(self.labels, self.kept, strict=True) if kept)

    def drop(self, without: Mask, why: str) -> "Studies":
        """The studies without some of them, named with the reason.

        Raises
        ------
        TooFewStudies
            When none is left.
        """
        if not without.any():
            return self
        names = [label for label, out in zip(self.used_labels, without, strict=True) if out]
        if without.all():
            raise TooFewStudies(f"No study says anything about the effect: {why} in all {without.size}.")
        kept = self.kept.copy()
        kept[np.flatnonzero(self.kept)[without]] = False
        verb = "1 study was" if len(names) == 1 else f"{len(names)} studies were"
        said = f"{verb} left out, without information on the effect ({why}): {', '.join(names)}."
        return Studies(self.data, kept, self.labels, self.values[:, ~without], (*self.warnings, said))


def read_studies(data: pd.DataFrame, columns: Sequence[str], moderators: Sequence[str] = ()) -> Studies:
    """Numbers of the rows that have them all.

    Parameters
    ----------
    data : DataFrame
        One row per study.
    columns : sequence of str
        Columns of numbers.
    moderators : sequence of str
        Columns that a design needs.

    Raises
    ------
    SynthesisError
        When a column is absent or a cell is not a finite number; the row is named.
    TooFewStudies
        When no row is complete.
    """
    if not isinstance(data, pd.DataFrame):
        raise SynthesisError(f"Found {type(data).__name__}; wanted a DataFrame with one row per study.")
    table = data.reset_index(drop=True)
    for name in (*columns, *moderators):
        if name not in table.columns:
            present = ", ".join(map(str, table.columns)) or "none"
            raise SynthesisError(f"There is no column {name!r}; the columns are {present}.")
    labels = name_rows(table)
    values = np.stack([_read_column(table, name, labels) for name in columns])
    lacking = {name: np.isnan(row) for name, row in zip(columns, values, strict=True)}
    lacking |= {name: find_missing(table[name]) for name in moderators}
    kept = ~np.any(list(lacking.values()), axis=0)
    if not kept.any():
        raise TooFewStudies(f"None of {len(table)} rows has every one of {', '.join(lacking)}.")
    return Studies(table, kept, labels, values[:, kept], _tell_dropped(lacking, labels, kept))


def _read_column(table: pd.DataFrame, name: str, labels: Sequence[str]) -> Floats:
    values = pd.to_numeric(table[name].replace("", np.nan), errors="coerce").to_numpy(dtype=np.float64)
    for wrong, what in (
        (np.isnan(values) & ~find_missing(table[name]), "not a number"),
        (np.isinf(values), "infinite"),
        (values < 0, "negative"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            raise SynthesisError(
                f"{labels[row]} has {name} {table[name].iloc[row]!s}, which is {what}. {ADVICE}"
            )
    return values


def _tell_dropped(lacking: Mapping[str, Mask], labels: Sequence[str], kept: Mask) -> tuple[str, ...]:
    if kept.all():
        return ()
    said = [
        f"{labels[row]} (no {' and no '.join(name for name, missing in lacking.items() if missing[row])})"
        for row in np.flatnonzero(~kept).tolist()
    ]
    verb = f"1 of {kept.size} studies was" if len(said) == 1 else f"{len(said)} of {kept.size} studies were"
    return (f"{verb} dropped: {'; '.join(said)}.",)


def check_events(studies: Studies, events: int, of: int, names: Sequence[str]) -> None:
    """Refuse more events than participants, and groups without participants.

    Parameters
    ----------
    studies : Studies
        What was read.
    events, of : int
        Places of events and of participants among the values.
    names : sequence of str
        Column names of all values.

    Raises
    ------
    SynthesisError
        With the study and both numbers.
    """
    check_positive(studies, of, names)
    over = studies.values[events] > studies.values[of]
    if over.any():
        row = int(np.argmax(over))
        raise SynthesisError(
            f"{studies.used_labels[row]} has {studies.values[events, row]:g} {names[events]} among "
            f"{studies.values[of, row]:g} {names[of]}; events cannot outnumber participants. {ADVICE}"
        )


def check_positive(studies: Studies, place: int, names: Sequence[str]) -> None:
    """Refuse a size or a time of 0.

    Raises
    ------
    SynthesisError
        With the study.
    """
    none = studies.values[place] == 0
    if none.any():
        raise SynthesisError(
            f"{studies.used_labels[int(np.argmax(none))]} has {names[place]} 0; wanted more than 0. {ADVICE}"
        )


def check_whole(studies: Studies, places: Sequence[int], names: Sequence[str], model: str) -> None:
    """Refuse fractions where a model gives probabilities to counts.

    Raises
    ------
    SynthesisError
        With the study and the number.
    """
    for place in places:
        broken = studies.values[place] != np.round(studies.values[place])
        if broken.any():
            row = int(np.argmax(broken))
            raise SynthesisError(
                f"{studies.used_labels[row]} has {names[place]} {studies.values[place, row]:g}; {model} "
                "needs whole numbers. Round it knowingly, or pool effects with meta."
            )
