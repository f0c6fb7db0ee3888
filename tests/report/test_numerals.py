import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.report import Variant
from synovia.report.anchors import anchor, identifier_link
from synovia.report.bars import draw_bar, limit_of
from synovia.report.beside import set_beside
from synovia.report.numerals import decimal, interval, p_value, reading_of
from synovia.report.unpooled import contrast_statements, laboratory_statement
from synthetic_report import answer, content, estimate


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6))
def test_a_number_that_is_not_zero_is_not_printed_as_zero(value: float) -> None:
    text = decimal(value)
    read = float(text.replace("−", "-").replace("\u202f", ""))
    assert "-" not in text
    if abs(value) >= 1e-4:
        assert read != 0
    assert math.isclose(
        read, value, rel_tol=0, abs_tol=0.0501
    )  # half a unit of the one decimal, and rounding


@pytest.mark.parametrize(
    ("value", "text"), [(math.nan, "–"), (0.05, "0.050"), (0.5, "0.50"), (1e-12, "< 0.001")]
)
def test_p(value: float, text: str) -> None:
    assert p_value(value) == text


def test_ratios_leave_the_log() -> None:
    assert reading_of("OR").span(math.log(0.5), math.log(2.0)) == "0.50 to 2.00"
    assert reading_of("RD").text(0.125) == "12.5"
    assert interval(math.nan, 1.0) == "not estimable"


@given(st.text(max_size=8), st.text(max_size=8))
def test_different_names_have_different_anchors(one: str, two: str) -> None:
    assert (anchor("a", one) == anchor("a", two)) == (one == two)
    assert not set(anchor("a", one, two)) & set(' "<>#&')


@given(st.text(max_size=30))
def test_an_address_is_never_anything_but_https(text: str) -> None:
    assert identifier_link(text) == "" or identifier_link(text).startswith("https://")


def test_bars_keep_inside_their_axis() -> None:
    bar = draw_bar(-5.0, (-500.0, 400.0), (math.nan, math.nan), limit=10.0, kind="treatment")
    assert bar.count("tip") == 2
    assert limit_of([(math.nan, 1.0, 2.0)]) > 0
    assert limit_of([]) == 1.0
    assert "circle" not in draw_bar(math.nan, (0, 0), (0, 0), limit=1.0, kind="neither")


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({}, "agree", "sizes cannot be compared"),
        ({"ci_high": "0.02"}, "differ", "Our interval excludes no effect, its does not"),
        ({"ci_low": ""}, "unknown", "prints no interval"),
        ({"measure": "MD"}, "agree", "compare sizes with care"),
        ({"measure": "RR", "ci_low": "0.8", "ci_high": "1.2"}, "differ", "sizes cannot be compared"),
    ],
)
def test_published_results_beside_ours(changes: dict[str, str], kind: str, said: str) -> None:
    row = content().tables["published"].iloc[0].copy()
    for name, value in changes.items():
        row[name] = value
    agreement = set_beside(answer(), row)
    assert agreement.kind == kind
    assert said in agreement.words


def test_standardised_results_can_be_laid_over_each_other() -> None:
    row = content().tables["published"].iloc[0]
    ours = answer(estimate(measure="SMD", estimate=-0.5, lower=-0.7, upper=-0.3))
    assert "do not overlap" in set_beside(ours, row).words


def test_a_variant_on_the_published_measure_is_used() -> None:
    row = content().tables["published"].iloc[0]
    ours = estimate(measure="SMD", estimate=-0.52, lower=-0.83, upper=-0.22)
    agreement = set_beside(answer(sensitivity=(Variant("standardised", ours),)), row)
    assert agreement.kind == "differ"
    assert "Ours on that scale (standardised): −0.52 (−0.83 to −0.22)" in agreement.words


def test_a_published_result_that_counts_benefit_as_positive_is_turned() -> None:
    row = content().tables["published"].iloc[0].copy()
    row["ci_low"], row["ci_high"], row["positive_favours"] = "0.28", "0.65", "treatment"
    ours = answer(estimate(measure="SMD", estimate=-0.52, lower=-0.83, upper=-0.22))
    turned = set_beside(ours, row)
    assert turned.kind == "agree"
    assert (
        "With its sign turned to ours, for it prints benefit as positive: the intervals overlap."
        in turned.words
    )
    row["positive_favours"] = "not stated"
    assert set_beside(ours, row).kind == "unknown"


def test_trials_in_words_and_laboratory_studies() -> None:
    whole = content()
    (trial,) = contrast_statements(whole)
    assert trial.studies == (("Vesicle trial", "study.ev-1"),)
    assert "no significant difference for pain (VAS), at 6 months" in trial.text
    laboratory = laboratory_statement(whole)
    assert laboratory is not None
    assert "1 with benefit" in laboratory.text
    assert "may not help a person" in laboratory.text
