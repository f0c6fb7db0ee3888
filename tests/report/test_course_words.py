"""What a course over time says, from tables made by hand."""

import pandas as pd

from synovia import tables
from synovia.report.course_content import CourseAnswer
from synovia.report.course_words import word_course

FACTS = {"course_id": "c", "level": 0.95, "k": 7, "n": 1200, "follow_ups": 21, "status": "fitted"}
MADE = pd.DataFrame(
    [
        {**FACTS, "variant": "primary", "correlation": 0.5},
        {**FACTS, "variant": "alike", "correlation": 0.9},
        {**FACTS, "variant": "large", "correlation": 0.5, "k": 3},
    ]
)
WEEKS = pd.DataFrame(
    [
        {"variant": "primary", "weeks": 4.0, "estimate": -8.0, "lower": -12.0, "upper": -4.0, "k": 7},
        {"variant": "primary", "weeks": 8.0, "estimate": -7.0, "lower": -12.0, "upper": -2.0, "k": 7},
        {"variant": "primary", "weeks": 52.0, "estimate": 1.0, "lower": -4.0, "upper": 6.0, "k": 1},
        {"variant": "alike", "weeks": 4.0, "estimate": -10.0, "lower": -12.0, "upper": -4.0, "k": 7},
        {"variant": "alike", "weeks": 52.0, "estimate": 2.0, "lower": -4.0, "upper": 6.0, "k": 1},
        {"variant": "large", "weeks": 4.0, "estimate": -1.0, "lower": -2.0, "upper": 0.0, "k": 3},
    ]
)


def make_answer(facts: pd.DataFrame, weeks: pd.DataFrame) -> CourseAnswer:
    followed = pd.DataFrame(
        {"variant": "primary", "study_id": ["a", "b"], "caution": ["Arm label corrected: see the note", ""]}
    )
    made = {
        tables.COURSES.name: facts,
        tables.COURSE_ESTIMATES.name: weeks,
        tables.COURSE_FOLLOW_UPS.name: followed,
    }
    cases = (("alike", "a correlation of 0.9"), ("large", "only large trials"))
    return CourseAnswer("c", "A over time", "pain", "A", "B", (4.0, 52.0), made, cases)


def test_the_weeks_asked_for_are_said_with_how_many_trials_went_so_far() -> None:
    words = word_course(make_answer(MADE, WEEKS))
    assert words.effects.startswith("Pain after A against B, in points on a 0–100 scale: 8.0 lower at week 4")
    assert "7 trials went so far" in words.effects
    assert "1.0 higher at week 52" in words.effects
    assert "one trial went so far" in words.effects
    assert "week 8" not in words.effects


def test_only_analyses_of_the_same_trials_say_how_far_the_assumed_correlation_moves_the_effect() -> None:
    said = word_course(make_answer(MADE, WEEKS)).assumed
    assert "From 0.5 to 0.9" in said
    assert "−10.0 to −8.0 at week 4" in said
    assert "−1.0" not in said
    assert word_course(make_answer(MADE[:1], WEEKS)).assumed == ""


def test_rows_with_a_caution_are_counted_by_trial() -> None:
    said = word_course(make_answer(MADE, WEEKS)).cautions
    assert said.startswith("Rows of 1 of these 2 trials carry a caution, most often: arm label corrected.")


def test_a_course_that_cannot_be_made_says_why() -> None:
    none = pd.DataFrame([{"variant": "primary", "status": "not fitted", "reason": "No trial follows both."}])
    words = word_course(make_answer(none, WEEKS[:0]))
    assert words.effects == "No course of A against B can be made: No trial follows both."
    assert words.basis == words.assumed == words.cautions == ""
