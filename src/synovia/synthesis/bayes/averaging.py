"""Averaging over models: each posterior weighs what its evidence says."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable
from synovia.kernel.normals import Normals, join_normals
from synovia.synthesis.bayes.credible import limit_normals
from synovia.synthesis.bayes.posterior import Posterior

__all__ = ["Averaged", "average_models"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Averaged:
    """Several models of the same estimates, averaged.

    Attributes
    ----------
    posteriors : dict of str to Posterior
        By name.
    probabilities : ndarray of shape (models,)
        Posterior probability of each.
    terms : tuple of str
        Coefficients that all models have.
    """

    posteriors: dict[str, Posterior]
    probabilities: Floats
    terms: tuple[str, ...]

    def combine(self, rows: ArrayLike) -> Normals:
        """The averaged posterior of combinations (r, terms) of the coefficients that all models have."""
        wanted = np.atleast_2d(np.asarray(rows, dtype=np.float64))
        parts = []
        for one in self.posteriors.values():
            names = one.fit.names.coefficients
            own = np.zeros((wanted.shape[0], len(names)))
            own[:, [names.index(term) for term in self.terms]] = wanted
            parts.append(one.combine(own))
        return join_normals(parts, self.probabilities)

    def models(self) -> pd.DataFrame:
        """One row per model: model, probability, log_evidence."""
        evidence = [_require_evidence(name, one) for name, one in self.posteriors.items()]
        return pd.DataFrame(
            {"model": list(self.posteriors), "probability": self.probabilities, "log_evidence": evidence}
        )

    def tidy(self, kind: str = "shortest") -> pd.DataFrame:
        """term, estimate (median), std_error, limits, level, interval, mean of what all models have."""
        first = next(iter(self.posteriors.values()))
        found = self.combine(np.eye(len(self.terms)))
        lower, upper = limit_normals(found, first.level, kind)
        return pd.DataFrame(
            {
                "term": list(self.terms),
                "estimate": found.quantile([0.5])[0],
                "std_error": found.sd(),
                "lower": lower,
                "upper": upper,
                "level": first.level,
                "interval": "credible",
                "mean": found.mean(),
            }
        )

    def probability(self, above: float, *, term: str | None = None) -> float:
        """Probability that a coefficient exceeds a limit, over all models."""
        shares = [one.probability(above, term=term) for one in self.posteriors.values()]
        return float(self.probabilities @ np.array(shares))


def average_models(posteriors: Mapping[str, Posterior], prior: Mapping[str, float] | None = None) -> Averaged:
    r"""Weigh models by their evidence.

    Parameters
    ----------
    posteriors : mapping of str to Posterior
        Of the same estimates: a common-effect and a random-effects model, models with and without a bias that
        grows with the standard error. Flat priors of the coefficients that all have cancel; those of the
        others, and of the heterogeneity, must be proper.
    prior : mapping of str to float, optional
        Prior weights of the models; equal without it.

    Raises
    ------
    SynthesisError
        When the models differ in estimates or coefficients, or one has no evidence.

    Notes
    -----
    .. math:: P(M \mid y) \propto P(M)\,p(y \mid M)

    Gronau et al. (2021), Advances in Methods and Practices in Psychological Science 4(3), for meta-analysis.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> from synovia.synthesis.bayes import HalfNormal, average_models, bayes
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> common = bayes(meta(trials, random=None, inference="z"))
    >>> both = average_models({"common": common, "random": bayes(meta(trials), HalfNormal(0.5))})
    >>> both.models()["probability"].round(2).tolist()
    [0.69, 0.31]
    """
    if not posteriors:
        raise SynthesisError("Found no models; wanted at least one, by name.")
    terms = _share_terms(posteriors)
    weights = np.array([1.0 if prior is None else prior.get(name, 0.0) for name in posteriors])
    if weights.min() < 0 or weights.sum() <= 0:
        raise SynthesisError("The prior weights of the models must be at least 0, and one of them above 0.")
    evidence = np.array([_require_evidence(name, one) for name, one in posteriors.items()])
    with np.errstate(divide="ignore"):
        probabilities = softmax(np.log(weights) + evidence)
    return Averaged(dict(posteriors), np.asarray(probabilities), terms)


def _share_terms(posteriors: Mapping[str, Posterior]) -> tuple[str, ...]:
    """Coefficients that all models have; those of some alone must have proper priors."""
    every = [one.fit.names.coefficients for one in posteriors.values()]
    terms = tuple(term for term in every[0] if all(term in names for names in every))
    if not terms:
        raise SynthesisError("The models have no coefficient in common; nothing can be averaged.")
    first = next(iter(posteriors.values())).model.problem
    for (name, one), names in zip(posteriors.items(), every, strict=True):
        if not np.array_equal(one.model.problem.y, first.y):
            raise SynthesisError(f"{name} has other estimates; wanted the same in all models.")
        for place, term in enumerate(names):
            held = [part.precision[place, place] > 0 for part in one.model.beta or ()]
            if term not in terms and not (held and all(held)):
                raise SynthesisError(
                    f"Only some models have {term}, and in {name} its prior is flat, which has no scale to "
                    f"weigh models by; wanted a proper one: bayes(..., beta={{{term!r}: Normal(0, 1)}})."
                )
    return terms


def _require_evidence(name: str, posterior: Posterior) -> float:
    evidence = posterior.log_evidence
    if isinstance(evidence, Inapplicable):
        raise SynthesisError(f"{name} has no evidence: {evidence.reason}. Give a proper prior.")
    return evidence
