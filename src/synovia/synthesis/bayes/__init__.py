"""Bayes by quadrature: exact posteriors of any fit, with the priors the field uses."""

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

__all__ = [
    "BergerDeely",
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
    "SquareRoot",
    "Uniform",
    "UniformI2",
    "UniformShrinkage",
    "bayes",
    "empirical_prior",
    "list_empirical_priors",
]
