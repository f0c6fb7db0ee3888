"""What a fitted network says, as rows of the declared tables: nodes in the order of the protocol."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from synovia.review.network_plans import NetworkPlan
from synovia.synthesis.network import Network, Ranking

__all__ = [
    "arm_rows",
    "contribution_rows",
    "effect_rows",
    "incoherence_rows",
    "rank_probability_rows",
    "rank_rows",
    "settle",
]

Rows = list[dict[str, object]]
Pairs = dict[tuple[str, str], tuple[float, dict[str, object]]]

ROUNDING = 1e-12  # of a standard error; sums of some hundred numbers leave about 1e-15
_OF_ARM = ("arm_id", "measure", "unit", "weeks", "statistic", "n", "mean", "sd", "events", "caution", "lines")


def arm_rows(plan: NetworkPlan, arms: pd.DataFrame, names: Mapping[str, str]) -> Rows:
    """Rows of NETWORK_ARMS: the groups that go in."""
    return [
        {
            **plan.base,
            "study_id": row["study_id"],
            "label": names.get(row["study_id"], row["study_id"]),
            "node": row["treatment"],
            "derived": "; ".join(text for text in (row["derived"], row["assumption"]) if text),
            **{name: row[name] for name in _OF_ARM},
        }
        for row in arms.to_dict("records")
    ]


def _ordered(plan: NetworkPlan, net: Network) -> list[tuple[str, str]]:
    """Every pair of connected nodes, each with the earlier one of the protocol second."""
    nodes = sorted(net.treatments, key=plan.place.__getitem__)
    return [(node, comparator) for i, comparator in enumerate(nodes) for node in nodes[i + 1 :]]


def _index(table: pd.DataFrame) -> Pairs:
    """Rows by their two treatments, both ways: the sign, and the row."""
    found: Pairs = {}
    for row in table.to_dict("records"):
        named = {str(name): value for name, value in row.items()}
        first, second = str(named["treatment_1"]), str(named["treatment_2"])
        found[first, second], found[second, first] = (1.0, named), (-1.0, named)
    return found


def _turn(pairs: Pairs, pair: tuple[str, str], name: str) -> tuple[float, float, float]:
    """Estimate and limits of a pair, the way it is asked for."""
    sign, row = pairs[pair]
    prefix = "" if name == "estimate" else f"{name}_"
    estimate, low, high = (sign * float(str(row[key])) for key in (name, f"{prefix}lower", f"{prefix}upper"))
    return estimate, min(low, high), max(low, high)


def effect_rows(plan: NetworkPlan, net: Network, arms: pd.DataFrame) -> Rows:
    """Rows of NETWORK_EFFECTS: every pair, with what trials say directly and indirectly."""
    effects, splits = _index(net.pairs()), _index(net.split().tidy())
    return [
        {
            **plan.base,
            "node": pair[0],
            "comparator": pair[1],
            **_effect(effects, pair),
            **_trials(arms, pair),
            **_split(splits, pair),
        }
        for pair in _ordered(plan, net)
    ]


def settle(estimate: float, std_error: float) -> float:
    """An estimate that is 0 but for rounding, as 0: the last digits of a sum differ between machines.

    Examples
    --------
    >>> settle(-4.5e-15, 14.2), settle(0.01, 14.2)
    (0.0, 0.01)
    """
    return 0.0 if abs(estimate) < ROUNDING * std_error else estimate


def _effect(effects: Pairs, pair: tuple[str, str]) -> dict[str, object]:
    sign, row = effects[pair]
    estimate, lower, upper = _turn(effects, pair, "estimate")
    low, high = (sign * float(str(row[f"prediction_{end}"])) for end in ("lower", "upper"))
    return {
        "estimate": settle(estimate, float(str(row["std_error"]))),
        "lower": lower,
        "upper": upper,
        "std_error": row["std_error"],
        "p_value": row["p_value"],
        "prediction_lower": min(low, high),
        "prediction_upper": max(low, high),
    }


def _trials(arms: pd.DataFrame, pair: tuple[str, str]) -> dict[str, object]:
    own = arms[arms["treatment"].isin(pair)]
    both = own[own.groupby("study_id")["treatment"].transform("nunique") == len(pair)]
    studies = list(dict.fromkeys(both["study_id"]))
    return {"k": len(studies), "n": both["n"].sum(), "studies": "; ".join(studies)}


def _split(splits: Pairs, pair: tuple[str, str]) -> dict[str, object]:
    sign, row = splits[pair]
    found: dict[str, object] = {"evidence": row["evidence"], "direct_share": row["direct_share"]}
    for name in ("direct", "indirect"):
        estimate, lower, upper = _turn(splits, pair, name)
        found |= {name: settle(estimate, upper - lower), f"{name}_lower": lower, f"{name}_upper": upper}
    return found | {
        "difference": settle(sign * float(str(row["difference"])), float(str(row["difference_std_error"]))),
        "difference_p_value": row["p_value"],
    }


def rank_rows(plan: NetworkPlan, net: Network, ranking: Ranking) -> Rows:
    """Rows of NETWORK_RANKS, the best node first: any difference counts; near the best is within the MID."""
    table = ranking.tidy()
    if not plan.mid:
        return _of_nodes(plan, table.assign(near_best=np.nan))
    near = net.rank(better=plan.better, mid=plan.mid).tidy().set_index("treatment")["near_best"]
    return _of_nodes(plan, table.assign(near_best=near.reindex(table["treatment"]).to_numpy()))


def _of_nodes(plan: NetworkPlan, table: pd.DataFrame) -> Rows:
    rows = table.rename(columns={"treatment": "node"}).to_dict("records")
    return [{**plan.base, **{str(name): value for name, value in row.items()}} for row in rows]


def rank_probability_rows(plan: NetworkPlan, ranking: Ranking) -> Rows:
    """Rows of NETWORK_RANK_PROBABILITIES."""
    return _of_nodes(plan, ranking.frame())


def incoherence_rows(plan: NetworkPlan, net: Network) -> Rows:
    """Rows of NETWORK_INCOHERENCE: the parts of Q, the test with random effects, then design by design."""
    found = net.decompose()
    parts = found.tidy().rename(columns={"inapplicable": "note"}).to_dict("records")
    rows: Rows = [{**plan.base, **{str(name): value for name, value in row.items()}} for row in parts]
    for row in found.designs.to_dict("records"):
        df = int(row["df_within"])
        own = {"q": row["q_within"] if df else np.nan, "df": df, "p_value": row["p_within"]}
        note = "" if df else "one trial only"
        rows.append({**plan.base, "part": row["design"], "k": row["k"], **own, "tau2": 0.0, "note": note})
    return rows


def contribution_rows(plan: NetworkPlan, net: Network) -> Rows:
    """Rows of NETWORK_CONTRIBUTIONS: of each direct comparison, and of each trial, to every estimate."""
    found = net.contributions()
    by_comparison, by_trial = found.matrix(), found.trials(net.design.studies)
    names = {name: tuple(name.split(":")) for name in (*by_comparison.index, *by_comparison.columns)}
    place = plan.place
    rows: Rows = []
    for name in sorted(by_comparison.index, key=lambda name: sorted(place[one] for one in names[name])):
        comparator, node = sorted(names[name], key=place.__getitem__)
        for kind, shares in (("comparison", by_comparison.loc[name]), ("trial", by_trial.loc[name])):
            for source, share in shares.items():
                shown = _name_pair(names[str(source)], place) if kind == "comparison" else str(source)
                own = {"node": node, "comparator": comparator, "kind": kind, "source": shown}
                rows.append({**plan.base, **own, "contribution": settle(float(share), 100.0)})
    return rows


def _name_pair(pair: tuple[str, ...], place: Mapping[str, int]) -> str:
    return " : ".join(sorted(pair, key=place.__getitem__, reverse=True))
