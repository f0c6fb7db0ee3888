"""A dose-response synthesis and what can be read from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from synovia.kernel import Inapplicable, Problem, Term, Wald, point, quantiles, wald
from synovia.synthesis.dose.bases import Basis
from synovia.synthesis.dose.design import DoseDesign
from synovia.synthesis.dose.emax import Emax
from synovia.synthesis.dose.moderation import PLAIN, Moderation
from synovia.synthesis.dose.page import show_studies, write_page
from synovia.synthesis.dose.targets import (
    find_effective_doses,
    find_target_doses,
    read_asked,
    require_plateau,
)
from synovia.synthesis.dose.to_r import dose_to_r
from synovia.synthesis.fit import Fit
from synovia.synthesis.summary import Summary

__all__ = ["DoseResponse"]

Floats = NDArray[np.float64]

STRAIGHT = "the curve has no coefficient that bends it; compare AIC with that of a straight line"


@dataclass(frozen=True, slots=True, eq=False)
class DoseResponse:
    """A dose-response synthesis.

    Attributes
    ----------
    design : DoseDesign
        Contrasts of doses within studies.
    basis : Basis
        The curve, its knots placed.
    fit : Fit
        The synthesis: its coefficients are those of the average curve, and of the curve by each moderator.
    moderation : Moderation
        Moderators of the studies.
    """

    design: DoseDesign
    basis: Basis
    fit: Fit
    moderation: Moderation = PLAIN

    @property
    def covariance(self) -> Floats:
        """(size, size) between-study covariance of the coefficients; 0 where a coefficient does not vary."""
        whole = np.zeros((self.basis.size, self.basis.size))
        if self.fit.problem.terms:
            term = self.fit.problem.terms[0]
            if isinstance(term, Term):
                q = term.structure.size
                whole[:q, :q] = term.structure.covariance(self.fit.point.psi)
        return whole

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the synthesis says about itself."""
        return self.fit.warnings

    def tidy(self) -> pd.DataFrame:
        """One row per coefficient of the average curve; columns as of ``Fit.tidy``."""
        return self.fit.tidy()

    def predict(
        self,
        doses: ArrayLike | None = None,
        *,
        reference: float | None = None,
        at: Mapping[str, object] | None = None,
        level: float | None = None,
    ) -> pd.DataFrame:
        r"""The average curve against one dose.

        Parameters
        ----------
        doses : array_like, optional
            In the unit of the fit; 101 doses over the range studied without it.
        reference : float, optional
            The dose that others are against; the lowest studied without it. Nothing is fitted again.
        at : mapping of str to value, optional
            Moderators, as ``{"year": 2000}``; the mean of their columns over studies without it.
        level : float, optional
            Confidence level; that of the fit without it.

        Returns
        -------
        DataFrame
            dose, reference, estimate, std_error, lower, upper (of the average), prediction_lower,
            prediction_upper (of a new study), level, extrapolated (outside the doses studied). Ratios are
            logarithms.

        Notes
        -----
        With :math:`x = \partial\{f(d) - f(d_0)\}/\partial\beta` the variance is :math:`x'\hat V x` for the
        average, and :math:`x'(\hat V + \hat\Psi)x` for a new study.
        """
        seen = self.design.doses
        every = np.linspace(seen.min(), seen.max(), 101) if doses is None else read_asked(doses)
        base = read_asked(seen.min() if reference is None else reference, "reference")[:1]
        turn, chosen = (
            self.moderation.turn(self.basis.size, at),
            self.fit.settings.level if level is None else level,
        )
        beta, cov = turn @ self.fit.point.beta, turn @ self.fit.inference.cov @ turn.T
        x = self.basis.slopes(every, beta) - self.basis.slopes(base, beta)
        estimate = self.basis.value(every, beta) - self.basis.value(base, beta)
        error = np.sqrt(np.einsum("ij,jk,ik->i", x, cov, x))
        spread = np.sqrt(np.einsum("ij,jk,ik->i", x, cov + self.covariance, x))
        df = np.full(every.size, self.fit.inference.df)
        moved = x.any(axis=1)
        df[moved] = self.fit.inference.degrees(x[moved] @ turn)
        half = quantiles(chosen, df)
        return pd.DataFrame(
            {
                "dose": every,
                "reference": base[0],
                "estimate": estimate,
                "std_error": error,
                "lower": estimate - half * error,
                "upper": estimate + half * error,
                "prediction_lower": estimate - half * spread,
                "prediction_upper": estimate + half * spread,
                "level": chosen,
                "extrapolated": (every < seen.min()) | (every > seen.max()),
            }
        )

    def find_dose(
        self,
        effect: ArrayLike,
        *,
        reference: float | None = None,
        highest: float | None = None,
        at: Mapping[str, object] | None = None,
        level: float | None = None,
    ) -> pd.DataFrame:
        """The lowest dose above the reference at which the average curve reaches an effect: the target dose.

        Parameters
        ----------
        effect : array_like
            On the scale of the estimates, with its sign; of ratios a logarithm.
        reference : float, optional
            The dose that effects are against; the lowest studied without it.
        highest : float, optional
            Where to stop looking; the highest dose studied without it.
        at : mapping of str to value, optional
            Moderators; the mean of their columns over studies without it.
        level : float, optional
            Confidence level; that of the fit without it.

        Returns
        -------
        DataFrame
            effect, dose, lower, upper, highest. ``lower`` and ``upper`` are the doses at which the more and
            the less favourable limit of the curve reach the effect; NaN where it is not reached.
        """
        seen = self.design.doses
        base = float(seen.min()) if reference is None else float(reference)
        top = float(seen.max()) if highest is None else float(highest)
        return find_target_doses(
            lambda tried: self.predict(tried, reference=base, at=at, level=level),
            read_asked(effect, "effect"),
            (base, top),
        )

    def effective_dose(self, share: ArrayLike = 0.5, *, level: float | None = None) -> pd.DataFrame:
        """The dose of a share of the plateau of an Emax curve, ED50 unless told otherwise.

        Parameters
        ----------
        share : array_like
            Between 0 and 1.
        level : float, optional
            Confidence level; that of the fit without it.

        Returns
        -------
        DataFrame
            share, dose, lower, upper, extrapolated (above the highest dose studied).
        """
        require_plateau(isinstance(self.basis, Emax))
        chosen = self.fit.settings.level if level is None else level
        own, inference = np.array([[0.0, 1.0]]), self.fit.inference
        log = float(self.fit.point.beta[1])
        half = float(quantiles(chosen, inference.degrees(own))[0] * np.sqrt(inference.cov[1, 1]))
        limits = (log, log - half, log + half)
        return find_effective_doses(limits, read_asked(share, "share"), float(self.design.doses.max()))

    def test_effect(self) -> Wald | Inapplicable:
        """Joint test that the dose has no effect; of an Emax curve that its plateau is 0."""
        p = self.fit.problem.p
        size = 1 if isinstance(self.basis, Emax) else p
        return wald(self.fit.point.beta, self.fit.inference, np.eye(p)[:size])

    def test_moderators(self) -> Wald | Inapplicable:
        """Joint test that the curve does not depend on any moderator."""
        if self.moderation.empty:
            return Inapplicable("the curve has no moderators")
        names = self.moderation.design.columns
        chosen = [one for _ in range(self.basis.size) for one in names]
        rows = np.eye(self.fit.problem.p)[[name != "Intercept" for name in chosen]]
        return wald(self.fit.point.beta, self.fit.inference, rows)

    def test_nonlinearity(self) -> Wald | Inapplicable:
        """Joint test that curves are straight lines; chi-squared, or F where the interval is by t."""
        if self.basis.bends is None:
            return Inapplicable(STRAIGHT)
        each = len(self.moderation.design.columns)
        chosen = np.asarray(np.kron(np.eye(self.basis.size)[list(self.basis.bends)], np.eye(each)), float)
        return wald(self.fit.point.beta, self.fit.inference, chosen)

    def measure_fit(self) -> pd.DataFrame:
        r"""How well the average curve describes the contrasts of all studies.

        Returns
        -------
        DataFrame
            deviance, df, p_value, r2, r2_adjusted: one row.

        Notes
        -----
        With V the sampling covariance and r the residuals of the average curve, the deviance is
        :math:`D = r'V^{-1}r` and :math:`R^2 = 1 - D / (y'V^{-1}y)`. A large deviance says that the curve is
        wrong or that studies differ. Discacciati, Crippa & Orsini (2017), Research Synthesis Methods 8,
        149-160.
        """
        design = self.design
        fitted = self.read_studies(design.dose) - self.read_studies(design.reference)
        total, left = _weigh(design, design.y), _weigh(design, design.y - fitted)
        df = design.n - self.fit.problem.p
        share = left / total if total > 0 else np.nan
        row = {
            "deviance": left,
            "df": df,
            "p_value": float(chdtrc(df, left)) if df > 0 else np.nan,
            "r2": 1 - share,
            "r2_adjusted": 1 - share * design.n / df if df > 0 else np.nan,
        }
        return pd.DataFrame([row])

    def glance(self) -> pd.DataFrame:
        """One row: studies, doses (besides references), unit, fit as ``measure_fit``, Q, AIC, BIC, method.

        AIC and BIC belong to the likelihood that was maximised: compare curves by those of ML, since
        restricted likelihoods of different curves have different constants. NaN for the method of moments.
        """
        at, settings = self.fit.point, self.fit.settings
        problem = self.fit.problem
        restricted = settings.restricted and bool(problem.terms)
        likelihood = at.log_reml if restricted else at.log_ml
        if settings.tau2 == "MM":
            likelihood = np.nan
        count = problem.p + problem.parameters
        test = self.test_nonlinearity()
        facts = self.fit.glance().iloc[0]
        row = {
            "studies": len(self.design.studies),
            "doses": self.design.n,
            "unit": self.design.unit,
            **self.measure_fit().iloc[0].to_dict(),
            "nonlinearity_p_value": test.p_value if isinstance(test, Wald) else np.nan,
            "q": facts.q,
            "q_df": facts.q_df,
            "q_p_value": facts.q_p_value,
            "log_lik": likelihood,
            "aic": 2 * count - 2 * likelihood,
            "bic": count * np.log(problem.n - (problem.p if restricted else 0)) - 2 * likelihood,
            "method": self.fit.method,
            "converged": self.fit.convergence.converged,
            "warnings": " ".join(self.warnings),
        }
        return pd.DataFrame([row])

    @property
    def drawing(self) -> str:
        """Name of its drawing."""
        return "dose"

    def frames(self) -> dict[str, Any]:
        """The curve and the contrasts of the studies, each moved to where the curve puts its reference."""
        return show_studies(self)

    def to_r(self) -> str:
        """The curve as a script for R that holds its data; see ``synovia.synthesis.dose.to_r``."""
        return dose_to_r(self)

    def read_studies(self, doses: Floats) -> Floats:
        """(n,) height of the mean curve of the study of each contrast at its own dose, up to a constant."""
        beta, size = self.fit.point.beta, self.basis.size
        if self.moderation.empty:
            return self.basis.value(doses, beta)
        own = (self.moderation.turn_all(size) @ beta)[self.design.study]
        return np.asarray((self.basis.slopes(doses, beta[:size]) * own).sum(axis=1))

    def summary(self) -> Summary:
        """The synthesis on a page: ``as_text``, ``as_html``, ``as_latex``."""
        return write_page(self)

    def __str__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def _weigh(design: DoseDesign, values: Floats) -> float:
    """Sum of squares of contrasts, weighted by the inverse of their sampling covariance."""
    at = point(Problem(values, np.ones((design.n, 1)), design.V))
    return float((at.factor.half_solve(values[:, None]) ** 2).sum())
