"""Which rows a synthesis may use at all: eligible studies of the designs it pools."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pandas as pd

from synovia import tables

__all__ = ["Wanted", "eligible_rows", "is_named"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a synthesis asks of a study before its numbers are looked at.

    Attributes
    ----------
    synthesis_id, outcome : str
        Ids of the protocol.
    designs : tuple of str
        Designs that are pooled.
    only, exclude : tuple of str
        Study ids to keep, empty for all, and to leave out; a trailing * stands for any ending.
    """

    synthesis_id: str
    outcome: str
    designs: tuple[str, ...]
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def eligible_rows(
    wanted: Wanted, arm_data: pd.DataFrame, studies: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the studies that are kept, and one omission for each study that is left out.

    Parameters
    ----------
    wanted : Wanted
        What is asked.
    arm_data, studies : DataFrame
        The ARM_DATA and STUDIES tables.
    """
    of_outcome = arm_data[arm_data["outcome"] == wanted.outcome]
    reasons = {
        study.study_id: reason
        for study in studies.itertuples()
        if (reason := _why_not(wanted, str(study.study_id), str(study.design), str(study.eligible)))
    }
    present = [study for study in dict.fromkeys(of_outcome["study_id"]) if study in reasons]
    left_out = tables.frame(
        tables.OMISSIONS,
        [
            {"synthesis_id": wanted.synthesis_id, "study_id": study, "reason": reasons[study]}
            for study in present
        ],
    )
    return of_outcome[~of_outcome["study_id"].isin(list(reasons))], left_out


def _why_not(wanted: Wanted, study_id: str, design: str, eligible: str) -> str:
    if eligible != "yes":
        return "the study does not meet the protocol's eligibility"
    if design not in wanted.designs:
        return f"design '{design}' is not pooled in this comparison"
    if wanted.only and not is_named(study_id, wanted.only):
        return "left out of this variant by the protocol"
    if is_named(study_id, wanted.exclude):
        return "left out of this variant by the protocol"
    return ""


def is_named(study_id: str, patterns: Sequence[str]) -> bool:
    """Whether a study is among the ids, of which a trailing * stands for any ending.

    Examples
    --------
    >>> is_named("jansen-jubb", ("jansen-*",)), is_named("jubb", ("jansen-*",))
    (True, False)
    """
    return any(fnmatchcase(study_id, pattern) for pattern in patterns)
