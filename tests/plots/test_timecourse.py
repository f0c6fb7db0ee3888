from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from synovia.plots import timecourse, timecourse_figure, to_png, to_svg


def arms(studies: int) -> pd.DataFrame:
    rows = [
        (f"s{i}", f"Author {i} 2010 (a trial with a rather long name)", f"a{j}", name, week, 60.0 - week + j)
        for i in range(studies)
        for j, name in enumerate(("ha", "saline", "prp")[: 2 + i % 2])
        for week in (12.0, 0.0, 26.0)
    ]
    data = pd.DataFrame(rows, columns=["study_id", "label", "arm", "treatment", "weeks", "mean"])
    return data.assign(lower=data["mean"] - 4, upper=data["mean"] + 4, n=40.0)


def lines(ax: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()): (np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist())
        for line in ax.get_lines()
    }


def test_lines_are_the_means_in_order_of_time() -> None:
    drawn = lines(timecourse(arms(1)))
    assert drawn == {"ha": ([0, 12, 26], [60, 48, 34]), "saline": ([0, 12, 26], [61, 49, 35])}


def test_intervals_are_drawn_where_they_are_known() -> None:
    data = arms(1)
    data.loc[data["weeks"] == 12, ["lower", "upper"]] = float("nan")
    bars = [c for c in timecourse(data).collections if isinstance(c, LineCollection)]
    ends = [segment[:, 1].tolist() for c in bars for segment in c.get_segments()]
    assert ends == [[56, 64], [30, 38], [57, 65], [31, 39]]


def test_missing_intervals_are_no_obstacle() -> None:
    assert len(lines(timecourse(arms(1).drop(columns=["lower", "upper"])))) == 2


def test_one_panel_for_each_study_on_shared_axes() -> None:
    figure = timecourse_figure(arms(6), columns=4)
    assert len(figure.axes) == 6
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in figure.axes}) == 1


def test_a_treatment_looks_the_same_in_every_panel() -> None:
    figure = timecourse_figure(arms(4))
    looks = {
        (str(m.get_label()), m.get_color(), m.get_marker()) for ax in figure.axes for m in ax.get_lines()
    }
    assert len(looks) == 3


def test_more_treatments_than_colours_still_differ() -> None:
    data = (
        arms(1)
        .iloc[[0] * 20]
        .assign(arm=[f"a{i}" for i in range(20)], treatment=[f"t{i}" for i in range(20)])
    )
    looks = {(m.get_color(), m.get_marker()) for m in timecourse(data).get_lines()}
    assert len(looks) == 20


def test_a_look_can_be_given() -> None:
    ax = timecourse(arms(1), looks={"ha": ("#000000", "s")})
    assert ax.get_lines()[0].get_color() == "#000000"


def test_the_key_names_every_treatment_once() -> None:
    texts = [text.get_text() for text in timecourse_figure(arms(6)).texts]
    assert [texts.count(name) for name in ("ha", "saline", "prp")] == [1, 1, 1]


def test_no_arms_is_said_in_a_sentence() -> None:
    sentence = "No data: no arm has a mean at a stated time."
    assert [t.get_text() for t in timecourse(pd.DataFrame()).texts] == [sentence]
    assert [t.get_text() for t in timecourse_figure(pd.DataFrame()).axes[0].texts] == [sentence]


@pytest.mark.parametrize("studies", [1, 2, 11])
def test_text_is_clean(studies: int, faults_of: Callable[[Figure], list[str]]) -> None:
    data = arms(studies)
    data["treatment"] += " of high molecular weight, three injections"
    assert faults_of(timecourse_figure(data, scale_label="Pain, 0–100")) == []


def test_the_same_frame_gives_the_same_bytes() -> None:
    one, two = (timecourse_figure(arms(3)) for _ in range(2))
    assert to_svg(one) == to_svg(two)
    assert to_png(one) == to_png(two)


number = st.floats(allow_nan=True, allow_infinity=True)
row = st.fixed_dictionaries(
    {
        "study_id": st.sampled_from(["a", "b", "$c"]), "label": st.text(max_size=60), "arm": st.text(max_size=3),
        "treatment": st.text(max_size=30), "weeks": number, "mean": number, "lower": number, "upper": number,
    }
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(row, max_size=8))
def test_any_frame_is_drawn(rows: list[dict[str, object]]) -> None:
    assert to_svg(timecourse_figure(pd.DataFrame(rows))).startswith("<?xml")
