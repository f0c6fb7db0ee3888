"""The page on coverage says what was counted."""

import runpy
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "coverage.md").read_text(encoding="utf-8")


def test_the_table_is_that_of_the_counts() -> None:
    study = runpy.run_path(str(ROOT / "validation" / "coverage.py"))
    assert study["tabulate"]() in PAGE


def test_every_cell_was_counted_and_nothing_failed() -> None:
    study = runpy.run_path(str(ROOT / "validation" / "coverage.py"))
    counts = pd.read_csv(ROOT / "validation" / "coverage.csv")
    wanted = {(c.design, c.k, c.i2, c.sizes, c.batch) for c in study["list_cells"]()}
    assert set(counts[["design", "k", "i2", "sizes", "batch"]].itertuples(index=False, name=None)) == wanted
    assert counts["failed"].sum() == 0


def test_the_figure_is_there() -> None:
    assert "figures/coverage.png" in PAGE
    assert (ROOT / "docs" / "explanation" / "figures" / "coverage.png").stat().st_size > 0
