"""Networks for the report: the rows of each, with the words and thresholds of the protocol."""

from collections.abc import Iterator

import pandas as pd

from synovia import tables
from synovia.report import NETWORK_TABLES, NetworkAnswer, NetworkCase
from synovia.report import Mid as ShownMid
from synovia.review.network_plans import NetworkPlan, network_plans
from synovia.review.protocol import Prior
from synovia.review.run import Derived

__all__ = ["gather_networks", "name_prior"]


def gather_networks(derived: Derived) -> Iterator[NetworkAnswer]:
    """Every network of the protocol, as the report shows it.

    Parameters
    ----------
    derived : Derived
        The review after its chain has run.
    """
    for plan, *variants in network_plans(derived.materials.protocol):
        omitted = derived.frames[tables.NETWORK_OMISSIONS.name]
        yield NetworkAnswer(
            network_id=plan.network_id,
            label=plan.network.label,
            outcome=plan.outcome.label,
            window=plan.window.label,
            reference=plan.network.reference,
            labels=plan.labels,
            tables={table.name: _own(derived, table.name, plan) for table in NETWORK_TABLES},
            omissions=omitted[omitted["synthesis_id"] == plan.network_id].reset_index(drop=True),
            cases=tuple(_case(variant) for variant in variants),
            better=plan.better,
            mid=_mid(plan),
            prior="" if plan.prior is None or plan.network.random == "none" else name_prior(plan.prior),
        )


def _own(derived: Derived, name: str, plan: NetworkPlan) -> pd.DataFrame:
    frame = derived.frames[name]
    return frame[frame["network_id"] == plan.network_id].reset_index(drop=True)


def _case(plan: NetworkPlan) -> NetworkCase:
    changes = plan.changes
    return NetworkCase(
        changes.id, changes.label, changes.smallest_arm, changes.smaller_than, changes.sd_factor
    )


def _mid(plan: NetworkPlan) -> ShownMid | None:
    mid = plan.outcome.mid
    return ShownMid(mid.value, mid.kind, mid.citation) if mid is not None and plan.mid else None


def name_prior(prior: Prior) -> str:
    """A declared prior in words.

    Examples
    --------
    >>> name_prior(Prior(family="half-normal", scale=10))
    'a half-normal distribution with scale 10'
    """
    if prior.family == "uniform":
        return f"a uniform distribution from 0 to {prior.scale:g}"
    if prior.family == "log-normal":
        return f"a log-normal distribution of the variance (mean {prior.location:g}, SD {prior.scale:g})"
    df = f" and {prior.df:g} degrees of freedom" if prior.family == "half-t" else ""
    return f"a {prior.family} distribution with scale {prior.scale:g}{df}"
