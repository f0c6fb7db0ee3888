"""Conversions, contributing numbers, effects and pooled estimates: what Synovia derives."""

from synovia.tables.schema import Column, Table

__all__ = [
    "ARM_DATA",
    "COEFFICIENTS",
    "CONTRIBUTIONS",
    "CONVERSIONS",
    "COVARIANCES",
    "EFFECTS",
    "ESTIMATES",
    "OMISSIONS",
    "UNCONVERTED",
]

CONVERSIONS = Table(
    "conversions",
    "one number that Synovia derived from numbers as printed",
    (
        Column("study_id", "text", "study", required=True),
        Column("arm_id", "text", "arm", required=True),
        Column("measure", "text", "instrument as printed", required=True),
        Column("timepoint", "text", "time as printed", required=True),
        Column("statistic", "text", "statistic of the row converted", required=True),
        Column("step", "integer", "order of the conversion within the row", at_least=1),
        Column("quantity", "text", "what was derived: sd, mean, mean and sd, n", required=True),
        Column("value", "number", "derived value", "scale units"),
        Column("formula", "text", "formula, in symbols of its source", required=True),
        Column("inputs", "text", "numbers that went in, name=value joined by '; '", required=True),
        Column("citation", "text", "where the formula comes from", required=True),
        Column("line", "integer", "line of evidence/outcomes.csv", at_least=1),
    ),
    ("study_id", "arm_id", "measure", "timepoint", "statistic", "step"),
)

ARM_DATA = Table(
    "arm_data",
    "one arm at one time, ready for an effect size: mean, SD and n, or events and n, on a stated scale",
    (
        Column("study_id", "text", "study", required=True),
        Column("arm_id", "text", "arm", required=True),
        Column("treatment", "text", "treatment id of the protocol", required=True),
        Column("outcome", "text", "outcome id of the protocol", required=True),
        Column("measure", "text", "instrument as printed", required=True),
        Column("scale", "text", "scale id of the registry"),
        Column("unit", "text", "scale the numbers are on: the scale id, or '0-100, higher worse'"),
        Column("timepoint", "text", "as printed", required=True),
        Column("weeks", "number", "weeks from the first injection", "weeks", at_least=0),
        Column("statistic", "text", "mean, mean change or events", required=True),
        Column("n", "number", "analysed; a fraction when a shared arm was split", at_least=0),
        Column("mean", "number", "mean or mean change, on unit"),
        Column("sd", "number", "standard deviation, on unit", at_least=0),
        Column("events", "number", "participants with the event", at_least=0),
        Column("derived", "text", "what Synovia derived in this row, empty when all is as printed"),
        Column(
            "assumption", "text", "what the row assumes and no source prints, e.g. a correlation; else empty"
        ),
        Column("caution", "text", "cautions of the rows it came from"),
        Column("source", "text", "document", required=True),
        Column("locator", "text", "place in the document"),
        Column("line", "integer", "first line of evidence/outcomes.csv it rests on", at_least=1),
        Column("lines", "text", "every line of evidence/outcomes.csv it rests on, joined by '; '"),
    ),
    ("study_id", "arm_id", "measure", "timepoint", "statistic"),
)

OMISSIONS = Table(
    "omissions",
    "one row, arm or study that a synthesis did not use, with the reason",
    (
        Column("synthesis_id", "text", "synthesis of the protocol", required=True),
        Column("study_id", "text", "study", required=True),
        Column("arm_id", "text", "arm, empty for the whole study"),
        Column("measure", "text", "instrument as printed"),
        Column("timepoint", "text", "time as printed"),
        Column("reason", "text", "why it was not used", required=True),
        Column("line", "integer", "line of evidence/outcomes.csv", at_least=1),
    ),
    ("synthesis_id", "study_id", "arm_id", "measure", "timepoint", "line"),
)

UNCONVERTED = Table(
    "unconverted",
    "one row of evidence/outcomes.csv that no effect can be computed from, with the reason",
    (
        Column("study_id", "text", "study", required=True),
        Column("arm_id", "text", "arm", required=True),
        Column("measure", "text", "instrument as printed"),
        Column("timepoint", "text", "time as printed"),
        Column("reason", "text", "why it cannot be used", required=True),
        Column("line", "integer", "line of evidence/outcomes.csv", at_least=1),
    ),
    ("study_id", "arm_id", "measure", "timepoint", "line"),
)

EFFECTS = Table(
    "effects",
    "one effect: one arm against one comparator (or one arm alone) on a stated scale",
    (
        Column("effect_id", "text", "study, arm and comparator", required=True),
        Column("study_id", "text", "study", required=True),
        Column("label", "text", "how the report names it"),
        Column("arm_id", "text", "arm", required=True),
        Column("comparator_id", "text", "arm it is compared with; empty for a single arm"),
        Column("treatment", "text", "treatment id", required=True),
        Column("comparator", "text", "treatment id of the comparator; empty for a single arm"),
        Column("outcome", "text", "outcome id", required=True),
        Column("measure", "text", "effect measure: MD, SMD, ROM, OR, RR, RD ...", required=True),
        Column("scale", "text", "scale of the estimate, in words", required=True),
        Column("weeks", "number", "weeks from the first injection", "weeks"),
        Column("estimate", "number", "effect on the scale"),
        Column("variance", "number", "sampling variance", "scale squared", at_least=0),
        Column("std_error", "number", "standard error", "scale", at_least=0),
        Column("n", "number", "participants in the arm", at_least=0),
        Column("n_comparator", "number", "participants in the comparator", at_least=0),
        Column("basis", "text", "what it was computed from: means at time, changes, events"),
        Column("derived", "text", "what Synovia derived on the way"),
        Column("caution", "text", "cautions of the rows it came from"),
        Column("lines", "text", "lines of evidence/outcomes.csv, joined by '; '"),
    ),
    ("effect_id", "outcome", "measure", "weeks"),
)

