"""What the answer owes to the prior, and to each estimate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable
from synovia.synthesis.bayes.door import bayes
from synovia.synthesis.bayes.model import BetaPrior, TauPrior
from synovia.synthesis.bayes.posterior import Posterior
from synovia.synthesis.bayes.study_effects import Deletions, delete_each
from synovia.synthesis.fit import Fit

__all__ = ["CaseInfluence", "Sensitivity", "case_influence", "prior_sensitivity"]

ENOUGH = 0.1  # share of the nodes' information left, below which reweighting is not to be trusted


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivity:
    """One posterior per prior.

    Attributes
    ----------
    posteriors : dict of str to Posterior
        By the name of the prior.
    """

    posteriors: dict[str, Posterior]

    drawing: ClassVar[str] = "refits"

    def tidy(self, kind: str = "shortest") -> pd.DataFrame:
        """One row per prior and coefficient.

        Returns
        -------
        DataFrame
            prior, term, estimate, std_error, lower, upper, level, tau (posterior median of the first standard
            deviation), above_zero (probability), log_evidence (NaN where it has no scale).
        """
        return pd.concat([self._rows(name, kind) for name in self.posteriors], ignore_index=True)

    def _rows(self, name: str, kind: str) -> pd.DataFrame:
        posterior = self.posteriors[name]
        table = posterior.tidy(kind)[["term", "estimate", "std_error", "lower", "upper", "level"]]
        variances, evidence = posterior.variances(kind), posterior.log_evidence
        table.insert(0, "prior", name)
        return table.assign(
            tau=variances["estimate"][0] if len(variances) else 0.0,
            above_zero=posterior.coefficients.above(np.zeros(len(table))),
            log_evidence=np.nan if isinstance(evidence, Inapplicable) else evidence,
        )

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        return {"rows": self.tidy().rename(columns={"prior": "label"})}


def prior_sensitivity(
    fit: Fit, priors: Mapping[str, TauPrior], beta: BetaPrior = None, *, level: float = 0.95
) -> Sensitivity:
    """The posterior under each of several priors of heterogeneity.

    Parameters
    ----------
    fit : Fit
        As for ``bayes``.
    priors : mapping of str to prior
        By the name each is to have in tables and drawings.
    beta : prior or mapping, optional
        Of the coefficients, the same for all.
    level : float
        Of the credible intervals.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> from synovia.synthesis.bayes import HalfCauchy, HalfNormal, prior_sensitivity
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> priors = {"half-normal": HalfNormal(0.5), "half-Cauchy": HalfCauchy(0.5)}
    >>> prior_sensitivity(meta(trials), priors).tidy()[["prior", "lower", "upper"]].round(2)
             prior  lower  upper
    0  half-normal  -0.10   0.62
    1  half-Cauchy  -0.11   0.64
    """
    if not priors:
        raise SynthesisError("Found no priors; wanted at least one, by name.")
    return Sensitivity({name: bayes(fit, prior, beta, level=level) for name, prior in priors.items()})


@dataclass(frozen=True, slots=True, eq=False)
class CaseInfluence:
    """What each estimate does to a posterior.

    Attributes
    ----------
    posterior : Posterior
        With all estimates.
    deletions : Deletions
        Without each.
    """

    posterior: Posterior
    deletions: Deletions

    @property
    def log_predictive(self) -> float:
        """Sum over estimates of log p(y_i | the others), which compares models by what they foresee."""
        return float(self.deletions.log_predictive.sum())

    def tidy(self, term: str | None = None) -> pd.DataFrame:
        """One row per estimate.

        Parameters
        ----------
        term : str, optional
            The coefficient that is watched; the first without it.

        Returns
        -------
        DataFrame
            label, log_predictive (log density of the estimate given the others), mean and std_error of the
            coefficient without it, shift (change of the mean in posterior standard deviations), efficiency
            (share of the nodes' information left after reweighting), reliable (whether that is 0.1 or more).
        """
        names = self.posterior.fit.names.coefficients
        column = 0 if term is None else names.index(term)
        found = self.deletions
        mean = (found.weights * found.beta[:, :, column]).sum(axis=0)
        around = found.beta[:, :, column] - mean
        variance = (found.weights * (found.variance[:, :, column] + around**2)).sum(axis=0)
        whole = self.posterior.coefficients
        return pd.DataFrame(
            {
                "label": list(self.posterior.fit.names.effects),
                "log_predictive": found.log_predictive,
                "mean": mean,
                "std_error": np.sqrt(variance),
                "shift": (mean - whole.mean()[column]) / whole.sd()[column],
                "efficiency": found.efficiency,
                "reliable": found.efficiency >= ENOUGH,
            }
        )


def case_influence(posterior: Posterior) -> CaseInfluence:
    """What the posterior would be without each estimate, by reweighting its nodes.

    At each node everything without an estimate is known in closed form; only the weights of the nodes change.
    Where an estimate moves the heterogeneity so much that few nodes carry the rest, ``reliable`` says so:
    refit without it. Estimates that share a random effect are left out one at a time, not as a group.

    Parameters
    ----------
    posterior : Posterior
        Of any model; with a proper likelihood without each estimate.

    Examples
    --------
    >>> import pandas as pd
    >>> from synovia.synthesis import meta
    >>> from synovia.synthesis.bayes import HalfNormal, bayes, case_influence
    >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
    >>> case_influence(bayes(meta(trials), HalfNormal(0.5))).tidy()["mean"].round(3).tolist()
    [0.339, 0.212, 0.239]
    """
    problem = posterior.model.problem
    if problem.n <= problem.p and posterior.model.beta is None:
        raise SynthesisError(
            f"Found {problem.n} estimates for {problem.p} coefficients with flat priors; without one of them "
            "nothing is left to predict from. Give the coefficients proper priors."
        )
    return CaseInfluence(posterior, delete_each(problem, posterior.quadrature))
