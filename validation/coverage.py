"""How often 95 % intervals hold the truth: Knapp-Hartung, CR2 and Kenward-Roger over a grid of designs.

    python validation/coverage.py run        # counts into coverage.csv; stops and resumes anywhere
    python validation/coverage.py draw       # the figure of docs/explanation/coverage.md; prints its table

Every estimate is drawn from the model: normal, with known sampling variances. ``I2`` is the share of tau2 in
tau2 plus the typical sampling variance. Seeds are fixed by the cell and the number of the batch.
"""

import csv
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields
from multiprocessing import get_context
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from synovia.errors import SynoviaError
from synovia.kernel import INFERENCES, Diagonal, Inference, Point, Problem, Term, quantile, reml
from synovia.kernel.hill import Hill
from synovia.kernel.kenward_roger import kenward_roger
from synovia.kernel.robust import cluster_robust
from synovia.kernel.search import climb

HERE = Path(__file__).parent
COUNTS = HERE / "coverage.csv"
FIGURE = HERE.parent / "docs" / "explanation" / "figures" / "coverage.png"

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

BATCH = 1000
PROMISE = 1e-14  # gain in log-likelihood that a further step promises where a climb ends
REPLICATIONS = {
    "pairwise": 10_000,
    "regression": 10_000,
    "three-level": 5_000,
    "three-level, errors correlated": 2_000,
}
STUDIES = (5, 10, 20, 40)
I2 = (0, 30, 60, 90)
SIZES = ("equal", "unequal")
METHODS = ("normal", "Knapp-Hartung", "CR2", "Kenward-Roger")
TYPICAL = 0.1  # typical sampling variance: a standardised mean difference of 40 people
RATIO = 16.0  # largest over smallest sampling variance where sizes are unequal
EFFECTS = (1, 2, 9, 3, 5, 4)  # effects per study where sizes are unequal; four where they are equal
IGNORED = 0.6  # correlation of the sampling errors of a study, which the model leaves out


@dataclass(frozen=True, slots=True)
class Cell:
    """One batch of one place of the grid."""

    design: str
    k: int
    i2: int
    sizes: str
    batch: int


