"""Copies into ``cases`` the reference cases that may live in the repository, so that every clone runs them.

A case is kept when all its data come from the registry package metadat, are derived from it, or are written out in
the case itself. Data from other packages are read from the folder beside the repository only.

    PYTHONPATH=tests python tests/parity/keep.py
"""

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

from parity.grid import BESIDE, KEPT

__all__ = ["KEPT_TOPICS", "gather", "is_kept", "pack", "unpack"]

KEPT_TOPICS = (
    "01_escalc", "02_transf", "03_rma_uni", "04_metareg", "05_subgroup", "06_mh_peto", "07_glmm", "08_rma_mv",
    "09_robust_cr", "12_diagnostics", "14_permutest", "15_location_scale", "20_conversions", "21_meta_pkg",
    "17_netcomb", "23_dta", "24_rve_bias_pkgs",
)  # fmt: skip
KEYS = (
    "id", "r_call", "dataset", "data_prep", "results", "results_alt", "precision", "note", "r_warnings",
)  # fmt: skip
FROM_METADAT = re.compile(r"metadat::dat\.\w+|subset\(metadat::dat\.\w+, TRUE\)|.*\bdata=dat\.\w+\)+")
WRITTEN_OUT = re.compile(r"(data\.frame\(|c\(|\{ set\.seed\()[^$]*")
CUT_FROM = re.compile(r"(\w+)\[[\d:, ]*\]")


def is_kept(case: dict[str, Any], made: dict[str, str]) -> bool:
    """Whether every dataset of a case may live in the repository; ``made`` says how R made each of them."""
    names = [name.strip() for name in str(case.get("dataset") or "").split("+") if name.strip()]
    return all(_may_stay(name, made) for name in names)


def _may_stay(name: str, made: dict[str, str]) -> bool:
    how = made.get(name, "")
    cut = CUT_FROM.fullmatch(how)
    if cut is not None:
        return _may_stay(cut.group(1), made)
    if FROM_METADAT.fullmatch(how) is not None:
        return True
    return WRITTEN_OUT.fullmatch(how) is not None and "data=" not in how


def gather() -> tuple[dict[str, dict[str, Any]], dict[str, bytes]]:
    """What is to be kept: cases by topic, and tables by name, from the folder beside the repository."""
    topics = {topic: json.loads((BESIDE / f"{topic}.json").read_text()) for topic in KEPT_TOPICS}
    made: dict[str, str] = {}
    for found in topics.values():
        for case in found["cases"]:
            made |= case.get("data_prep") or {}
    kept: dict[str, dict[str, Any]] = {}
    tables: dict[str, bytes] = {}
    for topic, found in topics.items():
        cases = [case for case in found["cases"] if is_kept(case, made)]
        if not cases:
            continue
        chosen = [{key: case[key] for key in KEYS if key in case} for case in cases]
        kept[topic] = {"topic": topic, "versions": found["versions"], "n_cases": len(cases), "cases": chosen}
        tables |= _read_tables(chosen)
    return kept, tables


def _read_tables(cases: list[dict[str, Any]]) -> dict[str, bytes]:
    names = {name.strip() for case in cases for name in str(case.get("dataset") or "").split("+")}
    paths = [BESIDE / "data" / f"{name}.csv" for name in sorted(names - {""})]
    return {path.name: path.read_bytes() for path in paths if path.is_file()}


def pack(found: dict[str, Any]) -> bytes:
    """A topic as compressed text, without the time of day."""
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), 9, mtime=0)


def unpack(data: bytes) -> dict[str, Any]:
    """A topic from compressed text."""
    found: dict[str, Any] = json.loads(gzip.decompress(data))
    return found


def write(folder: Path) -> None:
    """Write everything that is to be kept, in place of what was kept before."""
    topics, tables = gather()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.json.gz"), *(folder / "data").glob("*.csv")]:
        old.unlink()
    for topic, found in topics.items():
        (folder / f"{topic}.json.gz").write_bytes(pack(found))
    for name, data in tables.items():
        (folder / "data" / name).write_bytes(data)


if __name__ == "__main__":
    if not BESIDE.is_dir():
        sys.exit(f"Nothing to keep: {BESIDE.name} is not beside the repository.")
    write(KEPT)
