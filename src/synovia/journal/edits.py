"""What a person changed in an evidence table since the journal last recorded it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from synovia.journal.event import Event
from synovia.journal.fold import entered, subject
from synovia.tables import Row, Table

__all__ = ["Edits", "edits", "name_superseded", "row_key"]

AnyEvent = TypeVar("AnyEvent", bound=Event)


@dataclass(frozen=True, slots=True)
class Edits:
    """The difference between a table in hand and the same table in the journal.

    Attributes
    ----------
    added : tuple of Row
        Rows whose key the journal does not hold, in the table's order.
    changed : tuple of Row
        Rows that read otherwise than the journal has them.
    removed : tuple of tuple of str
        Keys of rows that the journal holds and the table no longer does.
    """

    added: tuple[Row, ...]
    changed: tuple[Row, ...]
    removed: tuple[tuple[str, ...], ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def row_key(table: Table, row: Row) -> tuple[str, ...]:
    """The values that name a row, without surrounding spaces.

    Examples
    --------
    >>> from synovia.tables import LINKS
    >>> row_key(LINKS, Row(2, {"record_id": " r1 "}))
    ('r1',)
    """
    return tuple(row.values.get(name, "").strip() for name in table.key)


def edits(events: Iterable[Event], table: Table, rows: Iterable[Row]) -> Edits:
    """What of a table's rows the journal does not hold yet.

    Texts are compared exactly as typed; a column that is absent counts as empty. Two rows of one key are for
    `synovia.tables.parse` to refuse beforehand; here the later one counts.

    Parameters
    ----------
    events : iterable of Event
        The journal.
    table : Table
        The declaration, for its name and its key.
    rows : iterable of Row
        The table as it stands in the file.

    Examples
    --------
    >>> from synovia.tables import LINKS
    >>> found = edits([], LINKS, [Row(2, {"record_id": "r1", "report_id": "p1"})])
    >>> len(found.added), len(found.changed), len(found.removed)
    (1, 0, 0)
    """
    known = {row_key(table, row): _filled(row.values) for row in entered(events, table.name)}
    present = {row_key(table, row): row for row in rows}
    return Edits(
        added=tuple(row for key, row in present.items() if key not in known),
        changed=tuple(
            row for key, row in present.items() if key in known and _filled(row.values) != known[key]
        ),
        removed=tuple(key for key in known if key not in present),
    )


def _filled(values: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in values.items() if text}


def name_superseded(
    new: Iterable[AnyEvent], recorded: Iterable[Event], digests: Iterable[str]
) -> list[AnyEvent]:
    """New events, each naming the line whose place it takes: the latest about the same subject.

    Parameters
    ----------
    new : iterable of Event
        Events to append; one that names a line already is left as it is. The second of two new events about
        one subject names the line that the first does, for the first has no line yet.
    recorded, digests : iterable
        The journal's events and the digests of their lines, in the same order.

    Examples
    --------
    >>> from synovia.journal import Screened
    >>> first = Screened("r1", "full-text", "exclude", by="ann", at="2025-03-01T09:30:00Z")
    >>> second = Screened("r1", "full-text", "include", by="ann", at="2025-03-01T09:31:00Z")
    >>> name_superseded([second], [first], ["5d41"])[0].supersedes
    '5d41'
    """
    latest = {subject(event): digest for event, digest in zip(recorded, digests, strict=True)}
    return [
        event if event.supersedes else replace(event, supersedes=latest.get(subject(event), ""))
        for event in new
    ]
