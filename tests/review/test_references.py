"""Names used in one table and declared nowhere are told, with file, line and column."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from synovia import journal
from synovia.errors import InputError, TableError
from synovia.review.evidence import open_journal, pending_edits, write_evidence
from synovia.review.folder import Folder
from synovia.review.recording import record_edits
from synovia.review.run import derive

MINI = Path(__file__).parents[1] / "golden" / "synthetic-mini-review"
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
ARM = "synthetic-ames,active,ha,ha,,,,,,10.5555/synthetic.001,Table 2,,"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    shutil.copytree(MINI, tmp_path / "mini", ignore=shutil.ignore_patterns("out", ".synovia"))
    return Folder.at(tmp_path / "mini")


def add(table: str, row: str) -> Callable[[Folder], None]:
    def edit(folder: Folder) -> None:
        file = folder.root / "evidence" / f"{table}.csv"
        columns = file.read_text(encoding="utf-8").split("\n", 1)[0].count(",")
        with file.open("a", encoding="utf-8") as end:
            end.write(row + "," * (columns - row.count(",")) + "\n")

    return edit


def part_of(whole: str) -> Callable[[Folder], None]:
    def edit(folder: Folder) -> None:
        file = folder.root / "evidence" / "arms.csv"
        text = file.read_text(encoding="utf-8")
        assert ARM in text
        new = ARM.replace(",,,,,,10", f",,,,,{whole},10")
        file.write_text(text.replace(ARM, new), encoding="utf-8")

    return edit


def record(folder: Folder) -> None:
    with open_journal(folder) as live:
        record_edits(folder, live, by="Ann", now=NOW)
        write_evidence(folder, live)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (add("links", "embase-0003,report,nowhere"), "links.csv, line 12, column study_id: found 'nowhere'"),
        (add("links", "zork-1,report,synthetic-ames"), "links.csv, line 12, column record_id: found 'zork-1'"),
        (add("arms", "nowhere,a,a,ha,,,,,,s,l"), "column study_id: found 'nowhere'; wanted a study"),
        (add("contrasts", "nowhere,a,b,pain,m,,t,,,,,,,,,s,l"), "contrasts.csv, line 2, column study_id"),
        (add("contrasts", "synthetic-ames,active,zork,pain,m,,t,,,,,,,,,s,l"), "column comparator_id: found 'zork'"),
        (add("contrasts", "synthetic-ames,active,saline,zork,m,,t,,,,,,,,,s,l"), "column outcome: found 'zork'"),
        (add("findings", "nowhere,in vivo,d,benefit,f,s,l"), "findings.csv, line 2, column study_id"),
        (add("preparations", "nowhere,a,b" + "," * 17 + "s,l"), "preparations.csv, line 2, column study_id"),
        (part_of("zork"), "column part_of: found 'zork'; wanted an arm of synthetic-ames that is itself no"),
        (part_of("active"), "column part_of: found 'active'"),
    ],
)  # fmt: skip
def test_a_name_declared_nowhere_is_told(folder: Folder, edit: Callable[[Folder], None], told: str) -> None:
    edit(folder)
    record(folder)
    with pytest.raises(InputError) as caught:
        derive(folder)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("table", "row", "told"),
    [
        ("decisions", "zork-1,full-text,Ann,reviewer,include", "line 94, column record_id: found 'zork-1'"),
        ("decisions", "embase-0001,full-text,Cee,reviewer,exclude,dunno", "column reason: found 'dunno'"),
        ("decisions", "embase-0001,title-abstract,Cee,reviewer,not retrieved", "only at full text"),
        ("merges", "embase-0001,zork-1,merge,Ann,same", "line 2, column other_id: found 'zork-1'"),
    ],
)
def test_a_wrong_decision_is_refused_before_it_can_never_be_taken_back(
    folder: Folder, table: str, row: str, told: str
) -> None:
    add(table, row)(folder)
    with open_journal(folder) as live:
        before = len(live)
        with pytest.raises(TableError) as caught:
            record_edits(folder, live, by="Ann", now=NOW)
        assert len(live) == before
    assert told in str(caught.value)


def test_a_decision_on_a_record_that_is_gone_may_be_taken_out(folder: Folder) -> None:
    """Recorded with an export that was later replaced: the review must not be stuck with it."""
    with open_journal(folder) as live:
        live.append_event(
            journal.Screened("zork-1", "full-text", "include", by="Ann", at="2026-02-01T12:00:00Z")
        )
        write_evidence(folder, live)
    with pytest.raises(TableError, match="found 'zork-1'; wanted a record of searches/"):
        derive(folder)
    table = folder.root / "evidence" / "decisions.csv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(line for line in lines if "zork" not in line), encoding="utf-8")
    record(folder)
    assert "zork-1" not in set(derive(folder).frames["decisions"]["record_id"])


def test_any_other_decision_stays(folder: Folder) -> None:
    table = folder.root / "evidence" / "decisions.csv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(lines[:1] + lines[2:]), encoding="utf-8")
    with open_journal(folder) as live, pytest.raises(TableError, match="superseded, never deleted"):
        pending_edits(folder, live)
