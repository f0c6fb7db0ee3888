"""The Bayesian reading of a fit: exact densities, intervals, predictions and probabilities."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable
from synovia.kernel.normals import Normals
from synovia.synthesis.bayes.credible import INTERVALS, limit_curve, limit_normals
from synovia.synthesis.bayes.densities import tabulate_curve, tabulate_normals
from synovia.synthesis.bayes.draws import Draws, draw, to_inference_data
from synovia.synthesis.bayes.page import write_posterior
from synovia.synthesis.bayes.readings import Readings
from synovia.synthesis.bayes.treatments import Treatments, compare_treatments, rank_treatments
from synovia.synthesis.network.ranking import DRAWS, SEED, Better, Ranking
from synovia.synthesis.summary import Summary

__all__ = ["Posterior"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Posterior(Readings):
    """The posterior of a synthesis.

    Attributes
    ----------
    fit : Fit
        What was fitted.
    model : Model
        The same with its priors.
    quadrature : Quadrature
        Nodes over psi, at each of which the coefficients are normal.
    level : float
        Of the credible intervals.
    treatments : Treatments or None
        What the coefficients say of each treatment, where a network was given.
    """

    treatments: Treatments | None = None

    drawing: ClassVar[str] = "posterior"

    def probability(
        self,
        above: float | None = None,
        *,
        below: float | None = None,
        term: str | None = None,
        new_study: bool = False,
    ) -> float:
        """Probability that a coefficient, or the true effect of a new study, exceeds a limit.

        Parameters
        ----------
        above, below : float, optional
            One of them, or both for what lies between: more than ``above`` and less than ``below``.
        term : str, optional
            Which coefficient; not needed where there is one.
        new_study : bool
            Whether the true effect of a new study is meant instead of the mean; for intercept-only models.

        Examples
        --------
        >>> import pandas as pd
        >>> from synovia.synthesis import meta
        >>> from synovia.synthesis.bayes import HalfNormal, bayes
        >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
        >>> print(f"{bayes(meta(trials), tau=HalfNormal(0.5)).probability(above=0.2):.3f}")
        0.699
        """
        if above is None and below is None:
            raise SynthesisError("Found no limit; wanted above=, below=, or both.")
        found = self.pick(term, new_study=new_study)
        if above is not None and below is None:
            return float(found.above([above])[0])
        limits = np.array([-np.inf if above is None else above, below], dtype=np.float64)
        low, high = found.cdf(limits[:, None])[:, 0]
        return max(0.0, float(high - low))

    def pick(self, term: str | None, *, new_study: bool = False) -> Normals:
        """The posterior of one coefficient, or of a new study's effect.

        Raises
        ------
        SynthesisError
            When it must be named, does not exist, or a new study has no single distribution.
        """
        if new_study:
            found = self.new_study()
            if isinstance(found, Inapplicable) or found.means.shape[1] != 1:
                said = found if isinstance(found, Inapplicable) else "name the moderators with new_study(new)"
                raise SynthesisError(f"There is no single new study: {said}")
            return found
        names = self.fit.names.coefficients
        if term is None and len(names) == 1:
            return self.coefficients
        if term not in names:
            raise SynthesisError(f"Found term {term!r}; wanted one of {', '.join(names)}.")
        return self.coefficients.pick(names.index(term))

    def interval(
        self, term: str | None = None, *, level: float | None = None, kind: str = "shortest"
    ) -> Floats:
        """(2,) limits of a credible interval of a coefficient or of a parameter of the random effects."""
        chosen = self.level if level is None else level
        if term in self.model.names:
            curve = self.quadrature.curves[self.model.names.index(term)]
            return np.array(limit_curve(curve, chosen, kind))
        return np.asarray(limit_normals(self.pick(term), chosen, kind)[:, 0])

    def hdi(self, term: str | None = None, level: float | None = None) -> Floats:
        """(2,) the shortest interval; of a density with one mode, where the density is highest."""
        return self.interval(term, level=level, kind=INTERVALS[0])

    def density(self, term: str | None = None, points: int = 201, *, new_study: bool = False) -> pd.DataFrame:
        """The density over a range that holds all but 2 in 1,000.

        Returns
        -------
        DataFrame
            term, x, density, prior (NaN where flat or improper).
        """
        if term in self.model.names:
            number = self.model.names.index(term)
            prior, v = self.model.priors[number], self.model.problem.V.diagonal
            return tabulate_curve(str(term), self.quadrature.curves[number], prior, v, points)
        name = "new study" if new_study else (term or self.fit.names.coefficients[0])
        return tabulate_normals(name, self.pick(term, new_study=new_study), points)

    def compare(
        self, first: str, second: str, *, kind: str = "shortest", level: float | None = None
    ) -> pd.DataFrame:
        """One treatment of a network against another.

        Returns
        -------
        DataFrame
            One row: treatment_1, treatment_2, estimate (posterior median), std_error, lower, upper,
            prediction_lower, prediction_upper (of a new trial), above_zero (probability), level.
        """
        extra = self.new_variance()
        added = None if isinstance(extra, Inapplicable) else extra
        return compare_treatments(
            self._network(),
            (first, second),
            (self.combine, lambda rows: self.combine(rows, added)),
            (self.level if level is None else level, kind),
        )

    def rank(self, *, better: Better, mid: float = 0.0, draws: int = DRAWS, seed: int = SEED) -> Ranking:
        """P-scores, exact, and the probability of every rank, from draws, of the treatments of a network.

        Parameters
        ----------
        better : {"lower", "higher"}
            Which effects are good.
        mid : float
            Minimal important difference, on the scale of the effects.
        draws, seed : int
            Of independent draws from the posterior.
        """
        drawn = self.draw(draws, seed=seed).beta
        return rank_treatments(self._network(), self.combine, drawn, (better, mid, self.level, seed))

    def _network(self) -> Treatments:
        if self.treatments is None:
            raise SynthesisError(
                "The posterior is not that of a network's treatments; give bayes the network itself, without "
                "random effects of classes or exchangeable slopes."
            )
        return self.treatments

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs."""
        names = [*self.fit.names.coefficients, *self.model.names]
        densities = pd.concat([self.density(name) for name in names], ignore_index=True)
        limits = np.array([self.interval(name) for name in names])
        intervals = pd.DataFrame({"term": names, "lower": limits[:, 0], "upper": limits[:, 1]})
        return {"densities": densities, "level": self.level, "intervals": intervals}

    def draw(self, draws: int = 4000, *, seed: int = 1) -> Draws:
        """Independent draws from the posterior, for what has no closed form."""
        return draw(self.quadrature, draws, seed)

    def to_inference_data(self, draws: int = 4000, *, chains: int = 4, seed: int = 1) -> Any:
        """Independent draws as arviz's InferenceData; needs ``pip install 'synovia[arviz]'``."""
        return to_inference_data(self, draws, chains, seed)

    def summary(self) -> Summary:
        """The posterior on a page: ``as_text``, ``as_html``, ``as_latex``."""
        return write_posterior(self)

    def __str__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()
