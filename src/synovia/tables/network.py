"""Networks of treatments: what went in, what came out, and what contributed to it."""

from dataclasses import replace

from synovia.tables.effect import OMISSIONS
from synovia.tables.schema import Column, Table

__all__ = [
    "NETWORKS",
    "NETWORK_ARMS",
    "NETWORK_CONTRIBUTIONS",
    "NETWORK_EFFECTS",
    "NETWORK_INCOHERENCE",
    "NETWORK_NODES",
    "NETWORK_OMISSIONS",
    "NETWORK_POSTERIORS",
    "NETWORK_RANKS",
    "NETWORK_RANK_PROBABILITIES",
]

_OF = (
    Column("network_id", "text", "network of the protocol", required=True),
    Column("variant", "text", "primary, or the name of a sensitivity analysis", required=True),
)
_KEY = ("network_id", "variant")
_SCALE_SQUARED = "scale squared"

NETWORKS = Table(
    "networks",
    "one network, as planned or as a sensitivity analysis",
    (
        *_OF,
        Column("outcome", "text", "outcome id", required=True),
        Column("window", "text", "time window id", required=True),
        Column("reference", "text", "node that effects are against", required=True),
        Column("measure", "text", "effect measure", required=True),
        Column("scale", "text", "scale in words", required=True),
        Column(
            "status",
            "text",
            "fitted, or not fitted",
            required=True,
            choices=("fitted", "not fitted"),
        ),
        Column("reason", "text", "why it was not fitted"),
        Column("nodes", "integer", "nodes that hang together with the reference", at_least=0),
        Column("trials", "integer", "trials", at_least=0),
        Column("comparisons", "integer", "pairs of nodes that some trial compares", at_least=0),
        Column("designs", "integer", "sets of nodes that trials compare", at_least=0),
        Column("n", "integer", "participants", at_least=0),
        Column("level", "number", "level of the intervals"),
        Column("tau2", "number", "variance of a comparison's true effect between trials", _SCALE_SQUARED),
        Column("i2", "number", "I2", "percent"),
        Column("q", "number", "Q of the whole network"),
        Column("q_df", "integer", "degrees of freedom of Q"),
        Column("q_p_value", "number", "p of Q"),
        Column(
            "precision", "number", "precision of the ranking: 0 any order as likely, 1 the order is certain"
        ),
        Column("method", "text", "model, tau2 estimator and interval, in words"),
        Column("warnings", "text", "what the fit says about itself"),
    ),
    _KEY,
)

NETWORK_NODES = Table(
    "network_nodes",
    "one node of a network, and whether it is connected",
    (
        *_OF,
        Column("node", "text", "node id", required=True),
        Column("label", "text", "how the report names it"),
        Column(
            "status",
            "text",
            "connected to the reference, apart from it, or without usable numbers",
            required=True,
            choices=("connected", "apart", "no data"),
        ),
        Column("trials", "integer", "trials with a group of this node", at_least=0),
        Column("n", "integer", "participants in these groups", at_least=0),
        Column("reason", "text", "why it is not connected, and what would connect it"),
    ),
    (*_KEY, "node"),
)

NETWORK_ARMS = Table(
    "network_arms",
    "one group of one trial as a network uses it: arms of one node are one group",
    (
        *_OF,
        Column("study_id", "text", "study", required=True),
        Column("label", "text", "how the report names it"),
        Column("node", "text", "node id", required=True),
        Column("arm_id", "text", "arm, or several joined by ' + '", required=True),
        Column("measure", "text", "instrument as printed", required=True),
        Column("unit", "text", "scale the numbers are on"),
        Column("weeks", "number", "weeks from the first injection", "weeks"),
        Column("statistic", "text", "mean, mean change or events", required=True),
        Column("n", "number", "analysed", at_least=0),
        Column("mean", "number", "mean or mean change, on unit"),
        Column("sd", "number", "standard deviation, on unit", at_least=0),
        Column("events", "number", "participants with the event", at_least=0),
        Column("derived", "text", "what Synovia derived on the way"),
        Column("caution", "text", "cautions of the rows it came from"),
        Column("lines", "text", "lines of evidence/outcomes.csv, joined by '; '"),
    ),
    (*_KEY, "study_id", "node"),
)