COVARIANCES = Table(
    "covariances",
    "the sampling covariance of two effects of one study, because they share a comparator",
    (
        Column("effect_id", "text", "the one effect", required=True),
        Column("other_id", "text", "the other effect", required=True),
        Column("outcome", "text", "outcome id", required=True),
        Column("measure", "text", "effect measure", required=True),
        Column("weeks", "number", "weeks from the first injection", "weeks"),
        Column("covariance", "number", "sampling covariance", "scale squared"),
    ),
    ("effect_id", "other_id", "outcome", "measure", "weeks"),
)

ESTIMATES = Table(
    "estimates",
    "one pooled (or single) result of one synthesis of the protocol",
    (
        Column("synthesis_id", "text", "synthesis of the protocol", required=True),
        Column("variant", "text", "primary, or the name of a sensitivity analysis", required=True),
        Column("outcome", "text", "outcome id", required=True),
        Column("window", "text", "time window id", required=True),
        Column("treatment", "text", "treatment id", required=True),
        Column("comparator", "text", "treatment id; empty for a single arm"),
        Column("measure", "text", "effect measure", required=True),
        Column("scale", "text", "scale in words", required=True),
        Column(
            "status",
            "text",
            "pooled, single study, or no data",
            required=True,
            choices=("pooled", "single study", "no data"),
        ),
        Column("k", "integer", "studies", at_least=0),
        Column("effects", "integer", "effects (arms against comparators)", at_least=0),
        Column("n", "integer", "participants", at_least=0),
        Column("estimate", "number", "result on the scale"),
        Column("std_error", "number", "standard error"),
        Column("lower", "number", "lower confidence limit"),
        Column("upper", "number", "upper confidence limit"),
        Column("level", "number", "confidence level"),
        Column("df", "number", "degrees of freedom of the interval; empty for a normal one"),
        Column("p_value", "number", "p of no effect"),
        Column("prediction_lower", "number", "lower prediction limit"),
        Column("prediction_upper", "number", "upper prediction limit"),
        Column("tau2", "number", "variance of true effects, in all", "scale squared"),
        Column("tau2_lower", "number", "lower confidence limit of tau2 (Q-profile); empty in three levels"),
        Column("tau2_upper", "number", "upper confidence limit of tau2 (Q-profile); empty in three levels"),
        Column("tau2_between", "number", "its part between studies, in three levels", "scale squared"),
        Column("tau2_within", "number", "its part between effects of one study", "scale squared"),
        Column("i2", "number", "I2", "percent"),
        Column("q", "number", "Cochran's Q"),
        Column("q_df", "integer", "degrees of freedom of Q"),
        Column("q_p_value", "number", "p of Q"),
        Column("method", "text", "model, tau2 estimator and interval, in words"),
        Column("warnings", "text", "what the fit says about itself"),
    ),
    ("synthesis_id", "variant"),
)

CONTRIBUTIONS = Table(
    "contributions",
    "one effect inside one synthesis: its own interval and the weight it carries",
    (
        Column("synthesis_id", "text", "synthesis of the protocol", required=True),
        Column("variant", "text", "primary, or the name of a sensitivity analysis", required=True),
        Column("effect_id", "text", "study, arm and comparator", required=True),
        Column("study_id", "text", "study", required=True),
        Column("label", "text", "how the report names it"),
        Column("estimate", "number", "effect on the scale"),
        Column("lower", "number", "lower confidence limit of the effect alone"),
        Column("upper", "number", "upper confidence limit of the effect alone"),
        Column("std_error", "number", "standard error"),
        Column("weight", "number", "weight in the pooled result", "percent"),
        Column("n", "number", "participants in the arm"),
        Column("n_comparator", "number", "participants in the comparator"),
        Column("weeks", "number", "weeks from the first injection", "weeks"),
        Column("derived", "text", "what Synovia derived on the way"),
        Column("caution", "text", "cautions of the rows it came from"),
        Column("lines", "text", "lines of evidence/outcomes.csv, joined by '; '"),
    ),
    ("synthesis_id", "variant", "effect_id"),
)

COEFFICIENTS = Table(
    "coefficients",
    "one coefficient of one meta-regression, or one subgroup of one synthesis",
    (
        Column("synthesis_id", "text", "synthesis of the protocol", required=True),
        Column(
            "analysis",
            "text",
            "formula of the meta-regression, or the column of the subgroups",
            required=True,
        ),
        Column("term", "text", "coefficient or subgroup", required=True),
        Column("k", "integer", "effects", at_least=0),
        Column("estimate", "number", "on the scale of the effect"),
        Column("std_error", "number", "standard error"),
        Column("lower", "number", "lower confidence limit"),
        Column("upper", "number", "upper confidence limit"),
        Column("p_value", "number", "p of no effect"),
        Column("tau2", "number", "variance of true effects that is left", "scale squared"),
        Column("interval", "text", "how the limits were made"),
        Column("note", "text", "test between subgroups, or what the fit says about itself"),
    ),
    ("synthesis_id", "analysis", "term"),
)
