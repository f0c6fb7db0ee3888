"""The Bayesian reading of a fit: exact densities, intervals, predictions and probabilities."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable
from synovia.kernel.normals import Normals
from synovia.kernel.placing import MEAN, SPREAD
from synovia.kernel.quadrature import Quadrature
from synovia.synthesis.bayes.credible import INTERVALS, describe_curve, limit_curve, limit_normals
from synovia.synthesis.bayes.densities import tabulate_curve, tabulate_normals
from synovia.synthesis.bayes.draws import Draws, draw, to_inference_data
from synovia.synthesis.bayes.model import Model
from synovia.synthesis.bayes.page import write_posterior
from synovia.synthesis.bayes.study_effects import find_study_effects
from synovia.synthesis.components import find_new_variance
from synovia.synthesis.fit import Fit
from synovia.synthesis.regression import read_new_rows
from synovia.synthesis.summary import Summary

__all__ = ["Posterior"]

Floats = NDArray[np.float64]

VISIBLE = 0.01  # error of the integral, in posterior standard deviations, that is warned of
MANY = 2_000  # nodes; of fewer all are kept, since a mean may owe its digits to distant ones
NEGLIGIBLE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
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
    """

    fit: Fit
    model: Model
    quadrature: Quadrature
    level: float

    drawing: ClassVar[str] = "posterior"

    @property
    def method(self) -> str:
        """Model, priors and how the posterior was integrated."""
        priors = [
            f"{name} ~ {prior}" for name, prior in zip(self.model.names, self.model.priors, strict=True)
        ]
        beta = "flat" if self.model.beta_prior is None else str(self.model.beta_prior)
        parts = ["Bayesian", *priors, f"coefficients ~ {beta}", self.quadrature.method]
        return "; ".join(parts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was noticed in fitting, and an error of the integral that could be seen in the answer."""
        error = self.quadrature.error
        if error <= VISIBLE:
            return self.fit.warnings
        said = (
            f"Means and limits may be off by {error:.1g} posterior standard deviations: "
            f"{len(self.model.names)} variances and correlations are more than these estimates settle. Hold "
            "some, or give them narrower priors."
        )
        return (*self.fit.warnings, said)

    @property
    def log_evidence(self) -> float | Inapplicable:
        """Logarithm of the probability density of the estimates under model and priors.

        With flat priors of the coefficients it is relative to density 1 for each, and comparable between
        models with the same coefficients.
        """
        if not self.model.proper:
            return Inapplicable("the prior of the heterogeneity is improper: the evidence has no scale")
        if self.model.log_scale is None:
            return Inapplicable(
                "priors of single correlations do not integrate to 1 over the matrices that exist"
            )
        return self.quadrature.log_evidence

    def combine(self, rows: ArrayLike, extra: Floats | None = None) -> Normals:
        """The posterior of linear combinations of the coefficients.

        Parameters
        ----------
        rows : array_like of shape (r, p)
            One combination per row.
        extra : ndarray of shape (m,), optional
            Variance added at each node, such as that of a new study.
        """
        found = self.quadrature
        wanted = np.atleast_2d(np.asarray(rows, dtype=np.float64))
        kept = found.weights > (NEGLIGIBLE if found.weights.size > MANY else 0)
        variance = np.einsum("rp,mpq,rq->mr", wanted, found.cov[kept], wanted)
        if extra is not None:
            variance = variance + extra[kept, None]
        weights = found.weights[kept]
        return Normals(weights / weights.sum(), found.beta[kept] @ wanted.T, np.sqrt(variance))

    @property
    def coefficients(self) -> Normals:
        """The posterior of every coefficient."""
        return self.combine(np.eye(self.model.problem.p))

    def tidy(self, kind: str = "shortest") -> pd.DataFrame:
        """One row per coefficient.

        Parameters
        ----------
        kind : {"shortest", "equal-tailed"}
            Which credible interval.

        Returns
        -------
        DataFrame
            term, estimate (posterior median), std_error (posterior standard deviation), lower, upper, level,
            interval, method, mean, mode; mean and standard deviation NaN where they do not exist.

        Examples
        --------
        >>> import pandas as pd
        >>> from synovia.synthesis import meta
        >>> from synovia.synthesis.bayes import HalfNormal, bayes
        >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
        >>> bayes(meta(trials), tau=HalfNormal(0.5)).tidy()[["estimate", "lower", "upper"]].round(3)
           estimate  lower  upper
        0     0.263 -0.097  0.625
        """
        return self._describe(self.coefficients, list(self.fit.names.coefficients), kind)

    def _describe(self, found: Normals, names: list[str], kind: str, label: str = "term") -> pd.DataFrame:
        lower, upper = limit_normals(found, self.level, kind)
        tail = self.quadrature.tails.max(initial=-np.inf)
        return pd.DataFrame(
            {
                label: names,
                "estimate": found.quantile([0.5])[0],
                "std_error": found.sd() if tail < SPREAD else np.nan,
                "lower": lower,
                "upper": upper,
                "level": self.level,
                "interval": "credible",
                "method": f"{kind} interval; {self.method}",
                "mean": found.mean() if tail < MEAN else np.nan,
                "mode": found.mode(),
            }
        )

    def variances(self, kind: str = "shortest") -> pd.DataFrame:
        """One row per standard deviation or correlation of the random effects.

        Returns
        -------
        DataFrame
            name, estimate (posterior median), std_error, lower, upper, level, mean, mode; "tau" is the square
            root of "tau2".
        """
        tails = self.quadrature.tails.tolist()
        found = zip(self.model.names, self.quadrature.curves, tails, strict=True)
        rows = [describe_curve(name, curve, tail, self.level, kind=kind) for name, curve, tail in found]
        columns = ["name", "estimate", "std_error", "lower", "upper", "level", "mean", "mode"]
        return pd.DataFrame(rows, columns=pd.Index(columns))

    def predict(
        self, new: pd.DataFrame | None = None, *, kind: str = "shortest", level: float | None = None
    ) -> pd.DataFrame:
        """The mean at given moderators, and where the true effect of a new study lies.

        Parameters
        ----------
        new : DataFrame, optional
            Moderators, one row per prediction; without it the mean of an intercept-only model, or of every
            effect used.
        kind : {"shortest", "equal-tailed"}
            Which intervals.
        level : float, optional
            Their level; that of the posterior without it.

        Returns
        -------
        DataFrame
            estimate, std_error, lower, upper, prediction_lower, prediction_upper, level, prediction_method.
        """
        rows, chosen = self._rows(new), self.level if level is None else level
        mean = self.combine(rows)
        lower, upper = limit_normals(mean, chosen, kind)
        extra = self.new_variance()
        if isinstance(extra, Inapplicable):
            outer, said = np.full((2, rows.shape[0]), np.nan), str(extra)
        else:
            outer, said = (
                limit_normals(self.combine(rows, extra), chosen, kind),
                f"posterior predictive, {kind}",
            )
        return pd.DataFrame(
            {
                "estimate": mean.quantile([0.5])[0],
                "std_error": mean.sd(),
                "lower": lower,
                "upper": upper,
                "prediction_lower": outer[0],
                "prediction_upper": outer[1],
                "level": chosen,
                "prediction_method": said,
            }
        )

    def new_study(self, new: pd.DataFrame | None = None) -> Normals | Inapplicable:
        """The posterior of the true effect in a new study, one mixture per row of moderators."""
        extra = self.new_variance()
        return extra if isinstance(extra, Inapplicable) else self.combine(self._rows(new), extra)

    def new_variance(self) -> Floats | Inapplicable:
        """(m,) variance of a new study's effect around the mean at every node."""
        psi = self.quadrature.psi
        values = [find_new_variance(self.model.problem, one) for one in psi[:1]]
        if isinstance(values[0], Inapplicable):
            return values[0]
        if psi.shape[1] == 1:
            return np.asarray(psi[:, 0])
        return np.array([find_new_variance(self.model.problem, one) for one in psi], dtype=np.float64)

    def _rows(self, new: pd.DataFrame | None) -> Floats:
        if new is not None:
            return read_new_rows(self.fit.design, new)
        X = self.model.problem.X
        return X[:1] if self.fit.design.columns == ("Intercept",) else X

    def shrinkage(self, kind: str = "shortest") -> pd.DataFrame:
        """The true effect behind every estimate, given all others.

        Returns
        -------
        DataFrame
            label, estimate (posterior median), std_error, lower, upper, level, interval, method, mean, mode,
            observed, observed_error.
        """
        problem = self.model.problem
        found = find_study_effects(problem, self.quadrature)
        table = self._describe(found, list(self.fit.names.effects), kind, label="label")
        return table.assign(observed=problem.y, observed_error=np.sqrt(problem.V.diagonal))

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
