"""What the report shows of a course over time, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from synovia import tables
from synovia.tables import Table

__all__ = ["CourseAnswer"]


@dataclass(frozen=True, slots=True)
class CourseAnswer:
    """One course over time with everything that was computed for it.

    Attributes
    ----------
    course_id, label : str
        Id and heading.
    outcome, treatment, comparator : str
        As written inside a sentence.
    knots : tuple of float
        Weeks that are printed.
    tables : mapping of str to DataFrame
        Rows of this course, by name of table.
    cases : tuple of (str, str)
        Id and label of its sensitivity analyses.
    """

    course_id: str
    label: str
    outcome: str
    treatment: str
    comparator: str
    knots: tuple[float, ...]
    tables: Mapping[str, pd.DataFrame]
    cases: tuple[tuple[str, str], ...] = ()

    def rows(self, table: Table, variant: str = "primary") -> pd.DataFrame:
        """Rows of a table in one analysis; empty when there are none."""
        frame = self.tables.get(table.name)
        if frame is None:
            return tables.empty(table)
        return frame[frame["variant"] == variant].reset_index(drop=True)

    def facts(self, variant: str = "primary") -> Mapping[str, object]:
        """The row of COURSES of one analysis; empty when there is none."""
        rows = self.rows(tables.COURSES, variant)
        return {str(name): value for name, value in rows.iloc[0].items()} if len(rows) else {}

    @property
    def fitted(self) -> bool:
        """Whether there is a course at all."""
        return self.facts().get("status") == "fitted"
