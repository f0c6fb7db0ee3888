"""Networks of a review: what the protocol may ask, which groups go in, and what comes out."""

import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synovia as sv
from synovia.errors import ProtocolError
from synovia.review.reading import read_protocol
from synovia.review.review import Review
from synovia.synthesis.network import network

SHIPPED = Path(__file__).parents[2] / "reviews" / "knee-oa"
STARTER = resources.files("synovia.review").joinpath("starter.toml").read_text(encoding="utf-8")
NETWORK = """
[[network]]
id = "all"
label = "All injections"
outcome = "pain"
window = "3-months"
treatments = ["saline"]
reference = "saline"

[[network.node]]
id = "hylan"
label = "hylan"
treatments = ["ha"]
products = ["gf20"]

[[network.node]]
id = "other"
label = "other hyaluronic acid"
treatments = ["ha"]

[[network.variant]]
id = "large"
label = "large trials"
smallest_arm = 50
"""
PAIN, KINDS = "injections-pain-3-months", "ha-kinds-pain-3-months"

MISTAKES = [
    ('reference = "saline"', 'reference = "ha"', "reference 'ha'", "one of its nodes: saline, hylan, other"),
    ('treatments = ["saline"]', 'treatments = ["salin"]', "treatment 'salin'", "one of ha, saline"),
    ('id = "other"', 'id = "hylan"', "node 'hylan' 2 times", "a different id"),
    ('products = ["gf20"]', "products = []", "treatment 'ha' in several nodes", "products that say which"),
    ("smallest_arm = 50", "smallest_arm = 0", "variant 'large' that changes nothing", "one of smallest_arm"),
    ("smallest_arm = 50", "sd_factor = 0.5", "sd_factor 0.5", "above 1"),
    ("smallest_arm = 50", "smallest_arm = 50\nsmaller_than = 20", "below 20", "a range"),
    ('id = "large"', 'id = "primary"', "variant 'primary'", "another id"),
    ('outcome = "pain"', 'outcome = "pian"', "outcome 'pian'", "one of pain"),
    ('id = "all"', 'id = "ha-vs-saline-pain-3-months"', "also the name of a result", "another id"),
]


@pytest.mark.parametrize(("good", "bad", "found", "wanted"), MISTAKES)
def test_a_mistake_in_a_network_names_its_line(good: str, bad: str, found: str, wanted: str) -> None:
    assert good in NETWORK
    with pytest.raises(ProtocolError) as caught:
        read_protocol(STARTER + NETWORK.replace(good, bad, 1))
    fault = caught.value.faults[0]
    assert found in fault.found
    assert wanted in fault.wanted
    assert (fault.line or 0) > STARTER.count("\n")


def test_a_network_needs_two_nodes() -> None:
    text = STARTER + NETWORK[: NETWORK.index("[[network.node]]")]
    with pytest.raises(ProtocolError, match="1 node in network 'all'; wanted at least two"):
        read_protocol(text)


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Review:
    copy = tmp_path_factory.mktemp("shipped") / "knee-oa"
    shutil.copytree(SHIPPED, copy, ignore=shutil.ignore_patterns("out", ".synovia"))
    return sv.open(copy)


def of(review: Review, name: str, network_id: str, variant: str = "primary") -> pd.DataFrame:
    rows = review.tables[name]
    return rows[(rows["network_id"] == network_id) & (rows["variant"] == variant)].reset_index(drop=True)


def test_arms_of_one_node_are_one_group(review: Review) -> None:
    """Carrabba tested two schedules of one product: 20 people each, -21.2 and -16.3."""
    arms = of(review, "network_arms", PAIN)
    row = arms[(arms["study_id"] == "jansen-carrabba") & (arms["node"] == "ha")].iloc[0]
    assert (row["n"], row["mean"]) == (40, pytest.approx((-21.2 - 16.3) / 2, rel=1e-12))
    assert "arms of one node" in row["derived"]
    assert not arms.duplicated(["study_id", "node"]).any()
    assert (arms["lines"] != "").all()


def test_the_network_is_that_of_its_arms(review: Review) -> None:
    """What the tables print is what anyone gets from the listed groups."""
    for name in (PAIN, KINDS):
        arms = of(review, "network_arms", name).rename(columns={"study_id": "study", "node": "treatment"})
        net = network(arms, measure="MD", reference="saline").effects().set_index("treatment")
        shown = of(review, "network_effects", name).query("comparator == 'saline'").set_index("node")
        assert set(shown.index) == set(net.index)
        for column in ("estimate", "lower", "upper", "prediction_upper"):
            # Settled zeros differ from rounding noise by about 1e-14.
            np.testing.assert_allclose(shown[column], net[column].reindex(shown.index), rtol=1e-9, atol=1e-9)


