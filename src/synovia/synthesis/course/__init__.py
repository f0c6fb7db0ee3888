"""Courses over time: repeated follow-ups of arms or comparisons, and networks of them."""

from synovia.synthesis.course.basis import (
    Basis,
    Emax,
    FractionalPolynomial,
    PiecewiseLinear,
    RestrictedCubicSpline,
)
from synovia.synthesis.course.contrasts import course_contrasts
from synovia.synthesis.course.course import time_course
from synovia.synthesis.course.model import TimeCourse

__all__ = [
    "Basis",
    "Emax",
    "FractionalPolynomial",
    "PiecewiseLinear",
    "RestrictedCubicSpline",
    "TimeCourse",
    "course_contrasts",
    "time_course",
]
