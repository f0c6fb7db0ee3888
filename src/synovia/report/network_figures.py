"""Drawings of a network: its graph, its effects against the reference, its ranks, direct beside indirect."""

import math

import pandas as pd
from matplotlib.figure import Figure

from synovia import plots, tables
from synovia.plots.network_graph import network_graph
from synovia.plots.rankogram import rankogram
from synovia.plots.split import split
from synovia.plots.style import figure_of
from synovia.report.network_content import NetworkAnswer
from synovia.report.numerals import reading_of

__all__ = ["forest_of_network", "graph_of", "ranks_of", "split_of"]


def graph_of(answer: NetworkAnswer) -> Figure | None:
    """The graph of a network; None when there is none."""
    if not answer.fitted:
        return None
    known = answer.rows(tables.NETWORK_NODES).query("status == 'connected'")
    labels = dict(zip(known["node"], known["label"], strict=True))
    edges = answer.rows(tables.NETWORK_EFFECTS).query("k > 0")
    arms = answer.rows(tables.NETWORK_ARMS)
    arms = arms[arms["node"].isin(labels)]
    designs = arms.groupby("study_id", sort=False)["node"].apply(
        lambda nodes: tuple(labels[n] for n in nodes)
    )
    counts = designs[designs.map(len) > 2].value_counts(sort=False)
    return figure_of(
        network_graph(
            pd.DataFrame({"label": list(labels.values()), "n": list(known["n"])}),
            pd.DataFrame(
                {
                    "treatment_1": [labels[name] for name in edges["node"]],
                    "treatment_2": [labels[name] for name in edges["comparator"]],
                    "k": list(edges["k"]),
                }
            ),
            pd.DataFrame({"treatments": list(counts.index), "k": list(counts)}),
        )
    )


def forest_of_network(answer: NetworkAnswer) -> Figure | None:
    """Network estimates against the reference; None when there are none."""
    rows = answer.against_reference()
    if rows.empty:
        return None
    reading = reading_of(str(answer.facts()["measure"]))
    better, worse = "better than", "worse than"
    ends = (better, worse) if answer.better == "lower" else (worse, better)
    reference = answer.labels[answer.reference]
    shown = rows.assign(label=[answer.labels[node] for node in rows["node"]], weight=math.nan)
    kind = "group"
    return plots.forest_figure(
        shown.drop(columns=["n"]),
        pd.DataFrame(),
        scale_label=scale_label(answer),
        favours=(f"{ends[0]} {reference}", f"{ends[1]} {reference}"),
        columns=("effect",),
        row_label="Option",
        log=bool(reading.name),
        mid=answer.mid.value if answer.mid and answer.mid.kind == kind else None,
    )


def scale_label(answer: NetworkAnswer) -> str:
    """What the axis of an effect says."""
    reading = reading_of(str(answer.facts()["measure"]))
    return reading.name.capitalize() or f"Difference in {answer.outcome}, {reading.unit}"


def ranks_of(answer: NetworkAnswer) -> Figure | None:
    """The probability of every rank of every node; None when nothing was ranked."""
    rows = answer.rows(tables.NETWORK_RANK_PROBABILITIES)
    if rows.empty:
        return None
    names = [answer.labels[node] for node in rows["node"]]
    scores = answer.rows(tables.NETWORK_RANKS)
    return figure_of(
        rankogram(
            rows.assign(treatment=names),
            scores=scores.assign(treatment=[answer.labels[node] for node in scores["node"]]),
        )
    )


def split_of(answer: NetworkAnswer) -> Figure | None:
    """Direct beside indirect evidence; None when no comparison has both."""
    rows = answer.rows(tables.NETWORK_EFFECTS).query("evidence == 'mixed'")
    if rows.empty:
        return None
    shown = rows.rename(columns={"estimate": "network", "lower": "network_lower", "upper": "network_upper"})
    named = shown.assign(
        treatment_1=[answer.labels[node] for node in rows["node"]],
        treatment_2=[answer.labels[node] for node in rows["comparator"]],
        p_value=math.nan,
        direct_share=math.nan,
    )
    measure = str(answer.facts()["measure"])
    return figure_of(split(named, scale_label=scale_label(answer), log=bool(reading_of(measure).name)))
