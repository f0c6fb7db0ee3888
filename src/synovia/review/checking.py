"""Check a review: everything that can be said about it without drawing a conclusion."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from synovia import report
from synovia.errors import InputError, SynoviaError
from synovia.review.answer import gather_content, number_cautions, unreported_outcomes
from synovia.review.evidence import JOURNAL_TEXT, open_journal
from synovia.review.folder import Folder
from synovia.review.run import Derived, derive, load_protocol

__all__ = ["Finding", "check_review"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    Attributes
    ----------
    check : str
        What was checked: protocol, journal, chain, numbers, outcomes, flow, exports.
    severity : {"error", "caution"}
        An error must be mended before the review can be run; a caution must be known.
    sentence : str
        What was found, where, what was wanted, what to do.
    """

    check: str
    severity: Literal["error", "caution"]
    sentence: str

    def __str__(self) -> str:
        return f"{'ERROR' if self.severity == 'error' else 'note'} ({self.check}) {self.sentence}"


def check_review(folder: Folder) -> tuple[Finding, ...]:
    """Every finding about a review, errors first.

    Parameters
    ----------
    folder : Folder
        The review.
    """
    found = [
        *_failures("protocol", lambda: load_protocol(folder)),
        *_failures("journal", lambda: _verify(folder)),
    ]
    if found:
        return tuple(found)
    derived: list[Derived] = []
    found += _failures("chain", lambda: derived.append(derive(folder)))
    found += _unexported(folder)
    for review in derived:
        found += _cautions(review)
    return tuple(sorted(found, key=lambda finding: finding.severity != "error"))


def _verify(folder: Folder) -> None:
    with open_journal(folder) as live:
        live.verify()


def _unexported(folder: Folder) -> Iterator[Finding]:
    """Whether the live journal holds events that its text does not: those would be lost with .synovia/."""
    with open_journal(folder) as live:
        ahead = len(live) - (folder.read_text(JOURNAL_TEXT) or "").count("\n")
    if ahead:
        sentence = f"{ahead} events are not yet in {JOURNAL_TEXT}. Write them with: synovia export FOLDER."
        yield Finding("journal", "caution", sentence)


def _failures(check: str, work: Callable[[], object]) -> Iterator[Finding]:
    """Run a check and turn what it raises into findings, one for each fault."""
    try:
        work()
    except InputError as problem:
        for fault in problem.faults:
            yield Finding(check, "error", str(fault))
    except SynoviaError as problem:
        yield Finding(check, "error", str(problem))


def _cautions(derived: Derived) -> Iterator[Finding]:
    frames = derived.frames
    for sentence in number_cautions(derived):
        yield Finding("numbers", "caution", sentence)
    for sentence in unreported_outcomes(derived):
        yield Finding("outcomes", "caution", sentence)
    for row in frames["rejects"].to_dict("records"):
        place = row["file"] if pd.isna(row["line"]) else f"{row['file']}, line {row['line']:g}"
        yield Finding("exports", "caution", f"{place}: {row['reason']}. {row['advice']}".rstrip())
    for (study_id, reason), rows in frames["unconverted"].groupby(["study_id", "reason"], sort=False):
        lines = rows["line"].astype(int)
        place = f"line {lines.min()}" if len(rows) == 1 else f"{len(rows)} rows from line {lines.min()}"
        yield Finding("numbers", "caution", f"evidence/outcomes.csv, {place}: {study_id}: {reason}")
    counts = report.content_flow(gather_content(derived))
    for sentence in report.identities(counts):
        yield Finding("flow", "error", sentence)
