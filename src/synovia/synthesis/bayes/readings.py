"""What a posterior says: coefficients, variances, predictions, shrinkage."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.kernel import Inapplicable
from synovia.kernel.normals import Normals
from synovia.kernel.placing import MEAN, SPREAD
from synovia.kernel.quadrature import Quadrature, find_heavy
from synovia.synthesis.bayes.credible import describe_curve, limit_normals
from synovia.synthesis.bayes.model import Model
from synovia.synthesis.bayes.study_effects import find_study_effects
from synovia.synthesis.components import find_new_variance
from synovia.synthesis.fit import Fit
from synovia.synthesis.regression import read_new_rows

__all__ = ["Readings"]

Floats = NDArray[np.float64]

VISIBLE = 0.01  # error of the integral, in posterior standard deviations, that is warned of
LEFT_OUT = 1e-9  # share of the lightest of many nodes, which moves no digit that is shown


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Means, limits and predictions of a posterior.

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
        kept = find_heavy(found.weights, LEFT_OUT)
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
        every, chosen = self._rows(new), self.level if level is None else level
        rows, place = np.unique(every, axis=0, return_inverse=True)
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
        table = pd.DataFrame(
            {
                "estimate": mean.quantile([0.5])[0],
                "std_error": mean.sd() if self.quadrature.tails.max(initial=-np.inf) < SPREAD else np.nan,
                "lower": lower,
                "upper": upper,
                "prediction_lower": outer[0],
                "prediction_upper": outer[1],
                "level": chosen,
                "prediction_method": said,
            }
        )
        return table.iloc[place.reshape(-1)].reset_index(drop=True)

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
