"""What the report shows, as plain data: texts, numbers and frames of the declared tables.

Nothing here is worded yet. Sentences are made by rule in ``sentences``, methods in ``methods_text``, the flow
in ``prisma``, drawings in ``figures``; whoever fills a :class:`Content` only says what is so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from synovia import tables
from synovia.report.course_content import CourseAnswer
from synovia.report.mid import Mid
from synovia.report.network_content import NetworkAnswer
from synovia.tables import Table

__all__ = ["SHOWN", "Answer", "Content", "Fact", "Methods", "Mid", "Search", "Variant"]

SHOWN: tuple[Table, ...] = (
    tables.STUDIES,
    tables.ARMS,
    tables.OUTCOMES,
    tables.CONTRASTS,
    tables.PREPARATIONS,
    tables.FINDINGS,
    tables.PUBLISHED,
    tables.RECORDS,
    tables.CLUSTERS,
    tables.DECISIONS,
    tables.VERDICTS,
    tables.LINKS,
    tables.REJECTS,
    tables.CONVERSIONS,
    tables.ARM_DATA,
    tables.UNCONVERTED,
    tables.OMISSIONS,
    tables.EFFECTS,
)
"""Tables that the report reads from ``Content.tables``; one that is not given counts as empty."""

Numbers = Mapping[str, object]
"""One row of ESTIMATES, by column name; a missing number is NaN."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One named line of the colophon: protocol digest, journal head, evidence digest."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Search:
    """One search of the protocol.

    Attributes
    ----------
    id, name, query, date, file : str
        As the protocol says; ``date`` in ISO 8601.
    kind : str
        ``database`` and ``register`` are the first arm of the PRISMA flow, every other kind
        (``citations``, ``website``, ``organisation``) the second.
    """

    id: str
    kind: str
    name: str
    query: str = ""
    date: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """One result other than the primary one: a sensitivity analysis, or a step of the bridge.

    Attributes
    ----------
    label : str
        What was done, in words: for a bridge, what changed from the step before.
    estimate : mapping
        Its row of ESTIMATES.
    """

    label: str
    estimate: Numbers


