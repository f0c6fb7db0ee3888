"""Rows as printed become arm data, and every row that does not says why."""

import math
from collections.abc import Mapping
from typing import ClassVar

import pandas as pd
import pytest

from synovia.errors import InputError, TableError
from synovia.extraction import Converted, convert
from synovia.fields import load_field
from synovia.tables import ARM_DATA, ARMS, CONVERSIONS, OUTCOMES, check, frame

FIELD = load_field("knee_oa")
PRINTED: dict[str, object] = {
    "study_id": "s", "arm_id": "a", "outcome": "pain", "measure": "pain VAS", "scale": "pain-vas-100",
    "timepoint": "12 weeks", "weeks": 12, "statistic": "mean", "n": 25, "use": "yes", "source": "doi",
}  # fmt: skip
WHOLE: tuple[dict[str, object], ...] = (
    {"study_id": "s", "arm_id": "a", "treatment": "prp"},
    {"study_id": "s", "arm_id": "b", "treatment": "saline"},
)
PARTS: tuple[dict[str, object], ...] = (
    {"study_id": "s", "arm_id": "a1", "treatment": "prp", "part_of": "a"},
    {"study_id": "s", "arm_id": "a2", "treatment": "prp", "part_of": "a"},
)


def outcomes(*rows: Mapping[str, object]) -> pd.DataFrame:
    table = frame(OUTCOMES, [{**PRINTED, **row} for row in rows])
    return table.assign(line=[float(i) for i in range(2, len(rows) + 2)])


def converted(*rows: Mapping[str, object], correlation: float | None = None) -> Converted:
    return convert(outcomes(*rows), frame(ARMS, [*WHOLE, *PARTS]), FIELD, correlation=correlation)


def test_printed_mean_and_sd_stay_as_they_are() -> None:
    got = converted({"mean": 40, "sd": 20})
    row = got.arm_data.iloc[0]
    assert (row["mean"], row["sd"], row["n"], row["unit"]) == (40, 20, 25, "0-100, higher worse")
    assert (row["treatment"], row["derived"], row["assumption"], row["line"]) == ("prp", "", "", 2)
    assert got.conversions.empty
    assert got.omissions.empty


def test_output_is_the_declared_tables() -> None:
    got = converted({"mean": 40, "se": 4})
    assert list(check(ARM_DATA, got.arm_data).columns) == list(got.arm_data.columns)
    assert list(check(CONVERSIONS, got.conversions).columns) == list(got.conversions.columns)
    assert got.omissions.columns.tolist() == ["study_id", "arm_id", "measure", "timepoint", "reason", "line"]


@pytest.mark.parametrize(
    ("printed", "sd", "formula", "citation"),
    [
        ({"mean": 40, "se": 4}, 20.0, "SD = SE * sqrt(n)", "6.5.2.2"),
        (
            {"mean": 40, "ci_low": 40 - 2 * 2.0638986, "ci_high": 40 + 2 * 2.0638986},
            10.0,
            "t with n - 1",
            "6.5.2.2",
        ),
        ({"mean": 40, "q1": 30, "q3": 52}, 17.2946, "(q3 - q1)", "Wan"),
    ],
)
def test_dispersion_is_converted_and_written_down(
    printed: dict[str, object], sd: float, formula: str, citation: str
) -> None:
    got = converted(printed)
    assert got.arm_data["sd"].tolist() == pytest.approx([sd], abs=1e-3)
    assert got.conversions["quantity"].tolist() == ["sd"]
    assert formula in got.conversions["formula"][0]
    assert citation in got.conversions["citation"][0]
    assert got.conversions["line"].tolist() == [2.0]
    assert got.arm_data["derived"][0].startswith("SD from the")


def test_printed_sd_goes_before_everything_else() -> None:
    got = converted({"mean": 40, "sd": 20, "se": 9, "ci_low": 0, "ci_high": 80})
    assert got.arm_data["sd"].tolist() == [20]


def test_median_becomes_a_mean() -> None:
    got = converted({"statistic": "median", "n": 56, "median": 6, "q1": 4, "q3": 9})
    row = got.arm_data.iloc[0]
    assert row["statistic"] == "mean"
    assert row["mean"] == pytest.approx(6.353482142857143)  # R, meta::metamean with method Luo
    assert got.conversions["quantity"].tolist() == ["mean", "sd"]
    assert got.conversions["step"].tolist() == [1, 2]
    assert got.conversions["statistic"].unique().tolist() == ["median"]


