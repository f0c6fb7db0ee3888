"""Courses for the report: the rows of each, with the words of the protocol."""

from collections.abc import Iterator

import pandas as pd

from synovia.report import CourseAnswer
from synovia.review.course_fitting import COURSE_TABLES
from synovia.review.course_protocol import Course
from synovia.review.run import Derived

__all__ = ["gather_courses"]


def gather_courses(derived: Derived) -> Iterator[CourseAnswer]:
    """Every course of the protocol, as the report shows it.

    Parameters
    ----------
    derived : Derived
        The review after its chain has run.
    """
    protocol = derived.materials.protocol
    labels = protocol.labels()
    for course in protocol.course:
        yield CourseAnswer(
            course_id=course.id,
            label=course.label,
            outcome=protocol.outcome_named(course.outcome).label,
            treatment=labels[course.treatment],
            comparator=labels[course.comparator],
            knots=course.knots,
            tables={table.name: _own(derived, table.name, course) for table in COURSE_TABLES},
            cases=tuple((variant.id, variant.label) for variant in course.variant),
        )


def _own(derived: Derived, name: str, course: Course) -> pd.DataFrame:
    frame = derived.frames[name]
    return frame[frame["course_id"] == course.id].reset_index(drop=True)
