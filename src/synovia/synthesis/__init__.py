"""From a table of effects to a fit: one method per file, one result shape."""

from synovia.kernel import Blocks, Convergence, Diagonal, Inapplicable, Problem, Wald
from synovia.synthesis.accuracy import Accuracy, diagnostic_accuracy
from synovia.synthesis.accuracy_tables import accuracy_ratio, describe_accuracy
from synovia.synthesis.bootstrap import Bootstrapped, bootstrap
from synovia.synthesis.dose import DoseResponse, convert_doses, dose_response
from synovia.synthesis.exact import (
    beta_binomial,
    binomial_normal,
    log_rate_normal,
    logit_normal,
    mantel_haenszel,
    peto,
    poisson_normal,
)
from synovia.synthesis.explain import explained
from synovia.synthesis.fit import Fit
from synovia.synthesis.intervals import ProfileInterval, profile_interval
from synovia.synthesis.many import Many, meta_many
from synovia.synthesis.names import Names
from synovia.synthesis.pairwise import meta
from synovia.synthesis.permutation import Permuted, permutation_test
from synovia.synthesis.settings import Settings
from synovia.synthesis.subgroup import Subgroups, correlate_levels, subgroups
from synovia.synthesis.summary import Summary
from synovia.synthesis.weighting import GeneralisedQ
from synovia.synthesis.wild import WildTest, wild_bootstrap

__all__ = [
    "Accuracy",
    "Blocks",
    "Bootstrapped",
    "Convergence",
    "Diagonal",
    "DoseResponse",
    "Fit",
    "GeneralisedQ",
    "Inapplicable",
    "Many",
    "Names",
    "Permuted",
    "Problem",
    "ProfileInterval",
    "Settings",
    "Subgroups",
    "Summary",
    "Wald",
    "WildTest",
    "accuracy_ratio",
    "beta_binomial",
    "binomial_normal",
    "bootstrap",
    "convert_doses",
    "correlate_levels",
    "describe_accuracy",
    "diagnostic_accuracy",
    "dose_response",
    "explained",
    "log_rate_normal",
    "logit_normal",
    "mantel_haenszel",
    "meta",
    "meta_many",
    "permutation_test",
    "peto",
    "poisson_normal",
    "profile_interval",
    "subgroups",
    "wild_bootstrap",
]
