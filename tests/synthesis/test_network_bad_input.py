"""What a network says of tables it cannot use, through every door: network, component_network, bayes."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import synovia as sv
from synovia.errors import SynthesisError
from synovia.synthesis.bayes import HalfNormal
from synovia.synthesis.network import hypergeometric_network, mantel_haenszel_network


def pairs(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["study", "treatment_1", "treatment_2", "estimate", "std_error"])


def counts(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["study", "treatment", "events", "n"])


AB, BA = ("s1", "B", "A", 1.0, 0.5), ("s2", "B", "A", 0.7, 0.5)
THREE = pairs(("s1", "B", "A", 1.0, 0.5), ("s1", "C", "A", 0.7, 0.5), BA)
APART = pairs(AB, BA, ("s3", "D", "C", 0.3, 0.4), ("s4", "D", "C", 0.2, 0.4))
STAR = pairs(AB, BA, ("s3", "C", "A", 0.3, 0.4), ("s4", "C", "A", 0.1, 0.4))

REFUSED: dict[str, tuple[pd.DataFrame, dict[str, Any], str]] = {
    "two parts": (APART, {}, r"2 parts that no trial connects: \{A, B\}; \{C, D\}.*one of A with C, would connect"),
    "itself": (pairs(("s1", "A", "A", 1.0, 0.5), BA), {}, r"Row 1 \(s1\) compares 'A' with itself"),
    "no baseline variance": (THREE, {}, "s1 has 3 arms and no variance of its baseline 'A'.*wanted all 3 comparisons"),
    "two baseline variances": (
        THREE.assign(baseline_variance=[0.1, 0.2, np.nan]), {}, "gives two variances of its baseline 'A', 0.1 and 0.2",
    ),
    "negative baseline variance": (
        THREE.assign(baseline_variance=[-0.1, -0.1, np.nan]), {}, "s1 has baseline_variance -0.1; wanted",
    ),
    "large baseline variance": (
        THREE.assign(baseline_variance=[0.3, 0.3, np.nan]), {}, "0.3 of s1 is not below the variances of all",
    ),
    "twice": (pairs(AB, AB), {}, "s1 compares A with B more than once: duplicate arms, or two trials of one name"),
    "one trial": (pairs(AB), {}, r"Nothing is left to estimate tau2 from \(1 comparison for 1 effect\)"),
    "no rows": (pairs(), {}, "The table has no rows"),
    "arms without a measure": (counts(("s1", "A", 1, 9), ("s1", "B", 2, 9)), {}, "row for each arm; say the effect measure"),
    "all arms alike": (
        counts(("s1", "A", 1, 9), ("s1", "A", 2, 9)), {"measure": "OR"}, "All arms of s1 were given 'A'; wanted two",
    ),
    "duplicate arms": (
        counts(("s1", "A", 1, 9), ("s1", "A", 2, 9), ("s1", "B", 2, 9)), {"measure": "OR"},
        "s1 has duplicate arms: 2 of its arms were given 'A'. Merge them",
    ),
    "no events": (
        counts(("s1", "A", 0, 9), ("s1", "B", 0, 9)), {"measure": "OR"}, "No trial has two arms.* s1 has no events in any arm",
    ),
    "single arms": (counts(("s1", "A", 1, 9)), {"measure": "RR"}, r"s1 has a single usable arm \(A\) and was dropped"),
    "single participants": (
        pd.DataFrame({"study": "s1", "treatment": ["A", "B"], "mean": [1.0, 2.0], "sd": [1.0, 1.0], "n": [1, 1]}),
        {"measure": "SMD"}, "s1 has one participant in each arm",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_cannot_be_used_is_said(case: str) -> None:
    table, options, said = REFUSED[case]
    with pytest.raises(SynthesisError, match=said):
        sv.network(table, **options)


@pytest.mark.parametrize("case", [name for name in REFUSED if name not in ("two parts", "one trial")])
def test_component_networks_say_the_same(case: str) -> None:
    table, options, said = REFUSED[case]
    with pytest.raises(SynthesisError, match=said):
        sv.component_network(table, **options)


def test_a_component_network_of_parts_says_what_it_cannot_tell() -> None:
    parts = sv.component_network(APART)
    assert parts.warnings[0].startswith(
        "The effects of 'A' and 'B' cannot be separated: of them only A - B is"
    )
    assert np.isnan(parts.compare("A", "C")["estimate"][0])
    assert "not separable" in str(parts)
    confounded = sv.component_network(
        pairs(("s1", "gel + ev", "saline", 1.0, 0.5), ("s2", "gel + ev", "saline", 0.7, 0.5)),
        inactive="saline",
    )
    assert "'ev' and 'gel' cannot be separated: of them only ev + gel is estimated." in confounded.warnings[0]


def test_a_star_is_not_called_coherent() -> None:
    net = sv.network(STAR)
    for found in (net.decompose(), net.split(), net.loops(), net.net_heat()):
        assert "does not mean that it is absent" in str(found.inapplicable)
    assert net.decompose().tidy()["q"].isna().tolist() == [False, False, True, True]
    assert net.split().tidy()["p_value"].isna().all()
    assert "cannot be tested" in str(net.random_interaction())
    (sentence,) = [text.get_text() for text in sv.draw(net.split()).texts]
    assert "does not mean" in " ".join(sentence.split())


def test_zero_events_are_said_and_offered_another_way() -> None:
    table = counts(("s1", "A", 0, 20), ("s1", "B", 3, 20), ("s2", "A", 0, 20), ("s2", "B", 0, 20),
                   ("s3", "A", 2, 20), ("s3", "B", 5, 20))  # fmt: skip
    said = sv.network(table, measure="OR").warnings
    assert said == (
        "An arm of trial s1 has no event: 0.5 was added to the counts of all its arms.",
        "s2 has no events in any arm, or nothing else, and was dropped: it says nothing about a ratio.",
    )
    assert len(sv.network(table, measure="RD").design.studies) == 3
    assert sv.network(table, measure="ASD").warnings == ()
    assert mantel_haenszel_network(table).estimates[1] > 0
    with pytest.raises(SynthesisError, match="zero or infinite: in every trial that compares them"):
        hypergeometric_network(table.iloc[:4])


def test_names_that_are_nearly_the_same_are_pointed_out() -> None:
    net = sv.network(pairs(("s1", "Placebo", "A", 1.0, 0.5), ("s2", "placebo", "A", 0.7, 0.5)), random=False)
    assert "'Placebo' and 'placebo' are taken for different treatments" in net.warnings[0]
    assert sv.network(pairs(("s1", "A 1.5", "A 15", 1.0, 0.5)), random=False).warnings == ()


def test_a_network_has_a_posterior_where_its_prior_is_proper() -> None:
    net = sv.network(STAR)
    found = sv.bayes(net, tau=HalfNormal(0.5)).tidy()
    assert found.equals(sv.bayes(net.fit, tau=HalfNormal(0.5)).tidy())
    with pytest.raises(SynthesisError, match="Found no prior for tau"):
        sv.bayes(net)
    with pytest.raises(SynthesisError, match=r"improper.* 2 estimates for 1 coefficients"):
        sv.bayes(sv.network(pairs(AB, BA)), tau="uniform")
    with pytest.raises(SynthesisError, match="bayes needs estimates with variances"):
        sv.bayes(mantel_haenszel_network(counts(("s1", "A", 1, 9), ("s1", "B", 2, 9))), tau=HalfNormal(0.5))
