"""The methods section, written from the facts of the protocol; numbered as in PRISMA 2020, items 5 to 15."""

from collections.abc import Sequence
from dataclasses import dataclass

from synovia.report.content import Content, Methods, Search
from synovia.report.numerals import decimal, percent, plain_number

__all__ = ["Section", "methods_text"]

_MEASURES = {
    "MD": "the difference of means, every scale brought to 0–100 where higher is worse",
    "SMD": "the standardised mean difference (Hedges' g with the exact correction for small samples)",
    "ROM": "the log ratio of means",
    "OR": "the log odds ratio",
    "RR": "the log risk ratio",
    "RD": "the risk difference",
}
_RANDOM = {
    "study": "a random-effects model in which the true effect varies from study to study",
    "effect": "a random-effects model in which the true effect varies from effect to effect",
    "study/effect": "a random-effects model with three levels, in which the true effect varies from study to "
    "study and, where a study gives several effects, within it too",
    "none": "a common-effect model",
}
_TAU2 = {
    "REML": "restricted maximum likelihood",
    "ML": "maximum likelihood",
    "DL": "the moment estimator of DerSimonian and Laird",
    "PM": "the estimator of Paule and Mandel",
}
_INFERENCE = {
    "knapp-hartung": "the variance of Knapp and Hartung and a t distribution",
    "knapp-hartung-floor": "the variance of Knapp and Hartung, never below the one without it, "
    "and a t distribution",
    "CR2": "the cluster-robust variance CR2, with studies as clusters, and a t distribution with "
    "Satterthwaite's degrees of freedom (Pustejovsky and Tipton 2018)",
    "kenward-roger": "the variance and the degrees of freedom of Kenward and Roger (1997)",
    "t": "a t distribution",
    "z": "a normal distribution",
}
_OWN_DEGREES = {"CR2": "CR2", "kenward-roger": "the method of Kenward and Roger"}
_SHARED = {
    "covariance": "Where several arms of one trial share a comparator, the exact covariance of their "
    "effects is "
    "used, so nobody is counted twice.",
    "split": "Where several arms of one trial share a comparator, its participants are divided among them.",
}
_MEDIANS = {
    "wan-luo": "medians and quartiles by Luo and others (2018) for means and Wan and others (2014) for SDs",
    "mcgrath": "medians and quartiles by McGrath and others (2020)",
}


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the methods: the PRISMA item it answers, its heading and its paragraphs."""

    item: str
    heading: str
    paragraphs: tuple[str, ...]


def methods_text(content: Content) -> tuple[Section, ...]:
    """The methods section.

    Parameters
    ----------
    content : Content
        Whose ``methods``, ``searches`` and ``software`` are read; nothing is said that they do not say.

    Returns
    -------
    tuple of Section
        In the order of PRISMA 2020 (Page et al. 2021, BMJ 372:n71), items 5 to 15.
    """
    methods = content.methods
    return (
        Section("5", "Which studies belong", _eligibility(methods)),
        Section("6, 7", "Where we looked", _sources(content.searches)),
        Section("8", "How records were chosen", _selection(methods)),
        Section("9, 10", "How numbers were read", _collection(methods)),
        Section("11", "Risk of bias", ("Risk of bias has not yet been appraised.",)),
        Section("12", "What is estimated", _effect_measure(methods)),
        Section(
            "13",
            "How results were combined",
            (*_synthesis(methods, content.software), *_networks(content), *_courses(content)),
        ),
        Section("14", "Missing results", (_REPORTING,)),
        Section("15", "Certainty", ("The certainty of the evidence has not yet been judged.",)),
        Section("24", "Protocol", _protocol(methods)),
    )


_REPORTING = (
    "Funnel plots are drawn from three studies on; below ten they cannot tell small-study effects "
    "from chance, and "
    "no test is made of them. Results that trials measured and did not print are listed under what "
    "is missing."
)


def listed(items: Sequence[str], word: str = "and") -> str:
    """Words in a row: ``a, b and c``.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"


def _eligibility(methods: Methods) -> tuple[str, ...]:
    question = (
        f"The review is about {methods.population}. Treatments: {listed(methods.interventions)}. "
        "Compared with: "
        f"{listed(methods.comparators)}."
    )
    included = f"A study belongs when all of these hold: {'; '.join(methods.include)}."
    excluded = f"It does not belong when any of these holds: {'; '.join(methods.exclude)}."
    return (question, included, *([excluded] if methods.exclude else []))


def _sources(searches: Sequence[Search]) -> tuple[str, ...]:
    if not searches:
        return ("No search has been declared yet.",)
    plural = "searches" if len(searches) > 1 else "search"
    return (
        f"{len(searches)} {plural}, each kept as the export that was received. "
        "The table lists what was searched, how and when.",
    )


def _selection(methods: Methods) -> tuple[str, ...]:
    first = (
        "One person decided on each record."
        if methods.readers == 1
        else "Two people decided on each record, blind to each other; a third settled conflicts."
    )
    rest = (
        "Records that share a DOI, a PubMed number or a trial register number were linked as one; "
        "every such link "
        "can be undone. No record was excluded by automation."
    )
    return tuple(text for text in (f"{first} {rest}", methods.screening_note, methods.agreement) if text)


