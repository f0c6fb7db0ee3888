"""``synovia report``."""

import click

from synovia.cli.output import emit, folder_argument, json_option, out_option
from synovia.review.folder import Folder
from synovia.review.results import produce

__all__ = ["report_command"]


@click.command("report")
@folder_argument
@out_option
@json_option
def report_command(folder: str, out: str | None, as_json: bool) -> None:
    """Write FOLDER/out/report.html and the tables again, even when nothing changed; prints where they are."""
    results = produce(Folder.at(folder, out=out), rewrite=True)
    emit({"report": str(results.report), "files": list(results.files)}, str(results.report), as_json=as_json)
