"""The covariance of random courses, looked for where the functions of time have sizes near 1."""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from synovia.kernel import Choice, Problem, Structure, Term, ml, point, reml
from synovia.synthesis.choosing import choose_psi
from synovia.synthesis.course.design import CourseDesign
from synovia.synthesis.course.settings import CourseSettings
from synovia.synthesis.turning import find_turns, read_psi

__all__ = ["search_course"]

Floats = NDArray[np.float64]

ANGLES = 12  # directions tried over half a circle; the likelihood has few hills along it


def search_course(
    design: CourseDesign, settings: CourseSettings, problem: Problem, functions: Floats
) -> Choice:
    r"""Psi at the highest maximum that any search finds.

    Parameters
    ----------
    design : CourseDesign
        Rows, treatments and shape.
    settings : CourseSettings
        Correlation over time, random effects and estimator.
    problem : Problem
        What is fitted.
    functions : ndarray of shape (n, q)
        Functions of time of each row.

    Notes
    -----
    Functions such as t and t^2 differ in size by the length of the follow-up and rise together, which bends
    the likelihood of their covariance G into a narrow ridge. With functions :math:`F T` of size 1, or
    uncorrelated, the covariance is :math:`G'` and :math:`G = T G' T'`; the likelihood is the same.
    """
    found = [choose_psi(problem, settings, design.variances(len(problem.terms)))]
    base = _find_base(problem)
    turned = settings.tau2 in ("REML", "ML") and settings.between in ("UN", "DIAG")
    if not turned or base is None or base.size < 2:
        return found[0]
    scaled = Problem(problem.y, problem.X / np.sqrt((problem.X**2).mean(axis=0)), problem.V)
    for turn in find_turns(functions.T @ functions / len(functions), base):
        T = np.asarray(np.linalg.inv(turn).T)
        found.append(_search_along(design, settings, (problem, scaled), functions, T))
    if settings.between == "UN" and base.size == 2 and len(problem.terms) == 1:
        found.append(_search_edge(design, settings, (problem, scaled), functions, T))
    return max(found, key=lambda one: _height(one, settings))


def _height(choice: Choice, settings: CourseSettings) -> float:
    return choice.point.log_reml if settings.restricted else choice.point.log_ml


def _search_along(
    design: CourseDesign,
    settings: CourseSettings,
    problems: tuple[Problem, Problem],
    functions: Floats,
    T: Floats,
) -> Choice:
    """The covariance of the functions :math:`F T`, in the functions as they were given."""
    problem, scaled = problems
    terms = design.terms(functions @ T)
    choice = (reml if settings.restricted else ml)(scaled.replace_terms(terms))
    base, parts = _find_base(problem), []
    inner = _find_base(scaled.replace_terms(terms))
    if base is None or inner is None:
        return choice
    for low in range(0, choice.psi.size, inner.parameters):
        G = T @ inner.covariance(choice.psi[low : low + inner.parameters]) @ T.T
        parts.append(read_psi(G, base.parameters))
    psi = np.concatenate(parts)
    return Choice(psi, point(problem, psi), choice.convergence)


def _search_edge(
    design: CourseDesign,
    settings: CourseSettings,
    problems: tuple[Problem, Problem],
    functions: Floats,
    T: Floats,
) -> Choice:
    """The highest point where two coefficients correlate fully: courses of studies vary in one direction.

    It can be a maximum beside one inside, and no climb leads from there to here.
    """

    def search(angle: float) -> Choice:
        direction = T @ np.array([[np.cos(angle)], [np.sin(angle)]])
        return _search_along(design, settings, problems, functions, direction)

    angles = np.linspace(0.0, np.pi, ANGLES, endpoint=False)
    best = float(angles[int(np.argmax([_height(search(angle), settings) for angle in angles.tolist()]))])
    step = np.pi / ANGLES
    refined = minimize_scalar(
        lambda angle: -_height(search(angle), settings),
        bounds=(best - step, best + step),
        method="bounded",
        options={"xatol": 1e-7},
    )
    return search(float(refined.x))


def _find_base(problem: Problem) -> Structure | None:
    """The structure of the coefficients of one course."""
    if not problem.terms:
        return None
    structure = cast("Term", problem.terms[0]).structure
    return cast("Structure", getattr(structure, "base", structure))
