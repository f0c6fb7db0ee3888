"""What a table is: declared columns, a key, and rows checked against them."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from synovia.errors import Fault, TableError

__all__ = ["Column", "Parsed", "Row", "Table", "check", "empty", "format_cell", "frame", "parse"]

Kind = Literal["text", "number", "integer", "boolean"]

_DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+$")
_THOUSANDS = re.compile(r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$")
_TRUE, _FALSE = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, with everything a reader of the table needs to know.

    Attributes
    ----------
    name : str
        Name in snake_case.
    kind : {"text", "number", "integer", "boolean"}
        Text is never missing, only empty; a missing number is NaN.
    help : str
        What the column holds, in the field's words.
    unit : str
        Unit or scale, empty for text.
    required : bool
        Whether every row must fill it.
    choices : tuple of str
        The allowed texts; empty when any text will do.
    above, at_least, at_most : float or None
        Bounds of a number; ``above`` is exclusive.
    """

    name: str
    kind: Kind
    help: str
    unit: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def wanted(self) -> str:
        """What a cell of this column may hold, as a phrase for messages."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = {"text": "text", "number": "a number", "integer": "a whole number", "boolean": "yes or no"}
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (("above", self.above), ("at least", self.at_least), ("at most", self.at_most))
            if bound is not None
        ]
        return " ".join([words[self.kind], " and ".join(bounds)]).rstrip()


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table.

    Attributes
    ----------
    name : str
        Name of the table and stem of its file.
    help : str
        What one row is.
    columns : tuple of Column
        In the order in which they are written.
    key : tuple of str
        Columns whose values together name one row.
    """

    name: str
    help: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True, slots=True)
class Row:
    """One row as a person entered it: texts, and the line of the file it stands on."""

    line: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parsed:
    """Rows of a table after reading.

    Attributes
    ----------
    frame : DataFrame
        One row per good row: typed columns in the declared order, and ``line``.
    faults : tuple of Fault
        What is wrong with the others; a row with a fault is not in ``frame``.
    """

    frame: pd.DataFrame
    faults: tuple[Fault, ...]

    def frame_or_raise(self) -> pd.DataFrame:
        """The frame, or every fault at once.

        Raises
        ------
        TableError
            When any row had a fault.
        """
        if self.faults:
            raise TableError(self.faults)
        return self.frame


def _dtype(column: Column) -> str:
    return {"text": "object", "number": "float64", "integer": "float64", "boolean": "object"}[column.kind]


def empty(table: Table) -> pd.DataFrame:
    """A frame of no rows with the table's columns and types."""
    return pd.DataFrame({column.name: pd.Series([], dtype=_dtype(column)) for column in table.columns})


