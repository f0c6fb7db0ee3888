"""Knapp-Hartung intervals that give way when they come out shorter than the normal interval."""

from collections.abc import Callable

from synovia.kernel.choose import dersimonian_laird
from synovia.kernel.inference import (
    Inference,
    knapp_hartung,
    knapp_hartung_floor,
    normal,
    quantile,
)
from synovia.kernel.point import Point
from synovia.kernel.problem import Problem

__all__ = ["FLOORS", "knapp_hartung_iqwig", "knapp_hartung_wider"]


def knapp_hartung_wider(problem: Problem, at: Point, level: float) -> Inference:
    """Knapp-Hartung, or the normal interval where that is the wider.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    at : Point
        The likelihood at the chosen psi.
    level : float
        Confidence level at which widths are compared; the same answer for every coefficient, because both
        covariances are multiples of each other.

    Raises
    ------
    TooFewStudies
        When no degree of freedom is left.

    Notes
    -----
    Wiksten, Rücker & Schwarzer (2016), Statistics in Medicine 35, 2503-2515, the hybrid of their section 4.
    """
    scaled, plain = knapp_hartung(problem, at), normal(problem, at)
    if _width(scaled, level) >= _width(plain, level):
        return scaled
    return Inference(plain.cov, plain.df, 1.0, "normal, wider than Knapp-Hartung's,")


def knapp_hartung_iqwig(problem: Problem, at: Point, level: float) -> Inference:
    """Knapp-Hartung, with its factor at least 1 where it is shorter than DerSimonian and Laird's interval.

    Parameters
    ----------
    problem : Problem
        With one random term.
    at : Point
        The likelihood at the chosen psi.
    level : float
        Confidence level at which widths of the first coefficient are compared.

    Raises
    ------
    TooFewStudies
        When no degree of freedom is left.

    Notes
    -----
    Institute for Quality and Efficiency in Health Care (2022), General Methods, version 6.1, section 9.3.2.
    """
    scaled = knapp_hartung(problem, at)
    plain = normal(problem, dersimonian_laird(problem).point)
    return scaled if _width(scaled, level) >= _width(plain, level) else knapp_hartung_floor(problem, at)


def _width(inference: Inference, level: float) -> float:
    return quantile(level, inference.df) * float(inference.std_error[0])


FLOORS: dict[str, Callable[[Problem, Point, float], Inference]] = {
    "knapp-hartung-wider": knapp_hartung_wider,
    "knapp-hartung-iqwig": knapp_hartung_iqwig,
}
"""Kinds of inference that compare widths, and so need the level, by the names that settings use."""
