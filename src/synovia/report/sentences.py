"""Sentences worded by rule from numbers: never stronger than the interval, always with what they rest on."""

import math
from dataclasses import dataclass
from typing import Literal

from synovia.report.content import Answer, Mid
from synovia.report.numerals import Reading, count, decimal, percent, reading_of

__all__ = ["Direction", "Wording", "direction_of", "range_in_words", "sided", "word_answer", "word_mid"]

Direction = Literal["lower", "higher", "unclear", "none"]
"""Which way the whole interval lies; ``unclear`` when it holds no effect, ``none`` without a number."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One answer in words.

    Attributes
    ----------
    claim : str
        The sentence with the number, its interval and the prediction interval.
    basis : str
        What it rests on: studies and people.
    trust : str
        Certainty and risk of bias.
    importance : str
        The estimate held against a published difference; empty without one.
    spread : str
        How much the studies differ; empty for fewer than two.
    verdict : str
        Three or four words for a label.
    direction : {"lower", "higher", "unclear", "none"}
    favours : {"treatment", "comparator", "neither"}
        Whom the whole interval favours; neither without a comparator.
    """

    claim: str
    basis: str
    trust: str
    importance: str
    spread: str
    verdict: str
    direction: Direction
    favours: Literal["treatment", "comparator", "neither"]

    @property
    def text(self) -> str:
        """Everything in one paragraph."""
        parts = (self.claim, self.basis, self.trust, self.importance, self.spread)
        return " ".join(part for part in parts if part)


def _number(answer: Answer, name: str) -> float:
    value = answer.estimate.get(name, math.nan)
    return float(value) if isinstance(value, int | float) else math.nan


def _reading(answer: Answer) -> Reading:
    return reading_of(str(answer.estimate.get("measure", "")))


def direction_of(answer: Answer) -> Direction:
    """Which way the whole confidence interval lies.

    An interval that ends exactly at no effect is unclear.
    """
    if answer.estimate.get("status") == "no data" or math.isnan(_number(answer, "estimate")):
        return "none"
    lower, upper = _number(answer, "lower"), _number(answer, "upper")
    if upper < 0:
        return "lower"
    return "higher" if lower > 0 else "unclear"


def _favours(answer: Answer, direction: Direction) -> Literal["treatment", "comparator", "neither"]:
    if direction in ("unclear", "none") or not answer.comparator:
        return "neither"
    return "treatment" if direction == answer.better else "comparator"


def sided(reading: Reading, value: float) -> str:
    """A difference and its side: ``3.1 lower``."""
    shown = reading.value(value)
    if shown == 0:
        return decimal(0.0, reading.digits)
    return f"{decimal(abs(shown), reading.digits)} {'lower' if shown < 0 else 'higher'}"


def range_in_words(reading: Reading, lower: float, upper: float) -> str:
    """Two limits of a difference in words: ``3.1 to 16.5 lower``, ``8.0 lower to 1.8 higher``."""
    if math.isnan(lower) or math.isnan(upper):
        return "not estimable"
    if reading.name:
        return reading.span(lower, upper)
    low, high = reading.value(lower), reading.value(upper)
    if high < 0 or low > 0:
        near, far = sorted((abs(low), abs(high)))
        side = "lower" if high < 0 else "higher"
        return f"{decimal(near, reading.digits)} to {decimal(far, reading.digits)} {side}"
    return f"{sided(reading, lower)} to {sided(reading, upper)}"


def _limits(answer: Answer) -> str:
    """The bracket: confidence interval and, where there is one, prediction interval."""
    reading = _reading(answer)
    level = _number(answer, "level")
    name = f"{percent(100 * level)} CI" if not math.isnan(level) else "CI"
    text = f"{name} {range_in_words(reading, _number(answer, 'lower'), _number(answer, 'upper'))}"
    low, high = _number(answer, "prediction_lower"), _number(answer, "prediction_upper")
    if _pooled(answer) and _number(answer, "k") >= 3 and not math.isnan(low) and not math.isnan(high):
        between = range_in_words(reading, low, high).replace(" to ", " and ", 1)
        text += f"; a new trial would be expected between {between}"
    return text


def _pooled(answer: Answer) -> bool:
    return answer.estimate.get("status") == "pooled"