def test_single_trials_stand_as_they_are(review: Review) -> None:
    """A node that one trial ties to saline has that trial's difference: Rabago 2013, -11.78 and -5.79."""
    effects = of(review, "network_effects", PAIN)
    row = effects.query("node == 'dextrose' and comparator == 'saline'").iloc[0]
    assert (row["k"], row["studies"], row["evidence"]) == (1, "rabago-2013", "direct only")
    assert row["estimate"] == pytest.approx(-11.78 + 5.79, rel=1e-9)


def test_variants_keep_whole_trials_of_the_primary(review: Review) -> None:
    every = of(review, "network_arms", PAIN)
    large, small = (of(review, "network_arms", PAIN, name) for name in ("large-trials", "small-trials"))
    assert large["n"].min() >= 50
    assert small.groupby("study_id")["n"].min().max() < 50
    assert {*large["study_id"], *small["study_id"]} == set(every["study_id"])
    assert not set(large["study_id"]) & set(small["study_id"])
    spread = of(review, "network_arms", PAIN, "usual-spread")
    assert set(every["study_id"]) - set(spread["study_id"]) == {"jansen-cubukcu"}


def test_what_is_not_connected_says_why(review: Review) -> None:
    for name in (PAIN, "injections-function-3-months"):
        nodes = of(review, "network_nodes", name)
        assert set(nodes["node"]) == set(review_nodes(review, name))
        apart = nodes[nodes["status"] != "connected"]
        assert (apart["reason"] != "").all()
    row = of(review, "networks", "injections-function-3-months").iloc[0]
    assert row["status"] == "not fitted"
    assert "compares saline" in row["reason"]
    assert of(review, "network_effects", "injections-function-3-months").empty
    prp = of(review, "network_nodes", "injections-function-3-months").set_index("node").loc["prp"]
    assert prp["status"] == "apart"
    assert "corticosteroid" in prp["reason"]
    omissions = review.tables["network_omissions"]
    assert (omissions["reason"] != "").all()
    same = omissions[(omissions["synthesis_id"] == PAIN) & (omissions["study_id"] == "jansen-kirchner")]
    assert "compares no two options" in same["reason"].iloc[0]


def review_nodes(review: Review, name: str) -> tuple[str, ...]:
    return next(one for one in review.protocol.network if one.id == name).nodes


def test_contributions_are_whole(review: Review) -> None:
    rows = of(review, "network_contributions", KINDS)
    sums = rows.groupby(["node", "comparator", "kind"])["contribution"].sum()
    np.testing.assert_allclose(sums, 100.0, rtol=1e-9)
    used = set(of(review, "network_arms", KINDS)["study_id"])
    assert set(rows.loc[rows["kind"] == "trial", "source"]) == used


def test_ranks_and_probabilities_are_probabilities(review: Review) -> None:
    chances = of(review, "network_rank_probabilities", PAIN)
    np.testing.assert_allclose(chances.groupby("node")["probability"].sum(), 1.0, rtol=1e-9)
    posteriors = of(review, "network_posteriors", PAIN)
    assert posteriors["mid"].unique().tolist() == [9.7]
    assert (posteriors["better_by_mid"] <= posteriors["better"]).all()
    assert posteriors["method"].str.contains("HalfNormal").all()


def test_a_course_is_made_of_printed_differences(review: Review) -> None:
    """Jubb at week 11: -10 and -5; its 204 people a group followed to week 18, one trial alone to week 52."""
    seen = review.tables["course_follow_ups"]
    row = seen[(seen["study_id"] == "jansen-jubb") & (seen["weeks"] == 11)].iloc[0]
    assert row["estimate"] == pytest.approx(-5.0, abs=1e-12)
    planned = review.tables["course_estimates"].query("variant == 'primary'")
    assert planned.loc[planned["weeks"] == 52, "k"].tolist() == [1]
    assert (planned["lower"] < planned["estimate"]).all()
    assert (planned["estimate"] < planned["upper"]).all()
    large = review.tables["courses"].set_index("variant").loc["large-trials"]
    used = seen.groupby("study_id")[["n", "n_comparator"]].min().min(axis=1)
    assert large["k"] == (used >= 50).sum()


def test_a_course_refuses_what_cannot_be() -> None:
    course = (
        '\n[[course]]\nid = "c"\nlabel = "C"\noutcome = "pain"\ntreatment = "ha"\ncomparator = "saline"\n'
    )
    assert read_protocol(STARTER + course + "knots = [4, 12]\n").course[0].knots == (4, 12)
    with pytest.raises(ProtocolError, match="knots in rising order"):
        read_protocol(STARTER + course + "knots = [12, 4]\n")
    with pytest.raises(ProtocolError, match="a comparator other than the treatment"):
        read_protocol(STARTER + course.replace('"saline"', '"ha"') + "knots = [4]\n")
