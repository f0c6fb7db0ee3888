"""Where events live: an append-only table in SQLite, durable before it is acknowledged."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from synovia.errors import (
    BrokenChain,
    JournalConflict,
    UnreadableEvent,
)
from synovia.journal.chain import Break, read_line, seal_event, split_lines, verify
from synovia.journal.database import connect, plainly
from synovia.journal.event import Event
from synovia.tables.digest import of_text

__all__ = ["Acknowledged", "Journal"]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An event that is on disk.

    Attributes
    ----------
    number : int
        Line of the journal, counted from 1.
    digest : str
        Digest of that line.
    event : Event
        What it says.
    """

    number: int
    digest: str
    event: Event


class Journal:
    """The journal of one review.

    Every event is committed, and has reached the disk, before it is acknowledged. Two processes that append
    at the same time still make one chain.

    Examples
    --------
    >>> from synovia.journal import Journal, Merged
    >>> with Journal.open(":memory:") as journal:
    ...     digest = journal.append_event(Merged("r1", "r2", by="ann", at="2025-03-01T09:30:00Z"))
    ...     len(journal), journal.head == digest
    (1, True)
    """

    __slots__ = ("_connection", "path")

    def __init__(self, connection: sqlite3.Connection, path: Path | str) -> None:
        self._connection = connection
        self.path = path

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open the journal at a path, making it when there is none.

        Raises
        ------
        StorageError
            When the file cannot be made or written.
        JournalError
            When the file is damaged, is not a journal, or was written by a newer Synovia.
        """
        return cls(connect(path), path)

    def close(self) -> None:
        """Close the file."""
        with plainly(self.path):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._column("SELECT seq FROM journal"))

    def _column(self, query: str) -> list[str]:
        with plainly(self.path):
            return [row[0] for row in self._connection.execute(query)]

    @property
    def head(self) -> str:
        """Digest of the last line; empty when there is none."""
        return next(iter(self._column("SELECT digest FROM journal ORDER BY seq DESC LIMIT 1")), "")

    def lines(self) -> tuple[str, ...]:
        """Every line, oldest first."""
        return tuple(self._column("SELECT line FROM journal ORDER BY seq"))

    def digests(self) -> tuple[str, ...]:
        """Digest of every line, oldest first."""
        return tuple(self._column("SELECT digest FROM journal ORDER BY seq"))

    def events(self) -> tuple[Event, ...]:
        """Every event, oldest first.

        Raises
        ------
        UnreadableEvent
            Naming the first line that this version cannot read.
        """
        return tuple(_read(number, line) for number, line in enumerate(self.lines(), start=1))

    def snapshot(self) -> tuple[Acknowledged, ...]:
        """Every event with its line's digest as they stand at one moment, oldest first.

        Other programs may append meanwhile; what is returned is a whole beginning of the journal.

        Raises
        ------
        UnreadableEvent
            Naming the first line that this version cannot read.
        """
        return tuple(
            Acknowledged(number, digest, _read(number, line))
            for number, (line, digest) in enumerate(self._rows(), start=1)
        )

    def _rows(self) -> list[tuple[str, str]]:
        with plainly(self.path):
            found = self._connection.execute("SELECT line, digest FROM journal ORDER BY seq")
            return [(str(line), str(digest)) for line, digest in found]

    def verify(self) -> None:
        """Make sure that no line was changed, removed, added or moved, the last one included.

        Raises
        ------
        BrokenChain
            Naming the first line that does not fit.
        """
        rows = self._rows()
        for number, (line, digest) in enumerate(rows, start=1):
            if of_text(line) != digest:
                raise BrokenChain(
                    _altered(Break(number, "its text does not have the digest it was stored with"))
                )
        verify([line for line, _ in rows], head=rows[-1][1] if rows else "")

    def append_event(self, event: Event) -> str:
        """Record one event; when this returns, the event is on disk.

        Returns
        -------
        str
            Digest of its line.

        Raises
        ------
        StorageError
            When the disk is full, read-only or gone; the event is then not recorded.
        JournalError
            When another program held the journal for longer than thirty seconds.
        """
        return self._append(event).digest

    def append_events(
        self,
        events: Iterable[Event],
        on_acknowledged: Callable[[Acknowledged], object] | None = None,
        *,
        onto: str | None = None,
    ) -> tuple[str, ...]:
        """Record events one by one, each on disk before the next is begun.

        Parameters
        ----------
        events : iterable of Event
            In the order in which they were decided.
        on_acknowledged : callable, optional
            Called with each `Acknowledged` event once it is on disk.
        onto : str, optional
            Digest of the line that the first event must follow, empty for none; every other must follow the
            one before, so that what another program records meanwhile is never recorded twice.

        Returns
        -------
        tuple of str
            Digests of the lines.

        Raises
        ------
        StorageError, JournalError
            As `append_event`; the events acknowledged before stay.
        JournalConflict
            When another program recorded something after ``onto``.
        """
        digests = []
        for event in events:
            acknowledged = self._append(event, onto)
            digests.append(acknowledged.digest)
            onto = None if onto is None else acknowledged.digest
            if on_acknowledged is not None:
                on_acknowledged(acknowledged)
        return tuple(digests)

    def _append(self, event: Event, onto: str | None = None) -> Acknowledged:
        with self._writing() as cursor:
            number, head = _end(cursor)
            if onto is not None and head != onto:
                raise JournalConflict(
                    "Another program recorded something in this journal at the same time. What was "
                    "acknowledged is kept; run the command again to record the rest."
                )
            line = seal_event(event, head)
            digest = _insert(cursor, number + 1, line)
        return Acknowledged(number + 1, digest, event)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        with plainly(self.path):
            cursor = self._connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    cursor.execute("ROLLBACK")
                raise

    def export_text(self) -> str:
        """The whole journal as text: one event per line, in UTF-8, each line ended by a line feed."""
        return "".join(f"{line}\n" for line in self.lines())

    def import_text(self, text: str) -> int:
        """Restore an exported journal, byte for byte, all of it or nothing.

        Lines already here are left as they are, so that an interrupted import can be finished and a newer
        export of the same journal carries this one forward.

        Parameters
        ----------
        text : str
            What `export_text` gave.

        Returns
        -------
        int
            How many lines were added.

        Raises
        ------
        BrokenChain
            When the text was changed after it was exported.
        UnreadableEvent
            When a line is not an event that this version knows.
        JournalConflict
            When a line differs from the one here.
        """
        lines = split_lines(text)
        verify(lines)
        for number, line in enumerate(lines, start=1):
            _read(number, line)
        with self._writing() as cursor:
            present = [row[0] for row in cursor.execute("SELECT line FROM journal ORDER BY seq")]
            _refuse_divergence(present, lines)
            for number, line in enumerate(lines[len(present) :], start=len(present) + 1):
                _insert(cursor, number, line)
        return max(len(lines) - len(present), 0)


def _end(cursor: sqlite3.Cursor) -> tuple[int, str]:
    row = cursor.execute("SELECT seq, digest FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    return (row[0], row[1]) if row else (0, "")


def _insert(cursor: sqlite3.Cursor, number: int, line: str) -> str:
    digest = of_text(line)
    cursor.execute("INSERT INTO journal (seq, line, digest) VALUES (?, ?, ?)", (number, line, digest))
    return digest


def _read(number: int, line: str) -> Event:
    try:
        return read_line(line)
    except UnreadableEvent as error:
        raise UnreadableEvent(f"Line {number} of the journal: {error}") from error


def _altered(found: Break) -> str:
    return (
        f"The journal is broken: line {found.line_number} was changed, {found.reason}. "
        "Move the database away and import the exported text again."
    )


def _refuse_divergence(present: list[str], lines: list[str]) -> None:
    for number, (here, there) in enumerate(zip(present, lines, strict=False), start=1):
        if here != there:
            raise JournalConflict(
                f"The two journals differ from line {number} on: here it is {here[:120]!r}, "
                f"in the text {there[:120]!r}. Nothing was imported; keep one of the two, "
                "and enter the other's decisions after that line again."
            )