def _amount(answer: Answer) -> str:
    """Size of a difference without its sign, with its unit."""
    reading = _reading(answer)
    size = decimal(abs(reading.value(_number(answer, "estimate"))), reading.digits)
    return f"{size} {reading.unit}"


def _claim(answer: Answer, direction: Direction) -> str:
    if direction == "none":
        return _claim_nothing(answer)
    if _reading(answer).name:
        return _claim_ratio(answer, direction)
    if not answer.comparator:
        return _claim_single_arm(answer, direction)
    return _claim_difference(answer, direction)


def _claim_nothing(answer: Answer) -> str:
    if not answer.comparator:
        what = f"{answer.outcome} after {answer.treatment}"
        return f"At {answer.window}, no study with usable numbers followed {what}."
    return (
        f"At {answer.window}, no eligible trial with usable numbers compared {answer.treatment} with "
        f"{answer.comparator} for {answer.outcome}."
    )


def _claim_difference(answer: Answer, direction: Direction) -> str:
    start, limits = f"At {answer.window},", _limits(answer)
    if direction == "unclear":
        who = "there was" if _pooled(answer) else f"one {answer.study_noun[0]} found"
        seen = _side_with(answer, _number(answer, "estimate"))
        return (
            f"{start} {who} no clear difference in {answer.outcome} between {answer.treatment} and "
            f"{answer.comparator}: {seen} ({limits})."
        )
    if _pooled(answer):
        verb = "lowered" if direction == "lower" else "raised"
        return (
            f"{start} {answer.treatment} {verb} {answer.outcome} by {_amount(answer)} compared with "
            f"{answer.comparator} ({limits})."
        )
    return (
        f"{start} one {answer.study_noun[0]} found {answer.outcome} {_amount(answer)} {direction} with "
        f"{answer.treatment} than with {answer.comparator} ({limits})."
    )


def _side_with(answer: Answer, estimate: float) -> str:
    if estimate == 0:
        return f"the estimate is {_amount(answer)}"
    reading = _reading(answer)
    noun, _, scale = reading.unit.partition(" on ")
    size = decimal(abs(reading.value(estimate)), reading.digits)
    side = "lower" if estimate < 0 else "higher"
    return f"{size} {noun} {side} with {answer.treatment}" + (f" on {scale}" if scale else "")


def _claim_ratio(answer: Answer, direction: Direction) -> str:
    reading = _reading(answer)
    value = f"{reading.name} {reading.text(_number(answer, 'estimate'))}"
    who = "" if _pooled(answer) else f" in one {answer.study_noun[0]}"
    numbers = f"{who}: {value} ({_limits(answer)}){_width(answer)}."
    if direction == "unclear":
        pair = f"{answer.treatment} and {answer.comparator}"
        return (
            f"At {answer.window}, there was no clear difference in {answer.outcome} between {pair}{numbers}"
        )
    more = "more" if direction == "higher" else "less"
    word = direction if reading.name == "ratio of means" else f"{more} frequent"
    with_whom = f"with {answer.treatment} than with {answer.comparator}"
    return f"At {answer.window}, {answer.outcome} was {word} {with_whom}{numbers}"


def _width(answer: Answer) -> str:
    """A warning when the ends of an interval of ratios differ more than tenfold."""
    wide = _number(answer, "upper") - _number(answer, "lower") > math.log(10)
    return "; the interval is so wide that the size is hardly known" if wide else ""


def _claim_single_arm(answer: Answer, direction: Direction) -> str:
    estimate = _number(answer, "estimate")
    if direction == "unclear":
        change = f"did not clearly differ from before: {sided(_reading(answer), estimate)}"
    else:
        change = f"was {_amount(answer)} {direction} than before"
    return (
        f"{answer.window} after {answer.treatment}, {answer.outcome} {change} ({_limits(answer)}). Without a "
        "comparison group this does not show what the injection itself did."
    )


def _basis(answer: Answer) -> str:
    k, n = _number(answer, "k"), _number(answer, "n")
    if math.isnan(k) or k == 0:
        return ""
    people = "" if math.isnan(n) else f", {count(n)} people"
    if not _pooled(answer):
        return f"It rests on this one {answer.study_noun[0].split()[-1]}{people}; not pooled."
    return f"It rests on {count(k)} {answer.study_noun[k != 1]}{people}."


