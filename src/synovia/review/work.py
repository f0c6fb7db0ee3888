"""The work of each stage: materials and earlier tables to tables. Pure."""

from collections.abc import Callable, Mapping

import pandas as pd

from synovia import extraction, formats, journal, records, screening, tables
from synovia.errors import InputError, TableError
from synovia.review.cache import Frames
from synovia.review.course_fitting import COURSE_TABLES, follow
from synovia.review.network_fitting import TABLES as NETWORK_TABLES
from synovia.review.network_fitting import carry_out
from synovia.review.network_plans import network_plans
from synovia.review.plans import plans
from synovia.review.pooling import Pooled, pool
from synovia.review.references import decision_faults, unknown_names, unknown_records
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
    links = _parsed(materials, tables.LINKS)
    faults = [
        *decision_faults(decisions, materials.protocol, stands_for),
        *unknown_records(links, stands_for),
    ]
    if faults:
        raise TableError(faults)
    standing = decisions.assign(record_id=decisions["record_id"].map(stands_for))
    verdicts = screening.verdicts(
        standing, dict.fromkeys(clusters["cluster_id"]), readers=materials.protocol.screening.readers
    )
    return {"decisions": decisions, "verdicts": verdicts}


def _parsed(materials: Materials, table: Table) -> pd.DataFrame:
    rows = materials.evidence.rows[table.name]
    return tables.parse(table, rows, file=f"evidence/{table.name}.csv").frame_or_raise()


def _extract(materials: Materials, _: Frames) -> Frames:
    frames = {table.name: _parsed(materials, table) for table in EVIDENCE}
    faults = [
        *unknown_names(materials.protocol, frames),
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


def _synthesise(materials: Materials, frames: Frames) -> Frames:
    pooled = [pool(plan, frames) for plan in plans(materials.protocol)]
    return {
        "estimates": tables.frame(tables.ESTIMATES, [result.estimate for result in pooled]),
        "effects": _joined(tables.EFFECTS, pooled, "effects"),
        "covariances": _joined(tables.COVARIANCES, pooled, "covariances"),
        "omissions": _joined(tables.OMISSIONS, pooled, "omissions"),
        "contributions": _joined(tables.CONTRIBUTIONS, pooled, "contributions"),
        "coefficients": _joined(tables.COEFFICIENTS, pooled, "coefficients"),
    }


def _connect(materials: Materials, frames: Frames) -> Frames:
    doubted = frozenset(
        str(caution.line)
        for caution in extraction.find_cautions(frames["outcomes"], materials.field)
        if caution.text.startswith("SD ")
    )
    found = [carry_out(own, frames, doubted) for own in network_plans(materials.protocol)]
    given = {
        table.name: tables.frame(table, [row for one in found for row in one.rows.get(table.name, [])])
        for table in NETWORK_TABLES
    }
    omitted = [one.omissions for one in found if not one.omissions.empty]
    omissions = pd.concat(omitted, ignore_index=True) if omitted else tables.empty(tables.OMISSIONS)
    return {**given, "network_omissions": omissions}


def _follow(materials: Materials, frames: Frames) -> Frames:
    found = [follow(materials.protocol, course, frames) for course in materials.protocol.course]
    return {
        table.name: tables.frame(table, [row for one in found for row in one[table.name]])
        for table in COURSE_TABLES
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
    "connect": _connect,
    "follow": _follow,
}
"""The work of each stage, by the stage's name."""
