import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.textpath import TextPath

from synovia.plots.style import house, plain, text_width, wrap


@pytest.mark.parametrize("text", ["Study", "−12.34 [−23.45, 0.12]", "τ² = 8.3; I² = 64%"])
def test_measured_width_is_the_width_drawn(text: str) -> None:
    with house():
        drawn = TextPath((0, 0), text, size=10, usetex=False).get_extents().width
    # The outline lacks the side bearings of the first and last glyph: less than a fifth of an em.
    assert text_width(text, 10.0) == pytest.approx(drawn, abs=2.0)


def test_a_character_that_the_font_lacks_is_one_em_wide() -> None:
    assert text_width("中", 10.0) == 10.0


@given(st.text(max_size=80), st.floats(20, 200))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: float) -> None:
    lines = wrap(text, width, 8.0)
    assert "".join(lines).replace(" ", "") == plain(text).replace(" ", "")
    assert all(text_width(line, 8.0) <= width for line in lines)


def test_a_text_cut_short_says_so() -> None:
    lines = wrap("one two three four five", 25.0, 8.0, most=2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")


@given(st.text())
def test_plain_text_is_one_line_that_can_be_encoded(text: str) -> None:
    clean = plain(text)
    assert "\n" not in clean
    assert clean.encode("utf-8").decode("utf-8") == clean
    assert plain(clean) == clean


def test_house_style_is_given_back() -> None:
    before = dict(mpl.rcParams)
    with house():
        assert mpl.rcParams["svg.fonttype"] == "none"
    assert dict(mpl.rcParams) == before
