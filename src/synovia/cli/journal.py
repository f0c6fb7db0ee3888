"""``synovia journal``: verify the chain, read the log."""

import click

from synovia.cli.output import emit, folder_argument, json_option
from synovia.review.evidence import open_journal
from synovia.review.folder import Folder
from synovia.review.recording import describe

__all__ = ["journal_command"]


@click.group("journal")
def journal_command() -> None:
    """Look into the journal of human decisions."""


@journal_command.command("verify")
@folder_argument
@json_option
def verify_command(folder: str, as_json: bool) -> None:
    """Check that no line of the journal was changed, removed or added out of order."""
    with open_journal(Folder.at(folder)) as live:
        live.verify()
        count, head = len(live), live.head
    words = f"{count} events, chain intact, head {head[:12]}" if count else "The journal is empty."
    emit({"events": count, "head": head, "intact": True}, words, as_json=as_json)


@journal_command.command("log")
@folder_argument
@click.option(
    "--last",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many of the newest events to show; 0 shows all.",
)
@json_option
def log_command(folder: str, last: int, as_json: bool) -> None:
    """Show the newest events: who, when, what."""
    with open_journal(Folder.at(folder)) as live:
        events = describe(live.events()[-last:])
    words = "\n".join(f"{event['at']}  {event['by']}  {event['event']}  {event['about']}" for event in events)
    emit({"events": list(events)}, words or "The journal is empty.", as_json=as_json)
