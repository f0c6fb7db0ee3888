"""One measure, one time, one statistic per study; everything else with its reason."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.effects import Selected, Window, select
from synovia.errors import ProtocolError
from synovia.tables import ARM_DATA, frame

SIX_MONTHS = Window("6 months", 26, 18, 35)
BASE: dict[str, object] = {
    "study_id": "s", "outcome": "pain", "measure": "pain VAS", "scale": "pain-vas-100",
    "timepoint": "26 weeks", "weeks": 26, "statistic": "mean",
    "unit": "0-100, higher worse", "n": 30, "mean": 40, "sd": 20,
    "source": "doi",
}  # fmt: skip
ARM_PAIR = (("prp", "prp"), ("saline", "saline"))
Rows = list[dict[str, object]]


def pair(**changes: object) -> Rows:
    return [{**BASE, "arm_id": arm, "treatment": given, **changes} for arm, given in ARM_PAIR]


def table(*groups: Rows) -> pd.DataFrame:
    rows = [row for group in groups for row in group]
    return frame(ARM_DATA, [{**row, "line": i} for i, row in enumerate(rows, 2)])


def chosen(data: pd.DataFrame, **changes: object) -> Selected:
    asked = {
        "synthesis_id": "prp-pain",
        "outcome": "pain",
        "measures": ("womac-pain-100", "pain-vas-100"),
        "window": SIX_MONTHS,
        **changes,
    }
    return select(data, **asked)  # type: ignore[arg-type]


def test_takes_what_is_there() -> None:
    got = chosen(table(pair()))
    assert got.arm_data["arm_id"].tolist() == ["prp", "saline"]
    assert got.omissions.empty


def test_measure_earlier_in_the_order_is_taken() -> None:
    womac = pair(measure="WOMAC pain", scale="womac-pain-100")
    got = chosen(table(pair(), womac))
    assert got.arm_data["scale"].unique().tolist() == ["womac-pain-100"]
    assert got.omissions["reason"].unique().tolist() == ["the study's WOMAC pain is used for this outcome"]
    assert got.omissions["synthesis_id"].unique().tolist() == ["prp-pain"]


def test_within_a_scale_the_first_printed_is_taken() -> None:
    got = chosen(table(pair(measure="pain VAS at rest"), pair(measure="pain VAS walking")))
    assert got.arm_data["measure"].unique().tolist() == ["pain VAS at rest"]


def test_measure_of_one_arm_alone_gives_way() -> None:
    womac = pair(measure="WOMAC pain", scale="womac-pain-100")[:1]
    got = chosen(table(womac, pair()))
    assert got.arm_data["scale"].unique().tolist() == ["pain-vas-100"]


def test_closest_time_is_taken() -> None:
    got = chosen(table(pair(weeks=20, timepoint="20"), pair(weeks=24, timepoint="24")))
    assert got.arm_data["weeks"].unique().tolist() == [24]
    assert got.omissions["reason"].unique().tolist() == ["24 weeks is chosen, for a target of 26 weeks"]


def test_earlier_of_two_equally_close_times_is_taken() -> None:
    got = chosen(table(pair(weeks=24, timepoint="24"), pair(weeks=28, timepoint="28")))
    assert got.arm_data["weeks"].unique().tolist() == [24]


def test_preferred_statistic_is_taken_and_never_mixed() -> None:
    change = pair(statistic="mean change", mean=-10)
    got = chosen(table(pair(), change))
    assert got.arm_data["statistic"].unique().tolist() == ["mean change"]
    assert got.omissions["reason"].unique().tolist() == ["the study's mean change is used"]
    half = chosen(table(pair(), change[:1]))
    assert half.arm_data["statistic"].tolist() == ["mean", "mean"]


def test_preference_can_be_turned() -> None:
    got = chosen(table(pair(), pair(statistic="mean change")), prefer="mean")
    assert got.arm_data["statistic"].unique().tolist() == ["mean"]


def test_fallback_can_be_refused() -> None:
    got = chosen(table(pair()), fallback=False)
    assert got.arm_data.empty
    assert got.omissions["reason"].unique().tolist() == ["mean is not what this synthesis pools"]


def test_printed_mean_goes_before_an_assumed_change() -> None:
    assumed = pair(statistic="mean change", assumption="correlation of baseline and follow-up 0.5")
    assert chosen(table(assumed, pair())).arm_data["statistic"].unique().tolist() == ["mean"]
    assert chosen(table(assumed)).arm_data["statistic"].unique().tolist() == ["mean change"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weeks": 12}, "12 weeks lies outside the window of 18 to 35 weeks"),
        ({"weeks": None}, "the time in weeks is not known"),
        ({"scale": "koos-pain"}, "scale koos-pain is not among the measures of this synthesis"),
        ({"scale": ""}, "scale not registered is not among the measures of this synthesis"),
        ({"statistic": "events"}, "events is not what this synthesis pools"),
    ],
)
def test_row_left_out_says_why(changes: dict[str, object], reason: str) -> None:
    got = chosen(table(pair(**changes)))
    assert got.arm_data.empty
    assert got.omissions["reason"].unique().tolist() == [reason]


def test_one_arm_alone_is_not_compared() -> None:
    got = chosen(table(pair()[:1]))
    assert got.omissions["reason"].tolist() == ["fewer than two arms with this measure within the window"]


def test_between_asks_for_both_sides_and_leaves_other_arms() -> None:
    other = [{**pair()[0], "arm_id": "ha", "treatment": "ha"}]
    got = chosen(table(pair(), other), between=(("prp",), ("saline",)))
    assert got.arm_data["arm_id"].tolist() == ["prp", "saline"]
    assert got.omissions["reason"].tolist() == ["treatment ha is not part of this comparison"]
    late = chosen(table(pair()[:1], pair(weeks=12)[1:]), between=(("prp",), ("saline",)))
    assert late.arm_data.empty
    assert "no arms on both sides of the comparison with this measure" in late.omissions["reason"][1]


def test_study_of_another_comparison_is_one_omission() -> None:
    got = chosen(table(pair(), pair(weeks=30)), between=(("ha",), ("saline",)))
    assert got.arm_data.empty
    assert got.omissions["reason"].tolist() == [
        "not a study of this comparison: usable numbers only of prp, saline"
    ]
    assert got.omissions["study_id"].tolist() == ["s"]
    assert got.omissions["arm_id"].tolist() == [""]


def test_one_side_is_a_single_arm_synthesis() -> None:
    got = chosen(table(pair()[:1]), between=(("prp",),))
    assert got.arm_data["arm_id"].tolist() == ["prp"]


def test_second_row_of_an_arm_is_left_out() -> None:
    got = chosen(table(pair(), pair()[:1]))
    assert len(got.arm_data) == 2
    assert got.omissions["reason"].tolist() == ["a second row of the same arm, measure and time"]


def test_other_outcomes_are_not_mentioned() -> None:
    got = chosen(table(pair(outcome="function")))
    assert got.arm_data.empty
    assert got.omissions.empty


def test_empty_order_accepts_any_measure() -> None:
    got = chosen(table(pair(scale="", statistic="events")), measures=(), prefer="events")
    assert len(got.arm_data) == 2


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["s", "t"]),
        st.sampled_from(ARM_PAIR),
        st.sampled_from(["pain-vas-100", "womac-pain-100", "koos-pain"]),
        st.sampled_from([6, 20, 26, 32]),
        st.sampled_from(["mean", "mean change"]),
    ),
    max_size=14,
)


@given(ROWS, st.randoms(use_true_random=False))
def test_every_row_is_chosen_or_explained_and_order_does_not_matter(rows, random):  # type: ignore[no-untyped-def]
    unique = sorted(set(rows))
    made = [
        {**BASE, "study_id": study, "arm_id": arm, "treatment": arm, "scale": scale, "measure": scale,
         "weeks": weeks, "timepoint": str(weeks), "statistic": statistic, "line": i}
        for i, (study, (arm, _), scale, weeks, statistic) in enumerate(unique, 2)
    ]  # fmt: skip
    got = chosen(frame(ARM_DATA, made))
    assert sorted([*got.arm_data["line"], *got.omissions["line"]]) == list(range(2, len(made) + 2))
    for _, study in got.arm_data.groupby("study_id"):
        assert len(study.drop_duplicates(["scale", "weeks", "statistic"])) == 1
        assert study["arm_id"].is_unique
    random.shuffle(made)
    again = chosen(frame(ARM_DATA, made))
    assert sorted(again.arm_data["line"]) == sorted(got.arm_data["line"])


def test_window_must_hold_its_target() -> None:
    with pytest.raises(ProtocolError, match="window 'x' from 18 to 35 weeks with target 40"):
        Window("x", 40, 18, 35)
