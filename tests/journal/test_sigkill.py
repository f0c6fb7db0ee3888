import csv
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

import pytest

from synovia.journal import Event, Journal, Screened, decisions, first_break, undecided

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL"),
]

DECISIONS = 5000
KILLS = 50
SEED = 20250301

IMPORT = """
import csv, sys
from synovia.journal import Journal, Screened, undecided

source, path = sys.argv[1:]
with open(source, encoding="utf-8", newline="") as file:
    wanted = [Screened(**row) for row in csv.DictReader(file)]
with Journal.open(path) as journal:
    left = undecided(wanted, journal.events())
    print("left", len(left), flush=True)
    journal.append_events(left, on_acknowledged=lambda done: print(done.number, done.digest, flush=True))
"""


def wanted_decisions() -> list[Screened]:
    """Two readers, changed minds included, so that an import cannot be resumed by counting records."""
    dice = random.Random(SEED)
    votes = []
    for i in range(DECISIONS):
        verdict = dice.choice(["include", "exclude"])
        reason = (
            dice.choice(["wrong population", 'no control, "quoted"', "关节"]) if verdict == "exclude" else ""
        )
        votes.append(
            Screened(
                f"r{dice.randrange(DECISIONS // 2)}",
                "title-abstract",
                verdict,
                reason,
                f"decision {i}",
                by=dice.choice(["ann", "bob"]),
                at="2025-03-01T09:30:00Z",
            )
        )
    return votes


def write_csv(path: Path, votes: list[Screened]) -> None:
    names = ["record_id", "stage", "verdict", "reason", "note", "by", "at"]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        rows.writerows([getattr(vote, name) for name in names] for vote in votes)


class Child:
    """One run of the import, its acknowledgements read as they come."""

    def __init__(self, source: Path, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", IMPORT, str(source), str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: SimpleQueue[bytes] = SimpleQueue()
        self.reader = Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def wait_until_it_begins(self) -> int:
        return int(self.lines.get(timeout=60).split()[1])

    def end(self, *, kill: bool) -> list[tuple[int, str]]:
        """Every acknowledgement that was printed whole."""
        if kill:
            self.process.kill()
        self.process.wait(timeout=120)
        self.reader.join(timeout=60)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        assert self.process.returncode in ((0, -signal.SIGKILL) if kill else (0,)), errors
        return [(int(n), d.decode()) for n, d in (line.split() for line in self._whole_lines())]

    def _whole_lines(self) -> list[bytes]:
        lines = []
        while True:
            try:
                lines.append(self.lines.get_nowait())
            except Empty:
                return [line for line in lines if line.endswith(b"\n")]


def check_journal(path: Path, acknowledged: dict[int, str]) -> tuple[Event, ...]:
    with Journal.open(path) as journal:
        digests = dict(enumerate(journal.digests(), start=1))
        assert {number: digests.get(number) for number in acknowledged} == acknowledged
        journal.verify()
        assert first_break(journal.lines()) is None
        return journal.events()


def test_nothing_acknowledged_is_lost_to_fifty_kills(tmp_path: Path) -> None:
    wanted = wanted_decisions()
    source = tmp_path / "decisions.csv"
    write_csv(source, wanted)
    dice = random.Random(SEED)
    path, finished, mid_import = tmp_path / "journal-0.sqlite", 0, 0
    acknowledged: dict[int, str] = {}
    for _ in range(KILLS):
        child = Child(source, path)
        before_it_begins = dice.random() < 0.1
        left = DECISIONS if before_it_begins else child.wait_until_it_begins()
        time.sleep(dice.uniform(0, 0.08))
        acknowledged.update(child.end(kill=True))
        events = check_journal(path, acknowledged)
        remaining = undecided(wanted, events)
        assert len(events) + len(remaining) == DECISIONS
        mid_import += not before_it_begins and 0 < len(remaining) < left
        if not remaining:
            finished += 1
            path, acknowledged = tmp_path / f"journal-{finished}.sqlite", {}
    assert mid_import >= KILLS // 2, "the kills fell outside the import; spread them over it"

    last = Child(source, path)
    last.wait_until_it_begins()
    acknowledged.update(last.end(kill=False))
    events = check_journal(path, acknowledged)
    assert undecided(wanted, events) == []
    with Journal.open(tmp_path / "uninterrupted.sqlite") as journal:
        journal.append_events(wanted)
        assert decisions(events).equals(decisions(journal.events()))
        assert sorted(map(repr, events)) == sorted(map(repr, journal.events()))
