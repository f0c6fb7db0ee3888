"""What a posterior is made from: a Gaussian problem, its names and its priors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Problem
from synovia.kernel.axis import Axis
from synovia.kernel.coefficient_prior import Gaussian
from synovia.kernel.frame import find_log_volume, find_matrices
from synovia.kernel.placing import ImproperPosterior
from synovia.kernel.quadrature import Quadrature, integrate
from synovia.kernel.solution import Solution
from synovia.synthesis.bayes.coefficients import CoefficientPrior, build_gaussians
from synovia.synthesis.bayes.empirical_priors import Empirical
from synovia.synthesis.bayes.priors import Prior, Uniform
from synovia.synthesis.bayes.reference_priors import NAMED
from synovia.synthesis.fit import Fit

__all__ = ["BetaPrior", "Model", "TauPrior", "build_model", "integrate_model"]

Floats = NDArray[np.float64]
TauPrior = Prior | Empirical | str | Mapping[str, Prior | Empirical | str] | None
BetaPrior = Mapping[str, CoefficientPrior] | CoefficientPrior | None


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A problem with priors.

    Attributes
    ----------
    problem : Problem
        Estimates, design, covariance and random terms.
    names : tuple of str
        One per entry of psi, "tau" for the square root of "tau2".
    priors : tuple of Prior
        One per entry of psi.
    axes : tuple of Axis
        Limits of each.
    beta : tuple of Gaussian, or None
        Components of the prior of the coefficients; None for flat.
    beta_prior : prior, mapping or None
        The same as it was given.
    proper : bool
        Whether every prior of psi is proper.
    proper_beta : bool
        Whether the prior of every coefficient is.
    log_scale : float or None
        Log of what makes uniform correlations integrate to 1 over the matrices that exist; None where single
        correlations of such a matrix have priors of their own.
    """

    problem: Problem
    names: tuple[str, ...]
    priors: tuple[Prior, ...]
    axes: tuple[Axis, ...]
    beta: tuple[Gaussian, ...] | None
    beta_prior: BetaPrior
    proper: bool
    proper_beta: bool
    log_scale: float | None = 0.0

    def log_prior(self, natural: Floats) -> Floats:
        """(m,) log prior of psi at natural parameters (m, d)."""
        v = self.problem.V.diagonal
        total = np.full(natural.shape[0], self.log_scale or 0.0)
        for prior, column in zip(self.priors, natural.T, strict=True):
            total = total + prior.log_density(column, v)
        return total


def build_model(fit: Fit, tau: TauPrior, beta: BetaPrior) -> Model:
    """The model of a fit with priors.

    Raises
    ------
    SynthesisError
        When the fit has no Gaussian likelihood, or a prior is missing or has no parameter.
    """
    if isinstance(fit.point, Solution):
        raise SynthesisError(
            "bayes needs estimates with variances; the fit is a model for counts. Fit effects with meta, or "
            "use binomial_network for counts of events."
        )
    if fit.settings.weights is not None:
        raise SynthesisError("bayes weighs estimates by their variances; leave weights= out of the fit.")
    names = tuple(_natural(name) for name in fit.names.variances)
    priors = _read_priors(tau, names, fit.problem.bounds)
    axes = tuple(
        _limit(prior, bounds, squared=name.startswith("tau"))
        for prior, bounds, name in zip(priors, fit.problem.bounds, names, strict=True)
    )
    gaussians, proper_beta = build_gaussians(beta, fit.names.coefficients)
    return Model(
        problem=fit.problem,
        names=names,
        priors=priors,
        axes=axes,
        beta=None if gaussians is None else tuple(gaussians),
        beta_prior=beta,
        proper=all(prior.proper for prior in priors),
        proper_beta=proper_beta,
        log_scale=_scale_correlations(fit.problem, tau, names),
    )


def integrate_model(model: Model) -> Quadrature:
    """The posterior.

    Raises
    ------
    SynthesisError
        When it is improper: the parameter, the prior and the number of estimates are named.
    """
    if model.problem.n <= model.problem.p and not model.proper:
        raise SynthesisError(
            f"The posterior is improper: {model.problem.n} estimates leave nothing beyond "
            f"{model.problem.p} coefficients to learn {model.names[0]} from. "
            "Give it a proper prior, such as HalfNormal(0.5)."
        )
    try:
        if len(model.axes) > 3:
            from synovia.kernel.importance import integrate_many  # noqa: PLC0415 - only beyond three

            return integrate_many(model.problem, model.axes, model.log_prior, model.beta)
        return integrate(model.problem, model.axes, model.log_prior, model.beta)
    except ImproperPosterior as fault:
        name, prior = model.names[fault.parameter], model.priors[fault.parameter]
        raise SynthesisError(
            f"The posterior is improper: with the prior {prior} and {model.problem.n} estimates for "
            f"{model.problem.p} coefficients it does not fall {fault.where} of {name}. Give {name} a proper "
            "prior, such as HalfNormal(0.5) on the scale of log odds ratios or standardised mean differences."
        ) from None


def _natural(name: str) -> str:
    return "tau" + name.removeprefix("tau2") if name.startswith("tau2") else name


def _scale_correlations(problem: Problem, tau: TauPrior, names: tuple[str, ...]) -> float | None:
    given = tau if isinstance(tau, Mapping) else {}
    total = 0.0
    for q, first in find_matrices(problem.terms):
        count = q * (q - 1) // 2
        if any(name in given for name in names[first : first + count]):
            return None
        total += count * float(np.log(2)) - find_log_volume(q)
    return total


def _read_priors(
    tau: TauPrior, names: tuple[str, ...], bounds: tuple[tuple[float, float], ...]
) -> tuple[Prior, ...]:
    given = tau if isinstance(tau, Mapping) else {}
    unknown = [name for name in given if name not in names and _natural(name) not in names]
    if unknown:
        raise SynthesisError(f"Found a prior for {unknown[0]!r}; the parameters are {', '.join(names)}.")
    by_name = {_natural(name): prior for name, prior in given.items()}
    return tuple(_pick(name, tau, by_name, limits) for name, limits in zip(names, bounds, strict=True))


def _pick(
    name: str, tau: TauPrior, by_name: dict[str, Prior | Empirical | str], limits: tuple[float, float]
) -> Prior:
    if name in by_name:
        return _named(by_name[name])
    if name.startswith("tau") and tau is not None and not isinstance(tau, Mapping):
        return _named(tau)
    if name.startswith("rho"):
        return Uniform(*limits)
    raise SynthesisError(
        f"Found no prior for {name}; wanted tau={{{name!r}: prior}}, or one prior for all standard "
        "deviations, such as tau=HalfNormal(0.5) on the scale of log odds ratios or standardised mean "
        "differences."
    )


def _named(prior: Prior | Empirical | str) -> Prior:
    if isinstance(prior, Empirical):
        return prior.prior
    if isinstance(prior, str):
        if prior not in NAMED:
            raise SynthesisError(
                f"Found prior {prior!r}; wanted one of {', '.join(NAMED)}, or a prior object."
            )
        return NAMED[prior]
    if not hasattr(prior, "log_density"):
        raise SynthesisError(
            f"Found {prior!r} as a prior; wanted a prior object such as HalfNormal(0.5), what "
            f"empirical_prior gives, or one of {', '.join(NAMED)}."
        )
    return prior


def _limit(prior: Prior, bounds: tuple[float, float], *, squared: bool) -> Axis:
    low, high = (float(np.sqrt(bound)) for bound in bounds) if squared else bounds
    return Axis(max(low, prior.limits[0]), min(high, prior.limits[1]), squared=squared)
