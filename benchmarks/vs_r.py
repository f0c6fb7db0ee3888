"""The same work by Synovia and by R, one after the other on this machine: time, memory, and the same answer.

python benchmarks/vs_r.py [--only TASK ...] [--write]

R with metafor must be installed; the whole takes some ten minutes, nearly all of them R's. ``--write`` puts
the table into docs/explanation/performance.md.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from against_r.data import write_data

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "explanation" / "performance.md"
NUMBERS = HERE.parent / "docs" / "explanation" / "figures" / "performance.json"
START, END = "<!-- measured by benchmarks/vs_r.py -->", "<!-- end of what was measured -->"
MEMORY_LIMIT = 12 * 2**30  # bytes R may ask for, so that a matrix of k x k is refused rather than swapped


@dataclass(frozen=True, slots=True)
class Task:
    """One line of the table.

    Attributes
    ----------
    name, words : str
        Of the data and the work, and for a reader.
    ours, theirs : int
        Repeats within one process.
    faster : float
        How many times faster we aim to be; 0 where another aim is stated.
    agree : float
        Largest relative difference of the answers, with what R's default settings leave undecided.
    aim : str
        The aim in words.
    """

    name: str
    words: str
    ours: int
    theirs: int
    faster: float
    agree: float
    aim: str


TASKS = (
    Task("bcg", "one REML fit, 13 trials", 201, 101, 5, 1e-3, "5 times"),
    Task("many", "10,000 REML fits, 20 studies each", 15, 1, 2_000, 1e-2, "2,000 times, all converged"),
    Task("three_level", "three levels, 500 studies, 3,000 effects", 5, 1, 100, 1e-3, "100 times"),
    Task("outcomes", "four outcomes, unstructured, 1,000 effects", 5, 1, 200, 1e-3, "200 times"),
    Task("permutation", "10,000 permutations, two moderators, REML", 9, 1, 500, 0.2, "500 times"),
    Task("pairwise", "REML, 5,000 studies", 21, 1, 10_000, 1e-3, "10,000 times"),
    Task("million", "REML, 1,000,000 studies", 3, 1, 0, 0, "under 2 s and 1 GB"),
    Task("robust", "CR2 with Satterthwaite, 500 clusters, 3,000 effects", 15, 3, 20, 1e-3, "20 times"),
)


@dataclass(frozen=True, slots=True)
class Side:
    """What one side took.

    Attributes
    ----------
    seconds : float
        Median of the work alone; NaN where it could not be done.
    whole : float
        Seconds of a process that starts, reads the data and does the work once.
    peak, added : float
        Peak memory of the process, and of it what the work added to what was loaded before, MB.
    answer : tuple of float
        Some numbers of it.
    note : str
        Why there is no answer.
    """

    seconds: float
    whole: float
    peak: float
    added: float
    answer: tuple[float, ...]
    note: str


def run_side(command: list[str], task: Task, folder: Path, repeats: int) -> Side:
    """One side of one task: a process for its repeats, and another for a single one if need be."""
    whole, found = run_process([*command, task.name, str(folder), "1"])
    if repeats > 1:
        found = run_process([*command, task.name, str(folder), str(repeats)])[1]
    return Side(
        seconds=statistics.median(found["seconds"]) if found["seconds"] else float("nan"),
        whole=whole,
        peak=found["peak"],
        added=found["peak"] - found["before"],
        answer=tuple(float("nan") if value is None else value for value in found["answer"]),
        note=found["note"],
    )


def run_process(command: list[str]) -> tuple[float, dict[str, Any]]:
    """Wall-clock seconds, and what the process printed."""
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True, preexec_fn=limit_memory)
    return time.perf_counter() - start, json.loads(done.stdout.splitlines()[-1])


def limit_memory() -> None:
    """Refuse what this machine does not have."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))


def find_difference(ours: Side, theirs: Side) -> float:
    """Largest relative difference of the answers."""
    pairs = zip(ours.answer, theirs.answer, strict=False)
    return max((abs(a - b) / max(abs(b), 1e-12) for a, b in pairs), default=float("nan"))


def judge(task: Task, ours: Side, theirs: Side) -> str:
    """Whether the aim is met; never, when the answers differ."""
    if task.name == "million":
        return "met" if ours.seconds < 2 and ours.peak < 1000 else "MISSED"
    if theirs.note:
        return f"not measured: {theirs.note}"
    if task.name == "many" and ours.answer[0] != 10_000:
        return "MISSED"
    if not find_difference(ours, theirs) <= task.agree:
        return "DIFFERENT ANSWERS"
    return "met" if theirs.seconds / ours.seconds >= task.faster else "MISSED"


def show_seconds(seconds: float) -> str:
    """Three digits with a unit."""
    if seconds != seconds:  # noqa: PLR0124 - NaN
        return "–"
    if seconds < 0.9995:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 100 else f"{seconds:.0f} s"


def show_row(task: Task, ours: Side, theirs: Side) -> str:
    """One row of the table."""
    times = theirs.seconds / ours.seconds
    ratio = f"{float(f'{times:.2g}'):,.0f} ×" if times == times else "–"  # noqa: PLR0124 - NaN
    r = theirs.note[:60] if theirs.note else show_seconds(theirs.seconds)
    whole = f"{show_seconds(ours.whole)} / {show_seconds(theirs.whole)}"
    memory = f"{ours.peak:.0f} (+{ours.added:.0f}) / {theirs.peak:.0f} (+{theirs.added:.0f})"
    cells = [task.words, show_seconds(ours.seconds), r, ratio, task.aim, whole, memory]
    return "| " + " | ".join([*cells, judge(task, ours, theirs)]) + " |"


def describe_machine() -> str:
    """Processor, cores and versions."""
    r = subprocess.run(
        ["Rscript", "-e", 'cat(paste0(R.version.string, ", metafor ", packageVersion("metafor")))'],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores ({platform.machine()}), Python {platform.python_version()}; {r}."


HEADER = [
    "| work | Synovia | R | faster | aim | started, read and done once (Synovia / R) "
    "| peak MB (of which the work) | |",
    "|---|---|---|---|---|---|---|---|",
]


def write_page(lines: list[str], results: dict[str, Any]) -> None:
    """The table into the page, and every number beside it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    PAGE.write_text(before + "\n".join([START, *lines, END]) + after, encoding="utf-8")
    NUMBERS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=[task.name for task in TASKS])
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is not installed; there is nothing to compare with.")
    machine = describe_machine()
    print(machine, *HEADER, sep="\n", flush=True)
    rows, results = [], {}
    with tempfile.TemporaryDirectory() as name:
        for task in TASKS:
            if asked.only and task.name not in asked.only:
                continue
            folder = Path(name)
            write_data(task.name, folder)
            ours = run_side([sys.executable, str(HERE / "against_r" / "work.py")], task, folder, task.ours)
            theirs = run_side(["Rscript", str(HERE / "against_r" / "work.R")], task, folder, task.theirs)
            results[task.name] = {"synovia": asdict(ours), "r": asdict(theirs)}
            rows.append(show_row(task, ours, theirs))
            print(rows[-1], flush=True)
    if asked.write:
        write_page([machine, "", *HEADER, *rows], results)


if __name__ == "__main__":
    main()
