"""Numbers as printed become arm data: n, mean and SD (or events), each conversion written down."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from synovia.errors import Fault, InputError
from synovia.extraction.change import assume_correlation
from synovia.extraction.quantiles import Medians
from synovia.extraction.reading import Reading, Unusable, read_row
from synovia.extraction.subgroup import pool_subgroups
from synovia.fields import Field
from synovia.tables import ARM_DATA, CONVERSIONS, check, frame
from synovia.tables.study import ARMS, OUTCOMES

__all__ = ["COMMON_UNIT", "Converted", "convert"]

COMMON_UNIT = "0-100, higher worse"
UNUSABLE_COLUMNS = ("study_id", "arm_id", "measure", "timepoint", "reason", "line")


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of the printed numbers.

    Attributes
    ----------
    arm_data : DataFrame
        The ARM_DATA table: one row per arm, measure, time and statistic.
    conversions : DataFrame
        The CONVERSIONS table: one row per derived number, on the printed scale.
    omissions : DataFrame
        Rows that gave no arm data: study_id, arm_id, measure, timepoint, reason, line.
    """

    arm_data: pd.DataFrame
    conversions: pd.DataFrame
    omissions: pd.DataFrame


def convert(
    outcomes: pd.DataFrame,
    arms: pd.DataFrame,
    field: Field,
    *,
    correlation: float | None = None,
    medians: Medians = "wan-luo",
) -> Converted:
    """Arm data from outcomes as printed.

    SD from standard error, confidence interval, quartiles or range; mean from the median; subgroups pooled
    into their arm; changes from baseline where a correlation is assumed; registered scales brought to 0-100
    where higher is worse. Nothing is dropped in silence.

    Parameters
    ----------
    outcomes : DataFrame
        The OUTCOMES table, with ``line`` where it was read from a file.
    arms : DataFrame
        The ARMS table.
    field : Field
        Registry of scales.
    correlation : float, optional
        Assumed correlation of baseline and follow-up; None derives no change.
    medians : {"wan-luo", "mcgrath"}
        Mean and SD from quantiles: Luo (2018) with Wan (2014), or the quantile estimation of McGrath (2020).

    Returns
    -------
    Converted
        Arm data, conversions and the rows that could not be used.

    Raises
    ------
    TableError
        When a declared column is absent.
    InputError
        When the correlation lies outside -1 to 1.

    Examples
    --------
    >>> from synovia.extraction import convert
    >>> from synovia.fields import load_field
    >>> from synovia.tables import ARMS, OUTCOMES, frame
    >>> arms = frame(ARMS, [{"study_id": "s", "arm_id": "a", "label": "A", "treatment": "ha"}])
    >>> row = {"study_id": "s", "arm_id": "a", "outcome": "pain", "measure": "WOMAC pain", "weeks": 12,
    ...        "scale": "womac-pain-likert", "timepoint": "12 weeks", "statistic": "mean", "use": "yes",
    ...        "n": 25, "mean": 8.0, "se": 0.8, "source": "doi"}
    >>> data = convert(frame(OUTCOMES, [row]), arms, load_field("knee_oa")).arm_data
    >>> data[["mean", "sd", "unit"]].values.tolist()
    [[40.0, 20.0, '0-100, higher worse']]
    """
    if correlation is not None and not -1 <= correlation <= 1:
        raise InputError([Fault(f"correlation {correlation:g}", "a correlation from -1 to 1")])
    treatments, parents = _arms(arms)
    readings, unusable = _read(outcomes, treatments, medians)
    if correlation is not None:
        readings = assume_correlation(readings, correlation)
    whole, left = pool_subgroups(readings, parents)
    complete, doubled = _single(whole)
    usable = [r for r in complete if _has_numbers(r)]
    bare = [r.refuse(_NO_DISPERSION) for r in complete if not _has_numbers(r)]
    known = set(map(id, readings))
    pooled = [r for r in usable if id(r) not in known]
    return Converted(
        frame(ARM_DATA, [_arm_row(r, treatments, field) for r in usable]),
        _conversions([*readings, *pooled]),
        _omissions([*unusable, *left, *doubled, *bare]),
    )


_NO_DISPERSION = "no SD is printed, nor anything it could be computed from"


def _has_numbers(reading: Reading) -> bool:
    return reading.statistic == "events" or reading.sd > 0


