"""What a fitted network estimates: effects, comparisons, predictions."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.kernel import Inapplicable, quantile, quantiles, tail
from synovia.synthesis.fit import Fit
from synovia.synthesis.network.design import NetworkDesign
from synovia.synthesis.network.regression import Moderated
from synovia.synthesis.network.settings import NetworkSettings

__all__ = ["Estimates"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Effects of the treatments of a network.

    Attributes
    ----------
    design : NetworkDesign
        Treatments, trials and how they are connected.
    fit : Fit
        The synthesis: its coefficients are the effects against the reference.
    estimates : ndarray of shape (T,)
        Effect of each treatment against the reference, 0 for the reference itself.
    covariance : ndarray of shape (T, T)
        Their covariance; the row and column of the reference are 0.
    moderated : Moderated or None
        Moderators of a network meta-regression; estimates hold at their means.
    """

    design: NetworkDesign
    fit: Fit
    estimates: Floats
    covariance: Floats
    moderated: Moderated | None = None

    @property
    def treatments(self) -> tuple[str, ...]:
        """The reference first, then in alphabetical order."""
        return self.design.treatments

    @property
    def reference(self) -> str:
        """What effects are against."""
        return self.design.reference

    @property
    def tau2(self) -> float | Inapplicable:
        """Variance of a comparison's true effect between trials, the same for all comparisons."""
        if self.fit.settings.random is None:
            return Inapplicable("a common-effect network has no between-trial variance")
        return float(self.fit.point.psi[0])

    @property
    def spread(self) -> float:
        """Tau2, 0 for a common effect."""
        return 0.0 if isinstance(self.tau2, Inapplicable) else self.tau2

    @property
    def new_trial(self) -> float:
        """Variance of a comparison's true effect in a new trial: tau2, plus any between designs."""
        settings, psi = self.fit.settings, self.fit.point.psi
        return float(psi.sum()) if isinstance(settings, NetworkSettings) and settings.designs else self.spread

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the network says about itself."""
        return self.fit.warnings

    def differences(self) -> tuple[Floats, Floats]:
        """(T, T) row treatment minus column treatment, and its standard error."""
        v = np.diag(self.covariance)
        spread = v[:, None] + v[None, :] - 2 * self.covariance
        np.fill_diagonal(spread, 0.0)
        return self.estimates[:, None] - self.estimates[None, :], np.sqrt(np.maximum(spread, 0.0))

    def effects(self, reference: str | None = None, *, level: float | None = None) -> pd.DataFrame:
        """Every treatment against one of them.

        Parameters
        ----------
        reference : str, optional
            Treatment to be against; that of the network without it. Nothing is fitted again.
        level : float, optional
            Confidence level; that of the network without it.

        Returns
        -------
        DataFrame
            treatment, reference, estimate, std_error, statistic, df, p_value, lower, upper,
            prediction_lower, prediction_upper (NaN for a common-effect network), level; on the scale of the
            effects, ratios as logarithms.
        """
        place = 0 if reference is None else self.design.find_treatment(reference)
        others = np.array([i for i in range(len(self.treatments)) if i != place])
        return self.list_pairs(others, np.full(others.size, place), level).rename(
            columns={"treatment_1": "treatment", "treatment_2": "reference"}
        )

    def tidy(self) -> pd.DataFrame:
        """One row per treatment against the reference: ``effects()``, with the method."""
        return self.effects().assign(method=self.fit.method)

    def pairs(self, *, level: float | None = None) -> pd.DataFrame:
        """Every comparison of two treatments, treatment_1 minus treatment_2; columns as in ``effects``."""
        first, second = np.triu_indices(len(self.treatments), 1)
        return self.list_pairs(first, second, level)

    def compare(self, first: str, second: str, *, level: float | None = None) -> pd.DataFrame:
        """One comparison: ``first`` minus ``second``, with the columns of ``effects``."""
        one, other = (self.design.find_treatment(name) for name in (first, second))
        return self.list_pairs(np.array([one]), np.array([other]), level)

    def predict(
        self, reference: str | None = None, *, level: float | None = None, df: float | None = None
    ) -> pd.DataFrame:
        """Where the effect of each treatment against one of them lies in a new trial.

        Parameters
        ----------
        reference : str, optional
            Treatment to be against; that of the network without it.
        level : float, optional
            Level of the interval; that of the network without it.
        df : float, optional
            Degrees of freedom of t, ``numpy.inf`` for a normal interval; those of Q without it.

        Returns
        -------
        DataFrame
            treatment, reference, estimate, prediction_lower, prediction_upper, level, prediction_method.

        Notes
        -----
        t on the degrees of freedom of Q (comparisons less treatments but one), with the variance of the
        comparison plus tau2. Higgins, Thompson & Spiegelhalter (2009), Journal of the
        Royal Statistical Society A 172, 137-159; Chaimani & Salanti (2015), Stata Journal 15, 905-920.
        """
        wanted = ["treatment", "reference", "estimate", "prediction_lower", "prediction_upper", "level"]
        tau2, own = self.tau2, float(self.fit.problem.n - self.fit.problem.p) if df is None else df
        shown = self.effects(reference, level=level)
        half = self._reach(shown["std_error"].to_numpy(), float(shown["level"].iloc[0]), own)
        shown["prediction_lower"], shown["prediction_upper"] = (
            shown["estimate"] - half,
            shown["estimate"] + half,
        )
        said = tau2.reason if isinstance(tau2, Inapplicable) else _describe(own)
        return shown[wanted].assign(prediction_method=said)

    def list_pairs(self, first: Integers, second: Integers, level: float | None = None) -> pd.DataFrame:
        """Comparisons by the places of their treatments, with the columns of ``effects``."""
        chosen = self.fit.settings.level if level is None else level
        names = np.array(self.treatments, dtype=object)
        differences, errors = self.differences()
        estimate, error = differences[first, second], errors[first, second]
        df = self.degrees(first, second)
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = estimate / error
        half = quantiles(chosen, df) * error
        reach = self._reach(error, chosen, float(self.fit.problem.n - self.fit.problem.p))
        return pd.DataFrame(
            {
                "treatment_1": names[first],
                "treatment_2": names[second],
                "estimate": estimate,
                "std_error": error,
                "statistic": statistic,
                "df": df,
                "p_value": tail(statistic, df),
                "lower": estimate - half,
                "upper": estimate + half,
                "prediction_lower": estimate - reach,
                "prediction_upper": estimate + reach,
                "level": chosen,
            }
        )

    def degrees(self, first: Integers, second: Integers) -> Floats:
        """Degrees of freedom of comparisons by the places of their treatments."""
        every = np.eye(len(self.treatments))[:, 1:]
        rows = every[first] - every[second]
        if self.fit.inference.contrast_df is None or rows.shape[1] != self.fit.problem.p:
            return np.full(first.size, self.fit.inference.df)
        return self.fit.inference.degrees(rows)

    def _reach(self, error: Floats, level: float, df: float) -> Floats:
        """Half the width of the prediction interval; NaN where there is none."""
        if isinstance(self.tau2, Inapplicable) or not df > 0:
            return np.full(error.size, np.nan)
        return np.asarray(quantile(level, df) * np.sqrt(error**2 + self.new_trial))


def _describe(df: float) -> str:
    """The prediction interval in words."""
    if df > 0:
        return "normal" if np.isinf(df) else f"t with {df:g} df"
    return "as many comparisons as effects leave no degrees of freedom for a prediction interval"
