import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from synovia.errors import JournalError, StorageError
from synovia.journal import Journal, Screened

VOTE = Screened("r1", "title-abstract", "include", by="ann", at="2025-03-01T09:30:00Z")


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user whom permissions bind, even where the tests run as root."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def may_write(folder: Path) -> bool:
    try:
        (folder / "probe").touch()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("holds_journal", [False, True])
def test_read_only_folder_is_said(holds_journal: bool) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "journal.sqlite"
        if holds_journal:
            with Journal.open(path) as journal:
                journal.append_event(VOTE)
            path.chmod(0o444)
        folder.chmod(0o555)
        try:
            with unprivileged():
                if may_write(folder):
                    pytest.skip("permissions do not bind this user")
                with pytest.raises(StorageError, match=r"cannot be (written|opened)"):
                    Journal.open(path).append_event(VOTE)
        finally:
            folder.chmod(0o755)


def test_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened: check that its folder exists"):
        Journal.open(tmp_path / "nowhere" / "journal.sqlite")


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"record_id,verdict\nr1,include\n" * 100)
    with pytest.raises(JournalError, match=r"it is not a journal\. Move it away"):
        Journal.open(path)
    assert path.read_bytes() == b"record_id,verdict\nr1,include\n" * 100


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE notes (text)")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="is a database, but not a journal"):
        Journal.open(path)
    assert path.read_bytes() == before


def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal.open(path).close()
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(JournalError, match="written by a newer Synovia"):
        Journal.open(path)


def test_damaged_pages_are_said(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.open(path) as journal:
        journal.append_events([VOTE] * 100)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(bytes(data))
    with pytest.raises(JournalError, match=r"it is damaged\. Move it away"), Journal.open(path) as journal:
        journal.lines()


def test_a_held_journal_is_said(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.open(path) as journal, Journal.open(path) as other:
        other._connection.execute("BEGIN IMMEDIATE")
        journal._connection.execute("PRAGMA busy_timeout = 10")
        with pytest.raises(JournalError, match="another program holds it"):
            journal.append_event(VOTE)
        other._connection.execute("ROLLBACK")
        journal.append_event(VOTE)
