"""Studies, their arms, and what they say: one declared table each, entered by people."""

from synovia.tables.schema import Column, Table

__all__ = [
    "ARMS",
    "CONTRASTS",
    "FINDINGS",
    "OUTCOMES",
    "PREPARATIONS",
    "PUBLISHED",
    "SOURCE_COLUMNS",
    "STUDIES",
]

SOURCE_COLUMNS = (
    Column(
        "source", "text", "document the numbers were read in: DOI, PMID, PMC id or registry id", required=True
    ),
    Column("locator", "text", "place in it: table, figure, page, abstract", required=True),
    Column("quote", "text", "the words or cells that prove it, short"),
)

STUDIES = Table(
    "studies",
    "one study",
    (
        Column("study_id", "text", "short stable name, e.g. bennell-2021", required=True),
        Column("label", "text", "how the report names it, e.g. Bennell 2021 (RESTORE)", required=True),
        Column("year", "integer", "year of the main report", at_least=1900, at_most=2200),
        Column(
            "design",
            "text",
            "design",
            required=True,
            choices=(
                "randomised trial",
                "randomised trial, within-patient",
                "pooled randomised trials",
                "non-randomised comparison",
                "single-arm study",
                "animal experiment",
                "in vitro study",
            ),
        ),
        Column("species", "text", "human, rat, mouse ... or 'not stated'", required=True),
        Column("population", "text", "who was studied"),
        Column("blinding", "text", "as printed"),
        Column("n_randomised", "integer", "participants or animals randomised or enrolled", at_least=1),
        Column("registry_id", "text", "trial registry identifiers, joined by '; '"),
        Column("eligible", "boolean", "whether the study meets the protocol's eligibility", required=True),
        Column("caution", "text", "what a reader must know before using its numbers"),
        *SOURCE_COLUMNS,
        Column("note", "text", "anything else"),
    ),
    ("study_id",),
)

ARMS = Table(
    "arms",
    "one arm of one study",
    (
        Column("study_id", "text", "study", required=True),
        Column("arm_id", "text", "short name, unique within the study", required=True),
        Column("label", "text", "as printed", required=True),
        Column("treatment", "text", "treatment id of the protocol", required=True),
        Column("product", "text", "product, preparation or molecular weight as printed"),
        Column("dose", "text", "dose as printed"),
        Column("injections", "integer", "number of injections planned", at_least=0),
        Column("n_randomised", "integer", "randomised to the arm", at_least=1),
        Column(
            "part_of", "text", "arm of which this is a subgroup: numbers are pooled into that arm before use"
        ),
        *SOURCE_COLUMNS,
        Column("note", "text", "anything else"),
    ),
    ("study_id", "arm_id"),
)

OUTCOMES = Table(
    "outcomes",
    "one outcome of one arm at one time, with the numbers as printed",
    (
        Column("study_id", "text", "study", required=True),
        Column("arm_id", "text", "arm, as in arms.csv", required=True),
        Column("outcome", "text", "outcome id of the protocol", required=True),
        Column("measure", "text", "instrument as printed, e.g. 'pain VAS at rest'", required=True),
        Column(
            "scale",
            "text",
            "scale id of the registry, e.g. womac-pain-likert; empty when not on a registered scale",
        ),
        Column("timepoint", "text", "as printed", required=True),
        Column("weeks", "number", "weeks from the first injection; 0 is baseline", "weeks", at_least=0),
        Column(
            "statistic",
            "text",
            "what the numbers are",
            required=True,
            choices=("mean", "mean change", "median", "median change", "events", "none printed"),
        ),
        Column(
            "unit_of_analysis",
            "text",
            "participants unless said otherwise",
            choices=("participants", "knees", "animals"),
        ),
        Column("n", "integer", "analysed", at_least=1),
        Column("n_basis", "text", "where n comes from: analysed, randomised, per protocol ..."),
        Column("mean", "number", "mean or mean change", "scale units"),
        Column("sd", "number", "standard deviation", "scale units", above=0),
        Column("se", "number", "standard error", "scale units", above=0),
        Column("ci_low", "number", "lower confidence limit of the mean", "scale units"),
        Column("ci_high", "number", "upper confidence limit of the mean", "scale units"),
        Column(
            "ci_level", "number", "confidence level of the limits, 0.95 unless said", above=0, at_most=0.9999
        ),
        Column("median", "number", "median", "scale units"),
        Column("q1", "number", "lower quartile", "scale units"),
        Column("q3", "number", "upper quartile", "scale units"),
        Column("minimum", "number", "smallest value", "scale units"),
        Column("maximum", "number", "largest value", "scale units"),
        Column("events", "integer", "participants with the event", at_least=0),
        Column(
            "use", "boolean", "no: shown, but not used in a synthesis; the caution says why", required=True
        ),
        Column("caution", "text", "what a reader must know before using the number"),
        *SOURCE_COLUMNS,
        Column("note", "text", "anything else"),
    ),
    ("study_id", "arm_id", "measure", "timepoint", "statistic"),
)

