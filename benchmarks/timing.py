"""Time a command as a whole process: median of several runs."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

__all__ = ["median_seconds", "print_row"]


def median_seconds(command: Sequence[str], *, runs: int = 7) -> float:
    """Median wall-clock seconds of a command, its output thrown away."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def print_row(what: str, seconds: float, target: float) -> None:
    """One line: what was timed, how long it took, what is aimed at."""
    verdict = "met" if seconds < target else "MISSED"
    print(f"{what:<48} {seconds:7.3f} s   target {target:g} s   {verdict}")


PYTHON = sys.executable
