import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.report import Answer, Mid, word_answer
from synovia.report.sentences import word_mid
from synthetic_report import answer, estimate, nothing, single


def test_a_pooled_result_whose_interval_excludes_no_effect() -> None:
    assert word_answer(answer()).claim == (
        "At 3 months, hyaluronic acid lowered pain by 9.8 points on a 0–100 scale compared with saline "
        "(95\u202f% CI 3.1 to 16.5 lower; a new trial would be expected between 30.2 lower and 11.4 higher)."
    )


def test_what_it_rests_on() -> None:
    words = word_answer(answer())
    assert words.basis == "It rests on 3 randomised trials, 1\u202f870 people."
    assert words.trust == "Certainty: not yet judged. Risk of bias: not yet appraised."
    assert words.spread == "How far the results differ beyond chance: I² = 85\u202f%, τ = 9.0 points."


def test_in_three_levels_both_parts_of_the_differences_are_told() -> None:
    parts = {"tau2_between": 64.0, "tau2_within": 17.0}
    assert word_answer(answer(estimate(**parts))).spread == (
        "How far the results differ beyond chance: I² = 85\u202f%, τ = 9.0 points "
        "(8.0 between studies, 4.1 between effects of one study)."
    )


@pytest.mark.parametrize(
    ("limits", "better", "favours", "verb"),
    [
        ((-16.0, -3.0), "lower", "treatment", "lowered"),
        ((3.0, 16.0), "lower", "comparator", "raised"),
        ((3.0, 16.0), "higher", "treatment", "raised"),
        ((-16.0, -3.0), "higher", "comparator", "lowered"),
        ((-16.0, 0.0), "lower", "neither", "no clear difference"),
        ((0.0, 16.0), "lower", "neither", "no clear difference"),
        ((-16.0, 3.0), "higher", "neither", "no clear difference"),
    ],
)
@pytest.mark.parametrize("pooled", [True, False])
def test_grid(limits: tuple[float, float], better: str, favours: str, verb: str, pooled: bool) -> None:
    row = (estimate if pooled else single)(estimate=sum(limits) / 2, lower=limits[0], upper=limits[1])
    words = word_answer(answer(row, better=better))
    assert words.favours == favours
    if favours == "neither":
        assert "no clear difference" in words.claim
        assert not re.search(r"\b(lowered|raised)\b", words.claim)
    elif pooled:
        assert verb in words.claim
    else:
        assert "one randomised trial found" in words.claim
        assert not re.search(r"\b(lowered|raised)\b", words.claim)
    assert ("not pooled" in words.basis) == (not pooled)


def test_no_data_says_so_and_claims_nothing() -> None:
    words = word_answer(answer(nothing()))
    assert words.direction == "none"
    assert words.claim.startswith("At 3 months, no eligible trial with usable numbers")
    assert (words.basis, words.trust, words.importance, words.spread) == ("", "", "", "")


def test_a_prediction_interval_needs_three_studies() -> None:
    assert "new trial" not in word_answer(answer(estimate(k=2.0))).claim
    assert "new trial" in word_answer(answer(estimate(k=3.0))).claim


def test_ratios_are_read_as_ratios() -> None:
    row = estimate(
        measure="OR",
        estimate=math.log(1.5),
        lower=math.log(1.2),
        upper=math.log(1.9),
        prediction_lower=math.log(0.8),
        prediction_upper=math.log(2.8),
    )
    claim = word_answer(answer(row, outcome="response to treatment", better="higher")).claim
    assert "response to treatment was more frequent with hyaluronic acid than with saline" in claim
    assert (
        "odds ratio 1.50 (95\u202f% CI 1.20 to 1.90; a new trial would be expected between 0.80 and 2.80)"
        in claim
    )


def test_a_single_arm_is_not_an_effect() -> None:
    row = estimate(measure="mean change", comparator="")
    words = word_answer(answer(row, comparator=""))
    assert "does not show what the injection itself did" in words.claim
    assert "saline" not in words.claim
    assert words.verdict == "lower than before"


@pytest.mark.parametrize(
    ("mid", "numbers", "said"),
    [
        (
            Mid(9.7, "individual", "A"),
            (-4.0, -6.0, -2.0),
            "smaller than the 9.7-point change that one person",
        ),
        (Mid(9.7, "individual", "A"), (-14.0, -16.0, -12.0), "larger than the 9.7-point change"),
        (Mid(9.7, "individual", "A"), (-9.66, -12.0, -7.0), "about as large as the 9.7-point change"),
        (Mid(9.0, "group", "A"), (-4.0, -6.0, -2.0), "The whole interval is smaller than"),
        (Mid(9.0, "group", "A"), (14.0, 10.0, 18.0), "The whole interval is larger than"),
        (Mid(9.0, "group", "A"), (-8.0, -12.0, -4.0), "smaller than the 9.0-point difference between groups"),
        (Mid(9.0, "group", "A"), (0.0, -12.0, 12.0), "reaches from below it to above it"),
    ],
)
def test_differences_that_matter(mid: Mid, numbers: tuple[float, float, float], said: str) -> None:
    assert said in word_mid(mid, *numbers)


def test_one_person_s_threshold_is_not_taken_for_a_group_s() -> None:
    words = word_answer(answer(mid=Mid(9.7, "individual", "Ehrich 2000")))
    assert "one person's change" in words.importance
    assert "Ehrich 2000" in words.importance
    assert word_answer(answer(estimate(measure="SMD"), mid=Mid(9.7, "group", "A"))).importance == ""


def _strength(view: Answer) -> str:
    return word_answer(view).text


@given(
    centre=st.floats(-60, 60),
    half=st.floats(0.01, 60),
    k=st.integers(1, 30),
    better=st.sampled_from(["lower", "higher"]),
)
def test_never_stronger_than_the_interval(centre: float, half: float, k: int, better: str) -> None:
    make = estimate if k > 1 else single
    row = make(estimate=centre, lower=centre - half, upper=centre + half, k=float(k))
    text = _strength(answer(row, better=better))
    crosses = centre - half <= 0 <= centre + half
    assert crosses == ("no clear difference" in text)
    assert bool(re.search(r"\b(lowered|raised)\b", text)) == (not crosses and k > 1)
    assert not re.search(r"proves?\b|effective|significant|nan|inf\b", text)
