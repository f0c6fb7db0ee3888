"""A course read at some times, or averaged over a span, with its intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Term, quantile, quantiles
from synovia.kernel.solver import split
from synovia.synthesis.course.basis import Basis, Emax
from synovia.synthesis.course.design import CourseDesign
from synovia.synthesis.course.fitting import Shaped

__all__ = ["Reader", "average_functions", "read_times"]

Floats = NDArray[np.float64]

NODES = 8  # Gauss-Legendre points of each piece: exact for polynomials up to degree 15
PIECES = 64  # of a span without knots, for powers and plateaus that are no polynomials


def read_times(times: ArrayLike) -> Floats:
    """(m,) times that were asked for; what is no time is refused."""
    try:
        asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
    except (TypeError, ValueError):
        raise SynthesisError(f"Found time {times!r}; wanted a number, or a list of numbers.") from None
    if asked.ndim != 1:
        raise SynthesisError(f"Found a table of times of shape {asked.shape}; wanted a list of numbers.")
    wrong = ~np.isfinite(asked) | (asked < 0)
    if wrong.any():
        raise SynthesisError(f"Found time {asked[wrong][0]:g}; wanted times of 0 or later.")
    return asked


def average_functions(basis: Basis, start: float, end: float) -> tuple[Floats, Floats]:
    """(1, q) means of the functions of time over a span, and of their slopes in log et50 (0 but for Emax).

    Examples
    --------
    >>> from synovia.synthesis.course.basis import PiecewiseLinear
    >>> average_functions(PiecewiseLinear((4.0, 12.0)), 0.0, 4.0)[0].round(12).tolist()
    [[0.5, 0.0]]
    """
    knots = [knot for knot in getattr(basis, "knots", ()) if start < knot < end]
    edges = np.array([start, *knots, end])
    fine = np.concatenate([np.linspace(low, high, PIECES + 1)[:-1] for low, high in pairwise(edges)])
    places, weights = np.polynomial.legendre.leggauss(NODES)
    low, width = fine[:, None], np.diff(np.r_[fine, end])[:, None]
    times = (low + width * (places + 1) / 2).ravel()
    share = (width * weights / 2).ravel() / (end - start)
    functions = share @ basis.evaluate(times)
    slopes = share @ basis.slope(times) if isinstance(basis, Emax) else np.zeros(functions.size)
    return functions[None], np.asarray(slopes)[None]


@dataclass(frozen=True, slots=True)
class Reader:
    """What turns functions of time into the course of a treatment.

    Attributes
    ----------
    design : CourseDesign
        Treatments and functions.
    shaped : Shaped
        The synthesis.
    level : float
        Of both intervals.
    """

    design: CourseDesign
    shaped: Shaped
    level: float

    def read_at(self, times: Floats, pair: tuple[str, str | None]) -> pd.DataFrame:
        """The course of a treatment, against a comparator where there is one, at some times."""
        basis = self.shaped.basis
        slopes = basis.slope(times) if isinstance(basis, Emax) else np.zeros((times.size, 1))
        return self.read({"time": times}, (basis.evaluate(times), slopes), pair)

    def read(
        self, labels: dict[str, ArrayLike], functions: tuple[Floats, Floats], pair: tuple[str, str | None]
    ) -> pd.DataFrame:
        """Rows of functions of time, and their slopes in log et50, as effects with intervals."""
        values, slopes = functions
        weights, other = self._weigh(*pair)
        spread, fit = np.tile(weights, (len(values), 1)), self.shaped.fit
        X = self.design.spread(spread, values)
        theta = fit.point.beta
        mean, rows = X @ theta[: X.shape[1]], X
        if self.shaped.bent:
            rows = np.column_stack([X, self.design.spread(spread, slopes) @ theta[: X.shape[1]]])
        variance = np.maximum(((rows @ fit.inference.cov) * rows).sum(axis=1), 0.0)
        half = quantiles(self.level, fit.inference.degrees(rows)) * np.sqrt(variance)
        reach = self._reach() * np.sqrt(variance + self._vary(values, against=bool(other)))
        return pd.DataFrame(
            {
                "treatment": pair[0],
                "comparator": other,
                **labels,
                "estimate": mean,
                "std_error": np.sqrt(variance),
                "lower": mean - half,
                "upper": mean + half,
                "prediction_lower": mean - reach,
                "prediction_upper": mean + reach,
                "level": self.level,
            }
        )

    def _weigh(self, treatment: str, comparator: str | None) -> tuple[Floats, str]:
        """(treatments,) what a treatment is made of, less its comparator, and the comparator's name."""
        other = self.design.reference if comparator is None else comparator
        known = (*self.design.treatments, *([self.design.reference] if self.design.reference else []))
        for name in (treatment, *([other] if other else [])):
            if name not in known:
                raise SynthesisError(f"There is no treatment {name!r}; there are {', '.join(sorted(known))}.")
        plus = _mark(self.design.treatments, treatment)
        return plus - (_mark(self.design.treatments, other) if other else 0.0), other

    def _vary(self, functions: Floats, *, against: bool) -> Floats:
        """(m,) variance of the true course between studies."""
        total, fit = np.zeros(len(functions)), self.shaped.fit
        terms, q = fit.problem.terms, functions.shape[1]
        of_arms = self.design.follow_ups.kind == "arms"
        for place, (term, psi) in enumerate(zip(terms, split(terms, fit.point.psi), strict=True)):
            G = cast("Term", term).structure.covariance(psi)[:q, :q]
            own = ((functions @ G) * functions).sum(axis=1)
            if of_arms and against:  # what a study's arms share cancels; what is theirs counts twice
                own = own * (2.0 if place == 1 else 0.0)
            total += own
        return total

    def _reach(self) -> float:
        """Quantile of the prediction interval; NaN where there is none."""
        df = int(self.design.follow_ups.study.max()) + 1 - len(self.shaped.basis.names)
        return quantile(self.level, float(df)) if df >= 1 and self.shaped.fit.problem.terms else np.nan


def _mark(names: Sequence[str], chosen: str) -> Floats:
    return np.array([name == chosen for name in names], dtype=np.float64)
