"""Networks within subgroups of trials."""

import pandas as pd
import pytest
from scipy.stats import chi2

from network_trials import make_arms, make_comparisons
from synovia.errors import SynthesisError
from synovia.synthesis.network import network, network_subgroups


@pytest.fixture
def pairs() -> pd.DataFrame:
    two = pd.concat([make_arms(), make_arms(seed=8).assign(study=lambda d: d["study"] + "b")])
    data = make_comparisons(two)
    return data.assign(late=data["study"].str.endswith("b").map({True: "late", False: "early"}))


def test_each_subgroup_is_the_network_of_its_trials(pairs: pd.DataFrame) -> None:
    found = network_subgroups(pairs, "late", reference="B", tau2="DL")
    tests = found.test().set_index("treatment")
    alone = {
        name: network(pairs[pairs["late"] == name], reference="B", tau2="DL").effects().set_index("treatment")
        for name in ("early", "late")
    }
    for name, own in found.tidy().groupby("subgroup"):
        assert own["estimate"].tolist() == pytest.approx(alone[str(name)]["estimate"].tolist())
    assert found.tidy()["trials"].tolist() == [10] * 6
    for treatment in "ACD":
        one, other = (alone[name].loc[treatment] for name in ("early", "late"))
        q = (one["estimate"] - other["estimate"]) ** 2 / (one["std_error"] ** 2 + other["std_error"] ** 2)
        assert tests["q"][treatment] == pytest.approx(q)
        assert tests["p_value"][treatment] == pytest.approx(chi2.sf(q, 1))
    assert "early" in str(found)


def test_subgroups_without_a_network_say_why(pairs: pd.DataFrame) -> None:
    few = pairs[(pairs["late"] == "early") | pairs["study"].isin(["s1b", "s6b"])]
    found = network_subgroups(few, "late", reference="A")
    assert [name for name, _ in found.networks] == ["early"]
    assert "falls into 2 parts" in found.reasons[0][1]
    assert found.test().empty
    with pytest.raises(
        SynthesisError, match=r"No subgroup of late has a network\. early: There is no treatment"
    ):
        network_subgroups(pairs, "late", reference="Z")


def test_columns_that_are_no_subgroups_are_refused(pairs: pd.DataFrame) -> None:
    with pytest.raises(SynthesisError, match="treatment_1 differs within s5"):
        network_subgroups(pairs, "treatment_1", reference="A")
    with pytest.raises(SynthesisError, match="Row 1 has no late"):
        network_subgroups(pairs.assign(late=pairs["late"].where(pairs.index != 0)), "late", reference="A")
