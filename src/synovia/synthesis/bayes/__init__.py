"""Bayes by quadrature: exact posteriors of any fit, with the priors the field uses."""

from synovia.synthesis.bayes.averaging import Averaged, average_models
from synovia.synthesis.bayes.bayes_factors import BayesFactor, bayes_factor
from synovia.synthesis.bayes.binomial_network import BinomialNetwork, binomial_network
from synovia.synthesis.bayes.coefficients import Mixture, Normal, PowerPrior
from synovia.synthesis.bayes.door import bayes
from synovia.synthesis.bayes.empirical_priors import Empirical, empirical_prior, list_empirical_priors
from synovia.synthesis.bayes.posterior import Posterior
from synovia.synthesis.bayes.priors import (
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    LogNormal,
    LogT,
    Prior,
    Uniform,
)
from synovia.synthesis.bayes.reference_priors import (
    BergerDeely,
    Conventional,
    DuMouchel,
    Jeffreys,
    SquareRoot,
    UniformI2,
    UniformShrinkage,
)
from synovia.synthesis.bayes.sensitivity import CaseInfluence, Sensitivity, case_influence, prior_sensitivity

__all__ = [
    "Averaged",
    "BayesFactor",
    "BergerDeely",
    "BinomialNetwork",
    "CaseInfluence",
    "Conventional",
    "DuMouchel",
    "Empirical",
    "HalfCauchy",
    "HalfNormal",
    "HalfT",
    "InverseGamma",
    "Jeffreys",
    "LogNormal",
    "LogT",
    "Mixture",
    "Normal",
    "Posterior",
    "PowerPrior",
    "Prior",
    "Sensitivity",
    "SquareRoot",
    "Uniform",
    "UniformI2",
    "UniformShrinkage",
    "average_models",
    "bayes",
    "bayes_factor",
    "binomial_network",
    "case_influence",
    "empirical_prior",
    "list_empirical_priors",
    "prior_sensitivity",
]
