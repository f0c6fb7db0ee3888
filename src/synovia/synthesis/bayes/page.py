"""A posterior as a page."""

from typing import TYPE_CHECKING

import pandas as pd

from synovia.kernel import Inapplicable
from synovia.synthesis.summary import Summary, show

if TYPE_CHECKING:
    from synovia.synthesis.bayes.posterior import Posterior

__all__ = ["write_posterior"]


def write_posterior(posterior: "Posterior") -> Summary:
    """The posterior on a page: medians, means, intervals, priors, error and evidence."""
    percent = f"{100 * posterior.level:g} %"
    header = ("", "median", "mean", "sd", f"{percent} from", "to")
    table = pd.concat([posterior.tidy().rename(columns={"term": "name"}), posterior.variances()])
    columns = ("estimate", "mean", "std_error", "lower", "upper")
    rows = [
        (str(row["name"]), *(show(float(row[column]), 3) for column in columns))
        for _, row in table.iterrows()
    ]
    evidence = posterior.log_evidence
    facts = [
        ("Estimates", str(posterior.model.problem.n)),
        ("Method", posterior.method),
        ("Error of the quadrature", f"{posterior.quadrature.error:.1g}"),
        ("Log evidence", str(evidence) if isinstance(evidence, Inapplicable) else show(evidence, 3)),
    ]
    return Summary("Posterior", header, tuple(rows), tuple(facts), posterior.warnings)
