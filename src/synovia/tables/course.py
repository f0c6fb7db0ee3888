"""Courses over time: what went in, and the effect week by week."""

from synovia.tables.schema import Column, Table

__all__ = ["COURSES", "COURSE_ESTIMATES", "COURSE_FOLLOW_UPS"]

_OF = (
    Column("course_id", "text", "course of the protocol", required=True),
    Column("variant", "text", "primary, or the name of a sensitivity analysis", required=True),
)
_KEY = ("course_id", "variant")

COURSES = Table(
    "courses",
    "one course over time, as planned or as a sensitivity analysis",
    (
        *_OF,
        Column("outcome", "text", "outcome id", required=True),
        Column("treatment", "text", "treatment id", required=True),
        Column("comparator", "text", "treatment id", required=True),
        Column("status", "text", "fitted, or not fitted", required=True, choices=("fitted", "not fitted")),
        Column("reason", "text", "why it was not fitted"),
        Column("correlation", "number", "assumed between successive follow-ups of the same people"),
        Column("k", "integer", "trials", at_least=0),
        Column("follow_ups", "integer", "follow-ups", at_least=0),
        Column("n", "integer", "participants, each trial at its largest follow-up", at_least=0),
        Column("level", "number", "level of the intervals"),
        Column("method", "text", "model and interval, in words"),
        Column("warnings", "text", "what the fit says about itself"),
    ),
    _KEY,
)

COURSE_FOLLOW_UPS = Table(
    "course_follow_ups",
    "one follow-up of one trial as a course uses it: treatment minus comparator",
    (
        *_OF,
        Column("study_id", "text", "study", required=True),
        Column("label", "text", "how the report names it"),
        Column("weeks", "number", "weeks from the first injection", "weeks"),
        Column("estimate", "number", "difference of means, on 0-100"),
        Column("variance", "number", "its sampling variance", "scale squared", at_least=0),
        Column("n", "number", "participants in the treated group", at_least=0),
        Column("n_comparator", "number", "participants in the comparator", at_least=0),
        Column("measure", "text", "instrument as printed"),
        Column("statistic", "text", "mean or mean change"),
        Column("derived", "text", "what Synovia derived on the way"),
        Column("caution", "text", "cautions of the rows it came from"),
        Column("lines", "text", "lines of evidence/outcomes.csv, joined by '; '"),
    ),
    (*_KEY, "study_id", "weeks"),
)

COURSE_ESTIMATES = Table(
    "course_estimates",
    "the effect of one course at one week",
    (
        *_OF,
        Column("weeks", "number", "weeks from the first injection", "weeks", required=True),
        Column("estimate", "number", "treatment minus comparator"),
        Column("lower", "number", "lower confidence limit"),
        Column("upper", "number", "upper confidence limit"),
        Column("prediction_lower", "number", "lower prediction limit"),
        Column("prediction_upper", "number", "upper prediction limit"),
        Column("k", "integer", "trials with a follow-up at this week or later", at_least=0),
    ),
    (*_KEY, "weeks"),
)
