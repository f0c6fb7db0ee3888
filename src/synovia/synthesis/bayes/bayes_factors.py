"""How much the data change the odds of a null value against the whole model."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable
from synovia.kernel.coefficient_prior import flat
from synovia.kernel.quadrature import find_density, integrate
from synovia.synthesis.bayes.posterior import Posterior

__all__ = ["BayesFactor", "bayes_factor"]


@dataclass(frozen=True, slots=True)
class BayesFactor:
    """The evidence for a null value: above 1 the data favour it.

    Attributes
    ----------
    term : str
        What is null.
    null : float
        The value.
    value : float or Inapplicable
        p(y | null) / p(y); it depends on the prior of the term.
    minimum : float or Inapplicable
        p(y | null) / max p(y | value): the least that any prior of the term could give.
    """

    term: str
    null: float
    value: float | Inapplicable
    minimum: float | Inapplicable


def bayes_factor(posterior: Posterior, term: str, null: float = 0.0) -> BayesFactor:
    r"""The Bayes factor of a null value against the model.

    Parameters
    ----------
    posterior : Posterior
        With a proper prior of the term, for ``value``.
    term : str
        A coefficient, or the standard deviation "tau" of a model with one.
    null : float
        The value; 0 for tau.

    Raises
    ------
    SynthesisError
        When there is no such term.

    Notes
    -----
    For a coefficient the density ratio of Dickey (1971), Annals of Mathematical Statistics 42, 204-223:
    posterior over prior density at the null value. Edwards, Lindman & Savage (1963), Psychological Review 70,
    193-242, for the minimum.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> from synovia.synthesis.bayes import HalfNormal, Normal, bayes
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> found = bayes_factor(bayes(meta(trials), HalfNormal(0.5), Normal(0, 1)), "Intercept")
    >>> print(f"{found.value:.2f}")
    1.00
    """
    if term in posterior.model.names:
        return _of_tau(posterior, term, null)
    names = posterior.fit.names.coefficients
    if term not in names:
        raise SynthesisError(
            f"Found term {term!r}; wanted one of {', '.join((*names, *posterior.model.names))}."
        )
    column = names.index(term)
    return BayesFactor(
        term, null, _of_coefficient(posterior, column, null), _least_of_coefficient(posterior, column, null)
    )


def _of_coefficient(posterior: Posterior, column: int, null: float) -> float | Inapplicable:
    prior = 0.0
    for part in posterior.model.beta or ():
        precision = part.precision[column, column]
        spread = precision * (null - part.mean[column]) ** 2
        prior += float(np.exp(part.log_weight - 0.5 * spread) * np.sqrt(precision / (2 * np.pi)))
    if prior == 0:
        return Inapplicable(
            "the prior of the coefficient is flat: give it a proper one, such as Normal(0, 4)"
        )
    return float(posterior.coefficients.density([null])[column]) / prior


def _least_of_coefficient(posterior: Posterior, column: int, null: float) -> float | Inapplicable:
    model = posterior.model
    if model.beta is not None and len(posterior.fit.names.coefficients) > 1:
        return Inapplicable("the priors of the other coefficients are part of it: leave beta= out")
    found = posterior
    if model.beta is not None:
        vague = replace(model, beta=None, beta_prior=None, proper_beta=False)
        again = integrate(vague.problem, vague.axes, vague.log_prior)
        found = Posterior(posterior.fit, vague, again, posterior.level)
    mixture = found.coefficients.pick(column)
    return float(mixture.density([null])[0] / mixture.density(mixture.mode())[0])


def _of_tau(posterior: Posterior, term: str, null: float) -> BayesFactor:
    model = posterior.model
    if len(model.names) > 1:
        none = Inapplicable("there are several variances: compare the log evidence of both models")
        return BayesFactor(term, null, none, none)

    def height(tau: float) -> float:
        at, beta = np.array([[tau]]), model.beta or [flat(model.problem.p)]
        return float(find_density(model.problem, at, model.axes, lambda x: 0 * x[:, 0], beta)[0][0])

    evidence = posterior.log_evidence
    value = evidence if isinstance(evidence, Inapplicable) else float(np.exp(height(null) - evidence))
    grid = posterior.quadrature.curves[0].quantile(np.linspace(0.01, 0.99, 25))
    best = int(np.argmax([height(float(x)) for x in grid]))
    around = (0.0 if best == 0 else float(grid[best - 1]), float(grid[min(best + 1, grid.size - 1)]) * 1.5)
    found = minimize_scalar(lambda x: -height(x), bounds=around, method="bounded", options={"xatol": 1e-10})
    return BayesFactor(term, null, value, min(1.0, float(np.exp(height(null) + found.fun))))
