"""Time courses: how an effect goes over the follow-ups, with the covariance of repeated measurements."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Term, quantile, quantiles
from synovia.kernel.solver import split
from synovia.synthesis.course.basis import Basis, Emax, read_basis
from synovia.synthesis.course.covariance import Repeats
from synovia.synthesis.course.design import CourseDesign, make_course_design
from synovia.synthesis.course.fitting import Shaped, fit_course
from synovia.synthesis.course.reading import Columns, read_follow_ups
from synovia.synthesis.course.settings import CourseSettings
from synovia.synthesis.fit import Fit
from synovia.synthesis.random import Slopes
from synovia.synthesis.settings import CLUSTERED, KENWARD_ROGER, Tau2
from synovia.synthesis.summary import Summary

__all__ = ["TimeCourse", "time_course"]

Floats = NDArray[np.float64]

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
        asked = (
            self.design.follow_ups.times if times is None else np.atleast_1d(np.asarray(times, np.float64))
        )
        at = np.unique(asked) if times is None else asked
        every = self.treatments if treatment is None else (treatment,)
        chosen = self.settings.level if level is None else level
        parts = [self._predict(at, (name, comparator), chosen) for name in every]
        return pd.concat(parts, ignore_index=True)

    def sensitivity(
        self,
        correlations: Sequence[float] = CORRELATIONS,
        *,
        times: ArrayLike | None = None,
        structures: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The same model with other correlations between follow-ups, which trials seldom report.

        Parameters
        ----------
        correlations : sequence of float
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
        for structure in structures or (self.settings.repeats.structure,):
            for correlation in correlations:
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

    def _predict(self, times: Floats, pair: tuple[str, str | None], level: float) -> pd.DataFrame:
        weights, other = self._weigh(*pair)
        functions = self.shaped.basis.evaluate(times)
        X = self.design.spread(np.tile(weights, (times.size, 1)), functions)
        theta = self.fit.point.beta
        mean, rows = X @ theta[: X.shape[1]], X
        if self.shaped.bent and isinstance(self.shaped.basis, Emax):
            bends = self.design.spread(np.tile(weights, (times.size, 1)), self.shaped.basis.slope(times))
            rows = np.column_stack([X, bends @ theta[: X.shape[1]]])
        variance = np.maximum(((rows @ self.fit.inference.cov) * rows).sum(axis=1), 0.0)
        half = quantiles(level, self.fit.inference.degrees(rows)) * np.sqrt(variance)
        reach = self._reach(level) * np.sqrt(variance + self._vary(functions, against=bool(other)))
        return pd.DataFrame(
            {
                "treatment": pair[0],
                "comparator": other,
                "time": times,
                "estimate": mean,
                "std_error": np.sqrt(variance),
                "lower": mean - half,
                "upper": mean + half,
                "prediction_lower": mean - reach,
                "prediction_upper": mean + reach,
                "level": level,
            }
        )

    def _weigh(self, treatment: str, comparator: str | None) -> tuple[Floats, str]:
        """(treatments,) what a treatment is made of, less its comparator, and the comparator's name."""
        other = self.reference if comparator is None else comparator
        known = (*self.treatments, *([self.reference] if self.reference else []))
        for name in (treatment, *([other] if other else [])):
            if name not in known:
                raise SynthesisError(f"There is no treatment {name!r}; there are {', '.join(sorted(known))}.")
        minus = [bool(other) and name == other for name in self.treatments]
        return np.array([name == treatment for name in self.treatments]) - np.array(
            minus, dtype=np.float64
        ), other

    def _vary(self, functions: Floats, *, against: bool) -> Floats:
        """(m,) variance of the true course between studies."""
        total = np.zeros(len(functions))
        terms, q = self.fit.problem.terms, functions.shape[1]
        of_arms = self.design.follow_ups.kind == "arms"
        for place, (term, psi) in enumerate(zip(terms, split(terms, self.fit.point.psi), strict=True)):
            G = cast("Term", term).structure.covariance(psi)[:q, :q]
            own = ((functions @ G) * functions).sum(axis=1)
            if of_arms and against:  # what a study's arms share cancels; what is theirs counts twice
                own = own * (2.0 if place == 1 else 0.0)
            total += own
        return total

    def _reach(self, level: float) -> float:
        """Quantile of the prediction interval; NaN where there is none."""
        df = int(self.design.follow_ups.study.max()) + 1 - len(self.shaped.basis.names)
        return quantile(level, float(df)) if df >= 1 and self.fit.problem.terms else np.nan


