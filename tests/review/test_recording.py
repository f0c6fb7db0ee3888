"""Recording edits: one event each, acknowledged when on disk, finished after an interruption."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from synovia import journal
from synovia.errors import JournalConflict, UnrecordedEdits
from synovia.review.evidence import open_journal, pending_edits, read_evidence, write_evidence
from synovia.review.folder import Folder
from synovia.review.recording import describe, record_edits

MINI = Path(__file__).parents[1] / "golden" / "synthetic-mini-review"
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)


@pytest.fixture
def unrecorded(tmp_path: Path) -> Folder:
    """The mini-review with its tables and without a journal."""
    shutil.copytree(
        MINI, tmp_path / "mini", ignore=shutil.ignore_patterns("out", ".synovia", "journal.jsonl")
    )
    return Folder.at(tmp_path / "mini")


def test_every_row_becomes_one_event(unrecorded: Folder) -> None:
    with open_journal(unrecorded) as live:
        edits = pending_edits(unrecorded, live)
        assert record_edits(unrecorded, live, by="Ann", now=NOW) == len(edits) == len(live)
        assert pending_edits(unrecorded, live) == ()
        assert len(read_evidence(unrecorded, live).events) == len(edits)


def test_an_interrupted_import_is_finished_by_running_it_again(unrecorded: Folder) -> None:
    class PowerCutError(Exception):
        pass

    def cut(count: int) -> None:
        if count == 40:
            raise PowerCutError

    with open_journal(unrecorded) as live:
        total = len(pending_edits(unrecorded, live))
        with pytest.raises(PowerCutError):
            record_edits(unrecorded, live, by="Ann", now=NOW, on_recorded=cut)
        assert len(live) == 40
        assert record_edits(unrecorded, live, by="Ann", now=NOW) == total - 40
        live.verify()


def test_decisions_say_what_was_shown_and_what_they_supersede(unrecorded: Folder) -> None:
    table = unrecorded.root / "evidence" / "decisions.csv"
    with open_journal(unrecorded) as live:
        record_edits(unrecorded, live, by="Ann", now=NOW)
        text = table.read_text(encoding="utf-8")
        changed = text.replace(
            "embase-0001,title-abstract,Ann Synthetic,reviewer,include",
            "embase-0001,title-abstract,Ann Synthetic,reviewer,exclude",
        )
        table.write_text(changed.replace("exclude,,", "exclude,not a randomised trial,", 1), encoding="utf-8")
        assert record_edits(unrecorded, live, by="", now=NOW) == 1
        first = next(
            e for e in live.events() if isinstance(e, journal.Screened) and e.record_id == "embase-0001"
        )
        last = live.events()[-1]
        assert isinstance(last, journal.Screened)
        assert len(last.shown) == 64
        assert last.shown == first.shown
        assert last.supersedes == live.digests()[live.events().index(first)]
        assert last.by == "Ann Synthetic"


def test_a_clock_set_back_does_not_lose_a_correction(unrecorded: Folder) -> None:
    with open_journal(unrecorded) as live:
        record_edits(unrecorded, live, by="Zoe", now=NOW)
        table = unrecorded.root / "evidence" / "studies.csv"
        table.write_text(
            table.read_text(encoding="utf-8").replace("synthetic people", "other synthetic people"),
            encoding="utf-8",
        )
        record_edits(unrecorded, live, by="Ann", now=datetime(2020, 1, 1, tzinfo=UTC))
        assert pending_edits(unrecorded, live) == ()


def test_unrecorded_edits_are_named(unrecorded: Folder) -> None:
    with (
        open_journal(unrecorded) as live,
        pytest.raises(UnrecordedEdits, match=r"new row (.|\n)*synovia import"),
    ):
        read_evidence(unrecorded, live)


def test_journal_text_that_went_ahead_is_taken_over_and_a_fork_is_refused(
    unrecorded: Folder, tmp_path: Path
) -> None:
    with open_journal(unrecorded) as live:
        record_edits(unrecorded, live, by="Ann", now=NOW)
        write_evidence(unrecorded, live)
    shutil.copytree(unrecorded.root, tmp_path / "other")
    other = Folder.at(tmp_path / "other")
    table = other.root / "evidence" / "studies.csv"
    table.write_text(
        table.read_text(encoding="utf-8").replace("synthetic people", "more synthetic people"),
        encoding="utf-8",
    )
    with open_journal(other) as live:
        record_edits(other, live, by="Bob", now=NOW)
        write_evidence(other, live)
        ahead = len(live)
    shutil.copytree(other.root / "evidence", unrecorded.root / "evidence", dirs_exist_ok=True)
    with open_journal(unrecorded) as live:
        assert len(live) == ahead
        table = unrecorded.root / "evidence" / "studies.csv"
        table.write_text(
            table.read_text(encoding="utf-8").replace("more synthetic", "fewer synthetic"), encoding="utf-8"
        )
        record_edits(unrecorded, live, by="Ann", now=NOW)
    table = other.root / "evidence" / "studies.csv"
    table.write_text(
        table.read_text(encoding="utf-8").replace("more synthetic", "no synthetic"), encoding="utf-8"
    )
    with open_journal(other) as live:
        record_edits(other, live, by="Bob", now=NOW)
        write_evidence(other, live)
    shutil.copy(other.root / "evidence" / "journal.jsonl", unrecorded.root / "evidence" / "journal.jsonl")
    with pytest.raises(JournalConflict):
        open_journal(unrecorded)


def test_events_are_described_in_words(unrecorded: Folder) -> None:
    with open_journal(unrecorded) as live:
        record_edits(unrecorded, live, by="Ann", now=NOW)
        words = describe(live.events())
    assert words[0]["by"]
    assert all(word["about"] for word in words)
