"""What a network says, in sentences made by rule from its tables."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from synovia import tables
from synovia.report.methods_text import listed
from synovia.report.network_content import PRIMARY, NetworkAnswer, NetworkCase
from synovia.report.numerals import count, decimal, p_value, percent, reading_of
from synovia.report.rows import Cells, rows_of
from synovia.report.sentences import range_in_words, sided

__all__ = ["NetworkWords", "percent_of", "word_network"]

DISAGREE = 0.05  # p below which direct and indirect evidence are said to disagree, by custom
FAR_SMALLER = 0.5  # share of the effect of small trials below which that of large ones is far smaller


@dataclass(frozen=True, slots=True)
class NetworkWords:
    """A network in words; each a paragraph, empty where there is nothing to say.

    Attributes
    ----------
    effects : str
        Which nodes differ clearly from the reference, and which do not.
    size : str
        What large trials show against small ones.
    basis : str
        Trials, people, and how many comparisons rest on one trial.
    ranking, chance, incoherence, outliers : str
        How sure the order is; probabilities under the prior; whether direct and indirect evidence agree; what
        unusual SDs do.
    """

    effects: str = ""
    size: str = ""
    basis: str = ""
    ranking: str = ""
    chance: str = ""
    incoherence: str = ""
    outliers: str = ""


def word_network(answer: NetworkAnswer) -> NetworkWords:
    """A network in words, by rule.

    Parameters
    ----------
    answer : NetworkAnswer
        With its tables.
    """
    if not answer.fitted:
        return NetworkWords(effects=_nothing(answer))
    return NetworkWords(
        effects=_effects(answer),
        size=_sizes(answer),
        basis=_basis(answer),
        ranking=_ranking(answer),
        chance=_chance(answer),
        incoherence=_incoherence(answer),
        outliers=_outliers(answer),
    )


def _nothing(answer: NetworkAnswer) -> str:
    reason = str(answer.facts().get("reason", "")).rstrip(".")
    return f"At {answer.window}, no network for {answer.outcome} can be made: {reason}."


def _measure(answer: NetworkAnswer) -> str:
    return str(answer.facts().get("measure", ""))


def percent_of(share: object) -> str:
    r"""A probability as a percentage; never 0 or 100, for it is never certain.

    Examples
    --------
    >>> percent_of(0.99999), percent_of(0.837).replace("\u202f", "_")
    ('over 99\u202f%', '84_%')
    """
    value = float(str(share))
    if math.isnan(value):
        return "–"
    if value > 0.99:
        return f"over {percent(99.0)}"
    return f"under {percent(1.0)}" if value < 0.01 else percent(100 * value)


def _limits(answer: NetworkAnswer, row: Cells) -> str:
    reading = reading_of(_measure(answer))
    low, high = (float(str(row[name])) for name in ("lower", "upper"))
    return f"{percent(100 * float(str(answer.facts()['level'])))} CI {range_in_words(reading, low, high)}"


def _shown(answer: NetworkAnswer, row: Cells) -> str:
    """An estimate with its side: ``13.0 points lower``."""
    reading = reading_of(_measure(answer))
    estimate = float(str(row["estimate"]))
    if reading.name:
        return f"{reading.name} {reading.text(estimate)}"
    size, _, side = sided(reading, estimate).partition(" ")
    return " ".join(part for part in (size, reading.unit.split(" on ")[0], side) if part)


def _clear(row: Cells) -> bool:
    return float(str(row["lower"])) > 0 or float(str(row["upper"])) < 0


def _effects(answer: NetworkAnswer) -> str:
    rows = rows_of(answer.against_reference())
    reference, clear = answer.labels[answer.reference], [row for row in rows if _clear(row)]
    start = f"At {answer.window}, {answer.outcome} against {reference}, all trials taken together:"
    named = "; ".join(
        f"{answer.labels[str(row['node'])]} {_shown(answer, row)} ({_limits(answer, row)}{_new(answer, row)})"
        for row in clear
    )
    rest = [answer.labels[str(row["node"])] for row in rows if not _clear(row)]
    if not clear:
        return f"{start} no option differs clearly from it ({listed(rest)})."
    said = f"{start} {named}."
    return said + (f" No clear difference from {reference}: {listed(rest)}." if rest else "")


def _new(answer: NetworkAnswer, row: Cells) -> str:
    low, high = (float(str(row[f"prediction_{end}"])) for end in ("lower", "upper"))
    if math.isnan(low) or math.isnan(high):
        return ""
    between = range_in_words(reading_of(_measure(answer)), low, high).replace(" to ", " and ", 1)
    return f"; a new trial would be expected between {between}"


def _basis(answer: NetworkAnswer) -> str:
    facts = answer.facts()
    direct = answer.rows(tables.NETWORK_EFFECTS).query("k > 0")
    single = int((direct["k"] == 1).sum())
    alone = f"{single} of {len(direct)} direct comparisons rest on a single trial" if single else ""
    if single == 1:
        alone = f"1 of {len(direct)} direct comparisons rests on a single trial"
    tau = decimal(math.sqrt(float(str(facts["tau2"]))), 1) if facts["tau2"] == facts["tau2"] else ""
    spread = f" Between trials true effects vary with an SD of {tau}." if tau else ""
    what = f"{count(facts['trials'])} trials with {count(facts['n'])} people connect {count(facts['nodes'])}"
    return f"{what} options" + (f"; {alone}" if alone else "") + f".{spread}"


def _ranking(answer: NetworkAnswer) -> str:
    rows = rows_of(answer.rows(tables.NETWORK_RANKS))
    if not rows:
        return ""
    best = max(rows, key=lambda row: float(str(row["best"])))
    level = percent(100 * float(str(answer.facts()["level"])))
    certain = float(str(best["best"])) > 0.95
    start = "" if certain else "No option can be called the best. "
    return (
        f"{start}First most often is {answer.labels[str(best['node'])]}, with a probability of "
        f"{percent_of(best['best'])}; its rank lies between {count(best['rank_lower'])} and "
        f"{count(best['rank_upper'])} of {count(len(rows))} ({level} interval). An option with few data is "
        "often first and often last. How far the order is known, from 0 (not at all) to 1 (for certain): "
        f"{decimal(answer.facts()['precision'], 2)}."
    )


def _chance(answer: NetworkAnswer) -> str:
    known = answer.rows(tables.NETWORK_POSTERIORS)
    rows = rows_of(known[known["better_by_mid"].notna()])
    if not rows or answer.mid is None:
        return ""
    reference = answer.labels[answer.reference]
    told = "; ".join(
        f"{answer.labels[str(row['node'])]} {percent_of(row['better_by_mid'])} "
        f"(in a new trial {percent_of(row['trial_better_by_mid'])})"
        for row in rows
    )
    kind = (
        "that threshold is about one person's change, not about a difference between the averages of groups"
        if answer.mid.kind == "individual"
        else "that threshold is about a difference between groups"
    )
    return (
        f"Probability of being better than {reference} by more than {decimal(answer.mid.value)} points "
        f"({answer.mid.citation}; {kind}), with {answer.prior} as the prior: {told}."
    )


def _incoherence(answer: NetworkAnswer) -> str:
    parts = {str(row["part"]): row for row in rows_of(answer.rows(tables.NETWORK_INCOHERENCE))}
    found = parts.get("between designs, random effects", {})
    q = float(str(found.get("q", math.nan)))
    if math.isnan(q):
        reason = str(found.get("note", "")).rstrip(".")
        return f"Whether direct and indirect evidence agree cannot be tested: {reason}."
    df = f"{count(found['df'])} degree{'s' if found['df'] != 1 else ''} of freedom"
    test = (
        f"Q between designs, allowing for differences between trials, {decimal(q, 1)} on "
        f"{df}, p {_equal(found['p_value'])}"
    )
    pairs = answer.rows(tables.NETWORK_EFFECTS)
    mixed = pairs[pairs["evidence"] == "mixed"]
    apart = mixed[mixed["difference_p_value"] < DISAGREE]
    where = f"{count(len(mixed))} of {count(len(pairs))} comparisons have both kinds of evidence"
    if float(str(found["p_value"])) < DISAGREE:
        return (
            f"Trials of different designs disagree more than trials of one design do ({test}). The combined "
            f"numbers of this network are not to be trusted before that is explained. {where}."
        )
    return (
        f"Direct and indirect evidence were not found to disagree ({test}). This is weak evidence that they "
        f"agree: {where}" + (_apart(answer, apart) or ".")
    )


def _equal(p: object) -> str:
    text = p_value(p)
    return text if text[0] in "<>" else f"= {text}"


def _apart(answer: NetworkAnswer, rows: pd.DataFrame) -> str:
    named = [
        f"{answer.labels[row['node']]} with {answer.labels[row['comparator']]}" for _, row in rows.iterrows()
    ]
    return f", and they differ for {listed(named)}." if named else ""


def _sizes(answer: NetworkAnswer) -> str:
    """What large trials show against small ones, for nodes that both compare with the reference twice."""
    pair = _pair_of_sizes(answer)
    if pair is None:
        return ""
    large, small = pair
    told = [text for node in answer.labels if (text := _one_size(answer, node, large, small))]
    return " ".join(told)


def _pair_of_sizes(answer: NetworkAnswer) -> tuple[NetworkCase, NetworkCase] | None:
    fitted = [case for case in answer.cases if answer.facts(case.id).get("status") == "fitted"]
    for large in fitted:
        for small in fitted:
            if large.smallest_arm and large.smallest_arm == small.smaller_than:
                return large, small
    return None


def _one_size(answer: NetworkAnswer, node: str, large: NetworkCase, small: NetworkCase) -> str:
    rows = [_row(answer, node, case.id) for case in (large, small)]
    if any(row is None or float(str(row["k"])) < 2 for row in rows):
        return ""
    one, other = (row for row in rows if row is not None)
    ratio = abs(float(str(one["estimate"]))) / abs(float(str(other["estimate"])) or math.nan)
    how = "far smaller" if ratio < FAR_SMALLER else "smaller" if ratio < 1 else "no smaller"
    name, reference = answer.labels[node], answer.labels[answer.reference]
    return (
        f"Large trials of {name} show {how} effects than small ones: against {reference}, "
        f"{_shown(answer, one)} ({_limits(answer, one)}) in the {count(one['k'])} trials with at least "
        f"{large.smallest_arm} people in every group, and {_shown(answer, other)} ({_limits(answer, other)}) "
        f"in the {count(other['k'])} with fewer in some group."
    )


def _row(answer: NetworkAnswer, node: str, variant: str) -> Mapping[str, object] | None:
    rows = answer.against_reference(variant)
    return next(iter(rows_of(rows[rows["node"] == node])), None)


def _outliers(answer: NetworkAnswer) -> str:
    return " ".join(_one_outlier(answer, case) for case in answer.cases if case.sd_factor)


def _one_outlier(answer: NetworkAnswer, case: NetworkCase) -> str:
    before, after = (answer.rows(tables.NETWORK_ARMS, name) for name in (PRIMARY, case.id))
    gone = before[~before["study_id"].isin(set(after["study_id"]))]
    names = list(dict.fromkeys(gone["label"]))
    rule = f"an SD more than {case.sd_factor:g} times above or below the median, or with a caution about it"
    if not names:
        return f"No trial of this network prints {rule}."
    changed = "; ".join(_changes(answer, case))
    return f"Without the trial{'s' if len(names) > 1 else ''} with {rule} ({listed(names)}): {changed}."


def _changes(answer: NetworkAnswer, case: NetworkCase) -> Iterator[str]:
    reading = reading_of(_measure(answer))
    for row in rows_of(answer.against_reference()):
        other = _row(answer, str(row["node"]), case.id)
        if _clear(row) and other is not None:
            name = answer.labels[str(row["node"])]
            now, planned = reading.text(other["estimate"]), reading.text(row["estimate"])
            yield f"{name} {now}, " + ("as with it" if now == planned else f"with it {planned}")