@dataclass(frozen=True, slots=True)
class Count:
    """What one method did in one batch."""

    design: str
    k: int
    i2: int
    sizes: str
    batch: int
    method: str
    replications: int
    covered: int
    width: float
    failed: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows of one replication: everything but the estimates."""

    design: Floats
    v: Floats
    studies: Integers
    tau2: float
    nested: bool
    correlation: float

    def draw(self, rng: np.random.Generator) -> Floats:
        """Estimates of a true effect of 0."""
        n, k = self.v.size, int(self.studies.max()) + 1
        shared = rng.normal(size=k)[self.studies]
        error = np.sqrt(self.correlation) * shared + np.sqrt(1 - self.correlation) * rng.normal(size=n)
        if not self.nested:
            return np.asarray(np.sqrt(self.v) * error + np.sqrt(self.tau2) * rng.normal(size=n))
        between, within = rng.normal(size=k)[self.studies], rng.normal(size=n)
        return np.asarray(np.sqrt(self.v) * error + np.sqrt(self.tau2 / 2) * (between + within))

    def problem(self, y: Floats) -> Problem:
        """The model that is fitted."""
        terms = (Term(np.arange(y.size)),)
        return Problem(
            y, self.design, Diagonal(self.v), (Term(self.studies), *terms) if self.nested else terms
        )


def lay_out(cell: Cell) -> Layout:
    """The rows of a cell; which studies are large is drawn once, the same in every batch."""
    rng = np.random.default_rng([STUDIES.index(cell.k), SIZES.index(cell.sizes), 17])
    nested = cell.design.startswith("three-level")
    counts = [4] * cell.k if cell.sizes == "equal" else [EFFECTS[j % len(EFFECTS)] for j in range(cell.k)]
    studies = np.repeat(np.arange(cell.k), counts) if nested else np.arange(cell.k)
    grid = RATIO ** ((np.arange(cell.k) + 0.5) / cell.k) if cell.sizes == "unequal" else np.ones(cell.k)
    w = 1 / rng.permutation(grid)
    typical = (cell.k - 1) * w.sum() / (w.sum() ** 2 - (w**2).sum())
    v = (1 / w * TYPICAL / typical)[studies]
    design = np.ones((studies.size, 1))
    if cell.design == "regression":
        design = np.column_stack([design, rng.permutation(np.linspace(-1, 1, cell.k))])
    tau2 = TYPICAL * cell.i2 / (100 - cell.i2)
    return Layout(design, v, studies, tau2, nested, IGNORED if "correlated" in cell.design else 0.0)


@dataclass(frozen=True, slots=True)
class Climber:
    """REML from near the truth: the same maxima as ``reml`` to 1e-8, six times as fast with two variances."""

    start: Floats

    def fit(self, problem: Problem) -> Point:
        """The point of the restricted maximum."""
        return climb(Hill(problem, restricted=True), self.start, enough=PROMISE).point


def make_climber(layout: Layout) -> Climber | None:
    """One for a cell with two variances; one variance is found faster by ``reml`` itself."""
    if not layout.nested:
        return None
    return Climber(np.full(2, max(layout.tau2 / 2, TYPICAL / 5)))


def infer(layout: Layout, climber: Climber | None, y: Floats) -> Iterator[tuple[str, float, Inference]]:
    """The last coefficient and its inference by every method."""
    problem = layout.problem(y)
    at = reml(problem).point if climber is None else climber.fit(problem)
    estimate = float(at.beta[-1])
    yield "normal", estimate, INFERENCES["z"](problem, at)
    yield "Knapp-Hartung", estimate, INFERENCES["knapp-hartung"](problem, at)
    yield "CR2", estimate, cluster_robust(problem, at, layout.studies, "CR2")
    yield "Kenward-Roger", estimate, kenward_roger(problem, at)


def run_cell(cell: Cell) -> list[Count]:
    """Count one batch."""
    places = (list(REPLICATIONS).index(cell.design), STUDIES.index(cell.k), I2.index(cell.i2))
    rng = np.random.default_rng([*places, SIZES.index(cell.sizes), cell.batch])
    layout = lay_out(cell)
    climber = make_climber(layout)
    last = np.eye(layout.design.shape[1])[-1:]
    covered, width, failed = dict.fromkeys(METHODS, 0), dict.fromkeys(METHODS, 0.0), 0
    for _ in range(BATCH):
        try:
            found = list(infer(layout, climber, layout.draw(rng)))
        except SynoviaError:
            failed += 1
            continue
        for method, estimate, inference in found:
            half = quantile(0.95, float(inference.degrees(last)[0])) * float(inference.std_error[-1])
            covered[method] += abs(estimate) <= half
            width[method] += 2 * half
    place = (cell.design, cell.k, cell.i2, cell.sizes, cell.batch)
    return [
        Count(*place, method, BATCH, covered[method], round(width[method], 3), failed) for method in METHODS
    ]


def list_cells() -> list[Cell]:
    """The grid, the first batch of every place before the second of any."""
    cells = [
        Cell(design, k, i2, sizes, batch)
        for design, replications in REPLICATIONS.items()
        for batch in range(replications // BATCH)
        for k in STUDIES
        for i2 in I2
        for sizes in SIZES
    ]
    return sorted(cells, key=lambda cell: cell.batch)


def read_done() -> set[tuple[object, ...]]:
    """Batches that are counted already."""
    if not COUNTS.is_file():
        return set()
    return {tuple(row) for row in pd.read_csv(COUNTS)[["design", "k", "i2", "sizes", "batch"]].to_numpy()}


def run(workers: int = 2) -> None:
    """Count every batch that is missing."""
    done = read_done()
    waiting = [cell for cell in list_cells() if astuple(cell) not in done]
    fresh = not COUNTS.is_file()
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(threads, "1")
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=os.nice, initargs=(10,))
    with COUNTS.open("a", newline="") as file, pool:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow([field.name for field in fields(Count)])
        for counts in pool.map(run_cell, waiting):
            writer.writerows(astuple(count) for count in counts)
            file.flush()


def summarise() -> pd.DataFrame:
    """Coverage in percent of every cell and method, its Monte Carlo standard error and the mean width."""
    counts = pd.read_csv(COUNTS)
    keys = ["design", "sizes", "k", "i2", "method"]
    total = (
        counts.groupby(keys, sort=False)[["replications", "covered", "width", "failed"]].sum().reset_index()
    )
    used = total["replications"] - total["failed"]
    share = total["covered"] / used
    return total.assign(
        coverage=100 * share,
        error=100 * np.sqrt(share * (1 - share) / used),
        mean_width=total["width"] / used,
    )


def tabulate() -> str:
    """Of each design and method: lowest and highest coverage, and in how many cells it lies in 93-97 %."""
    table = summarise()
    lines = ["| design | " + " | ".join(METHODS) + " |", "|---|" + "---|" * len(METHODS)]
    for design in REPLICATIONS:
        cells = [f"{design}"]
        for method in METHODS:
            found = table.loc[(table["design"] == design) & (table["method"] == method), "coverage"]
            inside = int(found.between(93, 97).sum())
            cells.append(f"{found.min():.1f}–{found.max():.1f}; {inside} of {len(found)}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


LOOKS = {
    "normal": ("0.6", ":"),
    "Knapp-Hartung": ("C0", "-"),
    "CR2": ("C1", "-"),
    "Kenward-Roger": ("C2", "-"),
}


def draw() -> None:
    """The figure: coverage against k, one panel per design and I2; and the table."""
    table = summarise()
    designs = [(design, sizes) for design in REPLICATIONS for sizes in SIZES]
    figure, axes = plt.subplots(
        len(designs), len(I2), figsize=(10, 1.7 * len(designs)), sharex=True, sharey=True
    )
    for line, (design, sizes) in zip(axes, designs, strict=True):
        for panel, i2 in zip(line, I2, strict=True):
            here = table[(table["design"] == design) & (table["sizes"] == sizes) & (table["i2"] == i2)]
            draw_panel(panel, here)
        line[0].set_ylabel(f"{design.replace(', ', chr(10))}\n{sizes} sizes", fontsize=8)
    for panel, i2 in zip(axes[0], I2, strict=True):
        panel.set_title(f"I² {i2} %", fontsize=9)
    axes[0, 0].set_ylim(83, 100.5)
    figure.supxlabel("Studies", fontsize=9)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=4, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.975))
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=110, metadata={"Software": None})
    sys.stdout.write(tabulate() + "\n")


def draw_panel(panel: Axes, here: pd.DataFrame) -> None:
    """One design at one I2, each method a little beside the others."""
    panel.axhspan(93, 97, color="0.93")
    panel.axhline(95, color="0.8", linewidth=0.8)
    for shift, (method, (colour, dash)) in zip((-0.12, -0.04, 0.04, 0.12), LOOKS.items(), strict=True):
        rows = here[here["method"] == method].sort_values("k")
        panel.errorbar(
            np.arange(len(rows)) + shift, rows["coverage"], 2 * rows["error"], color=colour, linestyle=dash,
            marker="o", markersize=3, linewidth=1.2, label=method,
        )  # fmt: skip
    panel.set_xticks(range(len(STUDIES)), [str(k) for k in STUDIES])


if __name__ == "__main__":
    {"run": run, "draw": draw}[sys.argv[1]]()
