"""Impossible numbers are refused by row, column and range; implausible ones are shown."""

import math
from collections.abc import Mapping

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.errors import Fault
from synovia.extraction import check_outcomes, find_cautions
from synovia.fields import load_field
from synovia.tables import ARMS, OUTCOMES, STUDIES, frame

FIELD = load_field("knee_oa")
GOOD: dict[str, object] = {
    "study_id": "s", "arm_id": "a", "measure": "pain VAS", "scale": "pain-vas-100", "timepoint": "12 weeks",
    "weeks": 12, "statistic": "mean", "n": 30, "use": "yes", "mean": 40, "sd": 20,
}  # fmt: skip
TWO_ARMS: list[dict[str, object]] = [{"study_id": "s", "arm_id": "a"}, {"study_id": "s", "arm_id": "b"}]


def outcomes(*rows: Mapping[str, object]) -> pd.DataFrame:
    table = frame(OUTCOMES, [{**GOOD, **row} for row in rows])
    return table.assign(line=[float(i) for i in range(2, len(rows) + 2)])


def faults(*rows: dict[str, object]) -> tuple[Fault, ...]:
    return check_outcomes(outcomes(*rows), frame(ARMS, TWO_ARMS), FIELD)


def test_good_rows_have_no_faults() -> None:
    assert faults({}, {"arm_id": "b"}, {"statistic": "events", "mean": math.nan, "events": 30}) == ()


def test_mean_outside_its_scale_names_row_column_and_range() -> None:
    found = faults({}, {"scale": "womac-pain-likert", "mean": 45, "sd": 3})
    assert [str(fault) for fault in found] == [
        "evidence/outcomes.csv, line 3, column mean: found 45; "
        "wanted 0 to 20, the range of womac-pain-likert. "
        "Check the scale version and the number against the source."
    ]


@pytest.mark.parametrize(
    ("row", "column", "wanted"),
    [
        ({"mean": -1}, "mean", "0 to 100, the range of pain-vas-100"),
        (
            {"statistic": "mean change", "mean": -101},
            "mean",
            "-100 to 100, the largest change on pain-vas-100",
        ),
        ({"statistic": "median", "mean": math.nan, "sd": math.nan, "median": 120}, "median", "0 to 100"),
        ({"maximum": 101}, "maximum", "0 to 100"),
        ({"ci_low": -3, "ci_high": 80}, "ci_low", "0 to 100"),
        ({"sd": 51}, "sd", "at most 49.93, the largest SD of 30 values with mean 40"),
        ({"statistic": "mean change", "mean": 0, "sd": 130}, "sd", "at most 101.7"),
        ({"statistic": "events", "events": 31}, "events", "at most n = 30"),
        ({"q1": 50, "median": 40, "q3": 60}, "q1", "at most the median, 40"),
        ({"minimum": 30, "maximum": 20}, "minimum", "at most the maximum, 20"),
        ({"ci_low": 50, "ci_high": 30}, "ci_low", "the lower limit first"),
        ({"ci_low": 45, "ci_high": 50}, "ci_low", "limits that enclose the mean"),
        ({"se": 2}, "se", "SE = SD / sqrt(n) = 3.651"),
        ({"arm_id": "c"}, "arm_id", "an arm of arms.csv (a, b)"),
        ({"scale": "pain-vas"}, "scale", "one of pain-vas-100"),
    ],
)
def test_impossible_number(row: dict[str, object], column: str, wanted: str) -> None:
    found = [fault for fault in faults(row) if fault.column == column and wanted in fault.wanted]
    assert len(found) == 1
    assert found[0].line == 2


def test_unknown_scale_suggests_the_closest() -> None:
    assert "Did you mean womac-pain-likert" in faults({"scale": "womac-pain-lickert"})[0].advice


def test_rounding_is_not_an_error() -> None:
    """SD 20 and n 30 give an SE of 3.65, printed as 3.7 or 4."""
    assert faults({"se": 3.65}) == ()
    assert faults({"se": 3.7}) == ()
    assert faults({"se": 4}) == ()


