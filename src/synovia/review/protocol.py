"""The protocol: ``review.toml`` as typed, checked values."""

import datetime
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from synovia.review.course_protocol import Course
from synovia.review.network_protocol import Network
from synovia.review.section import Identifier, Measure, Section, Tau2

__all__ = [
    "Comparison",
    "Model",
    "Outcome",
    "Protocol",
    "Search",
    "Treatment",
    "Variant",
    "Window",
    "json_schema",
]

Random = Literal["effect", "study", "study/effect", "none"]
Inference = Literal["knapp-hartung", "knapp-hartung-floor", "CR2", "kenward-roger", "t", "z"]
Dependent = Literal["", "CR2", "kenward-roger", "knapp-hartung", "knapp-hartung-floor", "t", "z"]
Shared = Literal["covariance", "split"]
Design = Literal[
    "randomised trial",
    "randomised trial, within-patient",
    "pooled randomised trials",
    "non-randomised comparison",
    "single-arm study",
    "animal experiment",
    "in vitro study",
]


class About(Section):
    """What the review is."""

    title: str = Field(min_length=1, description="title of the review")
    version: str = Field(default="1", description="version of the protocol")
    field: str = Field(default="knee_oa", description="field of medicine whose scales and words are used")
    registration: str = Field(default="not registered", description="registry and number of the protocol")
    contact: str = Field(default="", description="who answers questions")
    amendments: tuple[str, ...] = Field(default=(), description="what changed, when and why")


class Question(Section):
    """The question in PICO parts."""

    text: str = Field(min_length=1, description="the question in one sentence")
    population: str = Field(min_length=1, description="who")
    interventions: tuple[str, ...] = Field(min_length=1, description="which treatments")
    comparators: tuple[str, ...] = Field(min_length=1, description="compared with what")
    outcomes: tuple[str, ...] = Field(min_length=1, description="which outcomes matter")


class Eligibility(Section):
    """Which studies belong."""

    include: tuple[str, ...] = Field(min_length=1, description="criteria that must all hold")
    exclude: tuple[str, ...] = Field(default=(), description="criteria of which none may hold")


class Screening(Section):
    """How records are decided on."""

    readers: Literal[1, 2] = Field(
        default=2, description="people who decide on each record, blind to each other"
    )
    reasons: tuple[str, ...] = Field(min_length=1, description="allowed reasons of exclusion")
    note: str = Field(default="", description="anything a reader must know about how it was done")


class Search(Section):
    """One search and its export."""

    id: Identifier = Field(description="names the records it brought: pubmed gives pubmed-0001")
    kind: Literal["database", "register", "citations", "website", "organisation"] = Field(
        description="box of the PRISMA flow it counts in"
    )
    name: str = Field(min_length=1, description="database, register or document searched")
    query: str = Field(min_length=1, description="search as run")
    date: datetime.date = Field(description="day of the search")
    file: str = Field(pattern=r"^searches/[^/\\]+$", description="export file in searches/")
    format: Literal["", "ris", "nbib", "bibtex", "csv"] = Field(
        default="", description="empty: recognised by content"
    )


class Treatment(Section):
    """One treatment, as arms.csv names it."""

    id: Identifier
    label: str = Field(min_length=1, description="how the report writes it inside a sentence")


class Mid(Section):
    """A published difference that matters to patients, on 0-100."""

    value: float = Field(gt=0, description="on 0-100")
    kind: Literal["individual", "group"] = Field(description="for one person's change, or between groups")
    citation: str = Field(min_length=1)


class Outcome(Section):
    """One outcome and the instruments that measure it."""

    id: Identifier
    label: str = Field(min_length=1, description="how the report writes it inside a sentence")
    measures: tuple[str, ...] = Field(
        default=(), description="scale ids of the registry, the preferred one first"
    )
    mid: Mid | None = Field(default=None, description="a difference that matters to patients")


class Window(Section):
    """A time window around a target, in weeks from the first injection."""

    id: Identifier
    label: str = Field(min_length=1)
    target: float = Field(ge=0, description="weeks")
    low: float = Field(ge=0, description="weeks")
    high: float = Field(gt=0, description="weeks")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.target <= self.high:
            raise ValueError(f"low {self.low:g} <= target {self.target:g} <= high {self.high:g} must hold")
        return self


class Prior(Section):
    """A prior on tau, declared in advance for the Bayesian reading."""

    family: Literal["half-normal", "half-cauchy", "half-t", "uniform", "log-normal"]
    scale: float = Field(
        gt=0, description="on the scale of the effect; the upper limit of a uniform prior, the SD of log tau2"
    )
    df: float = Field(default=4.0, gt=0, description="degrees of freedom of a half-t prior")
    location: float = Field(default=0.0, description="mean of log tau2 under a log-normal prior")


