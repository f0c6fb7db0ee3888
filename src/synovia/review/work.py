"""The work of each stage: materials and earlier tables to tables. Pure."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import pandas as pd

from synovia import extraction, formats, journal, records, screening, tables
from synovia.errors import Fault, InputError, TableError
from synovia.review.cache import Frames
from synovia.review.plans import plans
from synovia.review.pooling import Pooled, pool
from synovia.review.stages import Materials
from synovia.tables import EVIDENCE, Table

__all__ = ["WORK"]


def _collect(materials: Materials, _: Frames) -> Frames:
    read: list[pd.DataFrame] = []
    rejected: list[pd.DataFrame] = []
    for search in materials.protocol.search:
        export = formats.read_export(
            search.file, materials.searches[search.id], search_id=search.id, format=search.format or None
        )
        read.append(export.records)
        rejected.append(export.rejects)
    return {
        "records": pd.concat(read, ignore_index=True) if read else tables.empty(tables.RECORDS),
        "rejects": pd.concat(rejected, ignore_index=True) if rejected else tables.empty(tables.REJECTS),
    }


def _deduplicate(materials: Materials, frames: Frames) -> Frames:
    registers = [search.id for search in materials.protocol.search if search.kind == "register"]
    pairs = records.link_exact(frames["records"], registers=registers)
    events = materials.evidence.events
    clusters = records.cluster(
        frames["records"], pairs, merges=journal.merges(events), splits=journal.splits(events)
    )
    return {"pairs": pairs, "clusters": clusters}


def _screen(materials: Materials, frames: Frames) -> Frames:
    clusters = frames["clusters"]
    stands_for = dict(zip(clusters["record_id"], clusters["cluster_id"], strict=True))
    decisions = _parsed(materials, tables.DECISIONS)
    _check_decisions(materials, decisions, stands_for)
    standing = decisions.assign(record_id=decisions["record_id"].map(stands_for))
    verdicts = screening.verdicts(
        standing, dict.fromkeys(clusters["cluster_id"]), readers=materials.protocol.screening.readers
    )
    return {"decisions": decisions, "verdicts": verdicts}


def _check_decisions(materials: Materials, decisions: pd.DataFrame, known: Mapping[str, str]) -> None:
    reasons = materials.protocol.screening.reasons
    faults: list[Fault] = []
    for row in decisions.to_dict("records"):
        if row["record_id"] not in known:
            faults.append(_decision_fault(row, "record_id", "a record of searches/"))
        if row["verdict"] == "exclude" and row["reason"] not in reasons:
            wanted = "one of the reasons in review.toml: " + "; ".join(reasons)
            faults.append(_decision_fault(row, "reason", wanted))
    if faults:
        raise TableError(faults)


def _decision_fault(row: Mapping[Hashable, Any], column: str, wanted: str) -> Fault:
    advice = "Correct the row and import it again."
    return Fault(repr(row[column]), wanted, "evidence/decisions.csv", int(row["line"]), column, advice)


def _parsed(materials: Materials, table: Table) -> pd.DataFrame:
    rows = materials.evidence.rows[table.name]
    return tables.parse(table, rows, file=f"evidence/{table.name}.csv").frame_or_raise()


def _extract(materials: Materials, _: Frames) -> Frames:
    frames = {table.name: _parsed(materials, table) for table in EVIDENCE}
    faults = [
        *_unknown_ids(materials, frames),
        *extraction.check_outcomes(
            frames["outcomes"], frames["arms"], materials.field, studies=frames["studies"]
        ),
    ]
    if faults:
        raise InputError(faults)
    settings = materials.protocol.extraction
    converted = extraction.convert(
        frames["outcomes"],
        frames["arms"],
        materials.field,
        correlation=settings.change_correlation,
        medians=settings.medians,
    )
    return {
        **frames,
        "arm_data": converted.arm_data,
        "conversions": converted.conversions,
        "unconverted": converted.omissions,
    }


def _unknown_ids(materials: Materials, frames: Frames) -> list[Fault]:
    """Treatments and outcomes of the evidence that the protocol does not declare."""
    protocol = materials.protocol
    uses = (
        ("arms", "treatment", [t.id for t in protocol.treatment]),
        ("outcomes", "outcome", [o.id for o in protocol.outcome]),
    )
    return [
        Fault(
            repr(value),
            f"one of {', '.join(known)}",
            f"evidence/{name}.csv",
            line,
            column,
            f"Declare it under [[{column}]] in review.toml, or correct the spelling.",
        )
        for name, column, known in uses
        for value, line in zip(frames[name][column].tolist(), frames[name]["line"].tolist(), strict=True)
        if value not in known
    ]


def _synthesise(materials: Materials, frames: Frames) -> Frames:
    pooled = [pool(plan, frames) for plan in plans(materials.protocol)]
    return {
        "estimates": tables.frame(tables.ESTIMATES, [result.estimate for result in pooled]),
        "effects": _joined(tables.EFFECTS, pooled, "effects"),
        "omissions": _joined(tables.OMISSIONS, pooled, "omissions"),
        "contributions": _joined(tables.CONTRIBUTIONS, pooled, "contributions"),
        "coefficients": _joined(tables.COEFFICIENTS, pooled, "coefficients"),
    }


def _joined(table: Table, pooled: list[Pooled], name: str) -> pd.DataFrame:
    frames = [frame for result in pooled if not (frame := getattr(result, name)).empty]
    if not frames:
        return tables.empty(table)
    joined: pd.DataFrame = pd.concat(frames, ignore_index=True)
    return joined.drop_duplicates(list(table.key), ignore_index=True)


WORK: Mapping[str, Callable[[Materials, Frames], Frames]] = {
    "collect": _collect,
    "deduplicate": _deduplicate,
    "screen": _screen,
    "extract": _extract,
    "synthesise": _synthesise,
}
"""The work of each stage, by the stage's name."""
