"""Decisions on records, the state they add up to, and the links from record to report to study."""

from synovia.tables.schema import Column, Table

__all__ = ["DECISIONS", "LINKS", "STAGES", "VERDICTS"]

STAGES = ("title-abstract", "full-text")

DECISIONS = Table(
    "decisions",
    "the latest decision of one person on one record at one stage",
    (
        Column("record_id", "text", "record that was shown", required=True),
        Column("stage", "text", "stage of screening", required=True, choices=STAGES),
        Column("reviewer", "text", "who decided", required=True),
        Column(
            "role",
            "text",
            "reviewer, or adjudicator of a conflict",
            required=True,
            choices=("reviewer", "adjudicator"),
        ),
        Column("verdict", "text", "decision", required=True, choices=("include", "exclude", "not retrieved")),
        Column("reason", "text", "primary reason of an exclusion, one of the protocol's"),
        Column("note", "text", "anything else the person wrote"),
    ),
    ("record_id", "stage", "reviewer", "role"),
)

VERDICTS = Table(
    "verdicts",
    "the state of one record at one stage",
    (
        Column("record_id", "text", "record that stands for its cluster", required=True),
        Column("stage", "text", "stage of screening", required=True, choices=STAGES),
        Column(
            "state",
            "text",
            "what the decisions add up to",
            required=True,
            choices=("include", "exclude", "not retrieved", "conflict", "awaiting"),
        ),
        Column("reason", "text", "primary reason of an exclusion"),
        Column("decided_by", "text", "who decided, joined by '; '"),
    ),
    ("record_id", "stage"),
)

LINKS = Table(
    "links",
    "one record, the report it describes and the study the report is about",
    (
        Column("record_id", "text", "record", required=True),
        Column("report_id", "text", "report: a paper, an abstract, a register entry", required=True),
        Column("study_id", "text", "study, as in studies.csv; empty while unknown"),
    ),
    ("record_id",),
)