class Model(Section):
    """How effects are computed and pooled."""

    measure: Measure = Field(default="MD", description="effect measure")
    random: Random = Field(
        default="study",
        description="whose true effects vary: every effect's, every study's, both (three levels: studies, "
        "and effects within studies), or none (common effect)",
    )
    tau2: Tau2 = Field(default="REML", description="estimator of the between-study variance")
    inference: Inference = Field(default="knapp-hartung", description="how the confidence interval is made")
    dependent: Dependent = Field(
        default="",
        description="how it is made where a study gives several effects; empty: as `inference`. "
        "With fewer than 4 degrees of freedom, CR2 and kenward-roger give way to a wider interval by "
        "`inference`",
    )
    level: float = Field(default=0.95, gt=0.5, lt=1, description="confidence level")
    shared: Shared = Field(
        default="covariance", description="how a control arm shared by several arms is counted once"
    )
    prefer: Literal["mean change", "mean"] = Field(
        default="mean change", description="statistic used where both are printed"
    )
    designs: tuple[Design, ...] = Field(
        default=("randomised trial", "randomised trial, within-patient"),
        min_length=1,
        description="designs that are pooled",
    )
    prior: Prior | None = Field(default=None, description="prior on tau, for the Bayesian reading")


class Extraction(Section):
    """How numbers that were not printed are derived."""

    change_correlation: float | None = Field(
        default=None, gt=-1, lt=1, description="correlation of baseline and follow-up for the SD of a change"
    )
    medians: Literal["wan-luo", "mcgrath"] = Field(
        default="wan-luo", description="median and quartiles to mean and SD"
    )


class Comparison(Section):
    """One comparison and where it is made."""

    id: Identifier
    label: str = Field(min_length=1, description="heading in the report")
    treatment: tuple[Identifier, ...] = Field(min_length=1)
    comparator: tuple[Identifier, ...] = Field(
        default=(), description="empty: single arms, change from baseline"
    )
    treatment_words: str = Field(default="", description="several treatments in one word, inside a sentence")
    comparator_words: str = Field(
        default="", description="several comparators in one word, inside a sentence"
    )
    outcomes: tuple[Identifier, ...] = Field(min_length=1)
    windows: tuple[Identifier, ...] = Field(min_length=1)
    measure: Measure | None = Field(default=None, description="effect measure, when not the model's")
    moderators: str = Field(
        default="", description="right-hand side of a meta-regression formula, e.g. 'n_total + year'"
    )
    subgroup: str = Field(default="", description="column that splits the studies, e.g. 'product'")


class Variant(Section):
    """A sensitivity analysis, or one step of a bridge from a simpler calculation to the primary one."""

    id: Identifier
    label: str = Field(min_length=1, description="what is done differently, in words")
    comparison: Identifier
    outcome: Identifier
    window: Identifier
    bridge: int = Field(default=0, ge=0, description="place in the bridge; 0: a sensitivity analysis")
    only: tuple[str, ...] = Field(
        default=(), description="study ids to keep; a trailing * keeps all that begin so"
    )
    exclude: tuple[str, ...] = Field(default=(), description="study ids to leave out; a trailing * as above")
    low: float | None = Field(default=None, ge=0, description="weeks, instead of the window's")
    high: float | None = Field(default=None, gt=0, description="weeks, instead of the window's")
    smallest_arm: int = Field(default=0, ge=0, description="participants an arm must have")
    measure: Measure | None = None
    random: Random | None = None
    tau2: Tau2 | None = None
    inference: Inference | None = Field(
        default=None, description="for every synthesis, unless `dependent` is set here too"
    )
    dependent: Dependent | None = None
    shared: Literal["covariance", "split", "ignored"] | None = Field(
        default=None,
        description="'ignored' counts a shared control twice; allowed here only, to show what it does",
    )


class Protocol(Section):
    """Everything decided before the numbers are looked at."""

    review: About
    question: Question
    eligibility: Eligibility
    screening: Screening
    search: tuple[Search, ...] = ()
    treatment: tuple[Treatment, ...] = Field(min_length=1)
    outcome: tuple[Outcome, ...] = Field(min_length=1)
    window: tuple[Window, ...] = Field(min_length=1)
    extraction: Extraction = Extraction()
    model: Model = Model()
    comparison: tuple[Comparison, ...] = ()
    variant: tuple[Variant, ...] = ()
    network: tuple[Network, ...] = ()
    course: tuple[Course, ...] = ()

    def labels(self) -> dict[str, str]:
        """Labels of treatments by id."""
        return {treatment.id: treatment.label for treatment in self.treatment}

    def outcome_named(self, outcome_id: str) -> Outcome:
        """The outcome of that id."""
        return next(outcome for outcome in self.outcome if outcome.id == outcome_id)

    def window_named(self, window_id: str) -> Window:
        """The window of that id."""
        return next(window for window in self.window if window.id == window_id)

    def comparison_named(self, comparison_id: str) -> Comparison:
        """The comparison of that id."""
        return next(comparison for comparison in self.comparison if comparison.id == comparison_id)


def json_schema() -> dict[str, Any]:
    """JSON schema of ``review.toml``.

    Examples
    --------
    >>> json_schema()["title"]
    'Protocol'
    """
    return Protocol.model_json_schema()
