"""Networks and posteriors: Synovia, refitting and JAGS in one run, beside netmeta's and bayesmeta's times.

OPENBLAS_NUM_THREADS=1 nice -n -15 python benchmarks/networks_and_bayes.py [--write]

netmeta and bayesmeta are not among Debian's packages and are not run here: their times are the reference's,
measured elsewhere, and the table says so. JAGS with R's rjags is measured where it is installed. ``--write``
puts the tables into docs/explanation/performance.md.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pandas as pd
from against_r.data import make_pairwise
from against_r.trials import read_senn, read_smoking, simulate_trials
from cost_curves import time_median
from vs_r import show_seconds

import synovia as sv
from synovia.synthesis.bayes import HalfNormal, Uniform
from synovia.synthesis.bayes.binomial_network import binomial_network
from synovia.synthesis.network import Network
from synovia.synthesis.network.split import split_evidence

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "explanation" / "performance.md"
START, END = "<!-- measured by benchmarks/networks_and_bayes.py -->", "<!-- end of networks and Bayes -->"
NOT_HERE = "not installable here; reference measured elsewhere"
Answer = tuple[pd.DataFrame, pd.DataFrame]
CLOSE = 0.02  # on the log odds scale; five to ten of JAGS's own standard errors
JAGS_RUNS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes
    ----------
    words : str
        The work.
    ours, theirs : float
        Seconds; NaN where there is nothing to compare with.
    who : str
        Whose time ``theirs`` is, and where it was measured.
    faster, under : float
        What is aimed at: how many times faster, or seconds; 0 where there is no aim.
    agree : bool
        Whether the answers agree, where both were computed here.
    """

    words: str
    ours: float
    theirs: float = float("nan")
    who: str = "–"
    faster: float = 0.0
    under: float = 0.0
    agree: bool = True

    @property
    def verdict(self) -> str:
        """Whether the aim is met; never, when the answers differ."""
        if not self.agree:
            return "DIFFERENT ANSWERS"
        if self.under:
            return "met" if self.ours < self.under else "MISSED"
        if not self.faster or np.isnan(self.theirs):
            return ""
        met = "met" if self.theirs / self.ours >= self.faster else "MISSED"
        return f"{met}, machines differ" if NOT_HERE in self.who else met

    def __str__(self) -> str:
        known = not np.isnan(self.theirs)
        times = f"{float(f'{self.theirs / self.ours:.2g}'):,.0f} ×" if known else "–"
        aim = f"under {self.under:g} s" if self.under else f"{self.faster:,g} times" if self.faster else "–"
        other = f"{show_seconds(self.theirs)}, {self.who}" if known else self.who
        return f"| {self.words} | {show_seconds(self.ours)} | {other} | {times} | {aim} | {self.verdict} |"


HEADER = ["| work | Synovia | against | faster | aim | |", "|---|---|---|---|---|---|"]


def analyse(trials: pd.DataFrame) -> Network:
    """What netmeta, its decomposition of Q and P-scores give."""
    net = sv.network(trials)
    net.decompose().tidy()
    sv.p_scores(net, better="lower")
    return net


def time_networks() -> Iterator[Line]:
    """Three networks from their tables to effects, decomposition and ranking."""
    senn, named = read_senn()
    none = float("nan")
    middle, large = simulate_trials(30, 200), simulate_trials(100, 1_000)
    cases = (
        (named, senn, 3.3, f"netmeta, {NOT_HERE}", 300.0, 0.0),
        ("30 treatments, 200 trials", middle, 34.0, f"netmeta, {NOT_HERE}", 1_000.0, 0.0),
        ("100 treatments, 1,000 trials", large, none, f"over 860 s, netmeta, {NOT_HERE}", 0.0, 0.5),
    )
    for name, trials, theirs, who, faster, under in cases:
        words = f"network, Q decomposed, P-scores: {name}"
        ours = time_median(lambda trials=trials: analyse(trials))  # type: ignore[misc]
        yield Line(words, ours, theirs, who, faster, under)
    for name, trials, *_ in cases:
        net = sv.network(trials)
        ours = time_median(lambda net=net: net.rank(better="lower").tidy())  # type: ignore[misc]
        yield Line(f"rank probabilities, 50,000 draws: {name.split(',')[0]}", ours)