def _trust(answer: Answer) -> str:
    return f"Certainty: {answer.certainty}. Risk of bias: {answer.risk_of_bias}."


def _spread(answer: Answer) -> str:
    i2, tau2 = _number(answer, "i2"), _number(answer, "tau2")
    if not _pooled(answer) or math.isnan(i2):
        return ""
    reading = _reading(answer)
    unit = f" {reading.unit.split(' on ')[0]}" if reading.unit else " on the log scale"
    tau = "" if math.isnan(tau2) else f", τ = {_root(tau2, reading)}{unit}{_levels(answer, reading)}"
    return f"How far the results differ beyond chance: I² = {percent(i2)}{tau}."


def _root(variance: float, reading: Reading) -> str:
    return decimal(math.sqrt(max(variance, 0.0)), reading.digits)


def _levels(answer: Answer, reading: Reading) -> str:
    """The parts of τ in a model with three levels."""
    between, within = _number(answer, "tau2_between"), _number(answer, "tau2_within")
    if math.isnan(between) or math.isnan(within):
        return ""
    return (
        f" ({_root(between, reading)} between studies, {_root(within, reading)} between effects of one study)"
    )


def word_mid(mid: Mid, estimate: float, lower: float, upper: float) -> str:
    """A difference on 0-100 held against a published one that matters.

    Parameters
    ----------
    mid : Mid
        The published difference and what it is for.
    estimate, lower, upper : float
        The result and its confidence limits, on 0-100.

    Returns
    -------
    str
        One or two sentences; a threshold for one person's change is never taken for one between groups.

    Examples
    --------
    >>> word_mid(Mid(9.0, "group", "Wandel 2010"), -4.0, -6.0, -2.0)
    'The whole interval is smaller than the 9.0-point difference between groups held to matter (Wandel 2010).'
    """
    value = decimal(mid.value, 1)
    if mid.kind == "individual":
        size = _compared(abs(estimate), mid.value)
        return (
            f"The estimate is {size} the {value}-point change that one person notices ({mid.citation}); that "
            "threshold is about one person's change, not about a difference between the averages of groups."
        )
    named = f"the {value}-point difference between groups held to matter ({mid.citation})"
    smallest = 0.0 if lower <= 0 <= upper else min(abs(lower), abs(upper))
    largest = max(abs(lower), abs(upper))
    if largest < mid.value:
        return f"The whole interval is smaller than {named}."
    if smallest > mid.value:
        return f"The whole interval is larger than {named}."
    size = _compared(abs(estimate), mid.value)
    return f"The estimate is {size} {named}; the interval reaches from below it to above it."


def _compared(size: float, threshold: float) -> str:
    if round(size, 1) == round(threshold, 1):
        return "about as large as"
    return "smaller than" if size < threshold else "larger than"


def _importance(answer: Answer) -> str:
    measure = answer.estimate.get("measure")
    if answer.mid is None or measure != "MD" or direction_of(answer) == "none":
        return ""
    limits = _number(answer, "lower"), _number(answer, "upper")
    return word_mid(answer.mid, _number(answer, "estimate"), *limits)


def _verdict(answer: Answer, favours: str, direction: Direction) -> str:
    if direction == "none":
        return "no usable numbers"
    if direction == "unclear":
        return "no clear difference" if answer.comparator else "no clear change"
    if not answer.comparator:
        return f"{direction} than before"
    return f"favours {answer.treatment if favours == 'treatment' else answer.comparator}"


def word_answer(answer: Answer) -> Wording:
    """One answer in words, by rule.

    Parameters
    ----------
    answer : Answer
        With its primary row of ESTIMATES.

    Returns
    -------
    Wording
        ``lowered`` or ``raised`` only for a pooled result whose interval excludes no effect; ``no clear
        difference`` whenever it does not; a single study is said to be one and not pooled.
    """
    direction = direction_of(answer)
    favours = _favours(answer, direction)
    return Wording(
        claim=_capital(_claim(answer, direction)),
        basis=_basis(answer),
        trust=_trust(answer) if direction != "none" else "",
        importance=_importance(answer),
        spread=_spread(answer),
        verdict=_verdict(answer, favours, direction),
        direction=direction,
        favours=favours,
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
