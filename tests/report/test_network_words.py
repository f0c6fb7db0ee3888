"""Sentences about networks: never stronger than their numbers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synovia import tables
from synovia.report import Mid, NetworkAnswer, NetworkCase
from synovia.report.network_words import percent_of, word_network
from synovia.tables import Table

LABELS = {"saline": "saline", "a": "drug A", "b": "drug B"}
OF = {"network_id": "n", "variant": "primary"}


def effect(node: str, numbers: tuple[float, float, float], **more: object) -> dict[str, object]:
    estimate, lower, upper = numbers
    return {
        **OF, "node": node, "comparator": "saline", "estimate": estimate, "lower": lower, "upper": upper,
        "k": 3, "n": 100, "evidence": "direct only", **more,
    }  # fmt: skip


def network_row(**more: object) -> dict[str, object]:
    return {
        **OF, "outcome": "pain", "window": "w", "reference": "saline", "measure": "MD", "scale": "points",
        "status": "fitted", "nodes": 3, "trials": 6, "n": 600, "level": 0.95, "tau2": 4.0, "precision": 0.4, **more,
    }  # fmt: skip


def part(q: float, p: float, note: str = "") -> dict[str, object]:
    name = "between designs, random effects"
    return {**OF, "part": name, "q": q, "df": 1, "p_value": p, "note": note}


def answer(rows: dict[Table, list[dict[str, object]]]) -> NetworkAnswer:
    known = {table.name: tables.frame(table, own) for table, own in rows.items()}
    return NetworkAnswer("n", "All", "pain", "3 months", "saline", LABELS, known)


@pytest.fixture
def plain() -> NetworkAnswer:
    return answer(
        {
            tables.NETWORKS: [network_row()],
            tables.NETWORK_EFFECTS: [effect("a", (-9.0, -12.0, -6.0)), effect("b", (-4.0, -9.0, 1.0), k=1)],
            tables.NETWORK_INCOHERENCE: [part(np.nan, np.nan, "no closed loop")],
        }
    )


def test_only_intervals_without_no_effect_count_as_clear(plain: NetworkAnswer) -> None:
    said = word_network(plain).effects
    assert "drug A 9.0 points lower" in said
    assert "No clear difference from saline: drug B." in said
    assert "1 of 2 direct comparisons rests on a single trial" in word_network(plain).basis


def test_what_cannot_be_tested_is_not_called_agreement(plain: NetworkAnswer) -> None:
    assert "cannot be tested: no closed loop" in word_network(plain).incoherence


@pytest.mark.parametrize(("p", "words"), [(0.01, "not to be trusted"), (0.4, "weak evidence")])
def test_disagreement_is_said_plainly(plain: NetworkAnswer, p: float, words: str) -> None:
    rows = tables.frame(tables.NETWORK_INCOHERENCE, [part(6.0, p)])
    changed = replace(plain, tables={**plain.tables, "network_incoherence": rows})
    assert words in word_network(changed).incoherence


@pytest.mark.parametrize(
    ("large", "words"), [(-3.0, "far smaller"), (-8.0, "show smaller"), (-12.0, "no smaller")]
)
def test_size_is_judged_by_the_numbers(plain: NetworkAnswer, large: float, words: str) -> None:
    cases = (NetworkCase("large", "large", smallest_arm=50), NetworkCase("small", "small", smaller_than=50))
    networks = [network_row(), network_row(variant="large"), network_row(variant="small")]
    rows = [
        effect("a", (-9.0, -12.0, -6.0)),
        effect("a", (large, large - 2, large + 2), variant="large", k=4),
        effect("a", (-10.0, -15.0, -5.0), variant="small", k=2),
    ]
    known = {
        **plain.tables,
        "networks": tables.frame(tables.NETWORKS, networks),
        "network_effects": tables.frame(tables.NETWORK_EFFECTS, rows),
    }
    changed = replace(plain, tables=known, cases=cases)
    said = word_network(changed).size
    assert words in said
    assert "4 trials with at least 50 people" in said
    single = pd.concat([known["network_effects"].iloc[:2], known["network_effects"].iloc[2:].assign(k=1)])
    assert not word_network(replace(changed, tables={**known, "network_effects": single})).size


def test_probabilities_name_prior_and_threshold(plain: NetworkAnswer) -> None:
    rows = [{**OF, "node": "a", "comparator": "saline", "better_by_mid": 0.999, "trial_better_by_mid": 0.3}]
    known = {**plain.tables, "network_posteriors": tables.frame(tables.NETWORK_POSTERIORS, rows)}
    said = word_network(
        replace(plain, tables=known, mid=Mid(9.7, "individual", "Someone 2000"), prior="a prior")
    ).chance
    assert "by more than 9.7 points" in said
    assert "not about a difference between the averages" in said
    assert "with a prior as the prior" in said
    assert "over 99" in said


def test_no_network_says_why() -> None:
    row = network_row(status="not fitted", reason="no trial compares saline")
    said = word_network(answer({tables.NETWORKS: [row]})).effects
    assert said == "At 3 months, no network for pain can be made: no trial compares saline."
    assert percent_of(0.001).startswith("under 1")