def _collection(methods: Methods) -> tuple[str, ...]:
    outcomes = "; ".join(
        f"{label} ({', '.join(measures)}, in this order of preference)" if measures else label
        for label, measures in methods.outcomes
    )
    windows = "; ".join(
        f"{label} (week {plain_number(target)}, {plain_number(low)} to {plain_number(high)})"
        for label, target, low, high in methods.windows
    )
    read = (
        "Numbers were entered as printed, each with its document, its place in it and, where possible, a "
        "quote."
    )
    correlation = (
        f"Where the SD of a change is not printed it is derived with a correlation of "
        f"{decimal(methods.correlation, 2)} "
        "between start and end."
        if methods.correlation is not None
        else "Where the SD of a change is not printed, none is invented: the row is left out and listed."
    )
    derived = (
        "Standard errors and confidence intervals are turned into SDs by their definitions, "
        f"{_MEDIANS.get(methods.medians, methods.medians)}. {correlation} Every derived number shows "
        "its formula."
    )
    seen = [f"Outcomes and instruments: {outcomes}.", f"Time windows from the first injection: {windows}."]
    return (read, *(text for text, given in zip(seen, (outcomes, windows), strict=True) if given), derived)


def _effect_measure(methods: Methods) -> tuple[str, ...]:
    measure = _MEASURES.get(methods.measure, methods.measure)
    prefer = (
        "the change from the start"
        if methods.prefer == "mean change"
        else "the value at the time of follow-up"
    )
    return (f"The effect is {measure}. Where a paper prints both, {prefer} is used.",)


def _synthesis(methods: Methods, software: str) -> tuple[str, ...]:
    what = "both variances" if methods.random == "study/effect" else "tau²"
    tau2 = "" if methods.random == "none" else f"; {what} by {_TAU2.get(methods.tau2, methods.tau2)}"
    model = (
        f"Results were pooled in {_RANDOM.get(methods.random, methods.random)}{tau2}, with "
        f"{percent(100 * methods.level)} intervals from "
        f"{_INFERENCE.get(methods.inference, methods.inference)}. {_dependent(methods)}"
        f"{_SHARED.get(methods.shared, '')}"
    )
    designs = f"Pooled designs: {listed(methods.designs)}." if methods.designs else ""
    both = ", from the sum of both variances" if methods.random == "study/effect" else ""
    single = (
        "A comparison with one study is shown as that study says it. A prediction interval says "
        "where the effect of "
        f"a new study like these would be expected{both}. Differences between studies are told by tau², I² "
        "and Q."
    )
    return tuple(text for text in (model.strip(), designs, single, f"Computed with {software}.") if text)


def _networks(content: Content) -> tuple[str, ...]:
    if not content.networks:
        return ()
    prior = next((network.prior for network in content.networks if network.prior), "")
    read = (
        " Probabilities come from the exact posterior of the same model, by quadrature, with "
        f"{prior} as the prior on the SD between trials."
        if prior
        else ""
    )
    return (
        "In networks, groups of one trial that belong to one option are taken together; measure, time and "
        "statistic of each trial are chosen by the same rule as in the comparisons. Comparisons of one trial "
        "keep the exact covariance that their common group brings, and one variance between trials holds for "
        "all comparisons (Lu and Ades 2004). Agreement is tested by the design-by-treatment interaction "
        "(Higgins 2012) and by splitting direct from indirect evidence; ranks are given with their "
        f"uncertainty, and contributions by shortest paths (Papakonstantinou 2018).{read}",
    )


def _courses(content: Content) -> tuple[str, ...]:
    if not content.courses:
        return ()
    return (
        "A course over time is a regression of all follow-ups on straight lines between chosen weeks, 0 at "
        "the start, with courses that vary from trial to trial (Jansen, Vieira and Cope 2015). Follow-ups of "
        "the same people are correlated; the correlation is assumed and varied.",
    )


def _dependent(methods: Methods) -> str:
    """What happens where a study gives several effects, and where an interval of its own kind fails."""
    kind = methods.dependent or methods.inference
    named = (
        f"Where a study gives several effects, they depend on each other, and the interval comes instead "
        f"from {_INFERENCE.get(methods.dependent, methods.dependent)}. "
        if methods.dependent
        else ""
    )
    if kind not in _OWN_DEGREES:
        return named
    plain = "Knapp and Hartung's" if methods.inference in _OWN_DEGREES else "the first kind"
    return (
        f"{named}Where {_OWN_DEGREES[kind]} has fewer than 4 degrees of freedom, the wider of its interval "
        f"and {plain} is given, and the result says so. "
    )


def _protocol(methods: Methods) -> tuple[str, ...]:
    amendments = tuple(f"Amendment: {text}" for text in methods.amendments) or ("No amendment so far.",)
    return (f"Protocol version {methods.version}; registration: {methods.registration}.", *amendments)
