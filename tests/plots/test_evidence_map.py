from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from synovia.errors import TableError
from synovia.plots import evidence_map, evidence_map_figure, to_png, to_svg
from synovia.plots.evidence_map import DIRECTIONS

CELLS = pd.DataFrame(
    [
        ("miR-140", "cartilage", "harm", 2),
        ("miR-140", "cartilage", "benefit", 9),
        ("miR-140", "pain", "benefit", 1),
        ("native vesicles", "cartilage", "not reported", 4),
        ("native vesicles", "inflammation", "mixed", 3),
        ("native vesicles", "inflammation", "no difference", 3),
    ],
    columns=["row", "column", "direction", "n"],
)


def numbers(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_gid() == "n"]


def marks(ax: Axes, direction: str) -> PathCollection:
    found = [c for c in ax.collections if isinstance(c, PathCollection) and c.get_label() == direction]
    return found[0]


def test_every_number_is_printed() -> None:
    assert sorted(numbers(evidence_map(CELLS))) == sorted(str(n) for n in CELLS["n"])


def test_directions_of_one_cell_stand_side_by_side_in_their_order() -> None:
    ax = evidence_map(CELLS)
    benefit, harm = (np.asarray(marks(ax, name).get_offsets()) for name in ("benefit", "harm"))
    assert benefit[0, 0] < harm[0, 0]
    assert benefit[0, 1] == harm[0, 1]


def test_area_grows_with_the_number_of_studies() -> None:
    sizes = np.asarray(marks(evidence_map(CELLS), "benefit").get_sizes())
    assert sizes[0] > sizes[1]


def test_rows_of_the_same_cell_and_direction_add_up() -> None:
    assert numbers(evidence_map(pd.concat([CELLS.tail(1)] * 3))) == ["9"]


def test_colour_is_not_the_only_sign() -> None:
    assert len({(marker, color == "white") for marker, color, _ in DIRECTIONS.values()}) == len(DIRECTIONS)


def test_order_is_the_callers_and_gaps_are_seen() -> None:
    ax = evidence_map(CELLS, rows=["native vesicles"], columns=["function", "pain"])
    at = {text.get_text(): text.get_position() for text in ax.texts}
    assert at["native vesicles"][1] < at["miR-140"][1]
    assert at["function"][0] < at["pain"][0] < at["cartilage"][0]


def test_an_unknown_direction_is_refused() -> None:
    with pytest.raises(TableError, match="found 'better'; wanted one of benefit, mixed"):
        evidence_map(CELLS.assign(direction="better"))


def test_no_cells_is_said_in_a_sentence() -> None:
    assert [t.get_text() for t in evidence_map(pd.DataFrame()).texts] == [
        "No data: no study reports a finding."
    ]


def test_text_is_clean(faults_of: Callable[[Figure], list[str]]) -> None:
    long = CELLS.assign(row=CELLS["row"] + " carried in engineered vesicles of synovial origin " * 3)
    for cells in (CELLS, CELLS.tail(1), long):
        assert faults_of(evidence_map_figure(cells, columns=["Subchondral bone and osteophytes"])) == []


def test_the_same_frame_gives_the_same_bytes() -> None:
    one, two = (evidence_map_figure(CELLS) for _ in range(2))
    assert to_svg(one) == to_svg(two)
    assert to_png(one) == to_png(two)


row = st.fixed_dictionaries(
    {
        "row": st.text(max_size=40),
        "column": st.text(max_size=40),
        "direction": st.sampled_from(list(DIRECTIONS)),
        "n": st.floats(allow_nan=True, allow_infinity=True),
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(row, max_size=8))
def test_any_frame_is_drawn(rows: list[dict[str, object]]) -> None:
    assert to_svg(evidence_map_figure(pd.DataFrame(rows))).startswith("<?xml")
