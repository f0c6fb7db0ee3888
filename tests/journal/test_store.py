import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import (
    BrokenChain,
    InputError,
    JournalConflict,
    StorageError,
    SynoviaError,
    UnreadableEvent,
)
from synovia.journal import Acknowledged, Entered, Event, Journal, Merged, Screened, Split, first_break, seal

AT = "2025-03-01T09:30:00Z"
VOTES = [Screened(f"r{i}", "title-abstract", "include", by="ann", at=AT) for i in range(5)]
TEXT = "".join(f"{line}\n" for line in seal(VOTES))

texts = st.text()
names = st.text(min_size=1).filter(lambda text: bool(text.strip()))
any_event: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        Screened,
        names,
        st.sampled_from(["title-abstract", "full-text"]),
        st.sampled_from(["include", "exclude"]),
        texts,
        texts,
        by=names,
        at=st.just(AT),
        shown=texts,
    ),
    st.builds(Merged, names, names, texts, by=names, at=st.just(AT)),
    st.builds(
        Entered,
        names,
        st.lists(texts, min_size=1, max_size=3).map(tuple),
        st.dictionaries(texts, texts, max_size=4),
        by=names,
        at=st.just(AT),
    ),
)


def test_events_come_back_as_they_went_in(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.open(path) as journal:
        assert (len(journal), journal.head, journal.events(), journal.export_text()) == (0, "", (), "")
        digests = journal.append_events(VOTES)
        assert journal.append_event(VOTES[0]) == journal.head
    with Journal.open(path) as journal:
        assert journal.events() == (*VOTES, VOTES[0])
        assert journal.digests() == (*digests, journal.head)
        assert len(journal) == 6
        assert list(journal.lines()) == list(seal([*VOTES, VOTES[0]]))
        journal.verify()


def test_durable_settings(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        settings = {
            name: journal._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_each_event_is_on_disk_when_it_is_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    seen: list[tuple[int, int]] = []

    def look(acknowledged: Acknowledged) -> None:
        other = sqlite3.connect(path)
        count, digest = other.execute("SELECT count(*), max(digest) FILTER (WHERE seq = ?) FROM journal", [
            acknowledged.number
        ]).fetchone()  # fmt: skip
        other.close()
        assert digest == acknowledged.digest
        assert acknowledged.event == VOTES[acknowledged.number - 1]
        seen.append((acknowledged.number, count))

    with Journal.open(path) as journal:
        journal.append_events(VOTES, on_acknowledged=look)
    assert seen == [(number, number) for number in range(1, 6)]


def test_what_was_acknowledged_before_a_failure_stays(tmp_path: Path) -> None:
    def failing() -> list[Event]:
        return [*VOTES[:2], None]  # type: ignore[list-item]  # something that is no event

    with Journal.open(tmp_path / "journal.sqlite") as journal:
        with pytest.raises(TypeError):
            journal.append_events(failing())
        assert journal.events() == tuple(VOTES[:2])
        journal.append_event(VOTES[2])
        assert journal.export_text() == "".join(TEXT.splitlines(keepends=True)[:3])


@given(st.lists(any_event, max_size=5))
def test_round_trip_is_byte_identical(events: list[Event]) -> None:
    with Journal.open(":memory:") as journal, Journal.open(":memory:") as other:
        journal.append_events(events)
        text = journal.export_text()
        data = text.encode("utf-8")
        assert other.import_text(data.decode("utf-8")) == len(events)
        assert other.export_text().encode("utf-8") == data
        assert other.events() == tuple(events)
        assert other.head == journal.head
        assert data.count(b"\n") == len(events)


def test_half_a_character_never_reaches_the_journal() -> None:
    with pytest.raises(InputError, match="half of a character"):
        Screened("r1", "full-text", "exclude", note="\udc80", by="ann", at=AT)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE journal SET line = 'x' WHERE seq = 2", "never changed"),
        ("UPDATE OR REPLACE journal SET seq = 1 WHERE seq = 2", "never changed"),
        ("DELETE FROM journal WHERE seq = 5", "never deleted"),
        ("DELETE FROM journal", "never deleted"),
        ("INSERT OR REPLACE INTO journal VALUES (2, 'x', 'y')", "never replaced"),
        ("INSERT INTO journal VALUES (9, 'x', 'y')", "never replaced"),
        ("INSERT INTO journal (line, digest) VALUES ('x', 'y')", "never replaced"),
        ("INSERT INTO journal VALUES (6, x'00', 'y')", "CHECK constraint failed"),
    ],
)
def test_the_database_itself_is_append_only(tmp_path: Path, statement: str, words: str) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.open(path) as journal:
        journal.append_events(VOTES)
    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match=words):
        raw.execute(statement)
    raw.close()
    with Journal.open(path) as journal:
        assert journal.export_text() == TEXT


@pytest.mark.parametrize("place", range(1, 6))
def test_a_line_forged_past_the_triggers_is_found(tmp_path: Path, place: int) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.open(path) as journal:
        journal.append_events(VOTES)
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER journal_is_never_updated")
    raw.execute("UPDATE journal SET line = replace(line, 'include', 'exclude') WHERE seq = ?", [place])
    raw.commit()
    raw.close()
    with Journal.open(path) as journal, pytest.raises(BrokenChain, match=f"line {place} was changed"):
        journal.verify()


