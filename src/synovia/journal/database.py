"""The database file behind the journal: how it is made, opened, and how its refusals read."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from synovia.errors import JournalError, StorageError, SynoviaError

__all__ = ["connect", "plainly"]

_PATIENCE = 30.0
_APPLICATION = 0x53594E4F
_VERSION = 1
_SCHEMA = (
    """CREATE TABLE journal (
        seq INTEGER PRIMARY KEY,
        line TEXT NOT NULL CHECK (typeof(line) = 'text'),
        digest TEXT NOT NULL
    )""",
    """CREATE TRIGGER journal_is_never_updated BEFORE UPDATE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only: a line is never changed'); END""",
    """CREATE TRIGGER journal_is_never_deleted BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only: a line is never deleted'); END""",
    """CREATE TRIGGER journal_grows_at_its_end BEFORE INSERT ON journal
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM journal)
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only: a line is never replaced'); END""",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)

_PLAIN: tuple[tuple[str, type[SynoviaError], str], ...] = (
    ("SQLITE_FULL", StorageError, "the disk is full. Free some space and run the command again"),
    ("SQLITE_READONLY", StorageError, "it cannot be written: the file, its folder or the disk is read-only"),
    ("SQLITE_CANTOPEN", StorageError, "it cannot be opened: check that its folder exists and may be written"),
    ("SQLITE_IOERR", StorageError, "the disk did not answer. Check that it is still there and has space"),
    ("SQLITE_BUSY", JournalError, "another program holds it. Close that program and run the command again"),
    ("SQLITE_LOCKED", JournalError, "another program holds it. Close that program and run the command again"),
    (
        "SQLITE_NOTADB",
        JournalError,
        "it is not a journal. Move it away; it is restored from the exported text",
    ),
    (
        "SQLITE_CORRUPT",
        JournalError,
        "it is damaged. Move it away; it is restored from the exported text",
    ),
)


@contextmanager
def plainly(path: Path | str) -> Iterator[None]:
    """Say in plain words what SQLite refused, and what to do.

    Raises
    ------
    StorageError
        When the disk is full, read-only or gone.
    JournalError
        When the file is held, damaged, or no journal.

    Examples
    --------
    >>> with plainly("journal.sqlite"):
    ...     raise sqlite3.OperationalError("no such table: journal")
    Traceback (most recent call last):
    ...
    synovia.errors.JournalError: The journal journal.sqlite refused: no such table: journal.
    """
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        for prefix, kind, words in _PLAIN:
            if name.startswith(prefix):
                raise kind(
                    f"The journal {path}: {words} ({error}). What was acknowledged is kept."
                ) from error
        raise JournalError(f"The journal {path} refused: {error}.") from error


def connect(path: Path | str) -> sqlite3.Connection:
    """An open connection to the journal at a path, made when there is none; every commit reaches the disk.

    Raises
    ------
    StorageError, JournalError
        As `plainly`; a database that is not a journal is left as it is.

    Examples
    --------
    >>> connection = connect(":memory:")
    >>> connection.execute("SELECT count(*) FROM journal").fetchone()
    (0,)
    >>> connection.close()
    """
    with plainly(path):
        connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        with plainly(path):
            _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path | str) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    if not _look(connection, path):
        _use_write_ahead_log(connection)
        _create(connection, path)
    _use_write_ahead_log(connection)


def _look(connection: sqlite3.Connection, path: Path | str) -> bool:
    """Whether the file is a journal, all of it seen at one moment: another program may be making it."""
    connection.execute("BEGIN")
    try:
        return _is_journal(connection, path)
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _is_journal(connection: sqlite3.Connection, path: Path | str) -> bool:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == _APPLICATION and version > _VERSION:
        raise JournalError(f"The journal {path} was written by a newer Synovia. Bring Synovia up to date.")
    if application != _APPLICATION and (application or tables):
        raise JournalError(f"{path} is a database, but not a journal. Move it away, or name another file.")
    return bool(application == _APPLICATION)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for its turn when it changes the mode, so this does."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _create(connection: sqlite3.Connection, path: Path | str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _is_journal(connection, path):
            for statement in _SCHEMA:
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
