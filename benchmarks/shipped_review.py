"""The shipped review: cold (everything computed), and again when nothing has changed."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from timing import PYTHON, median_seconds, print_row

SHIPPED = Path(__file__).parents[1] / "reviews" / "knee-oa"

with tempfile.TemporaryDirectory() as folder:
    review = Path(folder) / "knee-oa"
    shutil.copytree(SHIPPED, review, ignore=shutil.ignore_patterns(".synovia", "out"))
    command = [PYTHON, "-m", "synovia", "run", str(review)]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    print_row("synovia run reviews/knee-oa, cold", time.perf_counter() - start, 20.0)
    print_row("synovia run reviews/knee-oa, nothing changed", median_seconds(command, runs=5), 2.0)
