"""One task on our side, as a process of its own: python work.py TASK FOLDER REPEATS prints JSON."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import synovia as sv

__all__ = ["measure"]

Work = Callable[[], list[float]]


def read_memory(name: str) -> float:
    """A line of /proc/self/status in MB; NaN where there is none."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return float("nan")
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), float("nan"))


def measure(task: str, folder: Path, repeats: int) -> dict[str, object]:
    """Seconds of each repeat, memory before and at its peak, and some numbers of the answer."""
    work = PREPARE[task](pd.read_csv(folder / f"{task}.csv"))
    before, seconds, answer = read_memory("VmRSS"), [], [0.0]
    for _ in range(repeats):
        start = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "before": before, "peak": read_memory("VmHWM"), "answer": answer, "note": ""}


def pool(data: pd.DataFrame) -> Work:
    """One REML fit with Knapp-Hartung interval through the public function."""
    sv.meta(data.head(5))

    def work() -> list[float]:
        fit = sv.meta(data)
        return [float(fit.point.psi[0]), float(fit.point.beta[0])]

    return work


def many(data: pd.DataFrame) -> Work:
    """All sets at once. The tiny call before compiles, or reads what was compiled."""
    y, v = (data[name].to_numpy().reshape(-1, 20).T.copy() for name in ("estimate", "variance"))
    sv.meta_many(y[:, :3], v[:, :3], inference="z")

    def work() -> list[float]:
        fits = sv.meta_many(y, v, inference="z")
        return [float(fits.converged.sum()), float(np.mean(fits.tau2)), float(np.mean(fits.beta))]

    return work


def permutation(data: pd.DataFrame) -> Work:
    """10,000 random orders of two moderators, each fitted by REML."""
    fit = sv.meta(data, "estimate ~ latitude + year", inference="z")
    sv.permutation_test(fit, permutations=3)

    def work() -> list[float]:
        return [float(p) for p in sv.permutation_test(fit, permutations=10_000).p_value[1:]]

    return work


def three_level(data: pd.DataFrame) -> Work:
    """Effects within studies. The small fit before loads what Python loads when it is first needed."""
    sv.meta(data.head(20), "estimate ~ dose", inference="z")

    def work() -> list[float]:
        fit = sv.meta(data, "estimate ~ dose", random="study/effect", inference="z")
        return [*map(float, fit.point.psi), float(fit.point.beta[1])]

    return work


def outcomes(data: pd.DataFrame) -> Work:
    """Four outcomes with an unstructured covariance of the true effects."""
    sv.meta(data.head(20), "estimate ~ 0 + outcome", inference="z")

    def work() -> list[float]:
        fit = sv.meta(data, "estimate ~ 0 + outcome", random="UN(outcome | study)", inference="z")
        return [float(fit.point.log_reml), *map(float, fit.point.beta)]

    return work


def robust(data: pd.DataFrame) -> Work:
    """The cluster-robust step alone: CR2 with Satterthwaite's degrees of freedom, of a fit already made."""
    from synovia.synthesis.choosing import infer, read_clusters  # noqa: PLC0415

    fit = sv.meta(data, "estimate ~ dose", random="study/effect", inference="CR2", cluster="study")

    def work() -> list[float]:
        inference = infer(fit.problem, fit.point, fit.settings, read_clusters(fit.rows, fit.settings))
        return [*map(float, inference.std_error), *map(float, inference.degrees(np.eye(2)))]

    return work


PREPARE = {
    "bcg": pool,
    "many": many,
    "three_level": three_level,
    "outcomes": outcomes,
    "permutation": permutation,
    "pairwise": pool,
    "million": pool,
    "robust": robust,
}

if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