def time_splits() -> Iterator[Line]:
    """Every split in one pass, and by refitting."""
    design = networks.make_design()
    found = split_evidence(design, networks.TAU2, method="separation").tidy()
    mixed = found.loc[found["evidence"] == "mixed"]
    pairs = list(zip(mixed["treatment_1"], mixed["treatment_2"], strict=True))
    agree = bool(np.abs(networks.refit(design, pairs) - mixed["indirect"].to_numpy()).max() < 1e-8)
    words = f"{len(pairs)} splits: {networks.TREATMENTS} treatments, {networks.TRIALS} trials"
    ours = time_median(lambda: split_evidence(design, networks.TAU2, method="separation").tidy())
    for name, estimator in (("at the same tau²", ""), ("with REML", "REML")):
        theirs = networks.time_median(lambda one=estimator: networks.refit(design, pairs, one), 3)  # type: ignore[misc]
        who = f"refitting {name}, the same run"
        yield Line(words, ours, theirs, who, faster=networks.TARGET, agree=agree)


def time_pairwise() -> Iterator[Line]:
    """The exact posterior of twenty studies."""
    data = make_pairwise(np.random.default_rng(1), 20)
    fit, who = sv.meta(data), f"bayesmeta, {NOT_HERE}"

    def describe() -> None:
        found = sv.bayes(sv.meta(data), tau=HalfNormal(0.5))
        found.tidy(), found.variances(), found.predict(), found.shrinkage()

    words = "posterior of 20 studies, half-normal prior"
    ours = time_median(lambda: sv.bayes(fit, tau=HalfNormal(0.5)))
    yield Line(words, ours, 4.3, who, faster=200)
    named = "the same with the fit, shortest intervals, prediction and the effects of all studies"
    yield Line(named, time_median(describe), 4.3, who, faster=200)


def answer_normal(arms: pd.DataFrame, reference: str) -> Answer:
    """Tables of effects and of tau by the normal likelihood of log odds ratios."""
    found = sv.bayes(sv.network(arms, measure="OR", reference=reference).fit, tau=Uniform(0, 5))
    return found.tidy(), found.variances()


def answer_binomial(arms: pd.DataFrame, reference: str) -> Answer:
    """Tables of effects and of tau by the binomial likelihood of the counts."""
    found = binomial_network(arms, reference=reference, tau=Uniform(0, 5))
    return found.tidy(), found.variances()


def tabulate(effects: pd.DataFrame, variances: pd.DataFrame) -> pd.DataFrame:
    """Means and standard deviations, one row per parameter, tau last."""
    rows = pd.concat([effects, variances.rename(columns={"name": "term"})], ignore_index=True)
    return rows[["term", "mean", "std_error"]]


