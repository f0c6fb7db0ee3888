from synovia.journal import Edits, Entered, Merged, Screened, Withdrawn, edits, entered, name_superseded
from synovia.tables import LINKS, Row

AT = "2025-03-01T09:30:00Z"


def enter(key: str, report: str) -> Entered:
    return Entered("links", (key,), {"record_id": key, "report_id": report}, by="ann", at=AT)


EVENTS = [enter("r1", "p1"), enter("r2", "p2"), enter("r3", "p3")]


def test_untouched_table_has_no_edits() -> None:
    assert not edits(EVENTS, LINKS, entered(EVENTS, "links"))
    assert edits([], LINKS, []) == Edits((), (), ())


def test_added_changed_and_removed_rows_are_told_apart() -> None:
    rows = [
        Row(2, {"record_id": "r4", "report_id": "p4"}),
        Row(3, {"record_id": "r1", "report_id": "p1 "}),
        Row(4, {"record_id": "r2", "report_id": "p2", "study_id": ""}),
    ]
    found = edits(EVENTS, LINKS, rows)
    assert (found.added, found.changed, found.removed) == ((rows[0],), (rows[1],), (("r3",),))
    assert found


def test_withdrawn_row_counts_as_new_again() -> None:
    events = [*EVENTS, Withdrawn("links", ("r3",), by="ann", at=AT)]
    found = edits(events, LINKS, entered(EVENTS, "links"))
    assert [row.values["record_id"] for row in found.added] == ["r3"]


def test_recording_the_edits_leaves_none() -> None:
    rows = [Row(2, {"record_id": "r2", "report_id": "p9"}), Row(3, {"record_id": "r5", "report_id": "p5"})]
    found = edits(EVENTS, LINKS, rows)
    recorded = [
        *EVENTS,
        *(enter(row.values["record_id"], row.values["report_id"]) for row in found.added + found.changed),
        *(Withdrawn("links", key, by="ann", at=AT) for key in found.removed),
    ]
    assert not edits(recorded, LINKS, rows)


def test_new_events_name_the_line_they_supersede() -> None:
    recorded = [enter("r1", "p1"), enter("r2", "p2"), enter("r1", "p3")]
    new = [
        enter("r1", "p4"),
        Withdrawn("links", ("r2",), by="bob", at=AT),
        enter("r9", "p9"),
        Screened("r1", "full-text", "include", by="ann", at=AT),
        Merged("r1", "r2", by="ann", at=AT, supersedes="given"),
    ]
    named = name_superseded(new, recorded, ["d1", "d2", "d3"])
    assert [event.supersedes for event in named] == ["d3", "d2", "", "", "given"]
