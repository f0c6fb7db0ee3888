"""From a fitted model of counts with random effects to a ``Fit``, the same way for every distribution."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.effects import Effect
from synovia.errors import SynthesisError
from synovia.kernel import Inapplicable, Problem, dersimonian_laird, point
from synovia.kernel.solution import NO_FACTOR, Solution, make_root
from synovia.synthesis.exact.assemble import Shown, assemble, measure, show_studies
from synovia.synthesis.exact.counts import Studies
from synovia.synthesis.exact.family import Family
from synovia.synthesis.exact.mixed import Mixed, Model, fit_mixed
from synovia.synthesis.exact.settings import make_settings
from synovia.synthesis.fit import Fit
from synovia.synthesis.regression import Formula, make_design, read_formula

__all__ = [
    "Asked",
    "MixedOptions",
    "fit_counts",
    "read_moderators",
    "refuse_infinite",
    "say_model",
    "spread_over_groups",
]

Floats = NDArray[np.float64]

POINTS = 7  # quadrature nodes per random effect, as in metafor
FAR = 12.0  # on the log scale: beyond it an estimate is on its way to infinity
ALONE = Inapplicable("one study has no between-study variance")
COMMON = Inapplicable("a common-effect model has no between-study variance")


class MixedOptions(TypedDict, total=False):
    """Settings that all models of counts with random effects share."""

    random: bool
    points: int
    coding: float
    inference: str
    level: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A model of counts, chosen.

    Attributes
    ----------
    words : str
        The model in words.
    formula : str
        Formula with the measure on its left.
    options : MixedOptions
        The rest.
    again : callable
        Fits the same to other rows.
    """

    words: str
    formula: str
    options: MixedOptions
    again: Callable[[pd.DataFrame], Fit]

    @property
    def random(self) -> bool:
        """Whether the effect differs between studies."""
        return self.options.get("random", True)


def read_moderators(formula: str) -> Formula:
    """The right-hand side of ``~ moderators``.

    Parameters
    ----------
    formula : str
        With or without a left-hand side, which is a name only.

    Examples
    --------
    >>> read_moderators("~ dose").columns
    ('dose',)
    """
    return read_formula(f"effect {formula}" if str(formula).lstrip().startswith("~") else formula)


def fit_counts(model: Callable[[Floats], Model], studies: Studies, effect: Effect, asked: Asked) -> Fit:
    """Fit, test and report.

    Parameters
    ----------
    model : callable
        From the design of the effect to the model.
    studies : Studies
        What was read.
    effect : Effect
        The studies' own effects, zero cells corrected for display.
    asked : Asked
        What is fitted, in words and settings.
    """
    design = make_design(read_moderators(asked.formula), studies.used)
    shown = show_studies(studies, effect, design)
    start, spread = _begin(shown.make_problem(random=True))
    found = fit_mixed(model(design.X), start, spread, effect=asked.random)
    fitted = design.X @ found.beta
    heterogeneity = measure(shown, fitted, found.tau2, np.ones(fitted.size, dtype=bool))
    if found.tests:
        ratio = found.tests[0]
        heterogeneity = replace(heterogeneity, q=ratio.statistic, q_df=ratio.df, q_p_value=ratio.p_value)
    settings = make_settings(
        asked.words,
        asked.again,
        formula=asked.formula,
        random="effect" if asked.random else None,
        inference=asked.options.get("inference", "z"),
        level=asked.options.get("level", 0.95),
    )
    said = _warn(found, fitted)
    return assemble(
        shown, _solve(shown, found, fitted), settings, heterogeneity, found.convergence, warnings=said
    )


def _begin(problem: Problem) -> tuple[Floats, float]:
    """Where to climb from: the Gaussian picture of the same studies."""
    if problem.n > problem.p:
        choice = dersimonian_laird(problem)
        return choice.point.beta, max(float(np.sqrt(choice.psi[0])), 0.1)
    return point(problem, [0.0]).beta, 0.5


def _solve(shown: Shown, found: Mixed, fitted: Floats) -> Solution:
    n = fitted.size
    residuals = shown.rows.y - fitted
    none = np.full(n, np.nan)
    others = [("sigma2", found.sigma2), ("tau2_std_error", found.tau2_std_error)]
    return Solution(
        psi=np.empty(0) if found.tau2 is None else np.array([found.tau2]),
        log_ml=found.log_lik,
        log_reml=np.nan,
        beta=found.beta,
        cov=found.cov,
        root=make_root(found.cov),
        rss=float((residuals**2 / shown.rows.V.diagonal).sum()),
        residuals=residuals,
        factor=NO_FACTOR,
        shares=none,
        leverage=none,
        tau2=ALONE if n == 1 else COMMON if found.tau2 is None else found.tau2,
        tests=found.tests,
        others=tuple((name, value) for name, value in others if np.isfinite(value)),
    )


def _warn(found: Mixed, fitted: Floats) -> tuple[str, ...]:
    said = []
    if not found.convergence.converged:
        said.append(f"The search did not converge: {found.convergence.message}.")
    if np.abs(fitted).max() > FAR:
        said.append(
            "A fitted effect is beyond what counts can tell on the log scale: the moderators separate "
            "studies with events from studies without, and the maximum lies at infinity. Drop moderators."
        )
    return tuple(said)


def refuse_infinite(parts: dict[str, float]) -> None:
    """Refuse counts whose likelihood has its maximum at infinity.

    Parameters
    ----------
    parts : dict of str to float
        Totals over all studies by name; none may be 0.

    Raises
    ------
    SynthesisError
        Naming the total that is 0.
    """
    for name, total in parts.items():
        if total == 0:
            raise SynthesisError(
                f"There are no {name} in any study, so the effect is infinite on the log scale; wanted at "
                "least one. Ask mantel_haenszel for a risk or rate difference instead."
            )


def say_model(name: str, options: MixedOptions, *, integrated: bool = False) -> str:
    """The model in words: its random effect, its name, and the quadrature where there is one.

    Parameters
    ----------
    name : str
        Of the model.
    options : MixedOptions
        Random effect and points.
    integrated : bool
        Whether something else than the random effect is integrated over.

    Raises
    ------
    SynthesisError
        When the number of points is not a whole number from 1 to 200.

    Examples
    --------
    >>> say_model("exact conditional model", {"points": 7})
    'random effect; exact conditional model, adaptive Gauss-Hermite with 7 points'
    """
    random = options.get("random", True)
    said = f", {_say_points(options.get('points', POINTS))}" if random or integrated else ""
    return f"{'random' if random else 'common'} effect; {name}{said}"


def spread_over_groups(
    family: Family, offsets: Floats, baseline: str, options: MixedOptions
) -> Callable[[Floats], Model]:
    """From the design of the effect to the model of two groups.

    Parameters
    ----------
    family : Family
        Distribution of the counts.
    offsets : ndarray of shape (n, J)
        Known parts of the predictors.
    baseline : {"none", "fixed", "random"}
        What is said of the comparator.
    options : MixedOptions
        Points and coding.
    """
    points, coding = options.get("points", POINTS), options.get("coding", 0.5)
    return lambda X: Model(family, X, offsets, baseline, coding, points)


def _say_points(points: int) -> str:
    if points != int(points) or not 1 <= points <= 200:
        raise SynthesisError(f"Found points={points!r}; wanted a whole number from 1 (Laplace) to 200.")
    return "Laplace approximation" if points == 1 else f"adaptive Gauss-Hermite with {points} points"
