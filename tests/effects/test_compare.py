"""Arms against their comparator, with the covariance of a shared one."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from synovia.effects import Compared, compare, single_arm
from synovia.errors import InputError, ProtocolError
from synovia.tables import ARM_DATA, EFFECTS, STUDIES, check, frame

BASE: dict[str, object] = {
    "study_id": "s", "outcome": "pain", "measure": "pain VAS", "scale": "pain-vas-100",
    "timepoint": "26 weeks", "weeks": 26, "statistic": "mean",
    "unit": "0-100, higher worse", "source": "doi", "n": 30, "mean": 40,
    "sd": 20,
}  # fmt: skip
PRP: dict[str, object] = {"arm_id": "prp", "treatment": "prp", "mean": 30, "line": 2}
HIGH: dict[str, object] = {"arm_id": "prp3", "treatment": "prp", "mean": 26, "n": 28, "line": 3}
SALINE: dict[str, object] = {"arm_id": "saline", "treatment": "saline", "mean": 38, "n": 24, "line": 4}
COUNTS: dict[str, object] = {"statistic": "events", "unit": "participants with the event"}
MEASURES = ("MD", "SMD", "ROM", "OR", "RR", "RD")


def table(*rows: Mapping[str, object]) -> pd.DataFrame:
    return frame(ARM_DATA, [{**BASE, **row} for row in rows])


def against_saline(*rows: Mapping[str, object], measure: str = "MD", **changes: object) -> Compared:
    asked = {"treatment": ("prp",), "comparator": ("saline",), "measure": measure, **changes}
    return compare(table(*rows), **asked)  # type: ignore[arg-type]


def counted(row: Mapping[str, object], events: float) -> dict[str, object]:
    return {**row, **COUNTS, "events": events}


def test_estimate_is_treatment_minus_comparator() -> None:
    got = against_saline(SALINE, PRP)
    row = got.effects.iloc[0]
    assert row["estimate"] == -8
    assert row["variance"] == pytest.approx(400 / 30 + 400 / 24)
    assert row["std_error"] == pytest.approx(math.sqrt(row["variance"]))
    assert (row["effect_id"], row["treatment"], row["comparator"]) == ("s:prp vs saline", "prp", "saline")
    assert (row["n"], row["n_comparator"], row["weeks"]) == (30, 24, 26)
    assert (row["measure"], row["scale"]) == ("MD", "mean difference, 0-100, higher worse")
    assert (row["basis"], row["lines"], row["label"]) == ("means at the time", "2; 4", "s")
    assert list(check(EFFECTS, got.effects).columns) == list(got.effects.columns)


def test_labels_come_from_the_studies() -> None:
    studies = frame(STUDIES, [{"study_id": "s", "label": "Smith 2020"}])
    assert against_saline(SALINE, PRP, studies=studies).effects["label"].tolist() == ["Smith 2020"]


@pytest.mark.parametrize("measure", MEASURES)
def test_shared_comparator_is_a_covariance(measure: str) -> None:
    rows: list[Mapping[str, object]] = [PRP, HIGH, SALINE]
    if measure in ("OR", "RR", "RD"):
        rows = [counted(PRP, 12), counted(HIGH, 14), counted(SALINE, 6)]
    got = against_saline(*rows, measure=measure)
    assert got.covariance.shape == (2, 2)
    np.testing.assert_allclose(np.diag(got.covariance), got.effects["variance"])
    assert got.covariance[0, 1] == got.covariance[1, 0] > 0
    assert np.linalg.eigvalsh(got.covariance)[0] > 0


def test_covariance_by_hand() -> None:
    rows = [PRP, HIGH, SALINE]
    assert against_saline(*rows).covariance[0, 1] == pytest.approx(400 / 24)
    smd = against_saline(*rows, measure="SMD")
    g = smd.effects["estimate"]
    assert smd.covariance[0, 1] == pytest.approx(1 / 24 + g[0] * g[1] / (2 * (30 + 28 + 24)))
    odds = against_saline(counted(PRP, 12), counted(HIGH, 14), counted(SALINE, 6), measure="OR")
    assert odds.covariance[0, 1] == pytest.approx(1 / 6 + 1 / 18)


def test_split_uses_half_the_comparator_and_no_covariance() -> None:
    got = against_saline(PRP, HIGH, SALINE, shared="split")
    assert got.covariance[0, 1] == 0
    assert got.effects["variance"].tolist() == pytest.approx([400 / 30 + 400 / 12, 400 / 28 + 400 / 12])
    assert got.effects["derived"][0] == "comparator of 24 split among 2 arms"
    assert got.effects["n_comparator"].tolist() == [12, 12]


def test_split_of_counts_divides_the_events() -> None:
    got = against_saline(
        counted(PRP, 12), counted(HIGH, 14), counted(SALINE, 6), measure="RR", shared="split"
    )
    assert got.effects["estimate"].tolist() == pytest.approx([math.log(12 / 30 * 4), math.log(14 / 28 * 4)])
    assert got.effects["variance"][0] == pytest.approx(1 / 12 - 1 / 30 + 1 / 3 - 1 / 12)


def test_split_of_one_comparison_changes_nothing() -> None:
    whole, split = against_saline(PRP, SALINE), against_saline(PRP, SALINE, shared="split")
    pd.testing.assert_frame_equal(whole.effects, split.effects)


def test_studies_are_independent() -> None:
    got = against_saline(PRP, HIGH, SALINE, {**PRP, "study_id": "t"}, {**SALINE, "study_id": "t"})
    assert got.effects["study_id"].tolist() == ["s", "s", "t"]
    assert got.covariance[2, :2].tolist() == [0, 0]


def test_several_comparators_are_pooled() -> None:
    second = {**SALINE, "arm_id": "saline2", "mean": 44, "n": 12, "line": 5}
    got = against_saline(PRP, SALINE, second)
    row = got.effects.iloc[0]
    assert row["comparator_id"] == "saline + saline2"
    assert row["n_comparator"] == 36
    assert row["estimate"] == pytest.approx(30 - (24 * 38 + 12 * 44) / 36)
    assert "comparator arms saline + saline2 pooled" in row["derived"]
    assert row["lines"] == "2; 4; 5"


def test_zero_cell_corrects_the_whole_study() -> None:
    """One half is added in every arm, so that the comparator is the same group in both comparisons."""
    rows = [counted(PRP, 0), counted(HIGH, 14), counted(SALINE, 6)]
    got = against_saline(*rows, measure="OR")
    expected = [math.log(0.5 * 18.5 / (30.5 * 6.5)), math.log(14.5 * 18.5 / (14.5 * 6.5))]
    assert got.effects["estimate"].tolist() == pytest.approx(expected)
    assert got.covariance[0, 1] == pytest.approx(1 / 6.5 + 1 / 18.5)


def test_study_without_events_is_left_out_of_ratios_with_its_reason() -> None:
    rows = [counted(PRP, 0), counted(HIGH, 3), counted(SALINE, 0)]
    got = against_saline(*rows, measure="RR", synthesis_id="ae")
    assert got.effects["arm_id"].tolist() == ["prp3"]
    assert got.covariance.shape == (1, 1)
    assert got.omissions[["synthesis_id", "arm_id"]].to_numpy().tolist() == [["ae", "prp"]]
    assert "a ratio is not estimable" in got.omissions["reason"][0]
    assert len(against_saline(*rows, measure="RD").effects) == 2


def test_study_without_comparator_is_named() -> None:
    got = against_saline(PRP, synthesis_id="x")
    assert got.effects.empty
    assert got.covariance.shape == (0, 0)
    assert got.omissions["reason"].tolist() == ["no arm given saline"]


def test_cautions_derivations_and_assumptions_travel() -> None:
    got = against_saline(
        {**PRP, "derived": "SD from the standard error", "caution": "abstract only"},
        {**SALINE, "assumption": "correlation of baseline and follow-up 0.5", "caution": "abstract only"},
    )
    row = got.effects.iloc[0]
    assert row["caution"] == "abstract only"
    assert row["derived"] == "SD from the standard error; correlation of baseline and follow-up 0.5"


@pytest.mark.parametrize(
    ("rows", "measure", "told"),
    [
        ([PRP, {**SALINE, "unit": "as printed"}], "MD", "numbers on 0-100, higher worse, as printed"),
        ([PRP, {**SALINE, "unit": "as printed"}], "SMD", "one scale for SMD"),
        ([PRP, {**SALINE, "measure": "NRS"}], "MD", "Select one measure, time and statistic per study first"),
        ([PRP, {**PRP, "weeks": 12}, SALINE], "MD", "wanted one per arm"),
        ([PRP, SALINE], "OR", "found mean of s; wanted events for OR"),
        ([counted(PRP, 1), counted(SALINE, 2)], "MD", "found events of s; wanted means for MD"),
    ],
)
def test_unfit_rows_are_refused(rows: list[Mapping[str, object]], measure: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        against_saline(*rows, measure=measure)


def test_ratio_of_negative_changes_is_left_out_and_said() -> None:
    got = against_saline({**PRP, "mean": -5}, SALINE, measure="ROM")
    assert got.effects.empty
    assert got.omissions["reason"].tolist() == ["a mean of 0 or below has no ratio"]


def test_standardised_difference_of_three_people_is_left_out_and_said() -> None:
    """With n1 + n2 = 3 the small-sample correction is 0, and with 2 the pooled SD does not exist."""
    for people in (1, 2):
        got = against_saline({**PRP, "n": people}, {**SALINE, "n": 1}, measure="SMD")
        assert got.effects.empty
        assert got.omissions["reason"].str.startswith("fewer than 4 people").all()


def test_unknown_measure_and_common_treatment_are_refused() -> None:
    with pytest.raises(ProtocolError, match="measure 'HR'; wanted one of MD, SMD"):
        against_saline(PRP, SALINE, measure="HR")
    with pytest.raises(ProtocolError, match="prp as treatment and as comparator"):
        against_saline(PRP, SALINE, comparator=("prp",))


def test_turning_the_comparison_turns_the_sign() -> None:
    forward = against_saline(PRP, SALINE, measure="SMD").effects
    turned = against_saline(PRP, SALINE, measure="SMD", treatment=("saline",), comparator=("prp",)).effects
    assert turned["estimate"].tolist() == pytest.approx((-forward["estimate"]).tolist())
    assert turned["variance"].tolist() == pytest.approx(forward["variance"].tolist())


class TestSingleArm:
    def test_mean_change(self) -> None:
        row = {**PRP, "statistic": "mean change", "mean": -20, "sd": 25, "n": 100}
        got = single_arm(table(row, {**SALINE, "statistic": "mean change"}), ("prp",), "MC")
        assert got.effects[["effect_id", "estimate", "variance"]].to_numpy().tolist() == [
            ["s:prp", -20, 6.25]
        ]
        assert got.effects["comparator"].tolist() == [""]
        assert got.covariance.tolist() == [[6.25]]
        assert math.isnan(got.effects["n_comparator"][0])

    def test_proportion(self) -> None:
        got = single_arm(table(counted(PRP, 6)), ("prp",), "PLO")
        assert got.effects["estimate"].tolist() == pytest.approx([math.log(6 / 24)])
        assert single_arm(table(counted(PRP, 6)), ("prp",), "PFT").effects["measure"].tolist() == ["PFT"]

    def test_change_is_not_a_mean(self) -> None:
        with pytest.raises(InputError, match="found mean of s; wanted changes from baseline for MC"):
            single_arm(table(PRP), ("prp",), "MC")

    def test_nothing_to_describe(self) -> None:
        got = single_arm(table(SALINE), ("prp",), "MN")
        assert got.effects.empty
        assert got.covariance.shape == (0, 0)
