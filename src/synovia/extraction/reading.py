"""One row of outcomes.csv as n, mean and SD, or the reason why it cannot be had."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from synovia.errors import InputError
from synovia.extraction.dispersion import sd_from_ci, sd_from_se
from synovia.extraction.quantiles import Medians, Summary, convert_quantiles, wan_sd
from synovia.extraction.step import Step

__all__ = ["Reading", "Unusable", "read_row"]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that gives no arm data, and why."""

    study_id: str
    arm_id: str
    measure: str
    timepoint: str
    reason: str
    line: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One arm at one time on the printed scale: numbers, and how they came about.

    Attributes
    ----------
    printed : str
        Statistic of the row as printed; ``statistic`` is what the numbers have become.
    steps : tuple of Step
        Conversions in order.
    assumption : str
        What the numbers assume and no source prints.
    before : tuple of str
        Phrases for what was derived in the rows that this one was pooled from.
    other_lines : tuple of float
        Lines of the other rows that it was made from.
    """

    study_id: str
    arm_id: str
    outcome: str
    measure: str
    scale: str
    timepoint: str
    weeks: float
    printed: str
    statistic: str
    n: float
    mean: float
    sd: float
    events: float
    caution: str
    source: str
    locator: str
    line: float
    steps: tuple[Step, ...] = ()
    assumption: str = ""
    before: tuple[str, ...] = ()
    other_lines: tuple[float, ...] = ()

    @property
    def lines(self) -> str:
        """Every line of evidence/outcomes.csv that it rests on."""
        known = [line for line in (self.line, *self.other_lines) if not math.isnan(line)]
        return "; ".join(f"{line:g}" for line in sorted(set(known)))

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Study, measure, time and statistic: what arms of one study share."""
        return (self.study_id, self.measure, self.timepoint, self.statistic)

    @property
    def derived(self) -> tuple[str, ...]:
        """Phrases for what was derived, each once."""
        return tuple(dict.fromkeys([*self.before, *(step.words for step in self.steps)]))

    def refuse(self, reason: str) -> Unusable:
        """The same row as an unusable one."""
        return Unusable(self.study_id, self.arm_id, self.measure, self.timepoint, reason, self.line)


def read_row(row: Mapping[str, Any], medians: Medians = "wan-luo") -> Reading | Unusable:
    """n, mean and SD (or events and n) of one row, converted where the paper prints something else.

    Parameters
    ----------
    row : mapping
        One row of the outcomes table with its ``line``.
    medians : {"wan-luo", "mcgrath"}
        How a median becomes a mean and an SD.

    Returns
    -------
    Reading or Unusable
        A reading may lack its SD (NaN) when the row prints a mean and no dispersion.
    """
    reading = _as_printed(row)
    reason = _no_use(row)
    if reason:
        return reading.refuse(reason)
    if reading.statistic == "events":
        return reading
    try:
        return (
            _from_mean(reading, row) if not math.isnan(reading.mean) else _from_median(reading, row, medians)
        )
    except InputError as error:
        return reading.refuse(f"not convertible: {error}")


def _as_printed(row: Mapping[str, Any]) -> Reading:
    caution = [row["caution"]]
    if row["unit_of_analysis"] not in ("", "participants", "animals"):
        caution.append(f"n counts {row['unit_of_analysis']}, not participants")
    return Reading(
        study_id=str(row["study_id"]),
        arm_id=str(row["arm_id"]),
        outcome=str(row["outcome"]),
        measure=str(row["measure"]),
        scale=str(row["scale"]),
        timepoint=str(row["timepoint"]),
        source=str(row["source"]),
        locator=str(row["locator"]),
        weeks=float(row["weeks"]),
        printed=row["statistic"],
        statistic=row["statistic"].replace("median", "mean"),
        n=float(row["n"]),
        mean=float(row["mean"]) if row["statistic"].startswith("mean") else math.nan,
        sd=math.nan,
        events=float(row["events"]),
        caution="; ".join(part for part in caution if part),
        line=float(row.get("line", math.nan)),
    )


def _no_use(row: Mapping[str, Any]) -> str:
    if row["use"] == "no":
        return row["caution"] or "marked as not to be used"
    if row["statistic"] == "none printed":
        return "no number is printed"
    if math.isnan(row["n"]):
        return "the number of participants analysed is not printed"
    if row["statistic"] == "events" and math.isnan(row["events"]):
        return "the number of events is not printed"
    return ""


def _summary(row: Mapping[str, Any]) -> Summary:
    return Summary(
        float(row["n"]),
        float(row["minimum"]),
        float(row["q1"]),
        float(row["median"]),
        float(row["q3"]),
        float(row["maximum"]),
    )


def _from_mean(reading: Reading, row: Mapping[str, Any]) -> Reading:
    if not math.isnan(row["sd"]):
        return replace(reading, sd=float(row["sd"]))
    step = _sd_step(row)
    return reading if step is None else replace(reading, sd=step.value, steps=(step,))


def _sd_step(row: Mapping[str, Any]) -> Step | None:
    if not math.isnan(row["se"]):
        return sd_from_se(row["se"], row["n"])
    if row["ci_high"] > row["ci_low"]:
        level = 0.95 if math.isnan(row["ci_level"]) else row["ci_level"]
        return sd_from_ci(row["ci_low"], row["ci_high"], row["n"], level)
    summary = _summary(row)
    if row["n"] >= 2 and (row["q3"] > row["q1"] or row["maximum"] > row["minimum"]):
        return wan_sd(summary)
    return None


def _from_median(reading: Reading, row: Mapping[str, Any], medians: Medians) -> Reading | Unusable:
    if math.isnan(row["median"]):
        return reading.refuse("neither a mean nor a median is printed")
    mean, sd = convert_quantiles(_summary(row), medians)
    return replace(reading, mean=mean.value, sd=sd.value, steps=(mean, sd))
