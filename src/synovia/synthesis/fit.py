"""The one result shape: what was fitted, how, and the answer as tidy tables."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import (
    Convergence,
    Heterogeneity,
    Inapplicable,
    Inference,
    Point,
    Problem,
    Wald,
    quantiles,
    tail,
    wald,
)
from synovia.kernel.solution import Solution
from synovia.synthesis.components import find_new_variance, list_variances
from synovia.synthesis.facts import list_effects, list_facts
from synovia.synthesis.heterogeneity import (
    HeterogeneityInterval,
    find_heterogeneity_interval,
    find_tau2_standard_error,
)
from synovia.synthesis.names import Names
from synovia.synthesis.page import name_inference, write_page
from synovia.synthesis.prediction import SEED, Basis, find_prediction
from synovia.synthesis.regression import Design, read_new_rows
from synovia.synthesis.rows import Rows
from synovia.synthesis.settings import Settings
from synovia.synthesis.summary import Summary
from synovia.synthesis.to_r import to_r

__all__ = ["Fit", "require_fit"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A synthesis.

    Attributes
    ----------
    problem : Problem
        What was fitted, complete enough to refit.
    names : Names
        What each row, coefficient and variance is called.
    settings : Settings
        What was asked for.
    point : Point or Solution
        The likelihood at the chosen variance; a ``Solution`` for models of counts.
    convergence : Convergence
        How the variance was found.
    inference : Inference
        Covariance of the coefficients and degrees of freedom.
    heterogeneity : Heterogeneity
        Q, I², H² and the limits of tau2.
    design : Design
        The mean: its columns, and how new rows become such columns.
    rows : Rows
        The table it came from, with what was dropped.
    status : str
        ``pooled``, or ``single study`` when one independent study is all there is.
    warnings : tuple of str
        What the fit says about itself.
    scale : Design or None
        The design of the log of tau2 in a location-scale model.
    """

    problem: Problem
    names: Names
    settings: Settings
    point: Point | Solution
    convergence: Convergence
    inference: Inference
    heterogeneity: Heterogeneity
    design: Design
    rows: Rows
    status: str
    warnings: tuple[str, ...]
    scale: Design | None = None

    @property
    def tau2(self) -> float | Inapplicable:
        """Variance of the true effect in a new study, on the scale of the estimate squared.

        The sum of the variances of all random intercepts; ``variances`` lists each.
        """
        if isinstance(self.point, Solution):
            return self.point.tau2
        if self.problem.terms:
            return find_new_variance(self.problem, self.point.psi)
        return Inapplicable(
            "one study has no between-study variance"
            if self.status == "single study"
            else "a common-effect model has no between-study variance"
        )

    def variances(self) -> pd.DataFrame:
        """One row per variance and correlation of the random effects.

        Returns
        -------
        DataFrame
            name, estimate (variances on the scale of the effect squared, correlations, ranges, coefficients
            of the log of tau2), std_error (by the observed information, NaN on a boundary), levels (groups
            of the term).
        """
        return list_variances(
            self.problem, self.point, self.names.variances, restricted=self.settings.restricted
        )

    @property
    def method(self) -> str:
        """Model, estimator and interval in words."""
        if self.status == "single study":
            return "single study, not pooled; normal interval"
        return f"{self.settings.model}; {name_inference(self.inference, self.problem)}"

    def tidy(self) -> pd.DataFrame:
        """One row per coefficient.

        Returns
        -------
        DataFrame
            term, estimate, std_error, statistic, df, p_value, lower, upper, level, interval, method;
            estimates on the scale of the effects.

        Examples
        --------
        >>> import pandas as pd
        >>> from synovia.synthesis import meta
        >>> trials = pd.DataFrame({"estimate": [0.1, 0.4, 0.3], "variance": [0.02, 0.03, 0.01]})
        >>> meta(trials, inference="z").tidy()[["term", "estimate", "lower", "upper"]].round(3)
                term  estimate  lower  upper
        0  Intercept     0.264  0.119  0.408
        """
        error = self.inference.std_error
        with np.errstate(divide="ignore", invalid="ignore"):  # estimates fitted exactly have no error
            statistic = self.point.beta / error
        df = self.inference.degrees(np.eye(self.problem.p))
        half = quantiles(self.settings.level, df) * error
        return pd.DataFrame(
            {
                "term": list(self.names.coefficients),
                "estimate": self.point.beta,
                "std_error": error,
                "statistic": statistic,
                "df": df,
                "p_value": tail(statistic, df),
                "lower": self.point.beta - half,
                "upper": self.point.beta + half,
                "level": self.settings.level,
                "interval": "confidence",
                "method": self.method,
            }
        )

    def glance(self) -> pd.DataFrame:
        """One row of facts about the whole synthesis.

        A quantity that does not exist is NaN, and ``inapplicable`` says why; ``i2`` is in percent.
        """
        return list_facts(self)

    def augment(self) -> pd.DataFrame:
        """One row per effect of the table as given, dropped ones too.

        Returns
        -------
        DataFrame
            The table's own columns, then estimate, std_error, lower, upper (the effect's own normal
            interval), fitted, weight (percent of the total precision), leverage, residual, dropped.
        """
        return list_effects(self)

    def predict(
        self,
        new: pd.DataFrame | None = None,
        level: float | None = None,
        *,
        kind: str = "HTS",
        seed: int = SEED,
    ) -> pd.DataFrame:
        r"""The mean at given moderators, with a confidence and a prediction interval.

        Parameters
        ----------
        new : DataFrame, optional
            Moderators, one row per prediction. Without it: the mean of an intercept-only model, or the
            fitted mean of every effect used.
        level : float, optional
            Level of both intervals; that of the fit without it.
        kind : {"HTS", "own", "t", "normal", "simple", "HK", "HK-PR", "KR", "KR-PR", "bootstrap"}
            Which prediction interval; see ``synovia.synthesis.prediction``.
        seed : int
            Of the bootstrap kind.

        Returns
        -------
        DataFrame
            estimate, std_error, lower, upper, prediction_lower, prediction_upper, level, prediction_method.
            Without a prediction interval its limits are NaN and ``prediction_method`` says why.

        Raises
        ------
        SynthesisError
            When a moderator is absent, a level was not fitted, the kind does not exist, or ``level`` is not
            between 0 and 1.

        Notes
        -----
        Where the true effect of a new study lies:

        .. math:: x'\hat\beta \pm t_{k-p-1} \sqrt{\hat\tau^2 + x'(X'\Omega^{-1}X)^{-1}x}

        for the kind "HTS", with k independent studies. Higgins, Thompson & Spiegelhalter (2009), JRSS A 172,
        137-159. The standard error is the plain one also under Knapp-Hartung.
        """
        if new is not None:
            X = read_new_rows(self.design, new)
        else:
            alone = self.scale is None and self.design.columns == ("Intercept",)
            X = self.problem.X[:1] if alone else self.problem.X
        chosen = self.settings.level if level is None else level
        return self.predict_at(X, chosen, kind=kind, seed=seed, W=self._read_scale(new))

    def _read_scale(self, new: pd.DataFrame | None) -> Floats | None:
        if self.scale is None:
            return None
        return self.scale.X if new is None else read_new_rows(self.scale, new)

    def predict_at(
        self, X: Floats, level: float, *, kind: str = "HTS", seed: int = SEED, W: Floats | None = None
    ) -> pd.DataFrame:
        """``predict`` for rows of the design.

        Parameters
        ----------
        X : ndarray of shape (m, p)
            One row per prediction.
        level : float
            Level of both intervals.
        kind, seed : str, int
            As for ``predict``.
        W : ndarray of shape (m, q), optional
            Rows of the design of the scale, in a location-scale model.
        """
        mean = X @ self.point.beta
        error = np.sqrt(((X @ self.inference.cov) * X).sum(axis=1))
        half = quantiles(level, self.inference.degrees(X)) * error
        tau2 = self.tau2 if W is None else np.exp(W @ self.point.psi)
        basis = Basis(self.problem, self.point, tau2, self.inference, self.settings.restricted)
        predicted = find_prediction(basis, X, level, kind=kind, seed=seed)
        return pd.DataFrame(
            {
                "estimate": mean,
                "std_error": error,
                "lower": mean - half,
                "upper": mean + half,
                "prediction_lower": predicted.lower,
                "prediction_upper": predicted.upper,
                "level": level,
                "prediction_method": predicted.method,
            }
        )

    def heterogeneity_interval(
        self, method: str = "Q-profile", level: float | None = None
    ) -> HeterogeneityInterval | Inapplicable:
        """Limits of tau2, tau, I² and H² by a named method; ``tidy()`` gives them as a table.

        Parameters
        ----------
        method : {"Q-profile", "profile likelihood", "generalised Q", "Jackson", "Biggerstaff-Jackson"}
            Which interval. The profile is of the likelihood that was maximised, restricted unless tau2="ML";
            "generalised Q" has the weights of ``GeneralisedQ`` where tau2 was one, else those of "Jackson".
        level : float, optional
            Confidence level; that of the fit without it.
        """
        return find_heterogeneity_interval(self, method, self.settings.level if level is None else level)

    @property
    def tau2_error(self) -> float | Inapplicable:
        """Standard error of tau2 by the formula of its estimator; an interval says more, above all near 0."""
        return find_tau2_standard_error(self)

    def test_moderators(self) -> Wald | Inapplicable:
        """Joint test of all coefficients but the intercept."""
        wanted = [i for i, name in enumerate(self.names.coefficients) if name != "Intercept"]
        return wald(self.point.beta, self.inference, np.eye(self.problem.p)[wanted])

    def summary(self) -> Summary:
        """The synthesis on a page: ``as_text``, ``as_html``, ``as_latex``."""
        return write_page(self)

    def to_r(self) -> str:
        """The fit as a script for R's metafor that holds its data; see ``synovia.synthesis.to_r``."""
        return to_r(self)

    def __str__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def require_fit(found: object) -> None:
    """Refuse what is not a fit, and say where its fit is.

    Raises
    ------
    SynthesisError
        When this is not a fit.
    """
    if isinstance(found, Fit):
        return
    name = type(found).__name__
    inside = isinstance(getattr(found, "fit", None), Fit)
    advice = "its own is the attribute fit" if inside else "meta and its kin return one"
    raise SynthesisError(f"Found {name}; wanted a fit: {advice}.")
