"""A time course and what can be read from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from synovia.errors import SynthesisError
from synovia.kernel import quantile
from synovia.synthesis.course.covariance import Repeats
from synovia.synthesis.course.design import CourseDesign
from synovia.synthesis.course.fitting import Shaped, fit_course
from synovia.synthesis.course.prediction import Reader, average_functions, read_times
from synovia.synthesis.course.settings import CourseSettings
from synovia.synthesis.fit import Fit
from synovia.synthesis.summary import Summary

__all__ = ["TimeCourse"]

CORRELATIONS = (0.0, 0.25, 0.5, 0.75, 0.9)
FINE = 101


@dataclass(frozen=True, slots=True, eq=False)
class TimeCourse:
    """A time course.

    Attributes
    ----------
    design : CourseDesign
        Follow-ups, treatments and shape as asked for.
    shaped : Shaped
        The synthesis and the shape it took.
    settings : CourseSettings
        Correlation over time, random effects, estimator and interval.
    """

    design: CourseDesign
    shaped: Shaped
    settings: CourseSettings

    @property
    def fit(self) -> Fit:
        """The synthesis; with an estimated et50 its response is linearised around the course."""
        return self.shaped.fit

    @property
    def treatments(self) -> tuple[str, ...]:
        """Those with a course of their own."""
        return self.design.treatments

    @property
    def reference(self) -> str:
        """What comparisons are against, "" when rows are not comparisons."""
        return self.design.reference

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the course says about itself."""
        return self.fit.warnings

    def tidy(self) -> pd.DataFrame:
        """One row per coefficient of the course, with the columns of ``Fit.tidy``."""
        return self.fit.tidy()

    def glance(self) -> pd.DataFrame:
        """One row: studies, follow-ups, treatments, correlation, Q, AIC, BIC, method.

        AIC and BIC belong to the likelihood that was maximised: compare shapes by those of ML, since
        restricted likelihoods of different shapes have different constants. NaN for tau2 by moments.
        """
        facts, problem, at = self.fit.glance().iloc[0], self.fit.problem, self.fit.point
        maximised = not problem.terms or self.settings.tau2 in ("REML", "ML")
        restricted = self.settings.restricted and bool(problem.terms)
        likelihood = (at.log_reml if restricted else at.log_ml) if maximised else np.nan
        parameters = problem.p + problem.parameters
        row = {
            "studies": int(self.design.follow_ups.study.max()) + 1,
            "follow_ups": problem.n,
            "treatments": len(self.treatments),
            "structure": self.settings.repeats.structure,
            "correlation": self.settings.repeats.correlation,
            "q": facts.q,
            "q_df": facts.q_df,
            "q_p_value": facts.q_p_value,
            "log_lik": likelihood,
            "aic": 2 * parameters - 2 * likelihood,
            "bic": np.log(problem.n - (problem.p if restricted else 0)) * parameters - 2 * likelihood,
            "method": self.fit.method,
            "converged": self.fit.convergence.converged,
            "warnings": " ".join(self.warnings),
        }
        return pd.DataFrame([row])

    def observed(self) -> pd.DataFrame:
        """What was seen: study, series, treatment, comparator, time, estimate, lower, upper, variance."""
        table = self.design.follow_ups.data
        half = quantile(self.settings.level, np.inf) * np.sqrt(table["variance"])
        return table.assign(lower=table["estimate"] - half, upper=table["estimate"] + half)

    def predict(
        self,
        times: ArrayLike | None = None,
        *,
        treatment: str | None = None,
        comparator: str | None = None,
        level: float | None = None,
    ) -> pd.DataFrame:
        r"""The course at some times, with a confidence and a prediction interval.

        Parameters
        ----------
        times : array_like, optional
            The times that were seen without it.
        treatment : str, optional
            Every treatment without it.
        comparator : str, optional
            What the treatment is against; of comparisons the reference without it, of arms nothing.
        level : float, optional
            Level of both intervals; that of the fit without it.

        Returns
        -------
        DataFrame
            treatment, comparator, time, estimate, std_error, lower, upper, prediction_lower, prediction_upper
            (NaN without random effects or with too few studies), level.

        Notes
        -----
        The true course of a new study at t lies within

        .. math:: x'\hat\beta \pm t_{S - q} \sqrt{b(t)'\hat G b(t) + x'\operatorname{Cov}(\hat\beta)x}

        with S studies and q functions of time.
        """
        at = np.unique(self.design.follow_ups.times) if times is None else read_times(times)
        every, reader = self.treatments if treatment is None else (treatment,), self._read(level)
        parts = [reader.read_at(at, (name, comparator)) for name in every]
        return pd.concat(parts, ignore_index=True)

    def average(
        self,
        start: float,
        end: float,
        *,
        treatment: str | None = None,
        comparator: str | None = None,
        level: float | None = None,
    ) -> pd.DataFrame:
        r"""The mean of the course over a span of time; times its length it is the area under the course.

        Parameters
        ----------
        start, end : float
            The span, in the unit of the times.
        treatment, comparator : str, optional
            As for ``predict``.
        level : float, optional
            Level of both intervals; that of the fit without it.

        Returns
        -------
        DataFrame
            treatment, comparator, start, end, then the columns of ``predict``.

        Notes
        -----
        .. math:: \frac{1}{t_2 - t_1} \int_{t_1}^{t_2} b(t)'\beta \, dt

        is linear in the coefficients (of Emax to first order in log ET50), and its variance that of the
        linear combination.
        """
        first, last = read_times([start, end]).tolist()
        if last <= first:
            raise SynthesisError(f"Found a span from {first:g} to {last:g}; wanted an end after the start.")
        functions = average_functions(self.shaped.basis, first, last)
        every, reader = self.treatments if treatment is None else (treatment,), self._read(level)
        labels: dict[str, ArrayLike] = {"start": [first], "end": [last]}
        parts = [reader.read(labels, functions, (name, comparator)) for name in every]
        return pd.concat(parts, ignore_index=True)

    def sensitivity(
        self,
        correlations: ArrayLike = CORRELATIONS,
        *,
        times: ArrayLike | None = None,
        structures: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The same model with other correlations between follow-ups, which trials seldom report.

        Parameters
        ----------
        correlations : array_like
            Each from 0 to below 1.
        times : array_like, optional
            Times at which courses are shown; coefficients are shown without them.
        structures : sequence of str, optional
            Of AR, CAR, CS; that of the fit without it.

        Returns
        -------
        DataFrame
            structure, correlation, then the columns of ``predict``, or term, estimate, std_error, lower,
            upper.
        """
        parts = []
        every = np.atleast_1d(np.asarray(correlations, dtype=np.float64)).tolist()
        kinds = (structures,) if isinstance(structures, str) else structures
        for structure in kinds or (self.settings.repeats.structure,):
            for correlation in every:
                settings = replace(self.settings, repeats=Repeats(correlation, structure))
                other = TimeCourse(self.design, fit_course(self.design, settings), settings)
                shown = other.predict(times) if times is not None else other.tidy()
                if times is None:
                    shown = shown[["term", "estimate", "std_error", "lower", "upper"]]
                shown.insert(0, "structure", structure)
                shown.insert(1, "correlation", correlation)
                parts.append(shown)
        return pd.concat(parts, ignore_index=True)

    @property
    def drawing(self) -> str:
        """Name of its drawing."""
        return "course"

    def frames(self) -> dict[str, pd.DataFrame]:
        """What the drawing is made from: the course at a fine row of times, and what studies saw."""
        times = self.design.follow_ups.times
        fine = np.unique(np.concatenate([np.linspace(times.min(), times.max(), FINE), times]))
        return {"curve": self.predict(fine), "seen": self.observed()}

    def to_r(self) -> str:
        """The course as a script for R's metafor that holds its data, linearised where et50 was estimated."""
        return self.fit.to_r()

    def summary(self) -> Summary:
        """The course on a page: ``as_text``, ``as_html``, ``as_latex``."""
        return self.fit.summary()

    def __str__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def _read(self, level: float | None) -> Reader:
        return Reader(self.design, self.shaped, self.settings.level if level is None else level)