@dataclass(frozen=True, slots=True)
class Answer:
    """One comparison, outcome and window, with everything that was computed for it.

    Attributes
    ----------
    synthesis_id : str
        Synthesis of the protocol; names the anchor.
    comparison_id, comparison : str
        Id and heading of the comparison; answers that share an id stand together, in the order given.
    treatment, comparator : str
        As written inside a sentence, e.g. ``hyaluronic acid``; ``comparator`` is empty for single arms.
    outcome, window : str
        As written inside a sentence, e.g. ``pain`` and ``3 months``. On 0-100 an outcome is always worse
        when higher, so its words must be too: ``difficulty with daily activities``, not ``function``.
    estimate : mapping
        The primary row of ESTIMATES.
    contributions : DataFrame
        CONTRIBUTIONS of the primary variant, in the order in which the forest shows them.
    omissions : DataFrame
        OMISSIONS of this synthesis.
    coefficients : DataFrame
        COEFFICIENTS of this synthesis.
    sensitivity, bridge : tuple of Variant
        Other ways to calculate it; the bridge leads from the simpler calculation (first) towards the primary
        result, which the report appends as its last step.
    published : DataFrame
        Rows of PUBLISHED to be set beside it.
    better : {"lower", "higher"}
        Which way is better on the scale of the estimate.
    mid : Mid or None
        Used only where the scale is 0-100.
    leading : bool
        Whether it is spelled out at the top (primary outcome and window); others stand in the overview.
    study_noun : tuple of str
        One and many: ``("randomised trial", "randomised trials")``.
    certainty, risk_of_bias : str
        Ends of the sentence about trust.
    notes : tuple of str
        Sentences a reader needs beside this answer.
    """

    synthesis_id: str
    comparison_id: str
    comparison: str
    treatment: str
    comparator: str
    outcome: str
    window: str
    estimate: Numbers
    contributions: pd.DataFrame = field(default_factory=lambda: tables.empty(tables.CONTRIBUTIONS))
    omissions: pd.DataFrame = field(default_factory=lambda: tables.empty(tables.OMISSIONS))
    coefficients: pd.DataFrame = field(default_factory=lambda: tables.empty(tables.COEFFICIENTS))
    sensitivity: tuple[Variant, ...] = ()
    bridge: tuple[Variant, ...] = ()
    published: pd.DataFrame = field(default_factory=lambda: tables.empty(tables.PUBLISHED))
    better: Literal["lower", "higher"] = "lower"
    mid: Mid | None = None
    leading: bool = True
    study_noun: tuple[str, str] = ("randomised trial", "randomised trials")
    certainty: str = "not yet judged"
    risk_of_bias: str = "not yet appraised"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Methods:
    """The protocol, as plain facts from which the methods text is written.

    Attributes
    ----------
    outcomes : tuple of (str, tuple of str)
        Label of each outcome and its instruments, the preferred one first.
    windows : tuple of (str, float, float, float)
        Label, target, first and last week.
    correlation : float or None
        Correlation assumed for the SD of a change that is not printed.
    dependent : str
        Kind of interval where a study gives several effects; empty when it is ``inference``.
    agreement : str
        Sentence about the agreement of two readers, when there were two.
    """

    version: str
    registration: str
    population: str
    interventions: tuple[str, ...]
    comparators: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    readers: int = 2
    screening_note: str = ""
    reasons: tuple[str, ...] = ()
    agreement: str = ""
    outcomes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    windows: tuple[tuple[str, float, float, float], ...] = ()
    designs: tuple[str, ...] = ()
    measure: str = "MD"
    random: str = "study"
    tau2: str = "REML"
    inference: str = "knapp-hartung"
    dependent: str = ""
    level: float = 0.95
    shared: str = "covariance"
    prefer: str = "mean change"
    correlation: float | None = None
    medians: str = "wan-luo"
    amendments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """Everything the report shows.

    Attributes
    ----------
    title, question : str
        Of the protocol.
    field_name : str
        Field of medicine, in words.
    software : str
        Name and version, e.g. ``Synovia 0.1.0``.
    answers : tuple of Answer
        In the order in which they are read.
    methods : Methods
        Facts of the protocol.
    searches : tuple of Search
        Every search of the protocol.
    tables : mapping of str to DataFrame
        Tables of :data:`SHOWN` by name. Evidence tables keep their ``line``; effects refer to it.
    treatments : mapping of str to str
        Labels of treatment ids.
    outcomes : mapping of str to str
        Labels of outcome ids.
    authors : mapping of (str, int) to str, keyed ``"table:line"``
        Who entered a row, as the journal says: ``{"outcomes:12": "A. Reader, 2026-02-01"}``.
    networks : tuple of NetworkAnswer
        Networks of treatments, in the order in which they are read.
    courses : tuple of CourseAnswer
        Courses over time, likewise.
    gaps : tuple of str
        Sentences: what is missing.
    cautions : tuple of str
        Sentences: what a reader must know about the evidence as a whole.
    integrity : tuple of str
        Sentences: what the checks of the review found; broken identities of the flow are added.
    facts : tuple of Fact
        Lines of the colophon.
    """

    title: str
    question: str
    field_name: str
    software: str
    answers: tuple[Answer, ...]
    methods: Methods
    searches: tuple[Search, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    treatments: Mapping[str, str] = field(default_factory=dict)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    authors: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[NetworkAnswer, ...] = ()
    courses: tuple[CourseAnswer, ...] = ()
    gaps: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    integrity: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()

    def table(self, table: Table) -> pd.DataFrame:
        """The frame of a declared table; empty when it was not given."""
        frame = self.tables.get(table.name)
        return tables.empty(table) if frame is None else frame
