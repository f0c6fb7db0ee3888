"""From the means of arms over time to comparisons with one arm of each study."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synovia.errors import SynthesisError
from synovia.synthesis.course.reading import Columns, read_follow_ups

__all__ = ["course_contrasts"]


def course_contrasts(
    data: pd.DataFrame,
    *,
    study: str = "study",
    time: str = "time",
    treatment: str = "treatment",
    estimate: str = "estimate",
    variance: str = "variance",
    arm: str | None = None,
    comparators: Sequence[str] = (),
) -> pd.DataFrame:
    """Differences of arms at the same time, with the covariance that ``time_course`` needs.

    Parameters
    ----------
    data : DataFrame
        One row per arm and time.
    study, time, treatment, estimate, variance : str
        Columns; the variance is that of the arm's mean.
    arm : str, optional
        Column that tells arms apart where two arms of a study have one treatment.
    comparators : sequence of str
        Treatments to be compared with where a study has them, the first it has; else the first in
        alphabetical order.

    Returns
    -------
    DataFrame
        study, arm, treatment, comparator, time, estimate, variance, baseline_variance, one row per
        comparison and time at which both arms were seen. A study of one treatment gives none;
        ``attrs["warnings"]`` names it.

    Raises
    ------
    SynthesisError
        When a row cannot be used, a study has two arms of its comparator, or no study has two arms.

    Examples
    --------
    >>> arms = pd.DataFrame({"study": "a", "treatment": ["ha", "saline"] * 2,
    ...                      "time": [4.0, 4.0, 12.0, 12.0],
    ...                      "estimate": [-20.0, -15.0, -25.0, -12.0], "variance": [4.0, 5.0] * 2})
    >>> course_contrasts(arms, comparators=["saline"])[["treatment", "comparator", "time", "estimate"]]
      treatment comparator  time  estimate
    0        ha     saline   4.0      -5.0
    1        ha     saline  12.0     -13.0
    """
    columns = Columns(study, time, estimate, variance, treatment, None, arm)
    read = read_follow_ups(data, columns)
    wanted = (comparators,) if isinstance(comparators, str) else tuple(comparators)
    known = sorted(set(read.data["treatment"]))
    if wanted and not set(wanted) & set(known):
        raise SynthesisError(
            f"No study has the comparator {', '.join(map(str, wanted))}; the treatments are "
            f"{', '.join(known)}."
        )
    parts, alone = [], []
    for name, rows in read.data.groupby("study", sort=False):
        if rows["treatment"].nunique() < 2 or not (found := _compare(rows, wanted)):
            alone.append(str(name))
        else:
            parts += found
    if not parts:
        raise SynthesisError("No study has two treatments at one time; nothing can be compared.")
    out = pd.concat(parts, ignore_index=True)
    said = [f"No two treatments at one time, left out: {', '.join(alone)}."] if alone else []
    out.attrs["warnings"] = (*read.warnings, *said)
    return out


def _compare(rows: pd.DataFrame, comparators: Sequence[str]) -> list[pd.DataFrame]:
    present = sorted(rows["treatment"].unique())
    chosen = next((name for name in comparators if name in present), present[0])
    base = rows[rows["treatment"] == chosen]
    if base["series"].nunique() > 1:
        raise SynthesisError(
            f"{rows['study'].iloc[0]} has {base['series'].nunique()} arms of its comparator {chosen!r}; "
            "merge them, or choose another with comparators=."
        )
    others = rows[rows["series"] != base["series"].iloc[0]]
    both = others.merge(base[["time", "estimate", "variance"]], on="time", suffixes=("", "_base"))
    if both.empty:
        return []
    made = pd.DataFrame(
        {
            "study": both["study"],
            "arm": both["series"],
            "treatment": both["treatment"],
            "comparator": np.full(len(both), chosen, dtype=object),
            "time": both["time"],
            "estimate": both["estimate"] - both["estimate_base"],
            "variance": both["variance"] + both["variance_base"],
            "baseline_variance": both["variance_base"],
        }
    )
    return [made]
