"""Units of a dose: kept apart, and converted only with what the study itself measured."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synovia.errors import SynthesisError
from synovia.synthesis.rows import find_missing, name_rows, read_numbers, require_columns

__all__ = ["RATIOS", "UNITS", "convert_doses", "read_unit"]

UNITS = ("particles", "ug protein", "cell equivalents")
"""Ways to count extracellular vesicles. None of them says how much of another it is."""

RATIOS = {
    "particles_per_ug": ("ug protein", "particles"),
    "particles_per_cell": ("cell equivalents", "particles"),
    "ug_per_cell": ("cell equivalents", "ug protein"),
}
"""Columns that hold a study's own ratio: of one unit, how many of the other."""


def convert_doses(
    data: pd.DataFrame, to: str, *, dose: str = "dose", unit: str = "dose_unit"
) -> pd.DataFrame:
    """The doses of a table in one unit, by the ratios that the studies report themselves.

    There is no default ratio: preparations differ by orders of magnitude in particles per microgram, and a
    borrowed number would turn that difference into a dose.

    Parameters
    ----------
    data : DataFrame
        One row per dose, with ``dose``, its unit, and where a conversion is needed ``particles_per_ug``,
        ``particles_per_cell`` or ``ug_per_cell`` as measured in the row's own study.
    to : {"particles", "ug protein", "cell equivalents"}
        The unit wanted.
    dose, unit : str
        Columns of the dose and its unit.

    Returns
    -------
    DataFrame
        With both columns converted, and the numbers as reported in ``dose_reported`` and
        ``dose_unit_reported``. A dose of 0 is 0 in every unit.

    Raises
    ------
    SynthesisError
        When a unit is not known, or a row needs a ratio that its study does not report; the row is named.

    Examples
    --------
    >>> doses = pd.DataFrame({"study_id": ["a", "b"], "dose": [2.0, 4e9],
    ...                       "dose_unit": ["ug protein", "particles"], "particles_per_ug": [1e9, None]})
    >>> convert_doses(doses, "particles")["dose"].tolist()
    [2000000000.0, 4000000000.0]
    """
    if to not in UNITS:
        raise SynthesisError(f"Found unit {to!r}; wanted {', '.join(UNITS)}.")
    if not isinstance(data, pd.DataFrame):
        raise SynthesisError(f"Found {type(data).__name__}; wanted a DataFrame with one row per dose.")
    require_columns(data, [dose, unit])
    table = data.reset_index(drop=True)
    labels = name_rows(table)
    amounts = read_numbers(table, dose, labels)
    if not np.isfinite(amounts).all():
        row = int(np.argmin(np.isfinite(amounts)))
        raise SynthesisError(f"{labels[row]} has no {dose}, or an infinite one; wanted a number. Correct it.")
    units = read_units(table, (dose, unit), labels)
    ratios = {name: read_numbers(table, name, labels) for name in RATIOS if name in table.columns}
    for name, values in ratios.items():
        if (values <= 0).any():
            row = int(np.argmax(values <= 0))
            raise SynthesisError(
                f"{labels[row]} has {name} {values[row]:g}; wanted a ratio above 0, or nothing."
            )
    factors = [
        1.0 if amount == 0 else _find_factor(source, to, {k: v[row] for k, v in ratios.items()}, labels[row])
        for row, (amount, source) in enumerate(zip(amounts.tolist(), units, strict=True))
    ]
    return data.assign(
        **{
            dose: amounts * np.array(factors),
            unit: to,
            f"{dose}_reported": amounts,
            f"{unit}_reported": units,
        }
    )


def read_units(table: pd.DataFrame, columns: tuple[str, str], labels: Sequence[str]) -> list[str]:
    """Known units of all rows; one that is empty or not known is refused by row, unless its dose is 0."""
    dose, unit = columns
    empty, zero = find_missing(table[unit]), read_numbers(table, dose, labels) == 0
    found = ["" if lost else str(value).strip() for value, lost in zip(table[unit], empty, strict=True)]
    for label, none, name in zip(labels, zero.tolist(), found, strict=True):
        if name not in UNITS and not (none and not name):
            said = f"the unit {name!r}" if name else "no unit"
            raise SynthesisError(
                f"The dose of {label} has {said}; wanted {', '.join(UNITS)}. Look it up in the report, or "
                "leave the row out: a dose of unknown unit cannot be placed on a curve."
            )
    return found


def read_unit(table: pd.DataFrame, columns: tuple[str, str], labels: Sequence[str]) -> str:
    """The one unit of all doses; empty when the table has no such column. A dose of 0 needs none.

    Raises
    ------
    SynthesisError
        When two rows have different units; both are named.
    """
    dose, unit = columns
    if unit not in table.columns:
        return ""
    said = table[unit].map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    empty, zero = find_missing(said), read_numbers(table, dose, labels) == 0
    if (empty & ~zero).any():
        raise SynthesisError(
            f"The dose of {labels[int(np.argmax(empty & ~zero))]} has no unit; fill in {unit}. A dose of "
            "unknown unit cannot be placed on a curve."
        )
    used = np.flatnonzero(~empty)
    names = said.astype(str).tolist()
    other = [row for row in used.tolist() if names[row] != names[used[0]]]
    if other:
        row, first = other[0], int(used[0])
        raise SynthesisError(
            f"The dose of {labels[row]} is in {names[row]}, that of {labels[first]} in {names[first]}; "
            "wanted one unit. Convert with convert_doses, which uses each study's own ratio, or fit a "
            "curve for each unit."
        )
    return names[used[0]] if used.size else ""


def _find_factor(source: str, to: str, ratios: dict[str, float], label: str) -> float:
    """How many of one unit there are in one of the other, directly or through the third."""
    steps = {}
    for name, (one, other) in RATIOS.items():
        value = ratios.get(name, np.nan)
        if np.isfinite(value) and value > 0:
            steps[one, other], steps[other, one] = value, 1 / value
    if source == to:
        return 1.0
    if (source, to) in steps:
        return float(steps[source, to])
    for through in UNITS:
        if (source, through) in steps and (through, to) in steps:
            return float(steps[source, through] * steps[through, to])
    raise SynthesisError(
        f"The dose of {label} is in {source} and its study reports no ratio that leads to {to}; wanted one "
        f"of {', '.join(RATIOS)}, as measured in that study. Without it the dose stays in {source}."
    )
