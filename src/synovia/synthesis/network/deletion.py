"""A network without each of its trials in turn."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synovia.errors import SynoviaError, SynthesisError
from synovia.kernel import Inapplicable
from synovia.synthesis.network.contrasts import Contrasts
from synovia.synthesis.network.design import find_subnetworks

if TYPE_CHECKING:
    from synovia.synthesis.network.model import Network

__all__ = ["Deletions", "delete_each", "keep_trials"]

Integers = NDArray[np.intp]

KEYS = ("study", "treatment", "reference")
FACTS = ("tau2", "q", "q_df", "q_p_value")
NUMBERS = ("estimate", "std_error", "lower", "upper", "p_value")
LOST = "without this trial no path leads to the reference"


@dataclass(frozen=True, slots=True, eq=False)
class Deletions:
    """A network fitted again without each trial.

    Attributes
    ----------
    table : DataFrame
        ``tidy`` describes the columns.
    whole : DataFrame
        The same columns for all trials.
    """

    table: pd.DataFrame
    whole: pd.DataFrame

    drawing = "refits"

    def tidy(self) -> pd.DataFrame:
        """One row per trial left out and treatment.

        Returns
        -------
        DataFrame
            study, treatment, reference, estimate, std_error, lower, upper, p_value, change (estimate less
            that of all trials), tau2, q, q_df, q_p_value (Q at a common effect), reason: why there is no
            estimate, empty where there is one.
        """
        return self.table.copy()

    def frames(self) -> dict[str, Any]:
        """What ``draw`` needs; choose the treatment with ``draw(..., term="B")``."""
        names = {"study": "label", "treatment": "term"}
        return {
            "rows": self.table.rename(columns=names),
            "whole": self.whole.rename(columns=names),
            "title": "Each trial left out in turn",
        }

    def __str__(self) -> str:
        return self.table.to_string()


def delete_each(net: "Network", fit_rest: Callable[[str, str], "Network"], against: str) -> Deletions:
    """The effects of a network without each trial; its variance between trials is estimated anew.

    Parameters
    ----------
    net : Network
        All trials.
    fit_rest : callable
        (study, reference) to the network without the study.
    against : str
        Treatment to be against.

    Returns
    -------
    Deletions
        A treatment that the other trials do not connect to the reference has no estimate, and the reason.
    """
    whole = _list(net, "all trials", against)
    parts = [_refit(net, fit_rest, study, against) for study in net.design.studies]
    table = pd.concat(parts, ignore_index=True)
    own = whole.set_index("treatment")["estimate"]
    table.insert(8, "change", table["estimate"] - own.loc[table["treatment"]].to_numpy())
    return Deletions(table, whole)


def _refit(
    net: "Network", fit_rest: Callable[[str, str], "Network"], study: str, against: str
) -> pd.DataFrame:
    others = [name for name in net.treatments if name != against]
    try:
        rest = fit_rest(study, against)
    except SynoviaError as error:
        listed = pd.DataFrame({"study": study, "treatment": others, "reference": against})
        return listed.assign(**dict.fromkeys(NUMBERS, np.nan), **_nothing(), reason=str(error))
    found = _list(rest, study, against).set_index("treatment")
    listed = found.reindex(others).reset_index()
    lost = listed["estimate"].isna()
    listed["study"], listed["reference"] = study, against
    listed["reason"] = np.where(lost, LOST, "")
    return listed[[*KEYS, *NUMBERS, *FACTS, "reason"]]


def _nothing() -> dict[str, float]:
    return dict.fromkeys(FACTS, np.nan)


def _list(net: "Network", study: str, against: str) -> pd.DataFrame:
    effects = net.effects(against)[["treatment", "reference", *NUMBERS]]
    effects.insert(0, "study", study)
    found = net.fit.heterogeneity
    facts = (net.tau2, found.q, float(found.q_df), found.q_p_value)
    told = [np.nan if isinstance(fact, Inapplicable) else float(fact) for fact in facts]
    return effects.assign(**dict(zip(FACTS, told, strict=True)), reason="")


def keep_trials(contrasts: Contrasts, without: str, reference: str) -> Contrasts:
    """The other trials of a network, as far as they connect to the reference.

    Parameters
    ----------
    contrasts : Contrasts
        All trials.
    without : str
        The trial left out.
    reference : str
        Treatment whose part of the network is kept.

    Raises
    ------
    SynthesisError
        When no other trial has the reference.
    """
    keep = np.array([name != without for name in contrasts.studies])
    if not keep.any():
        raise SynthesisError("No other trial is left.")
    some = _restrict(contrasts, keep[contrasts.study])
    own = next((part for part in find_subnetworks(some) if reference in part), ())
    if not own:
        raise SynthesisError(f"No other trial has an arm of {reference}.")
    inside = np.array([name in own for name in some.treatments])
    return _restrict(some, inside[some.arm])


def _restrict(contrasts: Contrasts, rows: NDArray[np.bool_]) -> Contrasts:
    """Rows of whole trials, with the trials and treatments that they have."""
    kept = np.flatnonzero(rows)
    study, studies = np.unique(contrasts.study[kept], return_inverse=True)
    present = np.unique(np.concatenate([contrasts.arm[kept], contrasts.baseline[kept]]))
    place = np.full(len(contrasts.treatments), -1, dtype=np.intp)
    place[present] = np.arange(present.size)
    return replace(
        contrasts,
        studies=tuple(contrasts.studies[i] for i in study.tolist()),
        treatments=tuple(contrasts.treatments[i] for i in present.tolist()),
        y=contrasts.y[kept],
        V=contrasts.V.restrict(kept),
        study=studies.astype(np.intp),
        arm=place[contrasts.arm[kept]],
        baseline=place[contrasts.baseline[kept]],
        source=contrasts.source.iloc[kept].reset_index(drop=True),
        warnings=(),
    )
