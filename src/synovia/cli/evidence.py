"""``synovia import`` and ``synovia export``: evidence tables into the journal and out again."""

from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import Progress

from synovia.cli.output import emit, folder_argument, json_option
from synovia.review.evidence import open_journal, pending_edits, unrecorded, write_evidence
from synovia.review.folder import Folder
from synovia.review.recording import record_edits

__all__ = ["export_command", "import_command"]


@click.command("import")
@folder_argument
@click.option("--by", default="", help="Who entered the evidence; decisions carry their own reviewer.")
@click.option("--dry-run", is_flag=True, help="Only say what would be recorded.")
@json_option
def import_command(folder: str, by: str, dry_run: bool, as_json: bool) -> None:
    """Record in the journal what was edited in FOLDER/evidence/*.csv.

    Each change becomes one event, on disk before it is acknowledged. An interrupted import is finished by
    running it again: what is recorded already is not recorded twice.
    """
    place = Folder.at(folder)
    with open_journal(place) as live:
        edits = pending_edits(place, live)
        shown = [str(edit) for edit in edits]
        if dry_run:
            emit({"recorded": 0, "edits": shown}, "\n".join(shown) or "Nothing to record.", as_json=as_json)
            return
        if not by and any(edit.needs_name for edit in edits):
            raise click.UsageError('say who entered the evidence: --by "NAME"')
        now = datetime.now(UTC)
        with Progress(console=Console(stderr=True), transient=True, disable=as_json) as bar:
            task = bar.add_task("recording", total=len(edits))
            recorded = record_edits(
                place, live, by=by, now=now, on_recorded=lambda count: bar.update(task, completed=count)
            )
        write_evidence(place, live)
    events = "1 event" if recorded == 1 else f"{recorded} events"
    gone = sum(edit.after is None for edit in edits)
    rows = "1 row was" if gone == 1 else f"{gone} rows were"
    taken = f" {rows} taken out of evidence/; the journal keeps them." if gone else ""
    words = f"Recorded {events}; evidence/ and its journal are up to date.{taken}"
    emit({"recorded": recorded, "edits": shown}, words, as_json=as_json)


@click.command("export")
@folder_argument
@json_option
def export_command(folder: str, as_json: bool) -> None:
    """Write the journal as FOLDER/evidence/journal.jsonl and, beside it, the tables of the present state."""
    place = Folder.at(folder)
    with open_journal(place) as live:
        edits = pending_edits(place, live)
        if edits:
            raise unrecorded(edits)
        written = write_evidence(place, live)
        events = len(live)
    emit({"files": list(written), "events": events}, "\n".join(written), as_json=as_json)
