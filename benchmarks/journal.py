"""5,000 decisions, each on disk before it is acknowledged; and reading them back."""

import tempfile
import time
from pathlib import Path

from timing import print_row

from synovia.journal import Journal, Screened

events = [
    Screened(f"record-{i:05d}", "title-abstract", "include", by="Ann Synthetic", at="2026-01-01T00:00:00Z")
    for i in range(5_000)
]
with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "journal.sqlite") as journal:
    start = time.perf_counter()
    journal.append_events(events)
    print_row("append 5,000 decisions, one commit each", time.perf_counter() - start, 60.0)
    start = time.perf_counter()
    journal.verify()
    print_row("verify the chain", time.perf_counter() - start, 2.0)