def test_largest_sd_allows_for_the_rounded_mean() -> None:
    """1 of 100 scoring 100 and the rest 0: mean 1, SD 10; with the mean printed as 1 an SD of 11 may be."""
    assert faults({"n": 100, "mean": 1, "sd": 10}) == ()
    assert faults({"n": 100, "mean": 1, "sd": 14})[0].column == "sd"


def test_error_of_a_paper_can_be_recorded_when_it_is_not_used() -> None:
    assert faults({"mean": 140, "use": "no", "caution": "as printed"}) == ()
    assert [f.column for f in faults({"mean": 140, "use": "no", "arm_id": "c"})] == ["arm_id"]


def test_all_faults_are_found_at_once() -> None:
    assert len(faults({"mean": 140}, {"se": 1}, {"arm_id": "c"})) == 3


@given(st.lists(st.integers(0, 20), min_size=2, max_size=40))
def test_no_real_sample_is_refused(scores: list[int]) -> None:
    """Mean and SD of any sample of WOMAC pain scores, printed to one digit, pass."""
    series = pd.Series(scores, dtype=float)
    row = {"scale": "womac-pain-likert", "n": len(scores), "mean": round(series.mean(), 1)}
    assert faults({**row, "sd": max(round(series.std(), 1), 0.1)}) == () or series.std() < 0.05


class TestDesigns:
    ARMS = frame(ARMS, [{"study_id": "s", "arm_id": "a"}, {"study_id": "s", "arm_id": "a1", "part_of": "a"}])

    def studies(self, design: str, study_id: str = "s") -> pd.DataFrame:
        return frame(STUDIES, [{"study_id": study_id, "label": study_id, "design": design}])

    def test_randomised_trial_of_one_arm(self) -> None:
        found = check_outcomes(outcomes({}), self.ARMS, FIELD, studies=self.studies("randomised trial"))
        assert [str(fault) for fault in found] == [
            "evidence/arms.csv, column study_id: found one arm of s, a randomised trial; "
            "wanted the arm it was compared with. Add the comparator, or correct the design."
        ]

    def test_single_arm_study_may_have_one(self) -> None:
        assert check_outcomes(outcomes({}), self.ARMS, FIELD, studies=self.studies("single-arm study")) == ()

    def test_unknown_study(self) -> None:
        found = check_outcomes(outcomes({}), self.ARMS, FIELD, studies=self.studies("single-arm study", "t"))
        assert [(f.column, f.found, f.line) for f in found] == [("study_id", "study 's'", 2)]


class TestCautions:
    def texts(self, *rows: Mapping[str, object]) -> list[str]:
        return [caution.text for caution in find_cautions(outcomes(*rows), FIELD)]

    def test_none_for_ordinary_rows(self) -> None:
        assert self.texts(*[{"sd": sd} for sd in (18, 20, 22, 25, 19)]) == []

    def test_narrow_sd_may_be_a_standard_error(self) -> None:
        texts = self.texts(*[{"sd": sd} for sd in (18, 20, 22, 25, 4)])
        assert texts == [
            "SD 4 is below a third of the median SD 20 on Pain, visual analogue scale, 0-100 mm; "
            "taken as a standard error it would be an SD of 21.9"
        ]

    def test_interval_that_contradicts_the_standard_error(self) -> None:
        """PMC6412887, table 3: VAS 4.40, 'SE' 0.07, 95 % limits 3.55 to 5.25."""
        row = {
            "scale": "pain-vas-10",
            "mean": 4.4,
            "sd": math.nan,
            "se": 0.07,
            "ci_low": 3.55,
            "ci_high": 5.25,
        }
        texts = self.texts({**row, "n": 40})
        assert texts == ["the confidence limits imply a standard error of 0.42, the row gives 0.07"]

    def test_lopsided_interval(self) -> None:
        assert self.texts({"sd": math.nan, "ci_low": 38, "ci_high": 60}) == [
            "the confidence limits are not symmetric about the mean"
        ]

    def test_knees(self) -> None:
        (caution,) = find_cautions(outcomes({"unit_of_analysis": "knees"}), FIELD)
        assert caution.text == "n counts knees: two knees of one person are not independent"
        assert (caution.study_id, caution.arm_id, caution.line) == ("s", "a", 2)