NETWORK_EFFECTS = Table(
    "network_effects",
    "one comparison of two connected nodes: network, direct and indirect",
    (
        *_OF,
        Column("node", "text", "node id", required=True),
        Column(
            "comparator", "text", "node it is compared with, the earlier one of the protocol", required=True
        ),
        Column("estimate", "number", "network estimate, node minus comparator"),
        Column("std_error", "number", "its standard error"),
        Column("lower", "number", "lower confidence limit"),
        Column("upper", "number", "upper confidence limit"),
        Column("p_value", "number", "p of no effect"),
        Column("prediction_lower", "number", "lower prediction limit"),
        Column("prediction_upper", "number", "upper prediction limit"),
        Column("k", "integer", "trials that compare the two directly", at_least=0),
        Column("n", "integer", "participants in these groups of these trials", at_least=0),
        Column("studies", "text", "these trials, joined by '; '"),
        Column(
            "evidence",
            "text",
            "mixed, direct only or indirect only",
            choices=("mixed", "direct only", "indirect only"),
        ),
        Column("direct_share", "number", "share of direct evidence in the network estimate"),
        Column("direct", "number", "direct estimate at the network's tau2"),
        Column("direct_lower", "number", "its lower limit"),
        Column("direct_upper", "number", "its upper limit"),
        Column("indirect", "number", "indirect estimate"),
        Column("indirect_lower", "number", "its lower limit"),
        Column("indirect_upper", "number", "its upper limit"),
        Column("difference", "number", "direct minus indirect"),
        Column("difference_p_value", "number", "p of direct and indirect evidence being the same"),
    ),
    (*_KEY, "node", "comparator"),
)

NETWORK_RANKS = Table(
    "network_ranks",
    "how one node ranks",
    (
        *_OF,
        Column("node", "text", "node id", required=True),
        Column("p_score", "number", "mean certainty of being better than another node; 0 to 1"),
        Column("mean_rank", "number", "mean rank, 1 the best"),
        Column("median_rank", "integer", "median rank"),
        Column("rank_lower", "integer", "lower limit of the rank"),
        Column("rank_upper", "integer", "upper limit of the rank"),
        Column("best", "number", "probability of being the best"),
        Column("worst", "number", "probability of being the worst"),
        Column("near_best", "number", "probability of being the best, or nearer to it than the MID"),
    ),
    (*_KEY, "node"),
)

NETWORK_RANK_PROBABILITIES = Table(
    "network_rank_probabilities",
    "the probability that one node has one rank",
    (
        *_OF,
        Column("node", "text", "node id", required=True),
        Column("rank", "integer", "rank, 1 the best", at_least=1),
        Column("probability", "number", "of this rank"),
        Column("cumulative", "number", "of this rank or a better one"),
    ),
    (*_KEY, "node", "rank"),
)

NETWORK_POSTERIORS = Table(
    "network_posteriors",
    "one node against the reference, read as a probability under the declared prior",
    (
        *_OF,
        Column("node", "text", "node id", required=True),
        Column("comparator", "text", "the reference", required=True),
        Column("estimate", "number", "posterior median, node minus reference"),
        Column("lower", "number", "lower credible limit"),
        Column("upper", "number", "upper credible limit"),
        Column("better", "number", "probability of being better than the reference at all"),
        Column("mid", "number", "difference that matters to patients", "scale"),
        Column("better_by_mid", "number", "probability of being better by more than that, on average"),
        Column("trial_better_by_mid", "number", "probability of this in a new trial"),
        Column("tau", "number", "posterior median of the SD between trials"),
        Column("method", "text", "model and priors, in words"),
    ),
    (*_KEY, "node"),
)

NETWORK_INCOHERENCE = Table(
    "network_incoherence",
    "one part of Q of a network, or what one design adds to it",
    (
        *_OF,
        Column(
            "part", "text", "total, within designs, between designs, or the design's nodes", required=True
        ),
        Column("k", "integer", "trials of the design", at_least=0),
        Column("q", "number", "Q"),
        Column("df", "integer", "degrees of freedom"),
        Column("p_value", "number", "p"),
        Column("tau2", "number", "variance between trials that was allowed for", _SCALE_SQUARED),
        Column("note", "text", "why it cannot be tested"),
    ),
    (*_KEY, "part"),
)

NETWORK_CONTRIBUTIONS = Table(
    "network_contributions",
    "how much of one network estimate comes from one direct comparison, or from one trial",
    (
        *_OF,
        Column("node", "text", "node id", required=True),
        Column("comparator", "text", "node it is compared with", required=True),
        Column("kind", "text", "direct comparison or trial", required=True, choices=("comparison", "trial")),
        Column(
            "source", "text", "'node : comparator' of the direct comparison, or the study id", required=True
        ),
        Column("contribution", "number", "share of the estimate", "percent"),
    ),
    (*_KEY, "node", "comparator", "kind", "source"),
)

NETWORK_OMISSIONS = replace(
    OMISSIONS,
    name="network_omissions",
    help="one row, arm or study that a network did not use, with the reason; synthesis_id is the network's",
)
