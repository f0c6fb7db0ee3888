"""The content of the report: what the tables of a finished review say, gathered answer by answer."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version

import pandas as pd

from synovia import journal, report, screening, tables
from synovia.extraction import Caution, find_cautions
from synovia.report import Answer, Content, Fact, Methods, Search, Variant
from synovia.report import Mid as ShownMid
from synovia.review.course_answers import gather_courses
from synovia.review.evidence import HUMAN_TABLES
from synovia.review.network_answers import gather_networks, name_prior
from synovia.review.plans import PRIMARY, Plan, plans
from synovia.review.protocol import Protocol
from synovia.review.run import Derived
from synovia.review.stages import Materials
from synovia.tables import digest

__all__ = ["gather_content", "number_cautions", "review_cautions", "unreported_outcomes"]

_STUDIES = ("study", "studies")
_NOUNS = {
    "randomised trial": ("randomised trial", "randomised trials"),
    "single-arm study": ("study without a control group", "studies without a control group"),
    "animal experiment": ("animal experiment", "animal experiments"),
}


def gather_content(derived: Derived) -> Content:
    """Everything the report shows, from a review whose chain has run.

    Parameters
    ----------
    derived : Derived
        The review after its chain has run.
    """
    materials = derived.materials
    protocol = materials.protocol
    return Content(
        title=protocol.review.title,
        question=protocol.question.text,
        field_name=materials.field.name,
        software=f"Synovia {version('synovia')}",
        answers=tuple(_answers(derived)),
        methods=_methods(protocol, derived.frames["decisions"]),
        searches=tuple(
            Search(s.id, s.kind, s.name, s.query, s.date.isoformat(), s.file) for s in protocol.search
        ),
        tables={table.name: derived.frames[table.name] for table in report.SHOWN},
        treatments=protocol.labels(),
        outcomes={outcome.id: outcome.label for outcome in protocol.outcome},
        authors=_authors(materials),
        networks=tuple(gather_networks(derived)),
        courses=tuple(gather_courses(derived)),
        gaps=tuple(_gaps(derived)),
        cautions=review_cautions(derived),
        integrity=number_cautions(derived),
        facts=_facts(materials),
    )


def _answers(derived: Derived) -> Iterator[Answer]:
    protocol = derived.materials.protocol
    labels = protocol.labels()
    every = list(plans(protocol))
    primaries = [plan for plan in every if plan.variant == PRIMARY]
    leading = _leading(primaries, derived.frames["estimates"])
    for plan in primaries:
        yield Answer(
            synthesis_id=plan.synthesis_id,
            comparison_id=plan.comparison.id,
            comparison=plan.comparison.label,
            treatment=plan.comparison.treatment_words or _one_of(labels, plan.comparison.treatment),
            comparator=plan.comparison.comparator_words or _one_of(labels, plan.comparison.comparator),
            outcome=plan.outcome.label,
            window=plan.window.label,
            estimate=_estimate(derived, plan),
            contributions=_of(derived, "contributions", plan).query("variant == 'primary'"),
            omissions=_of(derived, "omissions", plan),
            coefficients=_of(derived, "coefficients", plan),
            sensitivity=_variants(derived, plan, every, bridge=False),
            bridge=_variants(derived, plan, every, bridge=True),
            published=_published(derived, plan),
            better="higher" if plan.outcome.id == "responder" else "lower",
            mid=_mid(plan),
            leading=plan.synthesis_id in leading,
            study_noun=_noun(plan),
            notes=tuple(_size_notes(derived, plan, every)),
        )


def _one_of(labels: Mapping[str, str], ids: Sequence[str]) -> str:
    return " or ".join(labels[name] for name in ids)


def _leading(primaries: list[Plan], estimates: pd.DataFrame) -> set[str]:
    """The first outcome and window of each comparison, and the first with data when that has none."""
    status = dict(zip(estimates["synthesis_id"], estimates["status"], strict=True))
    found: set[str] = set()
    for comparison in dict.fromkeys(plan.comparison.id for plan in primaries):
        own = [plan.synthesis_id for plan in primaries if plan.comparison.id == comparison]
        with_data = [name for name in own if status[name] != "no data"]
        found |= {own[0], *with_data[:1]}
    return found


def _of(derived: Derived, name: str, plan: Plan) -> pd.DataFrame:
    frame = derived.frames[name]
    return frame[frame["synthesis_id"] == plan.synthesis_id].reset_index(drop=True)


def _estimate(derived: Derived, plan: Plan) -> Mapping[str, object]:
    estimates = derived.frames["estimates"]
    row = estimates[(estimates["synthesis_id"] == plan.synthesis_id) & (estimates["variant"] == plan.variant)]
    return {str(name): value for name, value in row.iloc[0].items()}


def _variants(derived: Derived, plan: Plan, every: list[Plan], *, bridge: bool) -> tuple[Variant, ...]:
    places = {variant.id: variant.bridge for variant in derived.materials.protocol.variant}
    own = [
        other
        for other in every
        if other.synthesis_id == plan.synthesis_id
        and other.variant != PRIMARY
        and bool(places[other.variant]) == bridge
    ]
    own.sort(key=lambda other: places[other.variant])
    return tuple(Variant(other.label, _estimate(derived, other)) for other in own)


def _size_notes(derived: Derived, plan: Plan, every: list[Plan]) -> Iterator[str]:
    """What is left of a pooled mean difference when only larger trials are kept."""
    whole = _estimate(derived, plan)
    for other in every:
        if other.synthesis_id != plan.synthesis_id or not other.smallest_arm:
            continue
        part = _estimate(derived, other)
        if part["status"] != "pooled" or not part["measure"] == whole["measure"] == "MD":
            continue
        estimate, lower, upper = (float(str(part[name])) for name in ("estimate", "lower", "upper"))
        shrunk = abs(estimate) < abs(float(str(whole["estimate"]))) / 2
        yield (
            f"In the {part['k']:.0f} trials with at least {other.smallest_arm} people in every arm used, "
            f"the difference is {estimate:.1f} (95 % CI {lower:.1f} to {upper:.1f})"
            + (
                ", less than half of that over all trials: small trials drive the pooled result."
                if shrunk
                else "."
            )
        )


def _published(derived: Derived, plan: Plan) -> pd.DataFrame:
    rows = derived.frames["published"]
    same = (rows["comparison_id"] == plan.comparison.id) & (rows["outcome_id"] == plan.outcome.id)
    return rows[same].reset_index(drop=True)


def _mid(plan: Plan) -> ShownMid | None:
    mid = plan.outcome.mid
    return None if mid is None else ShownMid(mid.value, mid.kind, mid.citation)


def _noun(plan: Plan) -> tuple[str, str]:
    if not plan.comparison.comparator:
        return "treated group", "treated groups"
    designs = plan.model.designs
    return _NOUNS.get(designs[0], _STUDIES) if len(designs) == 1 else _STUDIES


def _methods(protocol: Protocol, decisions: pd.DataFrame) -> Methods:
    model = protocol.model
    return Methods(
        version=protocol.review.version,
        registration=protocol.review.registration,
        population=protocol.question.population,
        interventions=protocol.question.interventions,
        comparators=protocol.question.comparators,
        include=protocol.eligibility.include,
        exclude=protocol.eligibility.exclude,
        readers=protocol.screening.readers,
        screening_note=protocol.screening.note,
        reasons=protocol.screening.reasons,
        agreement=_agreement(decisions, protocol.screening.readers),
        outcomes=tuple((outcome.label, outcome.measures) for outcome in protocol.outcome),
        windows=tuple((w.label, w.target, w.low, w.high) for w in protocol.window),
        designs=model.designs,
        measure=model.measure,
        random=model.random,
        tau2=model.tau2,
        inference=model.inference,
        dependent=model.dependent,
        level=model.level,
        shared=model.shared,
        prefer=model.prefer,
        correlation=protocol.extraction.change_correlation,
        medians=protocol.extraction.medians,
        amendments=protocol.review.amendments,
    )


def _agreement(decisions: pd.DataFrame, readers: int) -> str:
    if readers < 2:
        return ""
    return " ".join(
        _agreed(pair, stage.replace("-", " and "))
        for stage in tables.STAGES
        for pair in screening.agreement(decisions, stage)
    )


def _agreed(pair: screening.PairAgreement, stage: str) -> str:
    result = pair.result
    if isinstance(result, screening.NoKappa):
        return f"At {stage}, kappa of {pair.first} and {pair.second} does not apply: {result.reason}."
    interval = f"95 % CI {result.lower:.2f} to {result.upper:.2f}"
    return (
        f"At {stage}, {pair.first} and {pair.second} agreed with kappa {result.kappa:.2f} "
        f"({interval}; {result.n} records)."
    )


def _authors(materials: Materials) -> dict[str, str]:
    """Who entered each row that a person sees, by ``table:line``."""
    latest: dict[tuple[str, tuple[str, ...]], str] = {}
    for event in journal.timeline(materials.evidence.events):
        if isinstance(event, journal.Entered):
            latest[event.table, tuple(event.key)] = f"{event.by}, {event.at[:10]}"
    found: dict[str, str] = {}
    for table in HUMAN_TABLES:
        for row in materials.evidence.rows[table.name]:
            key = tuple(row.values.get(name, "").strip() for name in table.key)
            if (table.name, key) in latest:
                found[f"{table.name}:{row.line}"] = latest[table.name, key]
    return found


def _gaps(derived: Derived) -> Iterator[str]:
    frames = derived.frames
    yield "Risk of bias: not yet appraised in any study."
    yield "Certainty of the evidence: not yet judged for any comparison."
    wordless = frames["outcomes"].query("statistic == 'none printed'")
    if len(wordless):
        count = wordless["study_id"].nunique()
        yield f"{count} studies print no number for some arm in what was seen: findings in words only."
    awaiting = frames["verdicts"].query("state in ('awaiting', 'conflict')")
    if len(awaiting):
        yield f"{len(awaiting)} records still wait for a decision."
    missing = frames["verdicts"].query("state == 'not retrieved'")
    if len(missing):
        yield f"{len(missing)} reports were not retrieved."


def review_cautions(derived: Derived) -> tuple[str, ...]:
    """What a reader must know about the review as a whole."""
    protocol = derived.materials.protocol
    found = [protocol.screening.note] if protocol.screening.note else []
    rejected = len(derived.frames["rejects"])
    if rejected:
        remarks = "1 remark" if rejected == 1 else f"{rejected} remarks"
        found.append(
            f"{remarks} on the exports (pieces that are no record, guessed encodings, records cut short): "
            "see out/tables/rejects.csv."
        )
    prior = protocol.model.prior
    if prior is not None and not protocol.network:
        found.append(
            f"The protocol declares {name_prior(prior)} on the SD between trials for a Bayesian reading; "
            "only networks have one and it declares none, so no result here uses it."
        )
    return (*found, *unreported_outcomes(derived))


def number_cautions(derived: Derived) -> tuple[str, ...]:
    """What looks implausible in the printed numbers: one sentence for each study and kind of doubt."""
    groups: dict[tuple[str, str], list[Caution]] = {}
    for caution in find_cautions(derived.frames["outcomes"], derived.materials.field):
        groups.setdefault((caution.study_id, caution.text.split()[0]), []).append(caution)
    return tuple(
        f"evidence/outcomes.csv, line {one.line}: {one.study_id} {one.arm_id}, {one.measure}: {one.text}"
        + (f"; the same doubt in {len(more)} more rows of this study." if more else ".")
        for one, *more in groups.values()
    )


def unreported_outcomes(derived: Derived) -> tuple[str, ...]:
    """One sentence for each outcome that the protocol asks for and no study reports."""
    reported = set(derived.frames["outcomes"]["outcome"])
    asked = {
        name: comparison.id
        for comparison in derived.materials.protocol.comparison
        for name in comparison.outcomes
    }
    return tuple(
        f"review.toml: comparison '{comparison}' asks for the outcome '{name}', and no row of "
        f"evidence/outcomes.csv reports it (reported: {', '.join(sorted(reported)) or 'none yet'}). "
        "Enter its rows or take it out of the plan."
        for name, comparison in asked.items()
        if name not in reported
    )


def _facts(materials: Materials) -> tuple[Fact, ...]:
    exports = digest.of_parts({name: digest.of_bytes(data) for name, data in materials.searches.items()})
    return (
        Fact("Protocol", digest.of_rows(materials.protocol.model_dump(mode="json"))),
        Fact("Exports", exports),
        Fact("Journal", materials.evidence.head),
        Fact("Events in the journal", str(len(materials.evidence.events))),
    )
