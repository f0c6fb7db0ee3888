"""Treatments of a network under its posterior: against what a normal distribution says, and by identities."""

import numpy as np
import pytest

import synovia as sv
from synovia.errors import SynthesisError
from synovia.synthesis.bayes import HalfNormal, bayes
from synovia.synthesis.network import Network, network

EXACT = 1e-9  # the same normal distribution through one node
DRAWN = 5 * 0.5 / np.sqrt(50_000)  # five standard errors of 50,000 draws


@pytest.fixture(scope="module")
def smoking() -> Network:
    return network(sv.example("hasselblad1998").data, measure="OR", reference="no_contact")


def test_a_common_effect_ranks_as_its_normal_distribution() -> None:
    net = network(sv.example("hasselblad1998").data, measure="OR", reference="no_contact", random=False)
    ours, theirs = bayes(net).rank(better="higher", mid=0.1), net.rank(better="higher", mid=0.1)
    assert ours.scores == pytest.approx(theirs.scores, abs=EXACT)
    assert ours.probabilities == pytest.approx(theirs.probabilities, abs=2 * DRAWN)
    row, known = bayes(net).compare("self_help", "grp_counseling"), net.compare("self_help", "grp_counseling")
    for name in ("estimate", "lower", "upper", "std_error"):
        assert row[name][0] == pytest.approx(known[name][0], abs=1e-7)  # a search for quantiles


def test_scores_are_areas_under_the_drawn_ranks(smoking: Network) -> None:
    found = sv.bayes(smoking, HalfNormal(1.0)).rank(better="higher")
    assert found.sucra == pytest.approx(found.scores, abs=DRAWN)
    assert found.probabilities.sum(axis=0) == pytest.approx(np.ones(4))
    assert found.tidy()["treatment"][0] == "grp_counseling"


def test_comparisons_mirror_and_predictions_are_wider(smoking: Network) -> None:
    posterior = bayes(smoking, HalfNormal(1.0))
    one, other = (
        posterior.compare(*pair).iloc[0]
        for pair in (("self_help", "no_contact"), ("no_contact", "self_help"))
    )
    assert one["estimate"] == pytest.approx(-other["estimate"], abs=EXACT)
    assert one["lower"] == pytest.approx(-other["upper"], abs=1e-6)  # ends of a search
    assert one["above_zero"] == pytest.approx(1 - other["above_zero"], abs=EXACT)
    assert one["prediction_lower"] < one["lower"]
    assert one["above_zero"] == pytest.approx(posterior.probability(above=0.0, term="self_help"), abs=EXACT)


def test_posterior_means_do_not_depend_on_the_reference(smoking: Network) -> None:
    data = sv.example("hasselblad1998").data
    turned = network(data, measure="OR", reference="self_help")
    one, other = (bayes(net, HalfNormal(1.0)) for net in (smoking, turned))
    pair = ("ind_counseling", "grp_counseling")
    assert one.compare(*pair)["estimate"][0] == pytest.approx(other.compare(*pair)["estimate"][0], abs=1e-7)
    ours = one.rank(better="higher").tidy().set_index("treatment")["p_score"]
    theirs = other.rank(better="higher").tidy().set_index("treatment")["p_score"]
    assert ours[theirs.index].to_numpy() == pytest.approx(theirs.to_numpy(), abs=1e-7)


def test_components_that_are_treatments_rank_as_a_network(smoking: Network) -> None:
    data = sv.example("hasselblad1998").data
    parts = sv.component_network(data, measure="OR", inactive="no_contact")
    one, other = (bayes(each, HalfNormal(1.0)) for each in (smoking, parts))
    pair = ("ind_counseling", "no_contact")
    assert one.compare(*pair)["estimate"][0] == pytest.approx(other.compare(*pair)["estimate"][0], abs=1e-7)
    ours, theirs = (each.rank(better="higher").tidy().set_index("treatment") for each in (one, other))
    assert ours["p_score"].to_numpy() == pytest.approx(theirs["p_score"][ours.index].to_numpy(), abs=1e-7)


def test_what_is_not_a_network_has_no_ranks(smoking: Network) -> None:
    with pytest.raises(SynthesisError, match="give bayes the network itself"):
        bayes(smoking.fit, HalfNormal(1.0)).rank(better="higher")
    with pytest.raises(SynthesisError, match="Found treatment 'placebo'; wanted one of no_contact"):
        bayes(smoking, HalfNormal(1.0)).compare("placebo", "self_help")
