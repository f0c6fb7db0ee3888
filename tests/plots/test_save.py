import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from synovia.plots import to_png, to_svg
from synovia.plots.style import house

IDS = re.compile(r'\sid="([^"]+)"')
REFERENCES = re.compile(r'(?:href="#|url\(#)([^")]+)')


def figure(text: str = "words") -> Figure:
    with house():
        drawn = Figure(figsize=(3, 2))
        ax = drawn.add_subplot()
        ax.plot([0, 1], [0, 1], "o-")
        ax.bar([0, 1], [1, 1], hatch="//")
        ax.set_title(text)
    return drawn


def test_two_figures_of_one_page_share_no_id() -> None:
    one, two = (set(IDS.findall(to_svg(figure(), prefix=name, title="t"))) for name in ("a", "b"))
    assert one
    assert not one & two


def test_every_reference_finds_its_id() -> None:
    svg = to_svg(figure(), prefix="a")
    assert REFERENCES.findall(svg)
    assert set(REFERENCES.findall(svg)) <= set(IDS.findall(svg))


def test_ids_are_unique() -> None:
    found = IDS.findall(to_svg(figure(), prefix="a", title="t", description="d"))
    assert len(found) == len(set(found))


def test_text_that_looks_like_an_id_is_left_alone() -> None:
    assert 'a id="x" url(#y) &gt;' in to_svg(figure('a id="x" url(#y) >'), prefix="p")


def test_inline_has_no_prolog_and_is_well_formed() -> None:
    svg = to_svg(figure(), inline=True, title="A & B <script>", description="\\1 \\g<1>")
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own drawing
    assert svg.startswith("<svg ")
    assert [child.text for child in root[:2]] == ["A & B <script>", "\\1 \\g<1>"]
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "figure-title figure-desc"


def test_no_style_sheet_date_or_program_is_left() -> None:
    svg = to_svg(figure())
    assert "<style" not in svg
    assert "<metadata" not in svg
    assert "atplotlib v" not in svg


def test_text_is_kept_as_text() -> None:
    assert re.search(r"<text [^>]*>words</text>", to_svg(figure()))


def test_a_prefix_of_odd_characters_is_made_safe() -> None:
    assert to_svg(figure(), prefix='x" onload="y', inline=True).startswith('<svg id="x-onload-y"')


def test_bytes_do_not_depend_on_the_callers_settings() -> None:
    svg, png = to_svg(figure()), to_png(figure())
    with mpl.rc_context({"svg.fonttype": "path", "font.family": ["serif"], "axes.grid": True}):
        assert to_svg(figure()) == svg
        assert to_png(figure()) == png


def test_png_has_the_size_asked_for() -> None:
    png = to_png(figure(), dpi=200)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (600, 400)
    assert b"Software" not in png


def test_glyphs_that_the_font_lacks_are_no_warning() -> None:
    assert "中文" in to_svg(figure("中文"))
    assert to_png(figure("中文"))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_title_and_description_give_well_formed_xml(text: str) -> None:
    root = ElementTree.fromstring(to_svg(Figure(figsize=(1, 1)), title=text, description=text, inline=True))  # noqa: S314
    assert root.tag.endswith("svg")


@pytest.mark.parametrize("module", ["matplotlib.pyplot", "tkinter"])
def test_plots_open_no_window_system(module: str) -> None:
    code = f"import sys, synovia.plots; sys.exit('{module}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
