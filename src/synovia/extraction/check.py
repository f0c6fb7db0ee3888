"""Numbers that cannot be, which are refused, and numbers that should be looked at, which are shown."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd
from scipy import stats

from synovia.errors import Fault
from synovia.fields import Field, Scale
from synovia.fields.registry import unknown
from synovia.tables import format_cell
from synovia.tables.study import OUTCOMES

__all__ = ["Caution", "check_outcomes", "find_cautions", "largest_sd"]

Row = Mapping[str, Any]
SCORES = ("mean", "median", "q1", "q3", "minimum", "maximum", "ci_low", "ci_high")


@dataclass(frozen=True, slots=True)
class Caution:
    """A number that is possible but should be looked at before it is used.

    Attributes
    ----------
    study_id, arm_id, measure, timepoint : str
        Where it stands.
    line : int or None
        Line of outcomes.csv.
    text : str
        What was noticed, in a sentence.
    """

    study_id: str
    arm_id: str
    measure: str
    timepoint: str
    line: int | None
    text: str


def largest_sd(mean: float, n: float, low: float, high: float) -> float:
    r"""Largest SD that n scores between two bounds with this mean can have.

    Parameters
    ----------
    mean : float
        Mean of the scores.
    n : float
        Number of scores, at least 2.
    low, high : float
        Bounds of a score.

    Notes
    -----
    .. math:: SD_{max} = \sqrt{\frac{n}{n - 1} (high - m)(m - low)}

    reached when every score lies on a bound (Bhatia & Davis 2000, American Mathematical Monthly 107,
    353-357, for the variance with divisor n).

    Examples
    --------
    >>> from synovia.extraction import largest_sd
    >>> round(largest_sd(3, 8, 0, 6), 3)
    3.207
    """
    return math.sqrt(max(n / (n - 1) * (high - mean) * (mean - low), 0.0))


def check_outcomes(
    outcomes: pd.DataFrame,
    arms: pd.DataFrame,
    field: Field,
    *,
    studies: pd.DataFrame | None = None,
    file: str = "evidence/outcomes.csv",
) -> tuple[Fault, ...]:
    """What cannot be right in the outcomes, row by row.

    A row marked as not to be used is kept as printed: only its study, arm and scale are checked, so that an
    error of a paper can be recorded as the paper prints it.

    Parameters
    ----------
    outcomes, arms : DataFrame
        The OUTCOMES table with its ``line``, and the ARMS table.
    field : Field
        Registry of scales.
    studies : DataFrame, optional
        The STUDIES table; then unknown studies and randomised studies of a single arm are found as well.
    file : str
        Name used in messages.

    Returns
    -------
    tuple of Fault
        In row order; empty when nothing is impossible.

    Examples
    --------
    >>> from synovia.extraction import check_outcomes
    >>> from synovia.fields import load_field
    >>> from synovia.tables import ARMS, OUTCOMES, frame
    >>> arms = frame(ARMS, [{"study_id": "s", "arm_id": "a"}])
    >>> row = {"study_id": "s", "arm_id": "a", "measure": "WOMAC pain", "scale": "womac-pain-likert",
    ...        "statistic": "mean", "use": "yes", "n": 30, "mean": 45.0, "sd": 3.0}
    >>> outcomes = frame(OUTCOMES, [row]).assign(line=7)
    >>> print(check_outcomes(outcomes, arms, load_field("knee_oa"))[0])
    evidence/outcomes.csv, line 7, column mean: found 45; wanted 0 to 20, the range of womac-pain-likert.
    Check the scale version and the number against the source.
    """
    known = {(row["study_id"], row["arm_id"]) for row in arms.to_dict("records")}
    faults: list[Fault] = []
    for row in outcomes.to_dict("records"):
        entry = {str(name): value for name, value in row.items()}
        place = _Place(file, _line(entry))
        faults.extend(_names(entry, known, field, place))
        if entry["use"] != "no":
            faults.extend(_numbers(entry, field, place))
    if studies is not None:
        faults.extend(_designs(outcomes, arms, studies, file))
    return tuple(faults)


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    line: int | None

    def fault(
        self, column: str, found: str, wanted: str, advice: str = "Check it against the source."
    ) -> Fault:
        return Fault(found, wanted, self.file, self.line, column, advice)


def _line(row: Row) -> int | None:
    line = row.get("line", math.nan)
    return None if math.isnan(line) else int(line)


def _print(value: float) -> str:
    return format_cell(OUTCOMES.column("mean"), float(value))


def _names(row: Row, known: set[tuple[str, str]], field: Field, place: _Place) -> Iterator[Fault]:
    study, arm = row["study_id"], row["arm_id"]
    if (study, arm) not in known:
        arms = ", ".join(sorted(a for s, a in known if s == study)) or "no arm of this study"
        yield place.fault("arm_id", f"arm {arm!r} of study {study!r}", f"an arm of arms.csv ({arms})", "")
    if row["scale"] and not field.knows(row["scale"]):
        fault = unknown("scale", row["scale"], field.scale_ids)
        advice = f"{fault.advice} Leave the cell empty when the scale is not registered.".strip()
        yield place.fault("scale", fault.found, fault.wanted, advice)


def _numbers(row: Row, field: Field, place: _Place) -> Iterator[Fault]:
    if field.knows(row["scale"]) and row["statistic"] != "events":
        yield from _outside(row, field.scale(row["scale"]), place)
        yield from _too_wide(row, field.scale(row["scale"]), place)
    yield from _events(row, place)
    yield from _order(row, place)
    yield from _dispersions(row, place)


def _bounds(row: Row, scale: Scale) -> tuple[float, float, str]:
    if row["statistic"].endswith("change"):
        return -scale.span, scale.span, f"the largest change on {scale.id}"
    return scale.minimum, scale.maximum, f"the range of {scale.id}"


def _outside(row: Row, scale: Scale, place: _Place) -> Iterator[Fault]:
    low, high, words = _bounds(row, scale)
    advice = "Check the scale version and the number against the source."
    for column in SCORES:
        if row[column] < low or row[column] > high:
            yield place.fault(column, _print(row[column]), f"{low:g} to {high:g}, {words}", advice)


def _half_unit(value: float) -> float:
    """Half a unit of the last printed digit."""
    digits = _print(value).partition(".")[2]
    return 0.5 * 10.0 ** -len(digits)


def _too_wide(row: Row, scale: Scale, place: _Place) -> Iterator[Fault]:
    low, high, words = _bounds(row, scale)
    mean, sd, n = row["mean"], row["sd"], row["n"]
    if not (low <= mean <= high) or math.isnan(sd) or not n >= 2:
        return
    slack = _half_unit(mean)
    nearest = min(max((low + high) / 2, mean - slack), mean + slack)
    bound = largest_sd(nearest, n, low, high)
    if sd - _half_unit(sd) > bound:
        wanted = (
            f"at most {bound:.4g}, the largest SD of {n:g} values with mean {_print(mean)} within {words}"
        )
        yield place.fault("sd", _print(sd), wanted)


def _events(row: Row, place: _Place) -> Iterator[Fault]:
    if row["events"] > row["n"]:
        yield place.fault("events", _print(row["events"]), f"at most n = {_print(row['n'])}")


def _order(row: Row, place: _Place) -> Iterator[Fault]:
    ranked = [(c, row[c]) for c in ("minimum", "q1", "median", "q3", "maximum") if not math.isnan(row[c])]
    for (lower, small), (upper, large) in pairwise(ranked):
        if small > large:
            yield place.fault(lower, f"{lower} {_print(small)}", f"at most the {upper}, {_print(large)}")
    if row["ci_low"] > row["ci_high"]:
        found = f"{_print(row['ci_low'])} above the upper limit {_print(row['ci_high'])}"
        yield place.fault("ci_low", found, "the lower limit first")
    for column, wrong in (("ci_low", row["ci_low"] > row["mean"]), ("ci_high", row["ci_high"] < row["mean"])):
        if wrong:
            found = f"{_print(row[column])} beyond the mean {_print(row['mean'])}"
            yield place.fault(column, found, "limits that enclose the mean")


def _dispersions(row: Row, place: _Place) -> Iterator[Fault]:
    sd, se, n = row["sd"], row["se"], row["n"]
    if math.isnan(sd) or math.isnan(se) or math.isnan(n):
        return
    low, high = ((se + sign * _half_unit(se)) * math.sqrt(n) for sign in (-1, 1))
    if sd + _half_unit(sd) < low or sd - _half_unit(sd) > high:
        found = f"SE {_print(se)} beside SD {_print(sd)} with n = {n:g}"
        yield place.fault("se", found, f"SE = SD / sqrt(n) = {sd / math.sqrt(n):.4g}")


def _designs(outcomes: pd.DataFrame, arms: pd.DataFrame, studies: pd.DataFrame, file: str) -> Iterator[Fault]:
    design = dict(zip(studies["study_id"], studies["design"], strict=True))
    for study in dict.fromkeys(outcomes["study_id"]):
        line = _line(outcomes.loc[outcomes["study_id"] == study].iloc[0].to_dict())
        if study not in design:
            yield _Place(file, line).fault("study_id", f"study {study!r}", "a study of studies.csv", "")
    whole = Counter(arms.loc[arms["part_of"] == "", "study_id"])
    for study, words in design.items():
        if words.startswith(("randomised", "pooled randomised")) and whole[study] == 1:
            yield Fault(
                f"one arm of {study}, a {words}", "the arm it was compared with", "evidence/arms.csv",
                column="study_id", advice="Add the comparator, or correct the design.",
            )  # fmt: skip


def find_cautions(outcomes: pd.DataFrame, field: Field) -> tuple[Caution, ...]:
    """What is possible in the outcomes but should be looked at, row by row.

    An SD below a third of the median SD on the same scale (perhaps a standard error); confidence limits
    that do not fit the printed SD or SE; confidence limits far from symmetric about the mean; n that counts
    knees.

    Parameters
    ----------
    outcomes : DataFrame
        The OUTCOMES table with its ``line``.
    field : Field
        Registry of scales.

    Returns
    -------
    tuple of Caution
        In row order.

    Notes
    -----
    Kadlec et al. (2023), PMC9877053, traced most implausibly large standardised effects to standard errors
    taken as SDs; the third of the median is Synovia's threshold.
    """
    typical = _typical_sds(outcomes)
    looks: tuple[Callable[[Row], Iterator[str]], ...] = (
        lambda row: _narrow(row, typical, field), _interval, _knees,
    )  # fmt: skip
    found: list[Caution] = []
    for entry in outcomes.to_dict("records"):
        row = {str(name): value for name, value in entry.items()}
        where = (row["study_id"], row["arm_id"], row["measure"], row["timepoint"], _line(row))
        found.extend(Caution(*where, text) for look in looks for text in look(row))
    return tuple(found)


def _typical_sds(outcomes: pd.DataFrame) -> dict[tuple[str, str], float]:
    rows = outcomes[(outcomes["scale"] != "") & outcomes["sd"].notna()]
    groups = rows.groupby(["scale", "statistic"])["sd"]
    return {
        (str(scale), str(statistic)): float(sds.median())
        for (scale, statistic), sds in groups
        if len(sds) >= 4
    }


def _narrow(row: Row, typical: Mapping[tuple[str, str], float], field: Field) -> Iterator[str]:
    usual = typical.get((row["scale"], row["statistic"]), math.nan)
    if row["sd"] < usual / 3:
        as_se = row["sd"] * math.sqrt(row["n"])
        hint = f"; taken as a standard error it would be an SD of {as_se:.3g}" if as_se > 0 else ""
        name = field.scale(row["scale"]).name if field.knows(row["scale"]) else row["scale"]
        yield f"SD {_print(row['sd'])} is below a third of the median SD {usual:.3g} on {name}{hint}"


def _interval(row: Row) -> Iterator[str]:
    width, n = row["ci_high"] - row["ci_low"], row["n"]
    if not width > 0:
        return
    lean = abs((row["ci_high"] + row["ci_low"]) / 2 - row["mean"])
    if lean > 0.1 * width:
        yield "the confidence limits are not symmetric about the mean"
    se = row["sd"] / math.sqrt(n) if math.isnan(row["se"]) else row["se"]
    level = 0.95 if math.isnan(row["ci_level"]) else row["ci_level"]
    if se > 0 and n >= 2:
        implied = width / 2 / float(stats.t.ppf((1 + level) / 2, n - 1))
        if not 0.8 < implied / se < 1.25:
            yield f"the confidence limits imply a standard error of {implied:.3g}, the row gives {se:.3g}"


def _knees(row: Row) -> Iterator[str]:
    if row["unit_of_analysis"] == "knees":
        yield "n counts knees: two knees of one person are not independent"
