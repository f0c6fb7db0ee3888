"""One network carried out: connected, fitted, ranked, held against itself, and taken apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from synovia import tables
from synovia.errors import SynthesisError
from synovia.review.network_arms import Groups, select_groups, vary_groups
from synovia.review.network_plans import NetworkPlan
from synovia.review.network_posterior import posterior_rows
from synovia.review.network_rows import (
    arm_rows,
    contribution_rows,
    effect_rows,
    incoherence_rows,
    rank_probability_rows,
    rank_rows,
)
from synovia.review.plans import PRIMARY
from synovia.review.scales import SCALE_WORDS
from synovia.synthesis.network import Contrasts, Network, network, read_arms
from synovia.synthesis.network.design import find_subnetworks
from synovia.tables import Table

__all__ = ["TABLES", "Carried", "carry_out"]

TABLES: tuple[Table, ...] = (
    tables.NETWORKS,
    tables.NETWORK_NODES,
    tables.NETWORK_ARMS,
    tables.NETWORK_EFFECTS,
    tables.NETWORK_RANKS,
    tables.NETWORK_RANK_PROBABILITIES,
    tables.NETWORK_INCOHERENCE,
    tables.NETWORK_CONTRIBUTIONS,
    tables.NETWORK_POSTERIORS,
)
"""What a network gives, besides what it omits."""

NO_REFERENCE = "no trial in the window compares {} with another option"


@dataclass(frozen=True, slots=True)
class Carried:
    """What one network of the protocol gave, with its variants.

    Attributes
    ----------
    rows : dict of str to list
        Rows of TABLES, by the name of the table.
    omissions : DataFrame
        OMISSIONS rows.
    """

    rows: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    omissions: pd.DataFrame = field(default_factory=lambda: tables.empty(tables.OMISSIONS))

    def add(self, table: Table, rows: list[dict[str, object]]) -> None:
        """Rows that belong to a table."""
        self.rows.setdefault(table.name, []).extend(rows)


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of the groups that hangs together with the reference, and how all of them fall apart."""

    arms: pd.DataFrame
    parts: tuple[tuple[str, ...], ...]


def carry_out(
    plans: tuple[NetworkPlan, ...], frames: Mapping[str, pd.DataFrame], doubted: frozenset[str]
) -> Carried:
    """A network as planned, and its variants on the same groups.

    Parameters
    ----------
    plans : tuple of NetworkPlan
        The primary one first.
    frames : mapping of str to DataFrame
        Tables ``arm_data``, ``studies`` and ``arms`` of the whole review.
    doubted : frozenset of str
        Lines of the evidence with a caution about an SD.
    """
    primary = plans[0]
    groups = select_groups(primary, frames)
    carried = Carried(omissions=groups.omissions)
    names = dict(zip(frames["studies"]["study_id"], frames["studies"]["label"], strict=True))
    for plan in plans:
        own = groups if plan is primary else vary_groups(groups, plan, doubted)
        try:
            _add_network(carried, plan, own, names)
        except SynthesisError as problem:
            raise type(problem)(f"network {plan.network_id}, {plan.variant}: {problem}") from problem
    return carried


def _add_network(carried: Carried, plan: NetworkPlan, groups: Groups, names: Mapping[str, str]) -> None:
    part = _connect(plan, groups.arms)
    carried.add(tables.NETWORK_NODES, _node_rows(plan, groups, part))
    carried.add(tables.NETWORK_ARMS, arm_rows(plan, groups.arms, names))
    found = _fit(plan, part.arms)
    if isinstance(found, str):
        carried.add(tables.NETWORKS, [_network_row(plan, part.arms, found)])
        return
    row = _network_row(plan, part.arms, "", found)
    if plan.variant == PRIMARY:
        ranking = found.rank(better=plan.better, mid=0.0)
        row["precision"] = ranking.precision
        carried.add(tables.NETWORK_RANKS, rank_rows(plan, found, ranking))
        carried.add(tables.NETWORK_RANK_PROBABILITIES, rank_probability_rows(plan, ranking))
        carried.add(tables.NETWORK_CONTRIBUTIONS, contribution_rows(plan, found))
        carried.add(tables.NETWORK_POSTERIORS, posterior_rows(plan, found))
    carried.add(tables.NETWORKS, [row])
    carried.add(tables.NETWORK_EFFECTS, effect_rows(plan, found, part.arms))
    carried.add(tables.NETWORK_INCOHERENCE, incoherence_rows(plan, found))