def frame(table: Table, rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """A typed frame from rows made by Synovia itself; unnamed columns are empty.

    Raises
    ------
    TableError
        When a row names a column that the table does not declare.

    Examples
    --------
    >>> from synovia.tables import Column, Table, frame
    >>> doses = Table("doses", "one row per dose", (Column("dose", "number", "dose", "mL"),), ("dose",))
    >>> frame(doses, [{"dose": 2}, {}])["dose"].tolist()
    [2.0, nan]
    """
    if not rows:
        return empty(table)
    unknown = sorted({name for row in rows for name in row} - set(table.names))
    if unknown:
        raise TableError(
            [Fault(f"column {unknown[0]}", f"columns of {table.name}: {', '.join(table.names)}")]
        )
    return pd.DataFrame(
        {
            column.name: pd.Series(
                [_blank(column, row.get(column.name)) for row in rows], dtype=_dtype(column)
            )
            for column in table.columns
        }
    )


def _blank(column: Column, value: object) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return math.nan if column.kind in ("number", "integer") else ""
    return value


def check(table: Table, data: pd.DataFrame) -> pd.DataFrame:
    """The frame's declared columns in the declared order, or an error that names what is missing.

    Raises
    ------
    TableError
        When a declared column is absent.
    """
    missing = [name for name in table.names if name not in data.columns]
    if missing:
        present = ", ".join(map(str, data.columns)) or "no columns"
        raise TableError([Fault(present, f"column {missing[0]} of table {table.name}")])
    return data.loc[:, list(table.names)]


def parse(table: Table, rows: Iterable[Row], *, file: str = "") -> Parsed:
    """Read texts as the declared types, keeping good rows and naming every fault.

    Parameters
    ----------
    table : Table
        The declaration.
    rows : iterable of Row
        Texts as entered; columns that the table does not declare are a fault of line 1.
    file : str
        Name used in messages.

    Returns
    -------
    Parsed
        Typed rows with their ``line``, and the faults; no row is read when a needed column is absent.
    """
    entered = list(rows)
    header = entered[0].values if entered else {}
    missing = _missing_columns(table, header, file) if entered else []
    faults = [*missing, *_unknown_columns(table, header, file)]
    if missing:
        return _no_rows(table, faults)
    typed: list[dict[str, object]] = []
    seen: dict[tuple[str, ...], int] = {}
    for row in entered:
        values, wrong = _typed_row(table, row, file)
        key = tuple(row.values.get(name, "").strip() for name in table.key)
        if key in seen:
            wrong.append(_duplicate(table, row, key, seen[key], file))
        seen.setdefault(key, row.line)
        faults.extend(wrong)
        if not wrong:
            typed.append({**values, "line": row.line})
    if not typed:
        return _no_rows(table, faults)
    columns = {
        column.name: pd.Series([r[column.name] for r in typed], dtype=_dtype(column))
        for column in table.columns
    }
    return Parsed(pd.DataFrame({**columns, "line": [r["line"] for r in typed]}), tuple(faults))


def _no_rows(table: Table, faults: Sequence[Fault]) -> Parsed:
    return Parsed(empty(table).assign(line=pd.Series([], dtype="int64")), tuple(faults))


def _missing_columns(table: Table, present: Mapping[str, str], file: str) -> list[Fault]:
    return [
        Fault(
            f"columns {', '.join(present)}",
            f"column {column.name}",
            file,
            1,
            advice=f"Add the column: {column.help}.",
        )
        for column in table.columns
        if (column.required or column.name in table.key) and column.name not in present
    ]


def _unknown_columns(table: Table, present: Mapping[str, str], file: str) -> list[Fault]:
    wanted = f"columns of {table.name}: {', '.join(table.names)}"
    return [
        Fault(f"column {name!r}", wanted, file, 1, advice="Rename or remove it.")
        for name in present
        if name not in table.names
    ]


def _duplicate(table: Table, row: Row, key: tuple[str, ...], first: int, file: str) -> Fault:
    named = ", ".join(f"{name} {value!r}" for name, value in zip(table.key, key, strict=True))
    return Fault(
        f"a second row for {named}",
        "one row per " + ", ".join(table.key),
        file,
        row.line,
        advice=f"The first is on line {first}; correct one of them or remove it.",
    )


def _typed_row(table: Table, row: Row, file: str) -> tuple[dict[str, object], list[Fault]]:
    values: dict[str, object] = {}
    faults: list[Fault] = []
    for column in table.columns:
        text = row.values.get(column.name, "").strip()
        try:
            values[column.name] = _value(column, text)
        except ValueError as problem:
            found, advice = problem.args
            faults.append(Fault(found, column.wanted, file, row.line, column.name, advice))
    return values, faults


def _value(column: Column, text: str) -> object:
    if not text:
        if column.required:
            raise ValueError("an empty cell", "Fill it in, or remove the row.")
        return math.nan if column.kind in ("number", "integer") else ""
    if column.kind == "text":
        if column.choices and text not in column.choices:
            raise ValueError(repr(text), "Check the spelling.")
        return text
    if column.kind == "boolean":
        return _truth(text)
    return _number(column, text)


def _truth(text: str) -> str:
    if text.lower() in _TRUE:
        return "yes"
    if text.lower() in _FALSE:
        return "no"
    raise ValueError(repr(text), "")


def _number(column: Column, text: str) -> float:
    try:
        if "_" in text:
            raise ValueError
        value = float(text)
    except ValueError:
        raise ValueError(repr(text), _how_to_write(text)) from None
    if not math.isfinite(value):
        raise ValueError(repr(text), "Leave the cell empty when the number is not known.")
    if column.kind == "integer" and value != round(value):
        raise ValueError(repr(text), "")
    outside = (
        (column.above is not None and value <= column.above)
        or (column.at_least is not None and value < column.at_least)
        or (column.at_most is not None and value > column.at_most)
    )
    if outside:
        raise ValueError(text, "Check it against the source.")
    return value


def _how_to_write(text: str) -> str:
    """What to do about a cell that should be a number and is not."""
    if _THOUSANDS.match(text):
        return f"Write it without separators, {text.replace(',', '')}, if the comma marks thousands."
    if _DECIMAL_COMMA.match(text):
        return f"Write the decimal point as a full stop: {text.replace(',', '.')}."
    if text[0] in "\u2212\u2010\u2011\u2012\u2013\u2014":
        return f"Write the minus sign as a hyphen: -{text[1:]}."
    return "Move any words to a note and leave only the number."


def format_cell(column: Column, value: object) -> str:
    """The text of a typed value: shortest exact digits, no trailing ``.0``, empty when missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if column.kind in ("number", "integer") and isinstance(value, int | float):
        return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    return str(value)
