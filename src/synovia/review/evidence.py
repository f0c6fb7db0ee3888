"""Evidence tables and the journal: what people edited, and the events that record it."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from synovia import formats, journal, tables
from synovia.errors import Fault, TableError, UnrecordedEdits
from synovia.review.exports import shown_records
from synovia.review.folder import Folder
from synovia.review.reading import read_protocol
from synovia.tables import DECISIONS, EVIDENCE, MERGES, Row, Table

__all__ = [
    "HUMAN_TABLES",
    "JOURNAL_TEXT",
    "Edit",
    "Evidence",
    "open_journal",
    "pending_edits",
    "read_evidence",
    "unrecorded",
    "write_evidence",
]

HUMAN_TABLES: tuple[Table, ...] = (DECISIONS, MERGES, *EVIDENCE)
"""Tables in ``evidence/`` that people may edit; the journal records every change."""

JOURNAL_TEXT = "evidence/journal.jsonl"

Rows = tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What people entered, as the journal holds it.

    Attributes
    ----------
    events : tuple of Event
        The journal.
    rows : mapping of str to tuple of Row
        Rows of each human table, with the lines on which a person sees them.
    head : str
        Digest of the journal's last line.
    """

    events: tuple[journal.Event, ...]
    rows: Mapping[str, Rows]
    head: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One row of one evidence table that differs from the journal."""

    table: Table
    key: tuple[str, ...]
    line: int | None
    before: Mapping[str, str] | None
    after: Mapping[str, str] | None

    @property
    def needs_name(self) -> bool:
        """Whether the row does not itself say who entered it, or took it out."""
        return self.table not in (DECISIONS, MERGES) or self.after is None

    @property
    def file(self) -> str:
        """File of the table, relative to the review folder."""
        return _file(self.table)

    def __str__(self) -> str:
        name = " ".join(self.key)
        if self.before is None:
            return f"{self.file}, line {self.line}: new row {name}"
        if self.after is None:
            return f"{self.file}: row {name} is gone"
        changes = [
            f"{column} {self.before.get(column, '')!r} -> {self.after.get(column, '')!r}"
            for column in self.table.names
            if self.before.get(column, "") != self.after.get(column, "")
        ]
        return f"{self.file}, line {self.line}: {name}: {', '.join(changes)}"


def open_journal(folder: Folder) -> journal.Journal:
    """The live journal, restored from or brought up to its text when that is ahead.

    Raises
    ------
    JournalConflict
        When the live journal and ``evidence/journal.jsonl`` have diverged.
    """
    folder.make_hidden()
    live = journal.Journal.open(folder.journal)
    text = folder.read_text(JOURNAL_TEXT)
    try:
        if text is not None and text != live.export_text():
            live.import_text(text)
    except BaseException:
        live.close()
        raise
    return live


def read_evidence(folder: Folder, live: journal.Journal) -> Evidence:
    """What people entered, refused when a table was edited and the edit is not recorded.

    Raises
    ------
    UnrecordedEdits
        Naming the first edits and the command that records them.
    """
    known = live.snapshot()
    events = tuple(entry.event for entry in known)
    on_disk = _on_disk(folder)
    edits = _find_edits(events, on_disk)
    if edits:
        raise unrecorded(edits)
    rows = {table.name: on_disk[table.name] or _journal_rows(events, table) for table in HUMAN_TABLES}
    return Evidence(events, rows, known[-1].digest if known else "")


def unrecorded(edits: Sequence[Edit]) -> UnrecordedEdits:
    """The error that names the first edits and the command that records them."""
    shown = "\n".join(f"  {edit}" for edit in edits[:5])
    more = f"\n  and {len(edits) - 5} more" if len(edits) > 5 else ""
    count = "1 edit" if len(edits) == 1 else f"{len(edits)} edits"
    return UnrecordedEdits(
        f"{count} in evidence/ not yet in the journal:\n{shown}{more}\n"
        'Record them with: synovia import FOLDER --by "YOUR NAME".'
    )


def pending_edits(folder: Folder, live: journal.Journal) -> tuple[Edit, ...]:
    """Every row that differs between the tables on disk and the journal, in reading order.

    Raises
    ------
    TableError
        When any row is wrong, or a row with a decision is gone: then nothing may be recorded.
    """
    on_disk = _on_disk(folder)
    faults = [
        fault
        for table in HUMAN_TABLES
        for fault in tables.parse(table, on_disk[table.name] or (), file=_file(table)).faults
    ]
    edits = _find_edits(live.events(), on_disk)
    faults += _deleted_decisions(folder, edits)
    if faults:
        raise TableError(faults)
    return edits


def _deleted_decisions(folder: Folder, edits: Sequence[Edit]) -> list[Fault]:
    """Decisions that are gone; one on a record that no export holds any more may go."""
    gone = [edit for edit in edits if edit.after is None and edit.table in (DECISIONS, MERGES)]
    if not gone:
        return []
    shown, whole = shown_records(folder, read_protocol(folder.read_text("review.toml") or ""))
    return [
        Fault(
            f"no row for {' '.join(edit.key)}",
            "the row",
            edit.file,
            advice="A decision is superseded, never deleted: put it back, or take its file away and run "
            "synovia export.",
        )
        for edit in gone
        if edit.table is MERGES or not whole or edit.key[0] in shown
    ]


def _find_edits(events: Sequence[journal.Event], on_disk: Mapping[str, Rows | None]) -> tuple[Edit, ...]:
    """Rows that differ; an absent file is no edit."""
    found: list[Edit] = []
    for table in HUMAN_TABLES:
        rows = on_disk[table.name]
        if rows is None:
            continue
        recorded = {
            _key(table, row.values): _clean(table, row.values) for row in _journal_rows(events, table)
        }
        present = {_key(table, row.values): row for row in rows}
        found += [
            Edit(table, key, row.line, recorded.get(key), _clean(table, row.values))
            for key, row in present.items()
            if recorded.get(key) != _clean(table, row.values)
        ]
        found += [
            Edit(table, key, None, before, None) for key, before in recorded.items() if key not in present
        ]
    return tuple(found)


def write_evidence(folder: Folder, live: journal.Journal) -> tuple[str, ...]:
    """Write the journal and every human table as text; returns the files written."""
    events = live.events()
    folder.write(JOURNAL_TEXT, live.export_text().encode())
    written = [JOURNAL_TEXT]
    for table in HUMAN_TABLES:
        rows = [row.values for row in _journal_rows(events, table)]
        name = _file(table)
        folder.write(name, formats.write_rows(table, rows).encode())
        written.append(name)
    return tuple(written)


def _journal_rows(events: Sequence[journal.Event], table: Table) -> Rows:
    if table is DECISIONS:
        return _numbered(journal.decisions(events).astype(str).to_dict(orient="records"))
    if table is MERGES:
        return _numbered(_pair_decisions(events))
    return journal.entered(events, table.name)


def _numbered(values: Iterable[Mapping[Hashable, str]]) -> Rows:
    return tuple(
        Row(line, {str(name): text for name, text in row.items()}) for line, row in enumerate(values, start=2)
    )


def _pair_decisions(events: Sequence[journal.Event]) -> list[dict[Hashable, str]]:
    latest = {
        journal.subject(event): event
        for event in journal.timeline(events)
        if isinstance(event, journal.Merged | journal.Split)
    }
    return [
        {
            "record_id": event.record_id,
            "other_id": event.other_id,
            "decision": "merge" if isinstance(event, journal.Merged) else "split",
            "reviewer": event.by,
            "reason": event.reason,
        }
        for event in latest.values()
    ]


def _on_disk(folder: Folder) -> dict[str, Rows | None]:
    found: dict[str, Rows | None] = {}
    for table in HUMAN_TABLES:
        data = folder.read(_file(table))
        found[table.name] = None if data is None else formats.read_rows(_file(table), data)
    return found


def _file(table: Table) -> str:
    return f"evidence/{table.name}.csv"


def _key(table: Table, values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(values.get(name, "").strip() for name in table.key)


def _clean(table: Table, values: Mapping[str, str]) -> dict[str, str]:
    return {name: values.get(name, "").strip() for name in table.names}