def test_quantile_estimation_is_an_alternative() -> None:
    rows = outcomes({"statistic": "median change", "n": 56, "median": 6, "q1": 4, "q3": 9})
    got = convert(rows, frame(ARMS, list(WHOLE)), FIELD, medians="mcgrath")
    assert got.arm_data["mean"].tolist() == pytest.approx([7.188], abs=1e-3)
    assert got.arm_data["statistic"].tolist() == ["mean change"]
    assert "McGrath" in got.conversions["citation"][0]


def test_a_printed_mean_goes_before_a_median() -> None:
    got = converted(
        {"statistic": "median", "median": 30, "q1": 20, "q3": 50}, {"statistic": "mean", "mean": 34, "sd": 20}
    )
    assert got.arm_data["mean"].tolist() == [34]
    assert got.omissions["reason"].tolist() == ["the mean of the same arm and time is used"]


def test_higher_better_scale_is_turned_round() -> None:
    got = converted(
        {"measure": "KOOS pain", "scale": "koos-pain", "mean": 70, "sd": 18},
        {"measure": "KOOS pain", "scale": "koos-pain", "mean": 15, "sd": 12, "statistic": "mean change"},
    )
    assert got.arm_data["mean"].tolist() == [30, -15]
    assert got.arm_data["sd"].tolist() == [18, 12]
    assert got.arm_data["derived"][0] == "rescaled from 0-100 and turned round to 0-100, higher worse"


def test_conversion_comes_before_rescaling() -> None:
    got = converted({"measure": "WOMAC pain", "scale": "womac-pain-likert", "mean": 8, "se": 0.8})
    assert got.arm_data[["mean", "sd"]].to_numpy().tolist() == [[40, 20]]
    assert got.conversions["value"].tolist() == [4.0]
    assert got.arm_data["derived"][0] == (
        "SD from the standard error; rescaled from 0-20 to 0-100, higher worse"
    )


def test_unregistered_scale_keeps_its_unit() -> None:
    got = converted({"scale": "", "mean": 3, "sd": 1})
    assert got.arm_data[["mean", "unit"]].to_numpy().tolist() == [[3, "as printed"]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"mean": 40, "sd": 20, "use": "no", "caution": "probably an SE"}, "probably an SE"),
        ({"mean": 40, "sd": 20, "n": math.nan}, "the number of participants analysed is not printed"),
        ({"mean": 40}, "no SD is printed, nor anything it could be computed from"),
        ({"sd": 20}, "neither a mean nor a median is printed"),
        ({"statistic": "none printed"}, "no number is printed"),
        ({"statistic": "events"}, "the number of events is not printed"),
        ({"statistic": "median", "median": 5}, "without quartiles or range"),
        ({"mean": 40, "sd": 20, "arm_id": "z"}, "arm z is not in arms.csv"),
    ],
)
def test_row_that_cannot_be_used_says_why(row: dict[str, object], reason: str) -> None:
    got = converted(row)
    assert got.arm_data.empty
    assert reason in got.omissions["reason"][0]
    assert got.omissions["line"].tolist() == [2.0]


def test_nothing_is_lost() -> None:
    rows: list[dict[str, object]] = [
        {"mean": 40, "sd": 20},
        {"mean": 41, "timepoint": "24 weeks"},
        {"use": "no", "timepoint": "x"},
    ]
    got = converted(*rows)
    assert sorted([*got.arm_data["line"], *got.omissions["line"]]) == [2, 3, 4]


def test_events_need_no_scale() -> None:
    got = converted({"statistic": "events", "events": 7, "outcome": "responder", "scale": ""})
    row = got.arm_data.iloc[0]
    assert (row["events"], row["n"], row["unit"]) == (7, 25, "participants with the event")
    assert math.isnan(row["mean"])


def test_knees_are_a_caution() -> None:
    got = converted({"mean": 40, "sd": 20, "unit_of_analysis": "knees", "caution": "abstract only"})
    assert got.arm_data["caution"].tolist() == ["abstract only; n counts knees, not participants"]


