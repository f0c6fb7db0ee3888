"""The answer of the shipped review, held against arithmetic that shares no code with it."""

import csv
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

import synovia as sv
from synovia.review.review import Review

SHIPPED = Path(__file__).parents[2] / "reviews" / "knee-oa"


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Review:
    copy = tmp_path_factory.mktemp("shipped") / "knee-oa"
    shutil.copytree(SHIPPED, copy, ignore=shutil.ignore_patterns("out", ".synovia"))
    return sv.open(copy)


def estimate(review: Review, synthesis_id: str, variant: str = "primary") -> pd.Series:
    rows = review.estimates
    return rows[(rows["synthesis_id"] == synthesis_id) & (rows["variant"] == variant)].iloc[0]


def jansen_contrasts() -> list[tuple[float, float]]:
    """Difference and variance of every hyaluronic acid arm against placebo, nearest to week 12, by hand."""
    with (SHIPPED / "evidence" / "outcomes.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["study_id"].startswith("jansen-") and row["n"]]
    with (SHIPPED / "evidence" / "arms.csv").open(encoding="utf-8", newline="") as file:
        treatment = {(row["study_id"], row["arm_id"]): row["treatment"] for row in csv.DictReader(file)}
    found = []
    for study in dict.fromkeys(row["study_id"] for row in rows):
        own = [row for row in rows if row["study_id"] == study]
        week = min({float(row["weeks"]) for row in own}, key=lambda w: (abs(w - 12), w))
        arms = [row for row in own if float(row["weeks"]) == week]
        saline = [row for row in arms if treatment[study, row["arm_id"]] == "saline"]
        for row in arms:
            if saline and row is not saline[0]:
                difference = float(row["mean"]) - float(saline[0]["mean"])
                found.append((difference, float(row["se"]) ** 2 + float(saline[0]["se"]) ** 2))
    return found


def test_the_hand_calculation_is_reproduced(review: Review) -> None:
    """The published hand check: MD -11.4 mm (95 % CI -17.0 to -5.8), I2 85 %, 14 contrasts of 12 trials."""
    row = estimate(review, "ha-vs-saline-pain-3-months", "bridge-1")
    assert (row["k"], row["effects"]) == (12, 14)
    assert [round(row[name], 1) for name in ("estimate", "lower", "upper")] == [-11.4, -17.0, -5.8]
    assert round(row["i2"]) == 85


def test_the_hand_calculation_by_another_route(review: Review) -> None:
    contrasts = jansen_contrasts()
    weights = [1 / v for _, v in contrasts]
    mean = math.fsum(w * y for w, (y, _) in zip(weights, contrasts, strict=True)) / math.fsum(weights)
    q = math.fsum(w * (y - mean) ** 2 for w, (y, _) in zip(weights, contrasts, strict=True))
    c = math.fsum(weights) - math.fsum(w * w for w in weights) / math.fsum(weights)
    tau2 = max(0.0, (q - len(contrasts) + 1) / c)
    pooled = [1 / (v + tau2) for _, v in contrasts]
    by_hand = math.fsum(w * y for w, (y, _) in zip(pooled, contrasts, strict=True)) / math.fsum(pooled)
    row = estimate(review, "ha-vs-saline-pain-3-months", "bridge-1")
    # The package goes through SD = SE * sqrt(n) and back, so rounding enters at 1e-16 per step.
    assert row["estimate"] == pytest.approx(by_hand, rel=1e-12)
    assert row["tau2"] == pytest.approx(tau2, rel=1e-10)
    assert row["std_error"] == pytest.approx(math.fsum(pooled) ** -0.5, rel=1e-12)


def test_each_step_of_the_bridge_is_there_and_the_last_is_the_answer(review: Review) -> None:
    variants = [f"bridge-{step}" for step in range(1, 7)]
    steps = [estimate(review, "ha-vs-saline-pain-3-months", variant) for variant in variants]
    assert [step["k"] for step in steps] == [12, 11, 11, 11, 11, 11]
    primary = estimate(review, "ha-vs-saline-pain-3-months")
    assert primary["method"].startswith("random effects of studies, and of effects within studies")
    assert "CR2 interval over 12 studies" in primary["method"]
    assert "Knapp-Hartung" not in primary["method"] + primary["warnings"]
    assert (
        steps[-1]["method"].replace("11 studies, t with 9.8", "12 studies, t with 10.8") == primary["method"]
    )
    assert steps[-1]["estimate"] != primary["estimate"], "the last step adds the trial outside the data set"


def test_what_was_first_planned_is_still_there(review: Review) -> None:
    """The numbers that version 1 of the protocol gave, to the digits that its report printed."""
    first = estimate(review, "ha-vs-saline-pain-3-months", "as-first-planned")
    assert [round(first[name], 1) for name in ("estimate", "lower", "upper")] == [-13.1, -20.0, -6.1]
    assert "Knapp-Hartung" in first["method"]
    later = estimate(review, "ha-vs-saline-pain-6-months", "as-first-planned-6-months")
    assert [round(later[name], 1) for name in ("estimate", "lower", "upper")] == [-4.9, -10.8, 1.1]
    step = estimate(review, "ha-vs-saline-pain-3-months", "bridge-5")
    assert [round(step[name], 1) for name in ("estimate", "lower", "upper")] == [-13.7, -21.3, -6.0]
    (amendment,) = (text for text in review.protocol.review.amendments if text.startswith("Version 2"))
    assert "after the results of version 1 had been seen" in amendment


def test_where_every_trial_gives_one_effect_nothing_changed(review: Review) -> None:
    rows = review.estimates
    single = rows[
        (rows["variant"] == "primary") & (rows["status"] == "pooled") & (rows["k"] == rows["effects"])
    ]
    assert len(single) == 3
    assert single["method"].str.startswith("random effects, one for each study; ").all()
    assert single["method"].str.contains("Knapp-Hartung").all()
    assert single[["tau2_between", "tau2_within"]].isna().all().all()


def test_an_analyst_gets_the_same_answer_from_the_effects(review: Review) -> None:
    """`review.effects` and `review.covariance` are all that `sv.meta` needs to give the report's number."""
    pain = review.effects("pain", at="3 months", comparison="ha-vs-saline")
    row = estimate(review, "ha-vs-saline-pain-3-months")
    assert len(pain) == row["effects"]
    assert pain["measure"].unique().tolist() == ["MD"]
    shuffled = pain.sample(frac=1, random_state=1)
    for data in (pain, shuffled):
        fit = sv.meta(
            data,
            "estimate ~ 1",
            covariance=review.covariance(data),
            random="study_id/effect",
            inference="CR2",
            cluster="study_id",
        )
        assert fit.tidy()["estimate"].iloc[0] == pytest.approx(row["estimate"], rel=1e-8)
        assert fit.tidy()["upper"].iloc[0] == pytest.approx(row["upper"], rel=1e-7)
        # REML is searched again on other row order, so digits beyond the optimiser's are its own.


def test_restore_is_reproduced_as_printed(review: Review) -> None:
    """Bennell 2021, table 2: KOOS pain change 15.1 (18.9) and 11.9 (17.6), 144 and 144: 3.2 points apart."""
    row = estimate(review, "prp-vs-saline-pain-12-months")
    assert row["estimate"] == pytest.approx(-(15.1 - 11.9), abs=1e-9)
    assert row["std_error"] == pytest.approx(math.sqrt(18.9**2 / 144 + 17.6**2 / 144), rel=1e-12)


def test_every_planned_synthesis_has_a_row_and_says_what_it_is(review: Review) -> None:
    rows = review.estimates
    planned = sum(len(c.outcomes) * len(c.windows) for c in review.protocol.comparison) + len(
        review.protocol.variant
    )
    assert len(rows) == planned
    assert set(rows["status"]) <= {"pooled", "single study", "no data"}
    pooled = rows[rows["status"] == "pooled"]
    assert (pooled["k"] >= 2).all()
    assert pooled[["estimate", "lower", "upper"]].notna().all().all()
    assert rows[rows["status"] == "no data"]["estimate"].isna().all()


def test_what_is_not_used_says_why(review: Review) -> None:
    assert (review.tables["omissions"]["reason"] != "").all()
    assert (review.tables["unconverted"]["reason"] != "").all()
    used = set(review.tables["effects"]["study_id"])
    assert "wang-mpc-2017" not in used, "not knee osteoarthritis"
    assert "buendia-lopez-2018" not in set(review.tables["effects"].query("measure == 'MD'")["study_id"]), (
        "implausible SDs"
    )


def test_nothing_synthetic_is_shipped() -> None:
    for path in SHIPPED.rglob("*"):
        if path.is_file() and path.suffix in (".csv", ".ris", ".nbib", ".toml", ".jsonl"):
            assert "synthetic" not in path.read_text(encoding="utf-8").lower(), path.name