def find_jags() -> str:
    """Versions of JAGS and rjags; empty where they are not installed."""
    if shutil.which("Rscript") is None:
        return ""
    asked = 'suppressMessages(library(rjags)); cat("JAGS", as.character(jags.version()))'
    done = subprocess.run(["Rscript", "-e", asked], check=False, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def run_jags(likelihood: str, arms: pd.DataFrame, names: tuple[str, ...]) -> dict[str, Any]:
    """Median seconds of compiling, 3 x 5,000 and 3 x 20,000 iterations; and what the last run found."""
    table = arms.assign(
        treatment=[names.index(name) + 1 for name in arms["treatment"]],
        arm=arms.groupby("study").cumcount() + 1,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "arms.csv")
        table.to_csv(path, index=False)
        command = ["Rscript", str(HERE / "against_r" / "jags.R"), likelihood, path]
        runs = [read_last_line(command) for _ in range(JAGS_RUNS)]
    return runs[-1] | {"seconds": statistics.median(run["seconds"] for run in runs)}


def read_last_line(command: list[str]) -> dict[str, Any]:
    """What a process printed last, as JSON."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def time_smoking(*, jags: bool) -> Iterator[tuple[Line, list[str]]]:
    """The network of smoking cessation by both likelihoods, each with the rows that compare its answers.

    The aims are against JAGS with the counts, which is what its reference time (2.5 s) was measured for. The
    normal likelihood stands beside JAGS with that same likelihood too.
    """
    arms, names = read_smoking()
    ways: tuple[tuple[str, Callable[[pd.DataFrame, str], Answer], float], ...] = (
        ("normal", answer_normal, 100),
        ("binomial", answer_binomial, 10),
    )
    theirs = {likelihood: run_jags(likelihood, arms, names) for likelihood, *_ in ways} if jags else {}
    for likelihood, answer, faster in ways:
        words = f"posterior of the smoking network, {likelihood} likelihood"
        ours = time_median(lambda answer=answer: answer(arms, names[0]))  # type: ignore[misc]
        if not jags:
            yield Line(words, ours, who="JAGS: not measured, rjags is not installed"), []
            continue
        rows = compare_answers(likelihood, answer(arms, names[0]), theirs[likelihood])
        agree = bool(rows["gap"].max() < CLOSE)
        counts = theirs["binomial"]["seconds"]
        line = Line(words, ours, counts, "JAGS with the counts, the same run", faster=faster, agree=agree)
        yield line, [show_answers(row) for _, row in rows.iterrows()]
        if likelihood == "normal":
            yield (
                Line(
                    "the same",
                    ours,
                    theirs["normal"]["seconds"],
                    "JAGS with the same likelihood, the same run",
                ),
                [],
            )


def compare_answers(likelihood: str, ours: Answer, theirs: dict[str, Any]) -> pd.DataFrame:
    """One row per parameter: both means and standard deviations, JAGS's simulation error, the larger gap."""
    rows = tabulate(*ours).assign(
        theirs=theirs["mean"], spread=theirs["sd"], error=theirs["mcse"], likelihood=likelihood
    )
    gaps = np.abs(rows[["mean", "std_error"]].to_numpy() - rows[["theirs", "spread"]].to_numpy())
    return rows.assign(gap=gaps.max(axis=1))


COMPARED = [
    "| likelihood | parameter | mean, Synovia | mean, JAGS (simulation error) | SD, Synovia | SD, JAGS |",
    "|---|---|---|---|---|---|",
]


def show_answers(row: "pd.Series[Any]") -> str:
    """One parameter by both sides."""
    cells = [
        row["likelihood"],
        row["term"],
        f"{row['mean']:.4f}",
        f"{row['theirs']:.4f} ({row['error']:.4f})",
    ]
    return "| " + " | ".join([*cells, f"{row['std_error']:.4f}", f"{row['spread']:.4f}"]) + " |"


def describe_machine(jags: str) -> str:
    """Processor, cores, threads, priority and versions."""
    cores, threads = len(os.sched_getaffinity(0)), os.environ.get("OPENBLAS_NUM_THREADS", "all")
    versions = f"Python {platform.python_version()}, numpy {version('numpy')}"
    other = jags or "JAGS not installed"
    said = f"{cores} cores ({platform.machine()}), BLAS threads: {threads}, niceness {os.nice(0)}"
    return f"{said}; {versions}; {other}."


def write_page(lines: list[str]) -> None:
    """The tables between their own marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    if not rest:
        sys.exit(f"{PAGE.name} has no line {START}")
    PAGE.write_text(before + "\n".join([START, *lines, END]) + rest.partition(END)[2], encoding="utf-8")


def main() -> None:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    jags = find_jags()
    lines = [describe_machine(jags), "", *HEADER]
    print(*lines, sep="\n", flush=True)
    for measure in (time_networks, time_splits, time_pairwise):
        for line in measure():
            lines.append(str(line))
            print(line, flush=True)
    compared: list[str] = []
    for line, rows in time_smoking(jags=bool(jags)):
        lines.append(str(line))
        compared += rows
        print(line, flush=True)
    if compared:
        lines += ["", *COMPARED, *compared]
        print(*lines[-len(compared) - 3 :], sep="\n")
    if asked.write:
        write_page(lines)


if __name__ == "__main__":
    main()
