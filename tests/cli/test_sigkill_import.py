"""`synovia import` of 5,000 decisions, killed again and again: what was recorded stays, and the rest is finished."""

import csv
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synovia import journal
from synovia.review.evidence import open_journal, pending_edits
from synovia.review.folder import Folder
from synovia.review.starter import new_review

KILLS = 12
DECISIONS = 5_000


@pytest.fixture
def review(tmp_path: Path) -> Folder:
    """A new review with 5,000 decisions of two people in its table and none in its journal."""
    folder = new_review(tmp_path / "synthetic-decisions")
    with (folder.root / "evidence" / "decisions.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["record_id", "stage", "reviewer", "role", "verdict", "reason", "note"])
        for i in range(DECISIONS // 2):
            for person in ("Ann Synthetic", "Bob Synthetic"):
                table.writerow(
                    [f"pubmed-{i:05d}", "title-abstract", person, "reviewer", "include", "", f"note {i}"]
                )
    return folder


def start_import(folder: Folder) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "synovia", "import", str(folder.root), "--json"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def recorded(folder: Folder) -> int:
    """Events on disk, after checking the chain."""
    with open_journal(folder) as live:
        live.verify()
        return len(live)


@pytest.mark.slow
def test_a_killed_import_loses_nothing_and_can_be_finished(review: Folder) -> None:
    chance = random.Random(20260101)
    counts = [0]
    for _ in range(KILLS):
        process = start_import(review)
        while process.poll() is None and recorded(review) == counts[-1]:
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        counts.append(recorded(review))
        assert counts[-1] >= counts[-2], "an acknowledged decision is gone"
    assert 0 < counts[1] < DECISIONS, "the first kill came in the middle"
    assert start_import(review).wait() == 0
    with open_journal(review) as live:
        live.verify()
        assert pending_edits(review, live) == ()
        events = live.events()
    assert len(events) == len({journal.subject(event) for event in events}) == DECISIONS, "each exactly once"
