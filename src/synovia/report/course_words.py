"""What a course over time says, in sentences made by rule from its tables."""

from dataclasses import dataclass

from synovia import tables
from synovia.report.course_content import CourseAnswer
from synovia.report.methods_text import listed
from synovia.report.numerals import count, decimal, percent, reading_of
from synovia.report.rows import Cells, rows_of
from synovia.report.sentences import range_in_words, sided

__all__ = ["POINTS", "CourseWords", "rows_at_knots", "word_course"]

POINTS = reading_of("MD")


@dataclass(frozen=True, slots=True)
class CourseWords:
    """A course in words; each a paragraph, empty where there is nothing to say.

    Attributes
    ----------
    effects : str
        The difference in the weeks that were asked for, or why there is no course.
    basis : str
        Trials, people and follow-ups.
    assumed : str
        How far what nobody printed moves the effect.
    cautions : str
        How many rows carry a caution.
    """

    effects: str
    basis: str = ""
    assumed: str = ""
    cautions: str = ""


def rows_at_knots(answer: CourseAnswer, variant: str = "primary") -> list[Cells]:
    """What a course says in the weeks that were asked for.

    Parameters
    ----------
    answer : CourseAnswer
        The course.
    variant : str
        Which analysis.
    """
    rows = rows_of(answer.rows(tables.COURSE_ESTIMATES, variant))
    return [row for row in rows if row["weeks"] in answer.knots]


def _limits(answer: CourseAnswer, row: Cells) -> str:
    low, high = (float(str(row[name])) for name in ("lower", "upper"))
    return f"{percent(100 * float(str(answer.facts()['level'])))} CI {range_in_words(POINTS, low, high)}"


def word_course(answer: CourseAnswer) -> CourseWords:
    """A course in words, by rule.

    Parameters
    ----------
    answer : CourseAnswer
        The course.
    """
    pair, planned = f"{answer.treatment} against {answer.comparator}", rows_at_knots(answer)
    if not planned:
        reason = str(answer.facts().get("reason", "")).rstrip(".")
        return CourseWords(f"No course of {pair} can be made: {reason}.")
    told = "; ".join(
        f"{sided(POINTS, float(str(row['estimate'])))} at week {count(row['weeks'])} "
        f"({_limits(answer, row)}; {_reach(row)})"
        for row in planned
    )
    facts, subject = answer.facts(), f"{answer.outcome[:1].upper()}{answer.outcome[1:]}"
    return CourseWords(
        f"{subject} after {pair}, in points on a 0–100 scale: {told}.",
        f"It rests on {count(facts['k'])} trials with {count(facts['n'])} people and "
        f"{count(facts['follow_ups'])} follow-ups; between the printed weeks the course is straight. The "
        "longer ago the injection, the fewer trials tell.",
        _assumed(answer, planned),
        _cautions(answer),
    )


def _cautions(answer: CourseAnswer) -> str:
    """How many of the trials have rows with a caution, such as labels that were corrected."""
    rows = answer.rows(tables.COURSE_FOLLOW_UPS)
    doubted = rows[rows["caution"] != ""]
    if doubted.empty:
        return ""
    each = [text.split(":")[0].strip(". ") for cell in doubted["caution"] for text in str(cell).split("; ")]
    most = max(dict.fromkeys(each), key=each.count)
    which = doubted["study_id"].nunique()
    return (
        f"Rows of {which} of these {rows['study_id'].nunique()} trials carry a caution, most often: "
        f"{most[:1].lower()}{most[1:]}. All stand beside the follow-ups below."
    )


def _reach(row: Cells) -> str:
    return "one trial went so far" if row["k"] == 1 else f"{count(row['k'])} trials went so far"


def _assumed(answer: CourseAnswer, planned: list[Cells]) -> str:
    """How far the correlation that nobody printed moves the effect."""
    correlations = {
        name: float(str(answer.facts(name)["correlation"]))
        for name in ("primary", *(case for case, _ in answer.cases))
        if answer.facts(name).get("status") == "fitted" and answer.facts(name)["k"] == answer.facts()["k"]
    }
    if len(set(correlations.values())) < 2:
        return ""
    said = []
    for row in planned:
        ends = [
            float(str(other["estimate"]))
            for name in correlations
            for other in rows_at_knots(answer, name)
            if other["weeks"] == row["weeks"]
        ]
        span = f"{decimal(min(ends))} to {decimal(max(ends))}"
        said.append(f"{span} at week {count(row['weeks'])}")
    low, high = min(correlations.values()), max(correlations.values())
    return (
        "How follow-ups of the same people correlate is not printed by the trials; "
        f"{correlations['primary']:g} between successive ones is assumed. From {low:g} to {high:g} the "
        f"difference moves between {listed(said)}."
    )