def time_course(  # noqa: PLR0913 - a model function names every choice it takes
    data: pd.DataFrame,
    *,
    basis: str | Basis,
    study: str = "study",
    time: str = "time",
    estimate: str = "estimate",
    variance: str = "variance",
    treatment: str | None = None,
    comparator: str | None = None,
    arm: str | None = None,
    reference: str | None = None,
    origin: bool = True,
    correlation: float = 0.5,
    structure: str = "AR",
    random: str | None = "UN",
    tau2: Tau2 = "REML",
    inference: str | None = None,
    level: float = 0.95,
) -> TimeCourse:
    r"""How an effect goes over time, from follow-ups of the same people.

    Parameters
    ----------
    data : DataFrame
        One row per follow-up: of one effect; of arms, with ``treatment``; or of comparisons of arms, with
        ``treatment`` and ``comparator`` (as ``course_contrasts`` makes them), which may form a network.
    basis : str or Basis
        Shape: "linear", "piecewise(4, 12, 26)", "spline(4, 12, 26)", "fp(0.5)", "emax", or an object of
        ``synovia.synthesis.course``.
    study, time, estimate, variance : str
        Columns; times in any one unit, variances on the scale of the estimate squared.
    treatment, comparator : str, optional
        Columns of what was given, and of what it is compared with.
    arm : str, optional
        Column that tells apart arms of a study that had one treatment, or several series of a study.
    reference : str, optional
        Treatment that courses of comparisons are against; the comparator of most rows without it.
    origin : bool
        Whether a shape said in words starts at 0 at time 0, as changes and randomised comparisons do.
    correlation : float
        Between follow-ups of the same people, from 0 to below 1; ``sensitivity`` varies it.
    structure : {"AR", "CAR", "CS"}
        Whether the correlation is that of successive visits, of times one unit apart, or of all times.
    random : {"UN", "CS", "DIAG"} or None
        How coefficients vary between studies: each with its variance and correlations; with one variance and
        one correlation; uncorrelated, which depends on the basis; or not at all.
    tau2 : str, float or mapping
        "REML" or "ML", or values by name. With one function of time, any estimator of ``meta``.
    inference : str, optional
        As for ``meta``; the robust kinds take studies as clusters. Without it "kenward-roger" where variances
        are estimated by REML, whose intervals keep their level with few studies, and "z" elsewhere.
    level : float
        Confidence level.

    Returns
    -------
    TimeCourse

    Raises
    ------
    SynthesisError
        When a row, a column or a setting cannot be used, or the data do not tell the shape; it is named.

    Notes
    -----
    .. math:: y_i(t) = \sum_k b_k(t)\,(\beta_k + u_{ik}) + e_i(t), \quad u_i \sim N(0, G), \quad
        \operatorname{Cov}(e_i(s), e_i(t)) = \rho(s, t)\sqrt{v_i(s) v_i(t)}

    Jansen, Vieira & Cope (2015), Statistics in Medicine 34, 2294-2311; Pedder, Dias, Bennetts, Boucher &
    Welton (2019), Research Synthesis Methods 10, 267-286; Ishak, Platt, Joseph, Hanley & Caro (2007),
    Clinical Trials 4, 525-539.

    Examples
    --------
    >>> visits = pd.DataFrame({"study": ["a", "a", "b", "b", "c", "c"], "time": [4.0, 12.0] * 3,
    ...                        "estimate": [-5.0, -8.0, -4.0, -9.0, -6.0, -7.0], "variance": [4.0] * 6})
    >>> course = time_course(visits, basis="piecewise(4, 12)", random=None)
    >>> course.predict([4, 8, 12])[["time", "estimate", "lower", "upper"]].round(2)
       time  estimate  lower  upper
    0   4.0      -5.0  -7.26  -2.74
    1   8.0      -6.5  -8.46  -4.54
    2  12.0      -8.0 -10.26  -5.74
    """
    columns = Columns(study, time, estimate, variance, treatment, comparator, arm)
    follow_ups = read_follow_ups(data, columns)
    design = make_course_design(follow_ups, read_basis(basis, origin=origin), reference, random)
    chosen = _choose_inference(inference, random, tau2)
    settings = CourseSettings(
        formula="estimate ~ course(time)",
        variance="variance",
        random=None if random is None else Slopes("course(time)", "study", random),
        tau2="REML" if random is None else tau2,
        inference=chosen,
        level=level,
        cluster="study" if chosen in CLUSTERED else None,
        repeats=Repeats(correlation, structure),
        between=random,
    )
    return TimeCourse(design, fit_course(design, settings), settings)


def _choose_inference(inference: str | None, random: str | None, tau2: Tau2) -> str:
    if inference is not None:
        return inference
    return KENWARD_ROGER if random is not None and tau2 == "REML" else "z"
