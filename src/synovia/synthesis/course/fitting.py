"""From a design over time to a synthesis, with the time of half the plateau found by Gauss-Newton."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synovia.errors import SynthesisError
from synovia.kernel import Choice, Problem, point
from synovia.synthesis.choosing import choose_psi
from synovia.synthesis.course.basis import Basis, Emax
from synovia.synthesis.course.design import CourseDesign, find_support
from synovia.synthesis.course.settings import CourseSettings
from synovia.synthesis.fit import Fit
from synovia.synthesis.posing import make_posed_fit
from synovia.synthesis.rows import Rows

__all__ = ["Shaped", "fit_course"]

Floats = NDArray[np.float64]

STEPS = 200
DAMPED = ((120, 0.25), (40, 0.5))  # rounds after which steps are shortened: long ones can go to and fro
STEADY = 1e-9  # change of log et50 at which it stands still; its standard error is rarely below 1e-2
FAR = 1e3  # et50 further than this from the times seen is not estimated
GRID = 61


@dataclass(frozen=True, slots=True, eq=False)
class Shaped:
    """A fitted course and the shape it took.

    Attributes
    ----------
    fit : Fit
        The synthesis; an estimated et50 is its last coefficient, log ET50, and its response is linearised.
    basis : Basis
        The shape, with its et50.
    bent : bool
        Whether et50 was estimated.
    """

    fit: Fit
    basis: Basis
    bent: bool


def fit_course(design: CourseDesign, settings: CourseSettings) -> Shaped:
    """Fit a course.

    Parameters
    ----------
    design : CourseDesign
        Rows, treatments and shape.
    settings : CourseSettings
        Correlation over time, random effects, estimator and interval.
    """
    if isinstance(design.basis, Emax) and design.basis.et50 is None:
        return _bend(design, settings)
    functions = design.basis.evaluate(design.follow_ups.times)
    X = design.spread(design.incidence, functions)
    y = design.follow_ups.data["estimate"].to_numpy(dtype=np.float64)
    problem = design.pose(settings.repeats, functions, X, y)
    choice = choose_psi(problem, settings, design.variances(len(problem.terms)))
    return Shaped(_make_fit(design, settings, problem, choice), design.basis, bent=False)


def _bend(design: CourseDesign, settings: CourseSettings) -> Shaped:
    r"""Emax with its et50: :math:`y - f(\theta_0) + J\theta_0` is fitted by J until nothing moves.

    Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 7.2.1, with the kernel's own search
    for variances in each round.
    """
    y = design.follow_ups.data["estimate"].to_numpy(dtype=np.float64)
    place, theta = _start(design, settings, y)
    for step in range(1, STEPS + 1):
        shape = Emax(math.exp(place))
        X, slope = _linearise(design, shape, theta)
        problem = design.pose(
            settings.repeats,
            shape.evaluate(design.follow_ups.times),
            np.column_stack([X, slope]),
            y + slope * place,
        )
        choice = choose_psi(problem, settings, design.variances(len(problem.terms)))
        moved = float(choice.point.beta[-1]) - place
        if abs(moved) < STEADY:
            said = f"Gauss-Newton, {step} rounds; {choice.convergence.message}"
            found = replace(choice, convergence=replace(choice.convergence, message=said))
            return Shaped(_make_fit(design, settings, problem, found), shape, bent=True)
        share = next((part for rounds, part in DAMPED if step > rounds), 1.0)
        place, theta = place + share * max(-1.0, min(1.0, moved)), choice.point.beta[:-1]
        _require_near(place, design)
    raise SynthesisError(
        f"The time of half the plateau did not settle in {STEPS} rounds; give it, as 'emax(4)', or choose "
        "another shape."
    )


def _linearise(design: CourseDesign, shape: Emax, theta: Floats) -> tuple[Floats, Floats]:
    """(n, T) columns of the plateaus and (n,) slope in log et50."""
    times, W = design.follow_ups.times, design.incidence
    return design.spread(W, shape.evaluate(times)), design.spread(W, shape.slope(times)) @ theta


def _start(design: CourseDesign, settings: CourseSettings, y: Floats) -> tuple[float, Floats]:
    """Log et50 and plateaus of the best common-effect course on a grid."""
    times = design.follow_ups.times
    seen = times[times > 0]
    if np.unique(seen).size < 2:
        raise SynthesisError(
            "A plateau needs two times above 0; give its et50, as 'emax(4)', or another shape."
        )
    best = (math.inf, 0.0, np.empty(0))
    plain = replace(design, between=None)
    for place in np.linspace(math.log(seen.min() / 10), math.log(seen.max() * 10), GRID).tolist():
        functions = Emax(math.exp(place)).evaluate(times)
        X = design.spread(design.incidence, functions)
        at = point(plain.pose(settings.repeats, functions, X, y))
        if at.rss < best[0]:
            best = (at.rss, place, at.beta)
    return best[1], best[2]


def _require_near(place: float, design: CourseDesign) -> None:
    seen = design.follow_ups.times
    seen = seen[seen > 0]
    if place <= math.log(seen.min() / FAR):
        raise SynthesisError(
            f"The plateau is reached before the first time, {seen.min():g}: the data do not tell when half "
            "of it is. Choose 'piecewise(...)' with knots at the times seen, or give it, as 'emax(4)'."
        )
    if place >= math.log(seen.max() * FAR):
        raise SynthesisError(
            f"The course has no plateau up to the last time, {seen.max():g}: the time of half of it runs "
            "away. Choose 'linear', give it, as 'emax(4)', or choose another shape."
        )


def _make_fit(design: CourseDesign, settings: CourseSettings, problem: Problem, choice: Choice) -> Fit:
    names = (*design.names, *(["log ET50"] if problem.p > len(design.names) else []))
    variances = design.variances(len(problem.terms))
    data = design.follow_ups.data
    label = data["study"] + " " + data["series"] + data["time"].map(lambda time: f" at {time:g}")
    every = np.ones(len(data), dtype=bool)
    rows = Rows(data, every, tuple(label), problem.y, problem.V, design.follow_ups.warnings)
    told = (*_tell_thin(design, problem, names), *_tell_variances(design, variances))
    return make_posed_fit(problem, rows, choice, settings, (names, variances), told=told)


def _tell_thin(design: CourseDesign, problem: Problem, names: tuple[str, ...]) -> list[str]:
    """Coefficients that one study alone tells, where others could."""
    study = design.follow_ups.study
    if study.max() == 0:
        return []
    thin = find_support(problem.X, study) < 2
    told = [name for name, few in zip(names, thin, strict=True) if few]
    return [f"One study alone tells {', '.join(told)}."] if told else []


def _tell_variances(design: CourseDesign, variances: tuple[str, ...]) -> list[str]:
    studies = int(design.follow_ups.study.max()) + 1
    if len(variances) <= studies:
        return []
    return [
        f"{len(variances)} variances and correlations from {studies} studies are hardly estimated; choose "
        "fewer knots, or random='CS' or 'DIAG'."
    ]