CONTRASTS = Table(
    "contrasts",
    "one difference between two arms as a paper prints it, where it prints no numbers per arm",
    (
        Column("study_id", "text", "study", required=True),
        Column("arm_id", "text", "arm", required=True),
        Column("comparator_id", "text", "arm it is compared with", required=True),
        Column("outcome", "text", "outcome id of the protocol", required=True),
        Column("measure", "text", "instrument as printed", required=True),
        Column("scale", "text", "scale id of the registry"),
        Column("timepoint", "text", "as printed", required=True),
        Column("weeks", "number", "weeks from the first injection", "weeks", at_least=0),
        Column("statistic", "text", "what the number is, e.g. mean difference, regression coefficient"),
        Column("estimate", "number", "difference, arm minus comparator", "scale units"),
        Column("se", "number", "standard error", "scale units", above=0),
        Column("ci_low", "number", "lower confidence limit", "scale units"),
        Column("ci_high", "number", "upper confidence limit", "scale units"),
        Column("p_value", "text", "p as printed"),
        Column("conclusion", "text", "what the report says in words"),
        *SOURCE_COLUMNS,
        Column("note", "text", "anything else"),
    ),
    ("study_id", "arm_id", "comparator_id", "measure", "timepoint"),
)

PREPARATIONS = Table(
    "preparations",
    "what one animal or in vitro study gave: vesicle, cargo, dose, model; as printed beside as read",
    (
        Column("study_id", "text", "study", required=True),
        Column("cell_source", "text", "parent cell of the vesicles", required=True),
        Column("cargo", "text", "cargo named as active", required=True),
        Column("cargo_type", "text", "protein, miRNA, lncRNA, small molecule ..."),
        Column("modification", "text", "how cargo or vesicle was changed"),
        Column("target", "text", "molecular target named"),
        Column("pathway", "text", "pathway named"),
        Column("in_vitro_model", "text", "cells and stimulus"),
        Column("animal_model", "text", "how osteoarthritis was induced; 'none' without animals"),
        Column("arms_printed", "text", "arms as printed, joined by '; '"),
        Column("duration_weeks", "number", "weeks followed", "weeks", at_least=0),
        Column("dose_printed", "text", "dose as printed, damage kept"),
        Column("dose_read", "text", "our reading of the dose, labelled a reading"),
        Column("volume_printed", "text", "volume as printed"),
        Column("volume_read", "text", "our reading of the volume"),
        Column("interval_printed", "text", "interval as printed"),
        Column("interval_read", "text", "our reading of the interval"),
        Column("histology", "text", "stains and scores named"),
        Column("markers", "text", "markers named"),
        *SOURCE_COLUMNS,
        Column("note", "text", "anything else"),
    ),
    ("study_id",),
)

FINDINGS = Table(
    "findings",
    "one finding in words: the direction of one outcome in one study, no numbers printed",
    (
        Column("study_id", "text", "study", required=True),
        Column(
            "setting", "text", "where it was seen", required=True, choices=("in vitro", "in vivo", "human")
        ),
        Column("domain", "text", "outcome domain, e.g. cartilage structure", required=True),
        Column(
            "direction",
            "text",
            "direction of the finding",
            required=True,
            choices=("benefit", "mixed", "no difference", "harm", "not reported"),
        ),
        Column("finding", "text", "the finding in our words", required=True),
        *SOURCE_COLUMNS,
        Column("note", "text", "anything else"),
    ),
    ("study_id", "setting", "domain"),
)

PUBLISHED = Table(
    "published",
    "one pooled result of a published meta-analysis, as printed",
    (
        Column("result_id", "text", "running name", required=True),
        Column("label", "text", "how the report names the meta-analysis", required=True),
        Column("year", "integer", "year of publication", at_least=1900, at_most=2200),
        Column(
            "kind",
            "text",
            "pairwise, network, pre-post, individual data, umbrella row, preclinical",
            required=True,
        ),
        Column("treatment", "text", "treatment as printed", required=True),
        Column("comparator", "text", "comparator as printed", required=True),
        Column("outcome", "text", "outcome as printed", required=True),
        Column("timepoint", "text", "time as printed"),
        Column("measure", "text", "effect measure as printed"),
        Column("estimate", "text", "estimate as printed"),
        Column("ci_low", "text", "lower limit as printed"),
        Column("ci_high", "text", "upper limit as printed"),
        Column("p_value", "text", "p as printed"),
        Column("i2", "text", "I2 as printed, in percent"),
        Column("k", "text", "number of studies as printed"),
        Column("n", "text", "participants as printed"),
        Column("comparison_id", "text", "comparison of the protocol it can be set beside; empty when none"),
        Column("outcome_id", "text", "outcome of the protocol it can be set beside; empty when none"),
        Column(
            "positive_favours",
            "text",
            "which side a positive number favours, where it is not the comparator as in ours",
            choices=("treatment", "comparator", "not stated"),
        ),
        Column("caution", "text", "what a reader must know before using the number"),
        *SOURCE_COLUMNS,
        Column("note", "text", "anything else"),
    ),
    ("result_id",),
)
