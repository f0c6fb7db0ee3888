"""Markup to plain text, years, pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synovia.formats.piece import find_year, join, number_pages, to_plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<i>SOX9</i> in <sub>2</sub>knees", "SOX9 in 2knees"),
        ("p < 0.05 and n > 3", "p < 0.05 and n > 3"),
        ("p<0.05 but a<b and c>d", "p<0.05 but a<b and c>d"),
        ("CD90<sup>+</sup> &amp; CD45&minus;", "CD90+ & CD45−"),
        ("&lt;i&gt;twice&lt;/i&gt;", "twice"),
        ("AIMS<br/>To see<br>METHODS", "AIMS To see METHODS"),
        ("<jats:p>One</jats:p><jats:p>Two</jats:p>", "One Two"),
        ("<script>alert(1)</script>", "alert(1)"),
        ('<img src=x onerror="alert(1)">knee', "knee"),
        ("R&D, AT&T, &section", "R&D, AT&T, &section"),
        ("bell\x07 and \x1b[31mred", "bell\ufffd and \ufffd[31mred"),
        ("two\n  lines\tand tab", "two lines and tab"),
    ],
)
def test_plain(text: str, plain: str) -> None:
    assert to_plain(text) == plain


@given(st.text("<>/abipS =\"'&;lgt#1 \n", max_size=80))
def test_plain_text_never_holds_a_script_tag_or_control_character(text: str) -> None:
    plain = to_plain(f"<script>{text}</script>\x00")
    assert "<script>" not in plain.replace(to_plain(text), "")
    assert "\x00" not in plain


@pytest.mark.parametrize(
    ("texts", "year"),
    [
        (["2019/03//"], 2019),
        (["4-8 Aug. 2020"], 2020),
        (["10 15"], None),
        (["", "20200127"], 2020),
        (["12345678"], None),
        (["0201", "1998-2001"], 1998),
        ([], None),
    ],
)
def test_years(texts: list[str], year: int | None) -> None:
    assert find_year(texts) == year


@pytest.mark.parametrize(
    ("first", "last", "pages"),
    [("1", "9", "1-9"), ("1-9", "9", "1-9"), ("e123", "", "e123"), ("", "9", "9"), ("5", "5", "5")],
)
def test_pages(first: str, last: str, pages: str) -> None:
    assert number_pages(first, last) == pages


def test_joined_values_stand_once() -> None:
    assert join(["knee", " knee ", "", "hip"]) == "knee; hip"
