"""Networks of named measures, two networks in one league table, and scripts for R."""

import numpy as np
import pandas as pd
import pytest

from network_trials import make_arms, make_comparisons
from synovia.errors import SynthesisError
from synovia.synthesis.network import hypergeometric_network, league, network


@pytest.fixture
def pairs() -> pd.DataFrame:
    return make_comparisons(make_arms())


def test_comparisons_of_a_measure_are_those_without(pairs: pd.DataFrame) -> None:
    plain, named = network(pairs), network(pairs, measure="HR")
    assert named.estimates == pytest.approx(plain.estimates)
    assert named.league().ratio
    assert not plain.league().ratio
    assert 'sm="HR"' in named.to_r()
    renamed = pairs.rename(columns={"treatment_1": "one", "treatment_2": "other"})
    columns = {"treatment_1": "one", "treatment_2": "other"}
    assert network(renamed, measure="OR", columns=columns).design.contrasts.measure == "OR"
    with pytest.raises(SynthesisError, match="Found measure 'HRR'; wanted one of MD"):
        network(pairs, measure="HRR")
    with pytest.raises(SynthesisError, match="hazard ratio is not made from arms"):
        network(make_arms(), measure="HR")


def test_another_network_stands_above_the_diagonal(pairs: pd.DataFrame) -> None:
    random, common = network(pairs), network(pairs, random=False, reference="C")
    order = ("D", "B", "A", "C")
    table = league(random, order=order, above=common)
    for i, one in enumerate(order):
        for j in range(i + 1, 4):
            row = common.compare(one, order[j]).iloc[0]
            assert table.estimate[i, j] == pytest.approx(row["estimate"])
            assert table.upper[i, j] == pytest.approx(row["upper"])
    assert "common effects" in table.caption
    fewer = network(pairs[~pairs["study"].isin(["s6", "s7", "s8", "s9"])])
    shown = league(random, order=order, above=fewer)
    assert np.isnan(shown.estimate[0, 1:]).all()
    assert np.isfinite(shown.estimate[1, 2])


def test_networks_that_cannot_share_a_table_are_refused(pairs: pd.DataFrame) -> None:
    net = network(pairs)
    with pytest.raises(SynthesisError, match="One of the two networks has ratios"):
        net.league(above=network(pairs, measure="OR"))
    assert net.league(above=network(pairs, measure="OR"), ratio=False).ratio is False
    other = network(pairs.replace({name: f"{name}2" for name in "ABCD"}))
    with pytest.raises(SynthesisError, match="shares no two treatments"):
        net.league(above=other)


def test_scripts_read_the_network_in_every_way(pairs: pd.DataFrame) -> None:
    script = network(pairs).to_r()
    for call in ("netleague", "netrank", "netsplit", "decomp.design", "netmeasures", "netcontrib"):
        assert f"\n{call}(net" in script
    assert script.count("(") == script.count(")")
    assert len(script.split("TE = c(")[1].split(")")[0].split(",")) == len(pairs)


def test_names_are_quoted_in_scripts() -> None:
    arms = make_arms().replace({"A": 'drug "A" \\ 5 mg'})
    for script in (hypergeometric_network(arms).to_r(), network(arms, measure="OR").to_r()):
        assert '"drug \\"A\\" \\\\ 5 mg"' in script


def test_what_netmeta_does_not_fit_is_refused() -> None:
    two = pd.concat([make_arms(), make_arms(seed=8).assign(study=lambda d: d["study"] + "b")])
    wide = network(two, measure="MD").allow_incoherence()
    with pytest.raises(SynthesisError, match="no variance between designs"):
        wide.to_r()