def test_import_carries_an_older_journal_forward() -> None:
    with Journal.open(":memory:") as journal:
        assert journal.import_text("".join(TEXT.splitlines(keepends=True)[:2])) == 2
        assert journal.import_text(TEXT) == 3
        assert journal.import_text(TEXT) == 0
        assert journal.export_text() == TEXT


def test_import_of_an_older_export_changes_nothing() -> None:
    with Journal.open(":memory:") as journal:
        journal.append_events(VOTES)
        assert journal.import_text("".join(TEXT.splitlines(keepends=True)[:2])) == 0
        assert journal.import_text("") == 0
        assert journal.export_text() == TEXT


def test_import_accepts_a_lost_last_line_feed() -> None:
    with Journal.open(":memory:") as journal:
        assert journal.import_text(TEXT[:-1]) == 5
        assert journal.export_text() == TEXT


def test_import_of_a_diverged_journal_is_refused() -> None:
    with Journal.open(":memory:") as journal:
        journal.append_events([*VOTES[:2], Split("r1", "r2", by="bob", at=AT)])
        before = journal.export_text()
        with pytest.raises(
            JournalConflict, match=r"differ from line 3 on: .*Split.*Screened.*Nothing was imported"
        ):
            journal.import_text(TEXT)
        assert journal.export_text() == before


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (TEXT[:-20], BrokenChain, "line 5 is not JSON: it was cut short"),
        (TEXT.replace("r2", "r9"), BrokenChain, "line 3 was changed"),
        (TEXT.replace("\n", "\r\n"), BrokenChain, "line 1 ends in a carriage return"),
        ("\ufeff" + TEXT, BrokenChain, "line 1 is not JSON"),
        ("\n" + TEXT, BrokenChain, "line 1 is not JSON"),
        (
            TEXT.replace("Screened", "Guessed").splitlines()[0],
            UnreadableEvent,
            "Line 1 of the journal: .*'Guessed'",
        ),
    ],
)
def test_damaged_text_is_refused_whole(text: str, error: type[Exception], words: str) -> None:
    with Journal.open(":memory:") as journal:
        with pytest.raises(error, match=words):
            journal.import_text(text)
        assert len(journal) == 0


def test_event_of_a_newer_version_is_named_by_line() -> None:
    with Journal.open(":memory:") as journal:
        journal.append_events(VOTES[:2])
        line = next(seal([VOTES[2]], journal.head)).replace("Screened", "Dreamt")
        journal._connection.execute("INSERT INTO journal VALUES (3, ?, 'd')", [line])
        with pytest.raises(UnreadableEvent, match="Line 3 of the journal: found an event of kind 'Dreamt'"):
            journal.events()


def test_full_disk_loses_nothing_acknowledged(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
        journal._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        acknowledged: list[str] = []
        many = [Screened(f"r{i}", "full-text", "include", by="ann", at=AT) for i in range(500)]
        with pytest.raises(StorageError, match=r"the disk is full\. Free some space"):
            journal.append_events(many, on_acknowledged=lambda done: acknowledged.append(done.digest))
        assert 0 < len(acknowledged) < 500
        assert list(journal.digests()) == acknowledged
        journal.verify()
        with pytest.raises(StorageError, match="the disk is full"):
            journal.import_text("".join(f"{line}\n" for line in seal(many)))
        assert list(journal.digests()) == acknowledged
        journal._connection.execute("PRAGMA max_page_count = 100000")
        journal.append_events(many[len(acknowledged) :])
        assert journal.events() == tuple(many)


def test_refused_write_says_read_only(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        journal._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(StorageError, match="read-only"):
            journal.append_event(VOTES[0])


APPENDER = """
import sys
import threading
from synovia.journal import Journal, Screened
path, who = sys.argv[1:]
votes = (Screened(f"r{i}", "full-text", "include", by=who, at="2025-03-01T09:30:00Z") for i in range(150))
with Journal.open(path) as journal:
    journal.append_events(votes)
"""


def test_processes_that_append_at_once_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    people = ("ann", "bob", "cat")
    running = [
        subprocess.Popen([sys.executable, "-c", APPENDER, str(path), who], stderr=subprocess.PIPE)
        for who in people
    ]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    with Journal.open(path) as journal:
        journal.verify()
        assert first_break(journal.lines()) is None
        events = journal.events()
    for who in people:
        mine = [event.record_id for event in events if isinstance(event, Screened) and event.by == who]
        assert mine == [f"r{i}" for i in range(150)]


def test_what_another_program_recorded_meanwhile_is_not_recorded_twice(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as here, Journal.open(tmp_path / "j") as there:
        head = here.head
        there.append_events(VOTES[:2], onto=head)
        with pytest.raises(JournalConflict, match="at the same time"):
            here.append_events(VOTES, onto=head)
        assert len(here) == 2
        assert len(here.append_events(VOTES[2:], onto=here.head)) == 3
        here.verify()


def test_a_journal_may_be_made_by_several_at_once(tmp_path: Path) -> None:
    """Half made by one, it must not look like a strange database to another: that was so in 1 of 8 openings."""
    refused: list[Exception] = []

    def open_one(path: Path, gate: threading.Barrier) -> None:
        gate.wait()
        try:
            Journal.open(path).close()
        except SynoviaError as problem:
            refused.append(problem)

    for round_ in range(20):
        path, gate = tmp_path / f"{round_}.sqlite", threading.Barrier(6)
        crowd = [threading.Thread(target=open_one, args=(path, gate)) for _ in range(6)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
    assert refused == []