def _connect(plan: NetworkPlan, arms: pd.DataFrame) -> _Part:
    """The trials that hang together with the reference."""
    if arms.empty:
        return _Part(arms, ())
    parts = find_subnetworks(_read(plan, arms))
    own = next((part for part in parts if plan.network.reference in part), ())
    return _Part(arms[arms["treatment"].isin(own)].reset_index(drop=True), parts)


def _read(plan: NetworkPlan, arms: pd.DataFrame) -> Contrasts:
    return read_arms(arms, measure=plan.model.measure, columns={"study": "study_id"})


def _fit(plan: NetworkPlan, arms: pd.DataFrame) -> Network | str:
    """The network, or why there is none."""
    reference = plan.network.reference
    if arms.empty:
        return NO_REFERENCE.format(plan.labels[reference])
    random = plan.network.random != "none"
    contrasts = _read(plan, arms)
    spare = contrasts.n - len(contrasts.treatments) + 1
    if random and spare < 1:
        return (
            "every comparison was made once and there is no loop, so that nothing tells how far trials "
            "differ; single trials are reported, not a network"
        )
    return network(
        contrasts,
        reference=reference,
        random=random,
        tau2=plan.model.tau2,
        inference=plan.network.inference,
        level=plan.model.level,
    )


def _node_rows(plan: NetworkPlan, groups: Groups, part: _Part) -> list[dict[str, object]]:
    connected = set(part.arms["treatment"])
    rows = []
    for node in plan.network.nodes:
        own = groups.arms[groups.arms["treatment"] == node]
        status = "connected" if node in connected else "apart" if len(own) else "no data"
        rows.append(
            {
                **plan.base,
                "node": node,
                "label": plan.labels[node],
                "status": status,
                "trials": own["study_id"].nunique(),
                "n": own["n"].sum(),
                "reason": "" if status == "connected" else _why_apart(plan, groups, part, node),
            }
        )
    return rows


def _why_apart(plan: NetworkPlan, groups: Groups, part: _Part, node: str) -> str:
    reference = plan.labels[plan.network.reference]
    own = next((names for names in part.parts if node in names), ())
    if own:
        others = [plan.labels[name] for name in plan.network.nodes if name in own]
        return (
            f"compared only with each other ({', '.join(others)}); a trial of one of them against "
            f"{reference}, or against what is connected to it, would connect them"
        )
    if node in groups.seen:
        weeks = f"from week {plan.window.low:g} to {plan.window.high:g}"
        return f"no trial that compares it with another option has usable numbers {weeks}"
    return "no eligible trial has usable numbers of this outcome, at any time"


def _network_row(
    plan: NetworkPlan,
    arms: pd.DataFrame,
    reason: str,
    found: Network | None = None,
) -> dict[str, object]:
    row = {
        **plan.base,
        "outcome": plan.outcome.id,
        "window": plan.window.id,
        "reference": plan.network.reference,
        "measure": plan.model.measure,
        "scale": SCALE_WORDS[plan.model.measure],
        "status": "not fitted" if found is None else "fitted",
        "reason": reason,
        "nodes": arms["treatment"].nunique(),
        "trials": arms["study_id"].nunique(),
        "n": arms["n"].sum(),
        "level": plan.model.level,
    }
    if found is None:
        return row
    facts = found.glance().iloc[0]
    wanted = ("comparisons", "designs", "tau2", "i2", "q", "q_df", "q_p_value", "method", "warnings")
    return row | {name: facts[name] for name in wanted}
