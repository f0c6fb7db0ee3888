"""Every error Synovia raises on purpose, as one tree.

::

    SynoviaError
    ├── InputError            something read from outside cannot be used as it stands
    │   ├── FormatError       an export is not in a format that Synovia reads
    │   ├── TableError        a row of a table breaks the table's declaration
    │   ├── ScaleError        a number lies outside the scale it is reported on
    │   └── ProtocolError     review.toml asks for something that does not exist
    ├── JournalError          the journal of human decisions cannot be used
    │   ├── BrokenChain       a line of the journal was changed, removed or added out of order
    │   ├── JournalConflict   two journals have diverged
    │   ├── UnreadableEvent   a line of the journal is not an event that this version knows
    │   └── UnrecordedEdits   an evidence table was edited and the edit is not yet in the journal
    ├── StorageError          the disk refused: full, read-only, or taken away
    ├── OrderViolation        a stage was asked for before what it needs
    ├── SynthesisError        the model asked for cannot be fitted to these data
    │   ├── TooFewStudies     fewer estimates than the method needs
    │   ├── CollinearModerators   columns of the design that cannot be told apart
    │   └── NotPositiveDefinite   a covariance that no data could have
    └── MissingExtra          an optional dependency is not installed

Every message says what was found, where, what was wanted and what to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "BrokenChain",
    "CollinearModerators",
    "Fault",
    "FormatError",
    "InputError",
    "JournalConflict",
    "JournalError",
    "MissingExtra",
    "NotPositiveDefinite",
    "OrderViolation",
    "ProtocolError",
    "ScaleError",
    "StorageError",
    "SynoviaError",
    "SynthesisError",
    "TableError",
    "TooFewStudies",
    "UnreadableEvent",
    "UnrecordedEdits",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one place of an input.

    Attributes
    ----------
    found : str
        What stands there.
    wanted : str
        What would have been accepted.
    file : str
        Name of the file, relative to the review folder where it has one.
    line : int or None
        Line of the file, counted from 1; the header of a table is line 1.
    column : str
        Name of the column or key, empty when the whole line is meant.
    advice : str
        What to do about it.
    """

    found: str
    wanted: str
    file: str = ""
    line: int | None = None
    column: str = ""
    advice: str = ""

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line is not None else ""
        column = f"column {self.column}" if self.column else ""
        place = ", ".join(part for part in (self.file, line, column) if part)
        sentence = f"found {self.found}; wanted {self.wanted}"
        sentence = f"{place}: {sentence}" if place else sentence
        return f"{sentence}. {self.advice}".rstrip() if self.advice else f"{sentence}."


class SynoviaError(Exception):
    """Base of every error that Synovia raises on purpose."""


class InputError(SynoviaError):
    """Something read from outside cannot be used as it stands.

    Parameters
    ----------
    faults : sequence of Fault
        All faults found, in reading order; nothing is hidden behind the first one.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class FormatError(InputError):
    """An export is not in a format that Synovia reads."""


class TableError(InputError):
    """A row of a table breaks the table's declaration."""


class ScaleError(InputError):
    """A number lies outside the scale it is reported on."""


class ProtocolError(InputError):
    """``review.toml`` asks for something that does not exist."""


class JournalError(SynoviaError):
    """The journal of human decisions cannot be used."""


class BrokenChain(JournalError):
    """A line of the journal was changed, removed or added out of order."""


class JournalConflict(JournalError):
    """Two journals have diverged."""


class UnreadableEvent(JournalError):
    """A line of the journal is not an event that this version knows."""


class UnrecordedEdits(JournalError):
    """An evidence table was edited and the edit is not yet in the journal."""


class StorageError(SynoviaError):
    """The disk refused: full, read-only, or taken away."""


class OrderViolation(SynoviaError):
    """A stage was asked for before what it needs."""


class SynthesisError(SynoviaError):
    """The model asked for cannot be fitted to these data."""


class TooFewStudies(SynthesisError):
    """Fewer estimates than the method needs."""


class CollinearModerators(SynthesisError):
    """Columns of the design that cannot be told apart."""


class NotPositiveDefinite(SynthesisError):
    """A covariance that no data could have."""


class MissingExtra(SynoviaError):
    """An optional dependency is not installed."""
