"""Syntheses of counts that are not Gaussian: one likelihood or one estimator per file."""

from synovia.synthesis.exact.beta_binomial import beta_binomial
from synovia.synthesis.exact.binomial import binomial_normal, logit_normal
from synovia.synthesis.exact.mantel_haenszel import mantel_haenszel
from synovia.synthesis.exact.peto import peto
from synovia.synthesis.exact.poisson import log_rate_normal, poisson_normal

__all__ = [
    "beta_binomial",
    "binomial_normal",
    "log_rate_normal",
    "logit_normal",
    "mantel_haenszel",
    "peto",
    "poisson_normal",
]
