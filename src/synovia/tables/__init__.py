"""What a table is, and the declared tables that the other rooms meet through. No I/O, no statistics."""

from synovia.tables.effect import (
    ARM_DATA,
    COEFFICIENTS,
    CONTRIBUTIONS,
    CONVERSIONS,
    COVARIANCES,
    EFFECTS,
    ESTIMATES,
    OMISSIONS,
    UNCONVERTED,
)
from synovia.tables.record import CLUSTERS, MERGES, PAIRS, RECORDS, REJECTS
from synovia.tables.schema import Column, Parsed, Row, Table, check, empty, format_cell, frame, parse
from synovia.tables.study import ARMS, CONTRASTS, FINDINGS, OUTCOMES, PREPARATIONS, PUBLISHED, STUDIES
from synovia.tables.verdict import DECISIONS, LINKS, STAGES, VERDICTS

__all__ = [
    "ARMS",
    "ARM_DATA",
    "CLUSTERS",
    "COEFFICIENTS",
    "CONTRASTS",
    "CONTRIBUTIONS",
    "CONVERSIONS",
    "COVARIANCES",
    "DECISIONS",
    "DERIVED",
    "EFFECTS",
    "ESTIMATES",
    "EVIDENCE",
    "FINDINGS",
    "LINKS",
    "MERGES",
    "OMISSIONS",
    "OUTCOMES",
    "PAIRS",
    "PREPARATIONS",
    "PUBLISHED",
    "RECORDS",
    "REJECTS",
    "STAGES",
    "STUDIES",
    "UNCONVERTED",
    "VERDICTS",
    "Column",
    "Parsed",
    "Row",
    "Table",
    "check",
    "empty",
    "format_cell",
    "frame",
    "parse",
]

EVIDENCE: tuple[Table, ...] = (LINKS, STUDIES, ARMS, OUTCOMES, CONTRASTS, PREPARATIONS, FINDINGS, PUBLISHED)
"""Tables that people fill in and that the journal records row by row."""

DERIVED: tuple[Table, ...] = (
    RECORDS,
    REJECTS,
    PAIRS,
    CLUSTERS,
    VERDICTS,
    CONVERSIONS,
    ARM_DATA,
    UNCONVERTED,
    OMISSIONS,
    EFFECTS,
    COVARIANCES,
    ESTIMATES,
    CONTRIBUTIONS,
    COEFFICIENTS,
)
"""Tables that Synovia computes and that may be deleted at any time."""