class TestSubgroups:
    def test_are_pooled_into_their_arm(self) -> None:
        got = converted(
            {"arm_id": "a1", "mean": 20, "sd": 10, "n": 10}, {"arm_id": "a2", "mean": 40, "sd": 10, "n": 30}
        )
        row = got.arm_data.iloc[0]
        assert (row["arm_id"], row["n"], row["mean"]) == ("a", 40, 35)
        assert row["sd"] == pytest.approx(math.sqrt((9 * 100 + 29 * 100 + 10 * 225 + 30 * 25) / 39))
        assert row["derived"] == "2 groups pooled into one: a1, a2"
        assert got.conversions["quantity"].tolist() == ["n", "mean", "sd"]
        assert got.conversions["arm_id"].unique().tolist() == ["a"]
        assert got.omissions.empty

    def test_are_converted_first(self) -> None:
        got = converted(
            {"arm_id": "a1", "mean": 20, "se": 2, "n": 25}, {"arm_id": "a2", "mean": 20, "se": 2, "n": 25}
        )
        assert got.conversions["arm_id"].tolist() == ["a1", "a2", "a", "a", "a"]
        assert got.arm_data["derived"][0].startswith("SD from the standard error; 2 groups pooled")
        assert not got.conversions.duplicated(list(CONVERSIONS.key)).any()

    def test_give_way_to_the_row_of_their_arm(self) -> None:
        got = converted(
            {"mean": 33, "sd": 20},
            {"arm_id": "a1", "mean": 20, "sd": 10},
            {"arm_id": "a2", "mean": 40, "sd": 10},
        )
        assert got.arm_data["mean"].tolist() == [33]
        assert got.omissions["reason"].unique().tolist() == ["subgroup of arm a, whose own row is used"]

    def test_are_not_pooled_when_one_is_missing(self) -> None:
        got = converted({"arm_id": "a1", "mean": 20, "sd": 10})
        assert got.arm_data.empty
        assert got.omissions["reason"].tolist() == ["only 1 of the 2 subgroups of arm a give numbers here"]

    def test_are_not_pooled_without_a_dispersion(self) -> None:
        got = converted({"arm_id": "a1", "mean": 20, "sd": 10}, {"arm_id": "a2", "mean": 40})
        assert got.arm_data.empty
        assert "has no dispersion" in got.omissions["reason"][0]

    def test_events_are_summed(self) -> None:
        got = converted(
            {"arm_id": "a1", "statistic": "events", "events": 3, "n": 20},
            {"arm_id": "a2", "statistic": "events", "events": 4, "n": 22},
        )
        assert got.arm_data[["events", "n"]].to_numpy().tolist() == [[7, 42]]


class TestCorrelation:
    BASELINE: ClassVar[dict[str, object]] = {"timepoint": "baseline", "weeks": 0, "mean": 60, "sd": 15}
    FINAL: ClassVar[dict[str, object]] = {"mean": 40, "sd": 20}
    CHANGE: ClassVar[dict[str, object]] = {"statistic": "mean change", "mean": -21}

    def test_none_derives_no_change(self) -> None:
        got = converted(self.BASELINE, self.FINAL)
        assert got.arm_data["statistic"].tolist() == ["mean", "mean"]

    def test_change_of_means(self) -> None:
        got = converted(self.BASELINE, self.FINAL, correlation=0.5)
        change = got.arm_data[got.arm_data["statistic"] == "mean change"].iloc[0]
        assert change["mean"] == -20
        assert change["sd"] == pytest.approx(math.sqrt(15**2 + 20**2 - 2 * 0.5 * 15 * 20))
        assert change["assumption"] == "correlation of baseline and follow-up 0.5"
        assert got.conversions["quantity"].tolist() == ["mean change", "sd"]

    def test_printed_change_without_sd_is_completed(self) -> None:
        got = converted(self.BASELINE, self.FINAL, self.CHANGE, correlation=0.5)
        change = got.arm_data[got.arm_data["statistic"] == "mean change"]
        assert change["mean"].tolist() == [-21]
        assert change["sd"].tolist() == pytest.approx([math.sqrt(325)])
        assert got.omissions.empty

    def test_printed_change_with_sd_is_left_alone(self) -> None:
        got = converted(self.BASELINE, self.FINAL, {**self.CHANGE, "sd": 17}, correlation=0.5)
        change = got.arm_data[got.arm_data["statistic"] == "mean change"].iloc[0]
        assert (change["sd"], change["assumption"]) == (17, "")

    def test_turned_round_scale(self) -> None:
        koos: dict[str, object] = {"scale": "koos-pain", "measure": "KOOS pain"}
        got = converted({**self.BASELINE, **koos}, {**self.FINAL, **koos}, correlation=0.5)
        change = got.arm_data[got.arm_data["statistic"] == "mean change"]
        assert change["mean"].tolist() == [20]

    def test_impossible_is_refused(self) -> None:
        with pytest.raises(InputError, match=r"correlation 1\.5"):
            converted(self.FINAL, correlation=1.5)


def test_missing_column_is_named() -> None:
    with pytest.raises(TableError, match="column use of table outcomes"):
        convert(outcomes({"mean": 1}).drop(columns="use"), frame(ARMS, list(WHOLE)), FIELD)


def test_empty_tables_give_empty_tables() -> None:
    got = convert(outcomes(), frame(ARMS, []), FIELD)
    assert got.arm_data.empty
    assert got.conversions.empty
    assert got.omissions.empty
