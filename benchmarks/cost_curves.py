"""Time against size, drawn into docs/explanation/figures: studies, effects in three levels, moderators.

OPENBLAS_NUM_THREADS=1 python benchmarks/cost_curves.py

One thread, so that curves of small and large problems are of one kind.
"""

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from against_r.data import make_pairwise, three_level
from matplotlib.axes import Axes

import synovia as sv

FIGURES = Path(__file__).parents[1] / "docs" / "explanation" / "figures"
STUDIES = (10, 30, 100, 300, 1_000, 3_000, 10_000, 100_000, 1_000_000)
STUDIES_R = (10, 30, 100, 300, 1_000)
EFFECTS = (300, 1_000, 3_000, 10_000, 30_000)
MODERATORS = (1, 2, 5, 10, 20, 50)

Points = list[tuple[int, float]]


def time_median(work: Callable[[], object]) -> float:
    """Median seconds of as many runs as fit into a second, at least three."""
    work()
    taken: list[float] = []
    while len(taken) < 3 or (sum(taken) < 1 and len(taken) < 100):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def time_studies() -> Points:
    """REML of k independent studies."""
    rng = np.random.default_rng(1)
    tables = [(k, make_pairwise(rng, k)) for k in STUDIES]
    return [(k, time_median(lambda data=data: sv.meta(data))) for k, data in tables]  # type: ignore[misc]


def time_effects() -> Points:
    """Three levels: six effects in each of n / 6 studies."""
    rng = np.random.default_rng(1)
    tables = [(n, three_level(rng, n // 6, n)) for n in EFFECTS]

    def fit(data: pd.DataFrame) -> sv.Fit:
        return sv.meta(data, "estimate ~ dose", random="study/effect", inference="z")

    return [(n, time_median(lambda data=data: fit(data))) for n, data in tables]  # type: ignore[misc]


def time_moderators() -> Points:
    """REML of 1,000 studies with p - 1 moderators."""
    rng = np.random.default_rng(1)
    data = make_pairwise(rng, 1_000).assign(**{f"m{i}": rng.normal(size=1_000) for i in range(50)})
    formulas = [(p, "estimate ~ " + (" + ".join(f"m{i}" for i in range(p)))) for p in MODERATORS]
    return [(p, time_median(lambda f=f: sv.meta(data, f))) for p, f in formulas]  # type: ignore[misc]


def time_studies_r() -> Points:
    """The same studies by metafor, where it is installed."""
    if shutil.which("Rscript") is None:
        return []
    rng = np.random.default_rng(1)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for k in STUDIES_R:
            make_pairwise(rng, k).to_csv(Path(folder) / "pairwise.csv", index=False)
            script = str(Path(__file__).parent / "against_r" / "work.R")
            done = subprocess.run(
                ["Rscript", script, "pairwise", folder, "3"], check=True, capture_output=True, text=True
            )
            found.append((k, statistics.median(json.loads(done.stdout.splitlines()[-1])["seconds"])))
    return found


def draw(ax: Axes, points: Points, label: str, *, marker: str = "o") -> None:
    """One curve on logarithmic axes, named at its end."""
    sizes, seconds = zip(*points, strict=True)
    ax.plot(sizes, seconds, marker=marker, markersize=4, label=label)
    ax.set(xscale="log", yscale="log", ylabel="seconds")
    ax.grid(visible=True, which="major", color="0.9")


def main() -> None:
    """Measure, draw, and write PNG and SVG."""
    mpl.use("Agg")
    with mpl.rc_context(
        {"svg.hashsalt": "synovia", "font.size": 9, "axes.spines.right": False, "axes.spines.top": False}
    ):
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
        draw(left, time_studies(), "Synovia")
        theirs = time_studies_r()
        if theirs:
            draw(left, theirs, "metafor", marker="s")
        left.legend(frameon=False)
        left.set(title="Pairwise REML", xlabel="studies")
        draw(middle, time_effects(), "Synovia")
        middle.set(title="Three levels, REML", xlabel="effects")
        draw(right, time_moderators(), "Synovia")
        right.set(title="Meta-regression, 1,000 studies", xlabel="moderators")
        FIGURES.mkdir(parents=True, exist_ok=True)
        figure.savefig(FIGURES / "cost.svg", metadata={"Date": None})
        figure.savefig(FIGURES / "cost.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
