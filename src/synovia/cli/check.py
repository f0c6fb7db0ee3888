"""``synovia check``."""

import dataclasses
import sys

import click

from synovia.cli.output import emit, folder_argument, json_option
from synovia.review.checking import check_review
from synovia.review.folder import Folder

__all__ = ["check_command"]


@click.command("check")
@folder_argument
@json_option
def check_command(folder: str, as_json: bool) -> None:
    """Check a review: protocol, journal, exports, evidence tables, numbers, and the flow of records.

    Exit code 1 when anything must be mended; cautions do not change the exit code.
    """
    findings = check_review(Folder.at(folder))
    wrong = [finding for finding in findings if finding.severity == "error"]
    words = "\n".join(str(finding) for finding in findings)
    tail = f"{len(wrong)} to mend, {len(findings) - len(wrong)} to know."
    emit(
        {"errors": len(wrong), "findings": [dataclasses.asdict(finding) for finding in findings]},
        f"{words}\n{tail}" if findings else "Nothing to mend.",
        as_json=as_json,
    )
    if wrong:
        sys.exit(1)
