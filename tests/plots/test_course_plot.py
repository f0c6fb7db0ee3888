import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import synovia as sv
from synovia.plots import to_svg
from synovia.plots.course import course
from synovia.plots.style import figure_of

CURVE = pd.DataFrame(
    {
        "treatment": ["ha"] * 3 + ["prp"] * 3,
        "comparator": "saline",
        "time": [0.0, 12.0, 26.0] * 2,
        "estimate": [0.0, -9.0, -7.0, 0.0, -12.0, -14.0],
        "lower": [0.0, -12.0, -11.0, 0.0, -16.0, -20.0],
        "upper": [0.0, -6.0, -3.0, 0.0, -8.0, -8.0],
    }
)
SEEN = pd.DataFrame(
    {
        "study": ["a", "a", "b", "c"],
        "series": "ha",
        "treatment": ["ha", "ha", "prp", "prp"],
        "comparator": ["saline", "saline", "saline", "ha"],
        "time": [12.0, 26.0, 12.0, 12.0],
        "estimate": [-8.0, -6.0, -11.0, 99.0],
        "variance": [1.0, np.nan, 2.0, 3.0],
    }
)


def test_a_line_for_every_comparison_and_every_study() -> None:
    ax = course(CURVE, SEEN, scale_label="Pain, $mm")
    drawn = {str(line.get_label()): np.asarray(line.get_ydata()).tolist() for line in ax.get_lines()}
    assert drawn["ha against saline"] == [0, -9, -7]
    assert drawn["prp against saline"] == [0, -12, -14]
    assert [-8.0, -6.0] in drawn.values()
    assert ax.get_ylabel() == "Pain, $mm"


def test_other_comparisons_are_not_drawn() -> None:
    ax = course(CURVE, SEEN)
    ys = np.concatenate([np.ma.getdata(marks.get_offsets())[:, 1] for marks in ax.collections])
    assert 99.0 not in ys
    assert ax.get_ylim()[1] < 20


def test_one_course_without_names_has_no_key() -> None:
    ax = course(CURVE.loc[:2, ["time", "estimate", "lower", "upper"]])
    assert ax.get_legend() is None
    assert to_svg(figure_of(ax))


@pytest.mark.parametrize("rows", [CURVE[:0], pd.DataFrame(), CURVE.assign(estimate=np.nan)])
def test_no_course_is_said(rows: pd.DataFrame) -> None:
    assert "No data" in to_svg(figure_of(course(rows)))


number = st.floats(allow_nan=True, allow_infinity=True)
row = st.fixed_dictionaries(
    {"study": st.text(max_size=5), "treatment": st.text(max_size=5)}
    | dict.fromkeys(("time", "estimate", "lower", "upper", "prediction_upper", "variance"), number)
)


# without shrinking, which takes minutes of drawing and says little more than the first example
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(curve=st.lists(row, max_size=5), seen=st.lists(row, max_size=5))
def test_any_frames_are_drawn(curve: list[dict[str, object]], seen: list[dict[str, object]]) -> None:
    ax = course(pd.DataFrame(curve), pd.DataFrame([*curve, *seen]))
    assert to_svg(figure_of(ax)).startswith("<?xml")


@pytest.mark.parametrize("variance", [2.3e-309, 0.0, -1e10, float("inf"), float("nan")])
def test_a_point_without_a_usable_variance_is_drawn_too(variance: float) -> None:
    seen = pd.DataFrame({"study": ["a"], "treatment": ["t"], "time": [4.0], "estimate": [1.0]})
    ax = course(seen, seen.assign(variance=variance))
    assert to_svg(figure_of(ax)).startswith("<?xml")


def test_a_fitted_course_is_drawn() -> None:
    visits = pd.DataFrame(
        {
            "study": ["a", "a", "b", "b", "c", "c"],
            "time": [4.0, 12.0] * 3,
            "estimate": [-5.0, -8.0, -4.0, -9.0, -6.0, -7.0],
            "variance": 4.0,
        }
    )
    ax = sv.draw(sv.time_course(visits, basis="linear"), scale_label="Pain")
    assert ax.get_ylabel() == "Pain"
