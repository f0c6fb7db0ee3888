from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synovia.errors import TableError
from synovia.plots import flow, flow_figure, to_png, to_svg
from synovia.plots.flow_layout import BOXES, arrange

MAIN = [
    (
        "identified-databases",
        1243,
        "PubMed (n = 843)\nCochrane Central Register of Controlled Trials (n = 400)",
    ),
    ("identified-registers", 12, ""),
    ("removed-duplicates", 200, ""),
    ("removed-automatic", 0, ""),
    ("removed-other", 3, ""),
    ("screened", 1052, ""),
    ("excluded", 900, ""),
    ("sought", 152, ""),
    ("not-retrieved", 5, ""),
    ("assessed", 147, ""),
    (
        "excluded-full-text",
        106,
        "Wrong population (n = 40)\nNo comparator, or one given in the same knee (n = 66)",
    ),
    ("included-studies", 36, ""),
    ("included-reports", 41, ""),
]
OTHER = [
    ("identified-other", 20, "Citations (n = 20)"),
    ("other-sought", 9, ""),
    ("other-not-retrieved", 2, ""),
    ("other-assessed", 7, ""),
    ("other-excluded", 6, "Wrong design (n = 6)"),
]


def counts(*parts: list[tuple[str, int, str]]) -> pd.DataFrame:
    return pd.DataFrame([row for part in parts for row in part], columns=["box", "count", "detail"])


def words(ax: Axes) -> str:
    return " ".join(text.get_text() for text in ax.texts)


def test_every_count_is_printed_with_its_words() -> None:
    text = words(flow(counts(MAIN, OTHER)))
    for box, count, detail in [*MAIN, *OTHER]:
        assert f"{BOXES[box][1]} (n = {count:,})" in text
        assert " ".join(detail.split("\n")) in text


def test_labels_of_the_frame_take_the_place_of_the_standard_words() -> None:
    frame = counts(MAIN[5:6]).assign(label="Titles read")
    assert words(flow(frame)) == "Screening Titles read (n = 1,052)"


def test_an_unknown_count_is_said() -> None:
    assert "(n not reported)" in words(flow(pd.DataFrame({"box": ["screened"], "count": [float("nan")]})))


def test_other_methods_are_drawn_only_when_counted() -> None:
    assert "Other methods" not in words(flow(counts(MAIN)))
    assert "Other methods" in words(flow(counts(MAIN, OTHER)))


def test_arrows_are_straight_and_start_and_end_at_boxes() -> None:
    diagram = arrange(counts(MAIN, OTHER, [("awaiting", 3, "")]))
    edges = {edge for b in diagram.boxes for edge in (b.left, b.left + b.width, b.top, b.top + b.height)}
    for arrow in diagram.arrows:
        for (x0, y0), (x1, y1) in zip(arrow.points, arrow.points[1:], strict=False):
            assert x0 == x1 or y0 == y1
        assert {arrow.points[0][0], arrow.points[0][1]} & edges
        assert {arrow.points[-1][0], arrow.points[-1][1]} & edges
    # four steps down, four losses, one pile waiting; two steps down, two losses, one joining the included
    assert len(diagram.arrows) == 4 + 4 + 1 + 2 + 2 + 1


def test_boxes_do_not_overlap_and_no_arrow_crosses_one() -> None:
    diagram = arrange(counts(MAIN, OTHER, [("awaiting", 3, "")]))
    for i, a in enumerate(diagram.boxes):
        for b in diagram.boxes[i + 1 :]:
            apart_x = a.left + a.width <= b.left or b.left + b.width <= a.left
            assert apart_x or a.top + a.height <= b.top or b.top + b.height <= a.top
        for arrow in diagram.arrows:
            for (x0, y0), (x1, y1) in zip(arrow.points, arrow.points[1:], strict=False):
                inside_x = max(min(x0, x1), a.left) < min(max(x0, x1), a.left + a.width) or (
                    x0 == x1 and a.left < x0 < a.left + a.width
                )
                inside_y = max(min(y0, y1), a.top) < min(max(y0, y1), a.top + a.height) or (
                    y0 == y1 and a.top < y0 < a.top + a.height
                )
                assert not (inside_x and inside_y), (a.name, arrow)


def test_a_box_without_a_name_of_the_diagram_is_refused() -> None:
    with pytest.raises(TableError, match="found 'screend'; wanted one of identified-databases"):
        flow(pd.DataFrame({"box": ["screend"], "count": [1]}))


def test_no_counts_is_said_in_a_sentence() -> None:
    assert words(flow(pd.DataFrame())) == "No data: no record has been counted yet."


@pytest.mark.parametrize("parts", [(MAIN,), (MAIN, OTHER), (MAIN[:1],), ([("awaiting", 148, "")],), (OTHER,)])
def test_text_is_clean(
    parts: tuple[list[tuple[str, int, str]], ...], faults_of: Callable[[Figure], list[str]]
) -> None:
    assert faults_of(flow_figure(counts(*parts))) == []


def test_text_stays_inside_its_box() -> None:
    figure = flow_figure(counts(MAIN, OTHER).assign(detail="A_reason_without_any_place_to_break_" * 9))
    ax = figure.axes[0]
    diagram = arrange(counts(MAIN, OTHER).assign(detail="A_reason_without_any_place_to_break_" * 9))
    figure.canvas.draw()
    for text in ax.texts:
        extent = text.get_window_extent().transformed(ax.transData.inverted())
        homes = [b for b in diagram.boxes if b.left < extent.x0 < b.left + b.width and b.top < extent.y0]
        homes = [b for b in homes if extent.y0 < b.top + b.height]
        assert not homes or extent.x1 <= homes[0].left + homes[0].width


def test_given_axes_hold_the_whole_diagram(faults_of: Callable[[Figure], list[str]]) -> None:
    figure = Figure(figsize=(5, 9))
    ax = figure.add_subplot()
    assert flow(counts(MAIN), ax) is ax
    assert faults_of(figure) == []


def test_the_same_frame_gives_the_same_bytes() -> None:
    one, two = (flow_figure(counts(MAIN, OTHER)) for _ in range(2))
    assert to_svg(one) == to_svg(two)
    assert to_png(one) == to_png(two)


row = st.fixed_dictionaries(
    {
        "box": st.sampled_from(list(BOXES)),
        "count": st.floats(allow_nan=True, allow_infinity=True),
        "label": st.text(max_size=60),
        "detail": st.text(max_size=120),
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(row, max_size=8))
def test_any_frame_is_drawn(rows: list[dict[str, object]]) -> None:
    assert to_svg(flow_figure(pd.DataFrame(rows))).startswith("<?xml")
