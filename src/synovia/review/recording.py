"""Record what people edited: one event for each row, on disk before it is acknowledged."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from synovia import journal, tables
from synovia.errors import Fault, TableError
from synovia.review.evidence import Edit, pending_edits
from synovia.review.exports import shown_records
from synovia.review.folder import Folder
from synovia.review.reading import read_protocol
from synovia.review.references import decision_faults
from synovia.tables import DECISIONS, MERGES, Row

__all__ = ["describe", "record_edits"]


def record_edits(
    folder: Folder,
    live: journal.Journal,
    *,
    by: str,
    now: datetime,
    on_recorded: Callable[[int], None] | None = None,
) -> int:
    """Bring the journal up to the tables on disk.

    Parameters
    ----------
    by : str
        Who entered rows of evidence; a decision carries its own reviewer.
    now : datetime
        Time of the events, with a time zone.
    on_recorded : callable, optional
        Called with the number of events recorded so far, each time one has reached the disk.

    Returns
    -------
    int
        Events recorded. Run again after an interruption, only the missing ones are.

    Raises
    ------
    TableError
        When any row is wrong: then nothing is recorded.
    """
    head = live.head
    edits = pending_edits(folder, live)
    shown = _screened(folder, edits)
    known = live.snapshot()
    events = [entry.event for entry in known]
    at = journal.stamp(now, max((event.at for event in events), key=journal.instant, default=""))
    new = [_event(edit, by=by, at=at, shown=shown) for edit in edits]
    count = 0

    def acknowledged(_: journal.Acknowledged) -> None:
        nonlocal count
        count += 1
        if on_recorded is not None:
            on_recorded(count)

    live.append_events(
        journal.name_superseded(new, events, [entry.digest for entry in known]),
        on_acknowledged=acknowledged,
        onto=head,
    )
    return count


def _screened(folder: Folder, edits: Sequence[Edit]) -> dict[str, str]:
    """Digests of the records that new decisions and merges are about, once both are known to be possible.

    A decision is never deleted, so a wrong one must be refused before it is recorded.
    """
    new = [edit for edit in edits if edit.after is not None and not edit.needs_name]
    if not new:
        return {}
    protocol = read_protocol(folder.read_text("review.toml") or "")
    shown, whole = shown_records(folder, protocol)
    rows = [Row(edit.line or 0, edit.after or {}) for edit in new if edit.table is DECISIONS]
    decisions = tables.parse(DECISIONS, rows, file="evidence/decisions.csv").frame_or_raise()
    faults = decision_faults(decisions, protocol, shown if whole else None)
    faults += [
        Fault(repr(edit.after[column]), "a record of searches/", edit.file, edit.line, column, "Correct it.")
        for edit in new
        if edit.table is MERGES and edit.after is not None and whole
        for column in ("record_id", "other_id")
        if edit.after[column] not in shown
    ]
    if faults:
        raise TableError(faults)
    return shown


def _event(edit: Edit, *, by: str, at: str, shown: Mapping[str, str]) -> journal.Event:
    row = edit.after
    if row is None:
        reason = f"row removed from {edit.file}"
        return journal.Withdrawn(by=by, at=at, table=edit.table.name, key=edit.key, reason=reason)
    if edit.table is DECISIONS:
        return _decision(row, at, shown.get(row["record_id"], ""))
    if edit.table is MERGES:
        kind = journal.Merged if row["decision"] == "merge" else journal.Split
        return kind(
            by=row["reviewer"],
            at=at,
            record_id=row["record_id"],
            other_id=row["other_id"],
            reason=row["reason"],
        )
    values = {name: text for name, text in row.items() if text}
    return journal.Entered(by=by, at=at, table=edit.table.name, key=edit.key, values=values)


def _decision(row: Mapping[str, str], at: str, shown: str) -> journal.Event:
    kind = journal.Adjudicated if row["role"] == "adjudicator" else journal.Screened
    return kind(
        by=row["reviewer"],
        at=at,
        shown=shown,
        record_id=row["record_id"],
        stage=row["stage"],
        verdict=row["verdict"],
        reason=row["reason"],
        note=row["note"],
    )


def describe(events: Sequence[journal.Event]) -> list[dict[str, str]]:
    """Who, when and what of each event, in plain words."""
    return [
        {
            "at": event.at,
            "by": event.by,
            "event": type(event).__name__,
            "about": " ".join(str(part) for part in _about(event)),
        }
        for event in events
    ]


def _about(event: journal.Event) -> Sequence[object]:
    match event:
        case journal.Screened() | journal.Adjudicated():
            return (event.record_id, event.stage, event.verdict, event.reason)
        case journal.Merged() | journal.Split():
            return (event.record_id, event.other_id, event.reason)
        case journal.Entered() | journal.Withdrawn():
            return (event.table, *event.key)
        case journal.Judged():
            return (event.study_id, event.outcome, event.domain, event.judgement)
        case journal.Amended():
            return (event.what,)
        case _:
            return ()
