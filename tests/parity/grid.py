"""Reference numbers from R: one shape for every case, wherever its file lies.

The full set stands beside the repository and is read there; the cases whose data come from a registry package
are kept in ``cases`` so that they run on every clone.
"""

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["BESIDE", "Case", "read_cases", "read_table"]

BESIDE = Path(__file__).parents[2].parent / "shared" / "parity"
KEPT = Path(__file__).parent / "cases"


@dataclass(frozen=True, slots=True)
class Case:
    """One call of R and what it returned.

    Attributes
    ----------
    topic : str
        Stem of the file, such as ``03_rma_uni``.
    id : str
        Name of the case within its topic.
    call : str
        The exact call.
    dataset : str
        Names of CSV files, joined by `` + ``; empty when the inputs stand in ``results``.
    results : object
        R's own names; matrices as rows, cols, data.
    alternatives : dict
        Other settings or optimisers, to show R's own spread.
    precision, note : str
        What the reference says about itself.
    prepared : dict of str to str
        How R made the data.
    """

    topic: str
    id: str
    call: str
    dataset: str
    results: Any
    alternatives: dict[str, Any]
    precision: str
    note: str
    prepared: dict[str, str]

    @property
    def tables(self) -> list[pd.DataFrame]:
        """The data, one table per name."""
        return [read_table(name.strip()) for name in self.dataset.split("+") if name.strip()]


@cache
def read_cases(topic: str) -> tuple[Case, ...]:
    """Every case of a topic: the full set where it is present, else those kept in the repository."""
    whole, kept = BESIDE / f"{topic}.json", KEPT / f"{topic}.json.gz"
    if whole.is_file():
        found = json.loads(whole.read_text())
    elif kept.is_file():
        found = json.loads(gzip.decompress(kept.read_bytes()))
    else:
        return ()
    return tuple(_read(topic, case) for case in found["cases"])


def _read(topic: str, case: dict[str, Any]) -> Case:
    texts = [str(case.get(key) or "") for key in ("r_call", "dataset", "precision", "note")]
    prepared = case.get("data_prep") or {}
    return Case(
        topic=topic,
        id=case["id"],
        call=texts[0],
        dataset=texts[1],
        results=case["results"],
        alternatives=case.get("results_alt") or {},
        precision=texts[2],
        note=texts[3],
        prepared=prepared if isinstance(prepared, dict) else {"": str(prepared)},
    )


@cache
def read_table(name: str) -> pd.DataFrame:
    """A dataset as R wrote it."""
    path = BESIDE / "data" / f"{name}.csv"
    return pd.read_csv(path if path.is_file() else KEPT / "data" / f"{name}.csv")
