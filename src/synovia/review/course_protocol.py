"""Courses over time as the protocol declares them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from synovia.review.section import Identifier, Section

__all__ = ["Course", "CourseVariant"]

Week = Annotated[float, Field(gt=0)]
Correlation = Annotated[float, Field(ge=0, lt=1)]


class CourseVariant(Section):
    """A sensitivity analysis of a course."""

    id: Identifier
    label: str = Field(min_length=1, description="what is done differently, in words")
    smallest_arm: int = Field(default=0, ge=0, description="people every group compared must have")
    correlation: Correlation | None = Field(
        default=None, description="between follow-ups of the same people, instead of the course's"
    )


class Course(Section):
    """How the effect of one treatment against another goes over time."""

    id: Identifier
    label: str = Field(min_length=1, description="heading in the report")
    outcome: Identifier
    treatment: Identifier
    comparator: Identifier
    knots: tuple[Week, ...] = Field(
        min_length=1, description="weeks between which the course is straight; it starts at 0"
    )
    correlation: Correlation = Field(
        default=0.5, description="assumed between successive follow-ups of the same people"
    )
    random: Literal["CS", "DIAG", "none"] = Field(
        default="CS",
        description="how courses vary between trials: with one variance and correlation, "
        "with a variance for each knot, or not",
    )
    inference: Literal["kenward-roger", "t", "z"] = Field(
        default="kenward-roger", description="how the confidence interval is made; variances are by REML"
    )
    variant: tuple[CourseVariant, ...] = Field(default=(), description="sensitivity analyses")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if list(self.knots) != sorted(set(self.knots)):
            raise ValueError("knots in rising order, each once")
        if self.treatment == self.comparator:
            raise ValueError("a comparator other than the treatment")
        return self
