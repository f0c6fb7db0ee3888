"""The groups of a network: arms of one node are one group; one measure and time is chosen in each trial."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synovia import effects, tables
from synovia.effects.arms import pool
from synovia.review.eligible import Wanted, eligible_rows, is_named
from synovia.review.network_plans import NetworkPlan

__all__ = ["Groups", "merge_groups", "select_groups", "vary_groups"]

_COUNTS = ("OR", "RR", "RD")
_SAME_TIME = ("study_id", "scale", "measure", "timepoint", "weeks", "statistic")


@dataclass(frozen=True, slots=True)
class Groups:
    """What a network is made of.

    Attributes
    ----------
    arms : DataFrame
        ARM_DATA rows, one per trial and node, with ``treatment`` the node; of each trial one measure, time
        and statistic.
    omissions : DataFrame
        OMISSIONS rows: what is not used, and why.
    seen : frozenset of str
        Nodes of which some eligible trial reports the outcome, at any time.
    """

    arms: pd.DataFrame
    omissions: pd.DataFrame
    seen: frozenset[str]


def select_groups(plan: NetworkPlan, frames: Mapping[str, pd.DataFrame]) -> Groups:
    """One measure, time and statistic of every trial with at least two nodes, by the rule of the comparisons.

    Parameters
    ----------
    plan : NetworkPlan
        A network as planned.
    frames : mapping of str to DataFrame
        Tables ``arm_data``, ``studies`` and ``arms`` of the whole review.
    """
    wanted = Wanted(plan.network_id, plan.outcome.id, plan.model.designs)
    kept, left_out = eligible_rows(wanted, frames["arm_data"], frames["studies"])
    rows, strangers = _give_nodes(plan, kept, frames["arms"])
    several, alone = _compare_nodes(plan, rows)
    merged = merge_groups(several)
    window = effects.Window(plan.window.id, plan.window.target, plan.window.low, plan.window.high)
    selected = effects.select(
        merged,
        synthesis_id=plan.network_id,
        outcome=plan.outcome.id,
        measures=plan.outcome.measures,
        window=window,
        prefer="events" if plan.model.measure in _COUNTS else plan.model.prefer,
    )
    found = [frame for frame in (left_out, strangers, alone, selected.omissions) if not frame.empty]
    omissions = pd.concat(found or [left_out], ignore_index=True)
    return Groups(_order(plan, selected.arm_data), omissions, frozenset(rows["treatment"]))


def _order(plan: NetworkPlan, arms: pd.DataFrame) -> pd.DataFrame:
    """Trials as they come, the groups of each in the order of the nodes."""
    trials = {study: i for i, study in enumerate(dict.fromkeys(arms["study_id"]))}
    keys = pd.DataFrame({"trial": arms["study_id"].map(trials), "node": arms["treatment"].map(plan.place)})
    return arms.loc[keys.sort_values(["trial", "node"], kind="stable").index].reset_index(drop=True)


def _give_nodes(
    plan: NetworkPlan, rows: pd.DataFrame, arms: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with their node in place of the treatment, and one omission for each arm that has none."""
    products = dict(zip(zip(arms["study_id"], arms["arm_id"], strict=True), arms["product"], strict=True))
    find = _finder(plan)
    nodes = [
        find(str(row.treatment), str(products.get((row.study_id, row.arm_id), "")))
        for row in rows.itertuples()
    ]
    known = [bool(node) for node in nodes]
    strange = rows[[not node for node in nodes]].drop_duplicates(["study_id", "arm_id"])
    omitted = [
        {
            "synthesis_id": plan.network_id,
            "study_id": row["study_id"],
            "arm_id": row["arm_id"],
            "reason": f"given {row['treatment']}, which is no option of this network",
        }
        for row in strange.to_dict("records")
    ]
    named = rows[known].assign(treatment=[node for node in nodes if node])
    return named.reset_index(drop=True), tables.frame(tables.OMISSIONS, omitted)


def _finder(plan: NetworkPlan) -> Callable[[str, str], str]:
    """The node of a treatment and product; a node that names the product goes before one that takes all."""
    every: dict[str, str] = {name: name for name in plan.network.treatments}
    named: dict[tuple[str, str], str] = {}
    for node in plan.network.node:
        for treatment in node.treatments:
            if node.products:
                named |= {(treatment, product): node.id for product in node.products}
            else:
                every[treatment] = node.id
    return lambda treatment, product: named.get((treatment, product)) or every.get(treatment, "")


def _compare_nodes(plan: NetworkPlan, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the trials that have two nodes or more, and one omission for each of the others."""
    count = rows.groupby("study_id")["treatment"].transform("nunique")
    named = plan.labels
    single = rows[count < 2].drop_duplicates("study_id")
    omitted = [
        {
            "synthesis_id": plan.network_id,
            "study_id": row["study_id"],
            "reason": "compares no two options of this network: usable numbers only of "
            + named[row["treatment"]],
        }
        for row in single.to_dict("records")
    ]
    return rows[count >= 2].reset_index(drop=True), tables.frame(tables.OMISSIONS, omitted)


def merge_groups(rows: pd.DataFrame) -> pd.DataFrame:
    """Arms of one treatment at one time of one measure as one group.

    Parameters
    ----------
    rows : DataFrame
        ARM_DATA rows.
    """
    groups: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for record in rows.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        key = tuple(str(row[name]) for name in (*_SAME_TIME, "treatment"))
        groups.setdefault(key, {}).setdefault(row["arm_id"], row)
    return tables.frame(tables.ARM_DATA, [_one_group(list(arms.values())) for arms in groups.values()])


def _one_group(arms: list[dict[str, Any]]) -> dict[str, Any]:
    whole = pool(arms)
    if len(arms) == 1:
        return whole
    return {**whole, "derived": str(whole["derived"]).replace("comparator arms", "arms of one node")}


def vary_groups(groups: Groups, plan: NetworkPlan, doubted: frozenset[str]) -> Groups:
    """The groups that a variant keeps: whole trials, of those of the primary analysis.

    Parameters
    ----------
    groups : Groups
        Of the primary analysis.
    plan : NetworkPlan
        The variant.
    doubted : frozenset of str
        Lines of the evidence with a caution about an SD.
    """
    gone = set(_left_out(groups.arms, plan, doubted))
    kept = groups.arms[~groups.arms["study_id"].isin(sorted(gone))].reset_index(drop=True)
    return Groups(kept, tables.empty(tables.OMISSIONS), groups.seen)


def _left_out(arms: pd.DataFrame, plan: NetworkPlan, doubted: frozenset[str]) -> Iterator[str]:
    changes, usual = plan.changes, arms["sd"].median()
    for name, trial in arms.groupby("study_id", sort=False):
        study, smallest = str(name), trial["n"].min()
        reasons = (
            smallest < changes.smallest_arm,
            changes.smaller_than > 0 and smallest >= changes.smaller_than,
            is_named(study, changes.exclude),
            changes.sd_factor > 0 and _is_odd(trial, usual, changes.sd_factor, doubted),
        )
        if any(reasons):
            yield study


def _is_odd(trial: pd.DataFrame, usual: float, factor: float, doubted: frozenset[str]) -> bool:
    far = (trial["sd"] > usual * factor) | (trial["sd"] < usual / factor)
    lines = {line for text in trial["lines"] for line in str(text).split("; ")}
    return bool(far.any()) or not doubted.isdisjoint(lines)