def _arms(arms: pd.DataFrame) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], str]]:
    rows = check(ARMS, arms).to_dict("records")
    treatments = {(row["study_id"], row["arm_id"]): str(row["treatment"]) for row in rows}
    parents = {(row["study_id"], row["arm_id"]): str(row["part_of"]) for row in rows if row["part_of"]}
    return treatments, parents


def _read(
    outcomes: pd.DataFrame, treatments: dict[tuple[str, str], str], medians: Medians
) -> tuple[tuple[Reading, ...], list[Unusable]]:
    check(OUTCOMES, outcomes)
    readings: list[Reading] = []
    unusable: list[Unusable] = []
    for row in outcomes.to_dict("records"):
        entry = read_row({str(name): value for name, value in row.items()}, medians)
        if isinstance(entry, Reading) and (entry.study_id, entry.arm_id) not in treatments:
            entry = entry.refuse(f"arm {entry.arm_id} is not in arms.csv")
        if isinstance(entry, Reading):
            readings.append(entry)
        else:
            unusable.append(entry)
    return tuple(readings), unusable


def _single(readings: Sequence[Reading]) -> tuple[list[Reading], list[Unusable]]:
    """One reading per arm, measure, time and statistic; a printed mean goes before a median."""
    order = sorted(readings, key=lambda r: r.printed != r.statistic)
    kept: dict[tuple[str, ...], Reading] = {}
    left = []
    for reading in order:
        key = (*reading.place, reading.arm_id)
        if key in kept:
            left.append(reading.refuse(f"the {kept[key].printed} of the same arm and time is used"))
        kept.setdefault(key, reading)
    return list(kept.values()), left


def _arm_row(reading: Reading, treatments: dict[tuple[str, str], str], field: Field) -> dict[str, object]:
    unit, mean, sd, words = _rescale(reading, field)
    same = ("study_id", "arm_id", "outcome", "measure", "scale", "timepoint", "weeks", "statistic", "n")
    texts = ("events", "assumption", "caution", "source", "locator", "line", "lines")
    return {
        **{name: getattr(reading, name) for name in (*same, *texts)},
        "treatment": treatments.get((reading.study_id, reading.arm_id), ""),
        "unit": unit,
        "mean": mean,
        "sd": sd,
        "derived": "; ".join([*reading.derived, *words]),
    }


def _rescale(reading: Reading, field: Field) -> tuple[str, float, float, list[str]]:
    if reading.statistic == "events":
        return "participants with the event", math.nan, math.nan, []
    if not field.knows(reading.scale):
        return reading.scale or "as printed", reading.mean, reading.sd, []
    scale = field.scale(reading.scale)
    as_100 = scale.change_to_100 if reading.statistic == "mean change" else scale.to_100
    same = scale.minimum == 0 and scale.maximum == 100 and scale.better == "lower"
    turned = " and turned round" if scale.better == "higher" else ""
    words = f"rescaled from {scale.minimum:g}-{scale.maximum:g}{turned} to {COMMON_UNIT}"
    return COMMON_UNIT, as_100(reading.mean), scale.sd_to_100(reading.sd), [] if same else [words]


def _conversions(readings: Iterable[Reading]) -> pd.DataFrame:
    counts: Counter[tuple[str, ...]] = Counter()
    rows = []
    for reading in readings:
        key = (reading.study_id, reading.arm_id, reading.measure, reading.timepoint, reading.printed)
        for step in reading.steps:
            counts[key] += 1
            fields = dict(zip(("study_id", "arm_id", "measure", "timepoint", "statistic"), key, strict=True))
            numbers = {name: value for name, value in asdict(step).items() if name != "words"}
            rows.append({**fields, "step": counts[key], **numbers, "line": reading.line})
    return frame(CONVERSIONS, rows)


def _omissions(unusable: Sequence[Unusable]) -> pd.DataFrame:
    ordered = sorted(unusable, key=lambda u: (math.isnan(u.line), u.line))
    columns = {name: [getattr(u, name) for u in ordered] for name in UNUSABLE_COLUMNS}
    kinds = {name: "float64" if name == "line" else "object" for name in UNUSABLE_COLUMNS}
    return pd.DataFrame({name: pd.Series(values, dtype=kinds[name]) for name, values in columns.items()})
