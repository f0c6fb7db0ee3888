"""Frames as plain rows: what the templates and the counting read."""

import math
from collections.abc import Mapping

import pandas as pd

__all__ = ["Cells", "line_text", "lines_of", "pairs_of", "rows_of", "texts_of"]

Cells = Mapping[str, object]
"""One row of a table, by column name."""


def rows_of(frame: pd.DataFrame) -> tuple[dict[str, object], ...]:
    """Every row of a frame, in order."""
    return tuple({str(name): value for name, value in row.items()} for row in frame.to_dict(orient="records"))


def texts_of(frame: pd.DataFrame, *columns: str) -> list[tuple[str, ...]]:
    """Some columns of a frame as texts, row by row.

    Examples
    --------
    >>> texts_of(pd.DataFrame({"a": ["x"], "b": ["y"]}), "b", "a")
    [('y', 'x')]
    """
    return [tuple(str(value) for value in row) for row in frame[list(columns)].to_numpy(dtype=object)]


def pairs_of(frame: pd.DataFrame, key: str, value: str) -> dict[str, str]:
    """One column of a frame by another, as texts; of a repeated key the last."""
    return {row[0]: row[1] for row in texts_of(frame, key, value)}


def line_text(line: object) -> str:
    """A line number as text, whatever type a frame gave it; empty when missing."""
    if isinstance(line, int | float):
        return "" if math.isnan(line) else str(int(line))
    return str(line).strip()


def lines_of(frame: pd.DataFrame) -> list[str]:
    """The line of each row as text; the row's place, counted from 2, where the frame has no lines."""
    lines = frame["line"].tolist() if "line" in frame.columns else range(2, len(frame) + 2)
    return [line_text(line) for line in lines]
